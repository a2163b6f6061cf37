"""What a page asks while something runs, and what it must leave alone."""

from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit, sign_in
from tests.browser.steps import SLOW, card, hide, order, paused_gateway, questions
from tests.services.studio import Studio

pytestmark = pytest.mark.browser


def running_cards(page: Page, count: int) -> list[str]:
    """Have `count` generations under way for a minute, and open the page that shows them."""
    uuids = [order(page, f"Slow kite number {number} {SLOW}") for number in range(count)]
    page.goto("/")
    for uuid in uuids:
        expect(card(page, uuid)).to_contain_text("Generating", timeout=30_000)
    return uuids


def test_ten_running_cards_ask_once_every_two_seconds(visit: Visit, studio: Studio):
    page = visit("bob")
    uuids = running_cards(page, 10)
    with paused_gateway(studio):
        # What was on its way when the pause began may still change a card; after that nothing does.
        page.wait_for_event("response", lambda answer: "/live/" in answer.url and answer.status == 204, timeout=30_000)
        asked = questions(page)
        page.wait_for_timeout(8500)
    assert 4 <= len(asked) <= 5
    shown = [parse_qs(urlsplit(request.url).query)["v"] for request in asked]
    assert all(set(uuids) <= {version.partition(":")[0] for version in versions} for versions in shown)
    statuses = [request.response().status for request in asked[:-1]]
    assert statuses == [204 if before == after else 200 for before, after in pairwise(shown)]
    assert statuses[-1] == 204


@pytest.mark.parametrize("place", ["/", "/generations/{ready}/"])
def test_a_page_where_nothing_runs_asks_nothing(visit: Visit, showcase: dict[str, str], place: str):
    page = visit("admin")
    page.clock.install()
    asked = questions(page)
    page.goto(place.format(**showcase))
    expect(card(page, showcase["ready"])).to_be_visible()
    page.clock.run_for(20_000)
    assert asked == []


def test_the_asking_ends_with_the_last_card(visit: Visit):
    page = visit("alice")
    page.clock.install()
    uuid = order(page, "A bell rings twice [refuse]")
    page.goto("/")
    expect(card(page, uuid)).to_contain_text("Refused by the gateway", timeout=15_000)
    asked = questions(page)
    page.clock.run_for(20_000)
    assert asked == []


def test_a_hidden_tab_is_silent_and_asks_once_on_return(visit: Visit):
    page = visit("bob")
    page.clock.install()
    running_cards(page, 1)
    hide(page, hidden=True)
    asked = questions(page)
    page.clock.run_for(20_000)
    assert asked == []
    with page.expect_response("**/live/**"):
        hide(page, hidden=False)
    assert len(asked) == 1


def test_a_playing_video_is_never_replaced(visit: Visit, showcase: dict[str, str]):
    page = visit("admin")
    running = order(page, f"A slow neighbour {SLOW}")
    page.goto("/")
    video = card(page, showcase["ready"]).locator("video")
    card(page, showcase["ready"]).get_by_role("button", name="Play").click()
    video.evaluate("(video) => { video.loop = true; video.dataset.mark = 'the same'; window.kept = video; }")
    page.wait_for_function("() => kept.currentTime > 0")
    seen = set()
    for _ in range(2):
        version = card(page, running).locator("input[name=v]").get_attribute("value")
        seen.add(version)
        expect(card(page, running).locator("input[name=v]")).not_to_have_value(version, timeout=15_000)
    assert len(seen) == 2
    assert video.get_attribute("data-mark") == "the same"
    assert video.evaluate("(video) => video === kept && !video.paused && video.isConnected")
    before = video.evaluate("(video) => video.played.length && video.currentTime")
    page.wait_for_function("(before) => kept.currentTime !== before", arg=before)


def test_an_ended_session_leads_the_whole_page_to_the_sign_in(visit: Visit):
    page = visit("bob")
    running_cards(page, 1)
    page.context.clear_cookies(name="studio")
    page.wait_for_url("**/accounts/login/**", timeout=8000)
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    expect(page.locator("article")).to_have_count(0)
    sign_in(page, "bob", page.url)
    assert urlsplit(page.url).path == "/"
    expect(page.get_by_role("heading", level=1)).to_have_text("Studio")


def test_a_waiting_one_can_be_cancelled(visit: Visit, studio: Studio):
    page = visit("alice")
    with paused_gateway(studio):
        uuid = order(page, "A letter that is never sent")
        page.goto(f"/generations/{uuid}/")
        expect(page.locator(".stage")).to_contain_text("Waiting")
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator(".page-notices")).to_contain_text("Nothing had been sent")
        expect(page.locator(".stage")).to_contain_text("Cancelled")
