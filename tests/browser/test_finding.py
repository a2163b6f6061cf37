"""Finding it again: the library, the prompts, the models, the queue."""

import re

import pytest
from playwright.sync_api import Page, expect

from generations.catalog import catalog
from tests.browser.conftest import LONG, SHOWCASE, Complaints, Visit
from tests.browser.steps import SLOW, order

pytestmark = pytest.mark.browser


@pytest.fixture
def library(visit: Visit, showcase: dict[str, str]) -> Page:
    page = visit("alice")
    page.goto("/generations/")
    return page


def test_filters_go_into_the_address_and_come_back_from_it(library: Page, showcase: dict[str, str]):
    library.get_by_label("Status").select_option("failed")
    expect(library).to_have_url(re.compile(r"/generations/\?status=failed$"))
    library.get_by_label("Search").fill("orchestra of crabs")
    expect(library).to_have_url(re.compile(r"\?q=orchestra[+%20]+of[^&]*&status=failed$"))
    found = library.locator("article")
    expect(found).to_have_count(1)
    expect(found).to_contain_text("An orchestra of crabs")

    library.reload()
    expect(found).to_have_count(1)
    expect(library.get_by_label("Status")).to_have_value("failed")
    expect(library.get_by_label("Search")).to_have_value("orchestra of crabs")


def test_a_filter_is_taken_away_by_its_chip(library: Page):
    library.goto("/generations/?status=failed&q=orchestra+of+crabs")
    library.get_by_role("link", name="Failed").click()
    expect(library).to_have_url(re.compile(r"\?q=orchestra[^&]*$"))
    library.get_by_role("link", name="Clear all").click()
    expect(library).to_have_url(re.compile("/generations/$"))


def test_back_leads_to_the_filter_before(library: Page):
    library.get_by_label("Status").select_option("failed")
    expect(library).to_have_url(re.compile("status=failed"))
    library.get_by_label("Status").select_option("unknown")
    expect(library.locator("article")).to_have_count(1)
    library.go_back()
    expect(library).to_have_url(re.compile("status=failed"))
    expect(library.locator("article").first).to_contain_text("Failed")
    expect(library.get_by_label("Status")).to_have_value("failed")


def test_the_slash_leads_to_the_search(library: Page):
    library.keyboard.press("/")
    expect(library.get_by_label("Search")).to_be_focused()


def test_pages_are_links_that_stay_put(visit: Visit):
    page = visit("bob")
    for number in range(26):
        order(page, f"A page of a book, number {number} [refuse]")
    page.goto("/generations/?q=page+of+a+book")
    expect(page.locator("article")).to_have_count(24)
    page.get_by_role("link", name="Older").click()
    expect(page.locator("article")).to_have_count(2)
    expect(page.locator("article").last).to_contain_text("number 0")
    expect(page).to_have_url(re.compile(r"q=page[^&]*&before=\d+"))
    expect(page.get_by_role("link", name="Older")).to_have_count(0)
    page.get_by_role("link", name="Newer").click()
    expect(page.locator("article").first).to_contain_text("number 25")


def test_a_prompt_is_kept_once_and_used_again_in_one_click(visit: Visit, showcase: dict[str, str]):
    page = visit("alice")
    for _ in range(2):
        order(page, "A cellar full of echoes [refuse]")
    page.goto("/prompts/?q=cellar")
    expect(page.locator(".prompt-row")).to_have_count(1)
    expect(page.locator(".prompt-row")).to_contain_text("Used 2 times")
    page.get_by_role("link", name="Use this prompt").click()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("A cellar full of echoes [refuse]")


def test_prompts_are_searched_while_typing(visit: Visit, showcase: dict[str, str]):
    page = visit("alice")
    page.goto("/prompts/")
    page.get_by_label("Search").fill("paper boat drifts")
    expect(page.locator(".prompt-row")).to_have_count(1)
    expect(page).to_have_url(re.compile("q=paper"))


def test_a_generation_is_used_again_with_everything_it_had(visit: Visit, showcase: dict[str, str]):
    page = visit("alice")
    page.goto(f"/generations/{showcase['tall']}/")
    page.get_by_role("link", name="Use again").click()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value(SHOWCASE["tall"][0])
    expect(page.get_by_label("Model", exact=True)).to_have_value("wan/wan2.5-t2v-preview")
    expect(page.get_by_role("radio", name="480×832")).to_be_checked()


def test_a_model_is_used_from_its_reference(visit: Visit):
    page = visit("alice")
    page.goto("/models/")
    expect(page.get_by_role("heading", level=2)).to_have_count(len(catalog().models))
    page.locator("section", has=page.get_by_role("heading", name="Omni Fast")).get_by_role(
        "link", name="Use it"
    ).click()
    expect(page.get_by_label("Model", exact=True)).to_have_value("omni/omni-fast")
    expect(page.locator("#options")).to_contain_text("The gateway may ignore this")
    page.get_by_text("was seen to deliver").click()
    expect(page.locator("#options table")).to_contain_text("1:1")


def test_the_queue_says_what_runs_and_what_needs_a_decision(visit: Visit, showcase: dict[str, str]):
    page = visit("bob")
    uuid = order(page, f"A tortoise crosses the yard {SLOW}")
    page.goto(f"/generations/{uuid}/")
    expect(page.locator(".stage")).to_contain_text("Generating", timeout=15_000)
    page.goto("/queue/")
    unknown, running = (page.get_by_role("region", name=name) for name in ("Outcome unknown", "Running"))
    expect(unknown.locator(f"#generation-{showcase['unknown']}")).to_be_visible()
    expect(unknown).to_contain_text("They are never sent again by themselves")
    expect(running.locator(f"#generation-{uuid}")).to_be_visible()


def test_the_prompt_is_copied(visit: Visit, showcase: dict[str, str]):
    page = visit("alice", permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"/generations/{showcase['long']}/")
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.locator("#toasts")).to_contain_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == LONG.strip()


def test_another_teams_work_is_not_there(visit: Visit, showcase: dict[str, str], complaints: Complaints):
    page = visit("carol")
    page.goto("/generations/")
    expect(page.get_by_role("heading", name="No clips yet")).to_be_visible()
    assert page.goto(f"/generations/{showcase['ready']}/").status == 404
    complaints.expect("404")
