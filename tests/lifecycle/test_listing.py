"""The live catalogue: every page fetched, kept, compared; a broken answer changes nothing, and nothing is made."""

import json
import tempfile
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management import CommandError, call_command
from django.test import TestCase
from django.utils import timezone

from generations import seeding
from generations.catalog import catalog, configure, drafting, load
from generations.gateways import GatewayError, GatewayProtocolError
from generations.lifecycle import listing, recovery
from generations.models import CatalogNotice, CatalogSnapshot, Event, Gateway, Generation, ModelPrice
from generations.specs import VideoModel
from tests.factories import make_gateway
from tests.gateways.test_listing import PRICING, record
from tests.gateways.test_listing import listing as page_of
from tests.lifecycle.base import UpstreamCase, queued, run_queue

Kind = CatalogNotice.Kind


def priced(upstream_id: str, amount: float | None, **changes: Any) -> dict[str, Any]:
    return record(upstream_id, pricing=PRICING | {"per_second": amount}, **changes)


class ListingCase(UpstreamCase):
    """The gateway offers Wan 2.6 and 2.7 and lists both."""

    def setUp(self) -> None:
        super().setUp()
        Gateway.objects.update(lists_models=True, offers=["wan/wan2.6", "wan/wan2.7"])
        self.gateway.refresh_from_db()
        self.wan = [priced("wan2.6", 0.08), priced("wan2.7", 0.1)]
        self.lists(*self.wan)

    def lists(self, *records: Any) -> None:
        self.upstream.listing = [page_of(*records)]

    def sync(self) -> dict[tuple[str, str], CatalogNotice]:
        """Return the open notices after a sync, by kind and upstream id."""
        return {(notice.kind, notice.upstream_id): notice for notice in listing.sync(self.gateway)}

    def state(self) -> list[Any]:
        kept = (CatalogSnapshot, CatalogNotice, ModelPrice)
        return [list(model.objects.order_by("pk").values()) for model in kept]


class FetchingTests(ListingCase, TestCase):
    def test_it_is_asked_without_the_key(self):
        self.sync()
        self.assertEqual(self.upstream.listings, [("/api/models", False)])

    def test_every_page(self):
        pages = [[record(f"text-{n}-{k}", model_type="text") for k in range(2)] for n in range(3)]
        pages[2] = [*self.wan]
        self.upstream.listing = [page_of(*page, page=n + 1, page_size=2, total=6) for n, page in enumerate(pages)]
        self.sync()
        self.assertEqual(set(CatalogSnapshot.objects.get().listed), {"wan2.6", "wan2.7"})
        asked = ["/api/models", "/api/models?page=2&page_size=2", "/api/models?page=3&page_size=2"]
        self.assertEqual([path for path, _ in self.upstream.listings], asked)

    def test_what_is_listed_twice_counts_once_and_other_kinds_of_models_may_be_called_anything(self):
        odd = [record(name, model_type="text") for name in ("two words", "x" * 300)]
        again = priced("wan2.6", 0.5)
        pages = [[self.wan[0], odd[0]], [again, odd[1]], [self.wan[1]]]
        self.upstream.listing = [page_of(*page, page=n + 1, page_size=2, total=5) for n, page in enumerate(pages)]
        self.sync()
        listed = CatalogSnapshot.objects.get().listed
        self.assertEqual(set(listed), {"wan2.6", "wan2.7"})
        self.assertEqual(Decimal(listed["wan2.6"]["amount"]), Decimal("0.08"))

    def assert_changes_nothing(self, *pages: Any) -> None:
        self.upstream.listing = list(pages)
        before = self.state()
        with self.assertRaises(GatewayError):
            listing.sync(self.gateway)
        self.assertEqual(self.state(), before)

    def test_a_broken_answer_changes_nothing(self):
        self.lists(*self.wan, record("new-one"))
        self.sync()
        whole = json.dumps(page_of(*self.wan))
        for body in ("", "<html>busy</html>", whole[:-5], "{}", json.dumps(page_of())):
            with self.subTest(body):
                self.assert_changes_nothing(body)
        self.assert_changes_nothing()  # 404
        self.assert_changes_nothing(page_of(record("a", model_type="text")))

    def test_a_page_that_is_missing_broken_or_the_same_again_changes_nothing(self):
        self.sync()
        first = page_of(*self.wan, page=1, page_size=2, total=4)
        self.assert_changes_nothing(first)
        self.assert_changes_nothing(first, "<html>")
        self.assert_changes_nothing(first, first)
        self.assert_changes_nothing(first, page_of(record("one"), page=2, page_size=2, total=4), first)

    def test_a_server_that_pages_without_end_is_left(self):
        self.upstream.listing = [page_of(record(f"m{n}"), page=n + 1, page_size=1, total=10**6) for n in range(80)]
        with self.assertRaisesMessage(GatewayProtocolError, "it names 1000000 models, but shows 50"):
            listing.sync(self.gateway)

    def test_nothing_is_generated(self):
        self.sync()
        self.assertEqual((Generation.objects.count(), Event.objects.count(), self.upstream.creates), (0, 0, []))


