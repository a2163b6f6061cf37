"""The operators' page of gateways with something on it, and the costs with something in them."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_every_page import assert_accessible, assert_fits
from tests.services.studio import Studio

pytestmark = pytest.mark.browser

NEWS = """
from datetime import timedelta
from decimal import Decimal
from django.utils import timezone
from generations.models import *
gateway = Gateway.objects.create(name="news", base_url="https://gateway.invalid", enabled=False, lists_models=True)
known = {"gateway": gateway, "draft": "[[model]]\\n" + "# a long line of a draft " * 20}
CatalogNotice.objects.create(kind="new", upstream_id="x" * 60, words="New One by Acme, 0.02 USD a second.", **known)
CatalogNotice.objects.create(kind="price", upstream_id="wan2.6", words="Before: 0.08 USD. Now: 0.09 USD.", **known)
Drift.objects.create(gateway=gateway, kind="word", what="warming_up", count=7, sample='{"status": "warming_up"}')
carol = User.objects.get(username="carol")
for day, amount in ((1, "0.40"), (3, "12.50"), (4, "0.024")):
    row = Generation.objects.create(
        **{"team": carol.team, "created_by": carol, "gateway": gateway, "model_key": "wan/wan2.6", "status": "failed"},
        prompt=Prompt.objects.keep(carol.team, "A very long prompt about kites " * 12), due_at=None,
        created_at=timezone.now() - timedelta(days=day),
    )
    Event.objects.create(generation=row, after="queued", actor="x")
    row.ledger.create(kind="settle", spent=Decimal(amount), currency="USD", actor="poller")
"""
GONE = """
from generations.models import *
gateway = Gateway.objects.get(name="news")
entries = LedgerEntry.objects.filter(generation__gateway=gateway)
entries._raw_delete(entries.db)
Event.objects.filter(generation__gateway=gateway).delete()
Generation.objects.filter(gateway=gateway).delete()
gateway.delete()
"""


@pytest.fixture
def _news(studio: Studio) -> Iterator[None]:
    studio.run("shell", "--no-imports", "--command", NEWS)
    yield
    studio.run("shell", "--no-imports", "--command", GONE)


@pytest.mark.usefixtures("_news")
def test_the_page_of_gateways_with_news_is_accessible_and_fits_a_phone(visit: Visit):
    page = visit("admin")
    page.goto("/models/")
    page.get_by_role("link", name="Look").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Gateways")
    for fold in page.locator("details.fold").all():
        fold.locator("summary").click()
    assert_accessible(page)
    assert_fits(page)
    page.get_by_role("button", name="Dismiss: wan2.6").click()
    expect(page.locator("main")).not_to_contain_text("Before: 0.08 USD")


@pytest.mark.usefixtures("_news")
def test_the_costs_are_accessible_and_fit_a_phone_and_follow_the_filters(visit: Visit):
    page = visit("carol")
    page.goto("/costs/")
    expect(page.locator(".sums")).to_contain_text("12.924 USD")
    assert_accessible(page)
    assert_fits(page)
    page.get_by_label("Add up by").select_option("prompt")
    expect(page.get_by_role("columnheader").first).to_have_text("Prompt")
    assert "by=prompt" in page.url
    assert_accessible(page)
    assert_fits(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename.startswith("costs_")
