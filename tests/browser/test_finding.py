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


def test_tiles_stand_in_even_rows(library: Page):
    for width, columns in ((360, 1), (768, 2), (1440, 4)):
        library.set_viewport_size({"width": width, "height": 900})
        library.locator(".tile").nth(5).wait_for()
        stages = library.locator(".tiles").first.locator(".tile-stage").all()
        boxes = [stage.bounding_box() for stage in stages]
        assert len({(round(box["width"]), round(box["height"])) for box in boxes}) == 1, boxes
        assert sum(box["y"] == boxes[0]["y"] for box in boxes) >= columns, boxes


def test_the_slash_leads_to_the_search(library: Page):
    library.keyboard.press("/")
    expect(library.get_by_label("Search")).to_be_focused()


def test_older_pages_come_when_they_are_scrolled_to_and_are_links(visit: Visit):
    page = visit("bob")
    for number in range(26):
        order(page, f"A page of a book, number {number} [refuse]")
    plain = visit("bob", java_script_enabled=False)
    plain.goto("/generations/?q=page+of+a+book")
    expect(plain.locator("article")).to_have_count(24)
    plain.get_by_role("link", name="Older").click()
    expect(plain.locator("article")).to_have_count(2)
    expect(plain.locator("article").last).to_contain_text("number 0")
    expect(plain).to_have_url(re.compile(r"q=page[^&]*&before=\d+"))
    plain.get_by_role("link", name="Newer").click()
    expect(plain.locator("article").first).to_contain_text("number 25")

    page.goto("/generations/?q=page+of+a+book")
    page.locator("article").last.scroll_into_view_if_needed()
    page.keyboard.press("End")
    expect(page.locator("article")).to_have_count(26)
    headings = page.locator(".day h2").all_inner_texts()
    assert len(set(headings)) == len(headings), headings
    expect(page).to_have_url(re.compile(r"q=page[+%20]+of[+%20]+a[+%20]+book$"))


def test_a_selection_is_marked_deleted_and_brought_back(visit: Visit):
    page = visit("bob")
    for number in range(4):
        order(page, f"A shelf of jars, number {number} [refuse]")
    page.goto("/generations/?q=shelf+jars&status=failed")
    for _ in range(20):
        if page.locator("article").count() == 4:
            break
        page.wait_for_timeout(1000)
        page.reload()
    expect(page.locator("article")).to_have_count(4)
    bar, boxes = page.locator("#bulk"), page.locator("input[name=pick]")
    expect(bar).to_be_hidden()
    page.locator("article").first.hover()
    boxes.first.check()
    boxes.nth(2).click(modifiers=["Shift"])
    expect(bar).to_contain_text("3 selected")
    page.keyboard.press("Escape")
    expect(bar).to_be_hidden()
    boxes.first.check()
    page.get_by_label("Tags to add").fill("jars, glass")
    page.keyboard.press("Enter")
    expect(page.locator(".page-notices")).to_contain_text("1 video tagged jars, glass.")
    page.goto("/generations/?tag=glass")
    expect(page.locator("article")).to_have_count(1)
    page.locator("article").hover()
    page.locator("input[name=pick]").check()
    bar.get_by_role("button", name="Delete").click()
    expect(page.locator("article")).to_have_count(0)
    page.locator("#toasts").get_by_role("button", name="Undo").click()
    expect(page.locator("article")).to_have_count(1)


def test_a_phone_has_the_rarer_acts_in_a_sheet_and_compares_a_selection(visit: Visit, showcase: dict[str, str]):
    page = visit("admin", width=360, height=740, has_touch=True, is_mobile=True)
    page.goto("/generations/?status=completed")
    bar, boxes = page.locator("#bulk"), page.locator("input[name=pick]")
    compare = bar.get_by_role("button", name="Compare")
    boxes.first.check()
    expect(compare).to_be_disabled()
    boxes.nth(1).check()
    assert bar.bounding_box()["height"] < 160
    expect(page.get_by_label("Tags to add")).to_be_hidden()
    bar.get_by_role("button", name="More").click()
    expect(page.get_by_label("Tags to add")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_label("Tags to add")).to_be_hidden()
    expect(bar).to_contain_text("2 selected")
    page.keyboard.press("Escape")  # from within the bar
    expect(bar).to_be_hidden()
    expect(boxes.nth(1)).to_be_focused()
    boxes.nth(0).check()
    boxes.nth(1).check()
    compare.click()
    expect(page.locator("video")).to_have_count(2)


def test_a_star_on_a_tile_is_set_in_place(visit: Visit, showcase: dict[str, str]):
    page = visit("alice")
    page.goto("/generations/?status=completed")
    tile = page.locator(f"#generation-{showcase['tall']}")
    tile.hover()
    tile.locator(".tile-star").click()
    expect(tile.locator(".tile-star")).to_have_attribute("aria-pressed", "true")
    page.goto("/generations/?star=mine")
    expect(page.locator("article")).to_have_count(1)


def test_a_video_plays_small_and_silent_under_the_pointer(visit: Visit, showcase: dict[str, str]):
    page = visit("alice", reduced_motion="no-preference")
    page.goto("/generations/?status=completed")
    media = page.locator(f"#generation-{showcase['ready']} .tile-media")
    expect(media).to_have_attribute("data-preview", re.compile("/preview/"), timeout=30_000)
    media.hover()
    expect(media.locator("video")).to_have_count(1)
    assert media.locator("video").evaluate("video => video.muted && video.loop")
    page.mouse.move(0, 0)
    expect(page.locator(".tile-preview")).to_have_count(0)
    still = visit("alice")  # reduced motion
    still.goto("/generations/?status=completed")
    still.locator(f"#generation-{showcase['ready']} .tile-media").hover()
    expect(still.locator(".tile-preview")).to_have_count(0)


def test_marks_are_set_in_place(visit: Visit, showcase: dict[str, str]):
    page = visit("alice")
    page.goto(f"/generations/{showcase['ready']}/")
    marks = page.locator("#marks")
    marks.get_by_role("button", name="4 stars").click()
    expect(marks).to_contain_text("Rating: 4 of 5")
    marks.get_by_label("Tags", exact=True).fill("gutter")
    marks.get_by_role("button", name="Add").click()
    expect(marks.get_by_role("link", name="gutter")).to_be_visible()
    marks.get_by_role("button", name="Remove the tag gutter").click()
    expect(marks.get_by_role("link", name="gutter")).to_have_count(0)


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