class SnapshotTests(ListingCase, TestCase):
    def test_a_list_that_stays_is_kept_once_with_both_dates(self):
        self.sync()
        first = CatalogSnapshot.objects.get()
        CatalogSnapshot.objects.update(
            taken_at=timezone.now() - timedelta(days=3), seen_at=timezone.now() - timedelta(1)
        )
        self.sync()
        again = CatalogSnapshot.objects.get()
        self.assertEqual(again.listed, first.listed)
        self.assertGreater(again.seen_at - again.taken_at, timedelta(days=2))

    def test_a_list_that_changed_is_kept_beside_the_old_one(self):
        self.sync()
        self.lists(priced("wan2.6", 0.09), self.wan[1])
        self.sync()
        amounts = [row.listed["wan2.6"]["amount"] for row in CatalogSnapshot.objects.order_by("id")]
        self.assertEqual(amounts, ["0.080000", "0.090000"])

    def test_its_prices_are_those_of_this_gateway(self):
        self.sync()
        price = ModelPrice.objects.get(upstream_id="wan2.6")
        self.assertEqual(
            (price.amount, price.per, price.gateway, price.origin), (Decimal("0.08"), "second", self.gateway, "listing")
        )
        quote = ModelPrice.objects.all().quote(catalog().get("wan/wan2.6"), {"seconds": 5}, self.gateway)
        self.assertEqual(quote.amount, Decimal("0.40"))
        self.assertRegex(quote.source, r"^gateway, 0.08 USD a second, \d{4}-\d\d-\d\d: GET /api/models$")

    def test_a_price_that_stays_keeps_its_date_and_one_that_goes_is_gone(self):
        self.sync()
        ModelPrice.objects.update(as_of="2026-01-01")
        self.lists(priced("wan2.6", 0.08), priced("wan2.7", None), priced("third", 0.5))
        self.sync()
        kept = {
            row.upstream_id: (row.amount, row.as_of.year == 2026 and row.as_of.month == 1)
            for row in ModelPrice.objects.all()
        }
        self.assertEqual(kept, {"wan2.6": (Decimal("0.08"), True), "third": (Decimal("0.5"), False)})

    def test_own_prices_are_left_alone(self):
        own = ModelPrice.objects.create(model_key="wan/wan2.6", per="request", amount=1, source="x")
        self.lists(self.wan[1])
        self.sync()
        self.assertTrue(ModelPrice.objects.filter(pk=own.pk, amount=1).exists())


