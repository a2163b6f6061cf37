"""Prices: as data in a catalogue file, as rows, and as the quote they make of a choice of options."""

import tempfile
from decimal import Decimal
from pathlib import Path

from django.core.exceptions import ValidationError
from django.test import SimpleTestCase, TestCase

from generations.catalog import CatalogError, catalog, load
from generations.models import Gateway, ModelPrice
from generations.specs import Price, VideoModel, money
from tests.factories import any_gateway, make_gateway, make_price

MODEL = """
[[model]]
key = "acme/one"
label = "Acme One"
maker = "Acme"
dialect = "openai_videos"
upstream_id = "one"
status = "active"
source = "Acme, Videos, read 2026-11"
description = "Makes videos."

[[model.option]]
name = "seconds"
label = "Duration"
kind = "choice"
role = "seconds"
values = [5, 10]
default = 5

[[model.option]]
name = "size"
label = "Size"
kind = "size"
role = "size"
default = "1280x720"
[model.option.tiers]
720p = ["1280x720", "720x1280"]
1080p = ["1920x1080"]

[[model.option]]
name = "audio"
label = "Audio"
kind = "flag"
role = "audio"
default = true
requires = { seconds = 10 }
"""
PRICE = """
[[model.price]]
per = "second"
amount = 0.08
currency = "USD"
source = "Acme, Prices"
as_of = "2026-11-20"
"""
OF_1080P = PRICE.replace("0.08", "0.12") + 'when = { size = "1080p" }\n'


def of(**changes) -> Price:
    known = {"per": "second", "amount": Decimal("0.08"), "currency": "USD", "source": "x", "as_of": "2026-11-20"}
    return Price(**known | changes)


class PriceFiles(SimpleTestCase):
    def load(self, *tables: str) -> VideoModel:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "acme.toml").write_text(MODEL + "".join(tables), encoding="utf-8")
            return load(folder).get("acme/one")

    def assert_wrong(self, reason: str, *tables: str) -> None:
        with self.subTest(reason), self.assertRaises(CatalogError) as caught:
            self.load(*tables)
        self.assertEqual(str(caught.exception), f"acme.toml, acme/one, {reason}")

    def test_a_price_is_exact(self):
        [price] = self.load(PRICE).prices
        self.assertEqual(
            (price.per, price.currency, price.source, price.as_of), ("second", "USD", "Acme, Prices", "2026-11-20")
        )
        self.assertEqual(price.amount, Decimal("0.08"))
        self.assertIsInstance(price.amount, Decimal)

    def test_without_one_there_is_none(self):
        self.assertEqual(self.load().prices, ())

    def test_wrong_ones_are_refused_with_file_key_and_reason(self):
        for old, new, reason in (
            ('per = "second"', 'per = "minute"', "price: per 'minute' is not one of second, request, million_tokens"),
            ("amount = 0.08", 'amount = "0.08"', "price: amount is not a number"),
            ("amount = 0.08", "amount = true", "price: amount is not a number"),
            ("amount = 0.08", "", "price: amount is missing"),
            ('source = "Acme, Prices"', 'source = " "', "price: source is empty"),
            ('source = "Acme, Prices"', "", "price: source is missing"),
            ('as_of = "2026-11-20"', 'as_of = "November"', "price: as_of 'November' is not a date such as 2026-11-30"),
            ('currency = "USD"', 'currency = "$"', "price: currency '$' is not spelled like USD"),
            ('currency = "USD"', 'currency = "USD"\nper_second = 1', "price: per_second is not known here"),
            ("amount = 0.08", 'amount = 0.08\nwhen = { size = "8K" }', "price: size 8K cannot be chosen"),
            ("amount = 0.08", "amount = 0.08\nwhen = { fps = 24 }", "price: fps 24 cannot be chosen"),
            ("amount = 0.08", 'amount = 0.08\nwhen = { seconds = "5" }', "price: seconds 5 cannot be chosen"),
            (
                "amount = 0.08",
                "amount = 0.08\ntokens_per_second = 5",
                "price: tokens_per_second goes with a price per million_tokens, and is not below 0",
            ),
        ):
            self.assertIn(old, PRICE)
            self.assert_wrong(reason, PRICE.replace(old, new))
        for amount in ("-1", "nan", "inf", "1_000_000", "0.0000001"):
            with self.subTest(amount), self.assertRaisesMessage(CatalogError, "is not a sum from 0 to 1,000,000"):
                self.load(PRICE.replace("0.08", amount))
        self.assert_wrong("price: two are for the same case", PRICE, PRICE)

    def test_what_the_built_in_files_say_is_sourced(self):
        for model in catalog().models:
            for price in model.prices:
                with self.subTest(model=model.key):
                    self.assertGreater(len(price.source), 10)


