"""A gateway's list of models: read as it is documented, whole or not at all, every sum exact."""

import json
from decimal import Decimal
from typing import Any

from django.test import SimpleTestCase

from generations.gateways import Answer, GatewayError, GatewayProtocolError, GatewayRejected, GatewayUnclear
from generations.gateways.listing import ListedModel, listing_message, read_listing

PRICING = {"currency": "USD / M Tokens", "input": None, "output": None, "per_request": None, "per_second": 0.024}


def record(upstream_id: str = "seedance-9", **changes: Any) -> dict[str, Any]:
    """Return a record as the document shows one."""
    return {
        "created": 1767529753,
        "id": upstream_id,
        "code": upstream_id,
        "provider": "ExampleProvider",
        "provider_code": "example",
        "name": "Example video model",
        "model_type": "video",
        "features": ["text-to-video"],
        "endpoints": '{\n  "seedance": {\n    "path": "/v1/videos",\n    "method": "POST"\n  }\n}',
        "pricing": PRICING,
        "api_doc_url": "https://apidoc.example/seedance",
    } | changes


def listing(*records: Any, **changes: Any) -> dict[str, Any]:
    return {"success": True, "page": 0, "page_size": 0, "total": len(records), "data": list(records)} | changes


def answer(body: Any, status: int = 200) -> Answer:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {}, text)


def read_one(**changes: Any) -> ListedModel:
    [model] = read_listing(answer(listing(record(**changes)))).videos
    return model


class ReadingTests(SimpleTestCase):
    def test_a_record_as_documented(self):
        self.assertEqual(
            read_one(),
            ListedModel(
                upstream_id="seedance-9",
                name="Example video model",
                provider="ExampleProvider",
                features=("text-to-video",),
                endpoints=("POST /v1/videos",),
                document="https://apidoc.example/seedance",
                per="second",
                amount=Decimal("0.024"),
                currency="USD",
            ),
        )

    def test_the_unit_is_whichever_price_is_not_null(self):
        for changes, expected in (
            ({"per_second": 0.1}, ("second", Decimal("0.1"))),
            ({"per_second": None, "per_request": 2}, ("request", Decimal(2))),
            ({"per_second": None, "output": 7.5, "input": 1.5}, ("million_tokens", Decimal("7.5"))),
            ({"per_second": None, "input": 1.5}, ("million_tokens", Decimal("1.5"))),
            ({"per_second": 0, "per_request": 0.5}, ("request", Decimal("0.5"))),
            ({"per_second": 0.1, "output": 3}, ("second", Decimal("0.1"))),
        ):
            with self.subTest(changes):
                model = read_one(pricing=PRICING | changes)
                self.assertEqual((model.per, model.amount), expected)

    def test_what_cannot_be_understood_is_no_price(self):
        for pricing in (
            None,
            "free",
            PRICING | {"per_second": None},
            PRICING | {"per_second": 0},
            PRICING | {"per_second": -1},
            PRICING | {"per_second": "0.024"},
            PRICING | {"per_second": True},
            PRICING | {"per_second": 1e12},
            PRICING | {"per_second": 1e-9},
            PRICING | {"per_second": 0.1, "per_request": 1},
            PRICING | {"currency": "credits"},
            PRICING | {"currency": None},
        ):
            with self.subTest(pricing):
                self.assertIsNone(read_one(pricing=pricing).amount)

    def test_no_sum_is_ever_a_float(self):
        body = json.dumps(listing(record())).replace("0.024", "0.100000000000000005551115123126")
        self.assertEqual(read_listing(answer(body.encode())).videos[0].amount, Decimal("0.100000"))

    def test_routes_in_a_string_in_an_object_or_not_at_all(self):
        routes = {"a": {"path": "/kling/v1/videos/text2video", "method": "post"}, "b": {"path": "/v1/videos"}, "c": 5}
        expected = ("POST /kling/v1/videos/text2video", "POST /v1/videos")
        self.assertEqual(read_one(endpoints=json.dumps(routes)).endpoints, expected)
        self.assertEqual(read_one(endpoints=routes).endpoints, expected)
        for broken in (None, "", "{", "[]", 5, "null", "[" * 100_000):
            self.assertEqual(read_one(endpoints=broken).endpoints, ())

    def test_only_video_models_but_every_id(self):
        page = read_listing(answer(listing(record("one"), record("two", model_type="text"), record("three"))))
        self.assertEqual([model.upstream_id for model in page.videos], ["one", "three"])
        self.assertEqual(page.ids, ("one", "two", "three"))

    def test_words_are_short_and_plain(self):
        model = read_one(name="x" * 500 + "\n", provider="A\x00B", features=["a" * 500, 5] * 50)
        self.assertEqual((len(model.name), len(model.features)), (100, 20))
        self.assertNotIn("\x00", model.provider)

    def test_half_a_list_is_none(self):
        for body in (
            b"",
            b"<html>",
            b"[]",
            b'{"success": true}',
            listing(),
            listing(record(), success=False),
            listing(record(), success="true"),
            listing(record(), "text"),
            listing(record(), record("")),
            listing(record(), record("two words")),
            listing(record(), record("x" * 101)),
            listing(record(), record(5, code=None)),
            json.dumps(listing(record())).encode()[:-20],
        ):
            with self.subTest(body), self.assertRaises(GatewayProtocolError):
                read_listing(answer(body))
        with self.assertRaises(GatewayUnclear):
            read_listing(Answer(200, {}, json.dumps(listing(record())).encode(), truncated=True))

    def test_other_statuses_are_what_they_are_elsewhere(self):
        for status, kind in ((404, GatewayRejected), (302, GatewayRejected), (500, GatewayUnclear)):
            with self.subTest(status), self.assertRaises(kind) as caught:
                read_listing(answer(listing(record()), status))
            self.assertIsInstance(caught.exception, GatewayError)


class PageTests(SimpleTestCase):
    def test_everything_at_once(self):
        page = read_listing(answer(listing(record("one"), record("two"), total=2)))
        self.assertEqual((page.total, page.size), (2, 2))

    def test_one_of_many(self):
        page = read_listing(answer(listing(record("one"), record("two"), page=1, page_size=2, total=302)))
        self.assertEqual((page.total, page.size), (302, 2))

    def test_the_questions(self):
        first, third = listing_message(), listing_message(3, 20)
        self.assertEqual((first.method, first.path, first.is_public), ("GET", "/api/models", True))
        self.assertEqual(third.path, "/api/models?page=3&page_size=20")