class NoticeTests(ListingCase, TestCase):
    def test_what_the_catalogue_knows_already_is_no_news(self):
        self.assertEqual(self.sync(), {})

    def test_a_new_model_comes_with_a_draft_that_loads(self):
        self.lists(
            *self.wan, priced("Seedance 9/pro!".replace(" ", "-"), 0.024, provider='Byte "Dance" 9', name="Se\\ed")
        )
        [notice] = self.sync().values()
        self.assertEqual((notice.kind, notice.upstream_id), (Kind.NEW, "Seedance-9/pro!"))
        self.assertIn("0.024 USD a second", notice.words)
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "byte-dance-9.toml").write_text(notice.draft, encoding="utf-8")
            [model] = load(folder).models
        self.assertEqual((model.key, model.upstream_id), ("byte-dance-9/seedance-9-pro", "Seedance-9/pro!"))
        self.assertEqual((model.maker, model.label, model.status), ('Byte "Dance" 9', "Se\\ed", "beta"))
        self.assertEqual((model.dialect, model.options, model.prices), ("openai_videos", (), ()))

    def test_once_its_entry_is_in_the_catalogue_the_next_start_ends_the_notice(self):
        self.lists(*self.wan, priced("wan2.9", 0.12, provider="Alibaba"), priced("other", 0.2))
        notices = self.sync()
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "wan.toml").write_text(notices[Kind.NEW, "wan2.9"].draft, encoding="utf-8")
            self.addCleanup(configure)
            configure(folder)
            seeding.prepare()
        self.assertEqual([notice.upstream_id for notice in CatalogNotice.objects.open()], ["other"])

    def test_a_draft_in_a_dialect_we_do_not_speak_says_so(self):
        self.lists(*self.wan, record("odd", endpoints='{"a": {"path": "/odd/v1", "method": "POST"}}'))
        [notice] = self.sync().values()
        self.assertIn(
            'dialect = ""  # unknown: none of ours speaks its routes yet, so it cannot be taken', notice.draft
        )
        self.assertIn("# Routes: POST /odd/v1.", notice.draft)

    def test_a_new_model_of_a_known_family_takes_over_what_its_nearest_sibling_takes(self):
        Gateway.objects.update(offers=["wan"])
        self.gateway.refresh_from_db()
        self.lists(*self.wan, priced("wan2.9", 0.12, provider="Alibaba", name="Wan 2.7"))
        draft = self.sync()[Kind.NEW, "wan2.9"].draft
        self.assertIn("# Its gateway offers this family already.", draft)
        self.assertIn("# Unknown: whether it takes what follows. These are the options and limits of Wan 2.7", draft)
        [model] = self.loaded(draft, "wan.toml")
        self.assertEqual((model.key, model.label), ("wan/wan2.9", "Wan 2.7 (wan2.9)"))
        self.assertEqual(model.options, catalog().get("wan/wan2.7").options)
        self.gateway.offers = []
        self.lists(*self.wan, priced("wan3.0", 0.12))
        self.assertIn(
            'once its `offers` name "wan/wan3.0", or the family "wan".', self.sync()[Kind.NEW, "wan3.0"].draft
        )

    def test_each_model_s_options_are_the_same_when_a_draft_took_them_over(self):
        for model in catalog().models:
            with self.subTest(model.key):
                known = {"name": "New", "maker": "M", "dialect": model.dialect, "features": (), "endpoints": ()}
                text = drafting.draft(
                    **known, upstream_id=model.upstream_id, document="", price="x", source="x", known=[model]
                )
                [drawn] = self.loaded(text, f"{model.family}.toml")
                taken = (drawn.options, drawn.prompt_max, drawn.sources)
                self.assertEqual(taken, (model.options, model.prompt_max, model.sources))

    def loaded(self, draft: str, name: str) -> tuple[VideoModel, ...]:
        """What the loader makes of a draft that is saved as it is."""
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, name).write_text(draft, encoding="utf-8")
            return load(folder).models

    def test_it_is_offered_once(self):
        self.lists(*self.wan, record("new-one"))
        self.sync()
        CatalogNotice.objects.update(dismissed_at=timezone.now())
        self.assertEqual(self.sync(), {})
        self.assertEqual(CatalogNotice.objects.count(), 1)

    def test_a_new_one_that_goes_again_is_no_longer_offered(self):
        self.lists(*self.wan, record("new-one"))
        self.sync()
        self.lists(*self.wan)
        self.assertEqual(set(self.sync()), {(Kind.VANISHED, "new-one")})

    def test_a_model_that_vanished(self):
        self.sync()
        self.lists(self.wan[0])
        notice = self.sync()[Kind.VANISHED, "wan2.7"]
        self.assertEqual(notice.words, "Wan 2.7 is not in the gateway's list any more.")
        self.assertEqual(set(self.sync()), {(Kind.VANISHED, "wan2.7")})  # said once
        self.lists(*self.wan)
        self.assertEqual(self.sync(), {})

    def test_one_that_was_never_listed_although_the_catalogue_says_it_is_offered(self):
        self.lists(self.wan[0])
        self.assertEqual(set(self.sync()), {(Kind.VANISHED, "wan2.7")})
        CatalogNotice.objects.update(dismissed_at=timezone.now())
        self.assertEqual(self.sync(), {})

    def test_another_price(self):
        self.sync()
        self.lists(priced("wan2.6", 0.09), self.wan[1])
        [notice] = self.sync().values()
        self.assertEqual(
            (notice.kind, notice.words), (Kind.PRICE, "Before: 0.08 USD a second. Now: 0.09 USD a second.")
        )
        self.lists(priced("wan2.6", None), self.wan[1])
        [notice] = self.sync().values()
        self.assertEqual(notice.words, "Before: 0.09 USD a second. Now: no price.")

    def test_gateways_do_not_mix(self):
        self.sync()
        other = make_gateway("other", upstream=self.upstream, lists_models=True, offers=[])
        self.lists(self.wan[0])
        self.assertEqual(listing.sync(other), [])
        self.assertEqual(CatalogNotice.objects.count(), 0)


