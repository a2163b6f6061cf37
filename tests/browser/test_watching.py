"""Watching together: players by one clock, comments on a moment, a link for outside, news while nobody looks."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, Visit
from tests.browser.steps import REFUSED, card, order
from tests.browser.test_every_page import assert_accessible, assert_fits

pytestmark = pytest.mark.browser

SPREAD = """() => {
    const times = [...document.querySelectorAll("video")].map((video) => video.currentTime);
    return Math.max(...times) - Math.min(...times);
}"""
TIMES = "[...document.querySelectorAll('video')].map((video) => video.currentTime)"
PERSON = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"


def compared(page: Page, showcase: dict[str, str], *names: str, more: str = "") -> None:
    page.goto("/compare/?" + "&".join(f"v={showcase[name]}" for name in names) + more)
    page.wait_for_function("() => [...document.querySelectorAll('video')].every((video) => video.readyState >= 1)")


def test_three_players_run_by_one_clock_and_one_that_falls_behind_is_brought_back(visit: Visit, showcase):
    page = visit("admin", width=1440)
    compared(page, showcase, "ready", "tall", "differs")
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function(f"() => {TIMES}.every((time) => time > 0.7)")
    assert page.evaluate(SPREAD) < 0.15
    page.evaluate("document.querySelectorAll('video')[1].currentTime = 3.5")
    page.wait_for_timeout(900)
    assert page.evaluate(SPREAD) < 0.15
    page.get_by_role("button", name="Pause", exact=True).click()
    page.wait_for_function("() => [...document.querySelectorAll('video')].every((video) => !video.seeking)")
    assert page.evaluate(SPREAD) < 0.01
    page.get_by_role("slider", name="Position").fill("4")
    page.wait_for_function(f"() => {TIMES}.every((time) => Math.abs(time - 4) < 0.01)")


def test_at_the_end_they_begin_again_together_or_stop_together(visit: Visit, showcase):
    page = visit("admin", width=1440)
    compared(page, showcase, "ready", "tall")
    page.get_by_role("slider", name="Position").fill("4.6")
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function(f"() => {TIMES}.every((time) => time > 0.2 && time < 3)")
    assert page.evaluate(SPREAD) < 0.15
    page.get_by_role("button", name="Loop").click()
    page.get_by_role("slider", name="Position").fill("4.6")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    assert page.evaluate("[...document.querySelectorAll('video')].every((video) => video.paused)")


def test_a_blind_vote_reveals_the_names_and_stays_in_the_list(visit: Visit, showcase):
    page = visit("bob")
    compared(page, showcase, "ready", "tall")
    page.get_by_role("link", name="Vote blindly").click()
    expect(page.get_by_role("main")).not_to_contain_text("Wan 2.5")
    page.locator("main .segment", has_text="A").click()
    page.get_by_role("button", name="Vote").click()
    expect(page.get_by_role("status").first).to_contain_text("You voted for A, Wan 2.5 T2V (preview), without knowing")
    assert_accessible(page)
    assert_fits(page)
    page.get_by_role("link", name="All comparisons").click()
    expect(page.get_by_role("main")).to_contain_text("Won")
    assert_accessible(page)
    assert_fits(page)


def test_without_javascript_there_are_plain_players_and_a_plain_vote(visit: Visit, showcase):
    page = visit("alice", java_script_enabled=False, width=360)
    page.goto(f"/generations/{showcase['ready']}/")
    page.get_by_role("link", name="Compare with…").click()
    page.locator(f"input[value='{showcase['differs']}']").check()
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator("video[controls]")).to_have_count(2)
    expect(page.locator(".transport")).to_be_hidden()
    page.locator("main .segment", has_text="None").click()
    page.get_by_role("button", name="Vote").click()
    expect(page.get_by_role("main")).to_contain_text("You voted for none of them")


def test_a_comment_on_a_moment_leads_back_to_it_and_its_deletion_can_be_undone(visit: Visit, showcase):
    page = visit("alice")
    page.goto(f"/generations/{showcase['ready']}/")
    page.wait_for_function("() => document.querySelector('video').readyState >= 1")
    page.get_by_label("Your comment").fill("The boat turns")
    page.locator("#comment-at").fill("0:02.50")
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.locator(".comment")).to_contain_text("The boat turns")
    page.get_by_role("link", name="Go to 0:02.50").click()
    page.wait_for_function("() => Math.abs(document.querySelector('video').currentTime - 2.5) < 0.01")
    assert_accessible(page)
    assert_fits(page)
    page.get_by_text("Change my comment").click()
    page.locator(".comment").get_by_role("button", name="Delete").click()
    expect(page.locator(".comment")).to_have_count(0)
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(page.locator(".comment")).to_contain_text("The boat turns")


def test_a_draft_of_a_comment_outlives_the_change_of_its_page(visit: Visit):
    page = visit("alice")
    uuid = order(page, "A clock strikes")
    page.goto(f"/generations/{uuid}/")
    page.get_by_label("Your comment").fill("Half a thought")
    expect(page.locator("video")).to_be_visible(timeout=30_000)
    expect(page.get_by_label("Your comment")).to_have_value("Half a thought")
    expect(page.get_by_label("At", exact=True)).to_be_visible()


def test_a_link_plays_for_anybody_counts_them_and_closes(visit: Visit, showcase, complaints: Complaints):
    page = visit("alice")
    page.goto(f"/generations/{showcase['tall']}/")
    page.get_by_label("Show the prompt").check()
    page.get_by_role("button", name="Make a link").click()
    link = page.locator("#share a").get_attribute("href")
    expect(page.locator("#share")).to_contain_text("0 views")
    path = "/s/" + link.partition("/s/")[2]
    outside = visit("", user_agent=PERSON)
    outside.goto(path)
    expect(outside.get_by_role("heading", level=1)).to_have_text("A diver steps off a tower in slow motion")
    outside.evaluate("document.querySelector('video').play()")
    outside.wait_for_function("() => document.querySelector('video').currentTime > 0.2")
    assert_accessible(outside)
    assert_fits(outside)
    page.reload()
    expect(page.locator("#share")).to_contain_text("1 view,")
    page.get_by_role("button", name="Withdraw").click()
    expect(page.locator("#toasts")).to_contain_text("The link is withdrawn.")
    assert outside.goto(path).status == 410
    expect(outside.get_by_role("main")).to_contain_text("This link was withdrawn")
    complaints.expect("410")
    assert_accessible(outside)


def test_news_are_summed_up_and_counted_in_the_title_until_somebody_looks(visit: Visit):
    page = visit("alice")
    page.goto("/")
    page.evaluate("document.hasFocus = () => false")
    uuids = [order(page, f"A bell number {number} {REFUSED}") for number in range(2)]
    page.evaluate(
        """(uuids) => {
            for (const uuid of uuids) {
                document.getElementById("feed").insertAdjacentHTML("afterbegin",
                    `<article id="generation-${uuid}" class="clip" data-status="queued">
                     <input type="hidden" name="v" value="${uuid}:0"></article>`);
            }
            document.dispatchEvent(new CustomEvent("htmx:afterSettle", { detail: {} }));
        }""",
        uuids,
    )
    page.wait_for_timeout(4000)  # both have ended by then
    page.evaluate(
        "htmx.ajax('GET', '/live/', { source: document.getElementById('feed'), swap: 'none', "
        "values: { v: [...document.querySelectorAll('[name=v]')].map((one) => one.value) } })"
    )
    for uuid in uuids:
        expect(card(page, uuid)).to_contain_text("Refused by the gateway")
    expect(page.locator("#toasts")).to_contain_text("2 failed.")
    expect(page).to_have_title("(2) Studio · VideoStudio")
    page.evaluate("dispatchEvent(new Event('focus'))")
    expect(page).to_have_title("Studio · VideoStudio")


def test_notifications_are_asked_for_by_the_button_alone(visit: Visit):
    page = visit("alice")
    page.add_init_script(
        """window.asked = 0; Notification.requestPermission = async () => (asked++, "granted");
        Object.defineProperty(Notification, "permission", { get: () => (asked ? "granted" : "default") });"""
    )
    page.goto("/")
    page.get_by_role("button", name="Account and appearance").click()
    button = page.get_by_role("button", name="Tell me when videos are ready")
    expect(button).to_have_attribute("aria-pressed", "false")
    assert page.evaluate("asked") == 0
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("[asked, document.documentElement.dataset.notify]") == [1, "on"]
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