class QuoteTests(SimpleTestCase):
    def setUp(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "acme.toml").write_text(MODEL, encoding="utf-8")
            self.model = load(folder).get("acme/one")

    def cost(self, *prices: Price, **values) -> Decimal | None:
        chosen = self.model.clean(values)
        found = self.model.quote(prices, chosen, {})
        return found and found[1]

    def test_per_second_and_per_video(self):
        self.assertEqual(self.cost(of(), seconds=10), Decimal("0.80"))
        self.assertEqual(self.cost(of(per="request"), seconds=10), Decimal("0.08"))

    def test_per_token_only_where_it_is_known_how_many(self):
        price = {"per": "million_tokens", "amount": Decimal("2.50")}
        self.assertIsNone(self.cost(of(**price)))
        self.assertEqual(self.cost(of(**price, tokens_per_second=20_000), seconds=10), Decimal("0.5"))

    def test_by_value_by_tier_and_by_several(self):
        prices = (
            of(),
            of(amount=Decimal(1), when={"seconds": 10}),
            of(amount=Decimal(2), when={"size": "1080p"}),
            of(amount=Decimal(3), when={"size": "1080p", "seconds": 10}),
            of(amount=Decimal(4), when={"size": "720x1280"}),
        )
        for values, expected in (
            ({}, "0.40"),
            ({"seconds": 10}, "10"),
            ({"size": "1920x1080"}, "10"),
            ({"size": "1920x1080", "seconds": 10}, "30"),
            ({"size": "720x1280"}, "20"),
        ):
            with self.subTest(values):
                self.assertEqual(self.cost(*prices, **values), Decimal(expected))

    def test_what_is_not_sent_makes_no_price(self):
        price = of(when={"audio": True})
        self.assertIsNone(self.cost(price, audio=True, seconds=5))
        self.assertEqual(self.cost(price, audio=True, seconds=10), Decimal("0.80"))

    def test_no_price_for_the_case_is_no_price(self):
        self.assertIsNone(self.cost(of(when={"size": "1080p"})))

    def test_thirds_are_rounded_to_a_millionth(self):
        self.assertEqual(of(amount=Decimal("0.333333")).cost(3), Decimal("0.999999"))
        tokens = of(per="million_tokens", amount=Decimal("0.000001"), tokens_per_second=500_000)
        self.assertEqual(tokens.cost(1), Decimal("0.000001"))

    def test_money_in_words(self):
        for amount, words in (
            ("0.4", "0.40 USD"),
            ("12", "12.00 USD"),
            ("0.024", "0.024 USD"),
            ("0", "0.00 USD"),
            ("100000", "100000.00 USD"),
            ("0.000001", "0.000001 USD"),
        ):
            self.assertEqual(money(Decimal(amount), "USD"), words)
        self.assertEqual(of().words, "0.08 USD a second")