class WhenTests(ListingCase, TestCase):
    def due(self) -> list[str]:
        return [name for name, _ in queued() if name == "listing"]

    def test_once_a_day_by_the_sweep(self):
        recovery.sweep()
        recovery.sweep()
        self.assertEqual(self.due(), ["listing"])
        run_queue()
        self.assertEqual(CatalogSnapshot.objects.count(), 1)
        recovery.sweep(timezone.now() + timedelta(hours=23))
        self.assertEqual(self.due(), [])
        recovery.sweep(timezone.now() + timedelta(hours=25))
        self.assertEqual(self.due(), ["listing"])

    def test_what_went_wrong_is_a_sentence_whatever_words_the_gateway_has_for_it(self):
        self.upstream.listing = []
        listing.refresh(self.gateway.pk)
        self.assertEqual(self.the_gateway().listing_problem, "The gateway refused the request (404): no such page.")

    def test_not_where_there_is_none(self):
        for changes in ({"lists_models": False}, {"lists_models": True, "enabled": False}):
            Gateway.objects.update(**changes)
            recovery.sweep()
        self.assertEqual(self.due(), [])
        listing.refresh(make_gateway("plain").pk)
        self.assertEqual(self.upstream.listings, [])

    def test_trouble_stands_at_the_gateway_pauses_nothing_and_is_tried_again_in_an_hour(self):
        self.upstream.listing = ["<html>"]
        listing.refresh(self.gateway.pk)
        gateway = self.the_gateway()
        self.assertIn("not with a JSON object", gateway.listing_problem)
        self.assertFalse(gateway.is_paused)
        self.assertLess(gateway.listing_due_at, timezone.now() + timedelta(minutes=61))
        self.lists(*self.wan)
        listing.refresh(self.gateway.pk)
        self.assertEqual(self.the_gateway().listing_problem, "")


class CommandTests(ListingCase, TestCase):
    def test_it_says_what_is_open(self):
        self.lists(*self.wan, record("new-one"))
        output = StringIO()
        call_command("sync_catalog", stdout=output)
        self.assertIn("fake: 1 open notice\n  New model: new-one:", output.getvalue())
        self.assertIn('    upstream_id = "new-one"\n', output.getvalue())

    def test_it_fails_when_one_fails_and_says_that_nothing_changed(self):
        self.upstream.listing = []
        with self.assertRaisesMessage(CommandError, "Nothing changed for fake."):
            call_command("sync_catalog", "fake", stdout=StringIO(), stderr=StringIO())
        with self.assertRaisesMessage(CommandError, "No gateway of this name lists its models: nobody."):
            call_command("sync_catalog", "nobody")