class StrengthTests(TestCase):
    """The operator's row goes before the gateway's list, that before the catalogue."""

    def setUp(self):
        self.gateway = any_gateway()
        self.model = catalog().get("wan/wan2.6")

    def quote(self, gateway: Gateway | None = None, *, prices: tuple[Price, ...] = (), **values):
        model = VideoModel(
            **{name: getattr(self.model, name) for name in self.model.__dataclass_fields__} | {"prices": prices}
        )
        return ModelPrice.objects.all().quote(model, model.clean(values), gateway or self.gateway)

    def listed(self, amount: str, gateway: Gateway, **fields) -> ModelPrice:
        fields = {"model": "", "upstream_id": "wan2.6", "origin": ModelPrice.Origin.LISTING, **fields}
        return make_price(amount, gateway=gateway, source="GET /api/models", **fields)

    def test_from_weak_to_strong(self):
        prices = (of(amount=Decimal("0.01")),)
        self.assertIsNone(self.quote())
        found = self.quote(prices=prices)
        self.assertEqual((found.amount, found.currency), (Decimal("0.05"), "USD"))
        self.assertEqual(found.source, "catalogue, 0.01 USD a second, 2026-11-20: x")
        self.listed("0.02", self.gateway)
        self.assertEqual(self.quote(prices=prices).amount, Decimal("0.10"))
        make_price("0.03")
        self.assertEqual(self.quote(prices=prices).amount, Decimal("0.15"))
        make_price("0.04", gateway=self.gateway)
        self.assertEqual(self.quote(prices=prices).amount, Decimal("0.20"))

    def test_an_own_price_for_one_case_leaves_the_others_to_the_weaker(self):
        self.listed("0.02", self.gateway)
        make_price("1", option="size", value="1080p")
        self.assertEqual(self.quote(size="1280x720").amount, Decimal("0.10"))
        self.assertEqual(self.quote(size="1920x1080").amount, Decimal("5"))

    def test_what_another_gateway_asks_is_no_price_here(self):
        other = make_gateway("other")
        self.listed("0.02", other)
        make_price("0.03", gateway=other)
        prices = (of(gateway="other"),)
        self.assertIsNone(self.quote(prices=prices))
        self.assertEqual(self.quote(other, prices=prices).amount, Decimal("0.15"))

    def test_the_strongest_that_fits_decides_even_when_it_cannot_say_how_much(self):
        self.listed("2.50", self.gateway, per="million_tokens")
        self.assertIsNone(self.quote(prices=(of(),)))

    def test_a_row_for_what_the_model_no_longer_has_is_passed_over(self):
        make_price("1", option="size", value="999x999")
        make_price("1", option="resolution", value="720p")
        self.assertIsNone(self.quote())

    def test_it_is_one_statement_and_none_for_the_sandbox(self):
        with self.assertNumQueries(1):
            self.quote()
        sandbox = make_gateway("sandbox", key_source=Gateway.KeySource.SANDBOX)
        with self.assertNumQueries(0):
            self.assertIsNone(self.quote(sandbox, prices=(of(),)))


class OwnPriceTests(TestCase):
    def assert_refused(self, words: str, **fields) -> None:
        known = {"model_key": "wan/wan2.6", "per": "second", "amount": Decimal("0.1"), "source": "x"}
        with self.subTest(words), self.assertRaisesMessage(ValidationError, words):
            ModelPrice(**known | fields).full_clean()

    def test_it_is_checked_like_one_in_a_file(self):
        ModelPrice(model_key="wan/wan2.6", per="second", amount=Decimal("0.1"), source="x").full_clean()
        self.assert_refused("Size can be 1280x720", option="size", value="8K")
        self.assert_refused("has no option audio", option="audio", value="true")
        self.assert_refused("go together", option="size")
        self.assert_refused("Three capitals", currency="usd")
        self.assert_refused("Choose a model", model_key="")
        self.assert_refused("is not a sum", amount=Decimal("-1"))

    def test_two_for_one_case_are_refused(self):
        make_price("1", option="size", value="1080p")
        self.assert_refused("There is a price for this case already", option="size", value="1080p")
        ModelPrice(
            model_key="wan/wan2.6",
            per="second",
            amount=Decimal(1),
            source="x",
            gateway=any_gateway(),
            option="size",
            value="1080p",
        ).full_clean()
