"""Several at once and prompts recalled, on a phone and on a desk, and the main path without JavaScript."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.steps import REFUSED, compose, order
from tests.pages import picture

pytestmark = pytest.mark.browser

WIDTHS = pytest.mark.parametrize("width", [360, 1440])
TICKED = ("veo/veo3.1-fast", "wan/wan2.6", "omni/omni-fast", "wan/wan2.7")
MODELS = ("wan/wan2.5-t2v-preview", "wan/wan2.6")


@WIDTHS
def test_copies_arrive_as_cards_and_lead_to_their_group(visit: Visit, width: int):
    page = visit("alice", width=width)
    page.goto("/")
    compose(page, f"Three kites {width} {REFUSED}")
    page.get_by_label("Copies").select_option("3")
    page.get_by_role("button", name="Generate").click()
    expect(page.locator("#feed article").filter(has_text=f"Three kites {width}")).to_have_count(3)
    page.locator("#feed article").first.get_by_role("link", name="Its group").click()
    expect(page.locator("#group-summary")).to_contain_text("0 of 3 ready, 3 failed", timeout=30_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@WIDTHS
def test_the_box_recalls_and_the_field_searches(visit: Visit, width: int):
    page = visit("alice", width=width)
    page.goto("/")
    order(page, f"An older thought {width} {REFUSED}")
    order(page, f"A newer thought {width} {REFUSED}")
    page.reload()
    box = page.get_by_label("Prompt", exact=True)
    box.fill("My own words")
    box.press("Alt+ArrowUp")
    expect(box).to_have_value(f"A newer thought {width} {REFUSED}")
    box.press("Alt+ArrowUp")
    expect(box).to_have_value(f"An older thought {width} {REFUSED}")
    box.press("Alt+ArrowDown")
    expect(box).to_have_value(f"A newer thought {width} {REFUSED}")
    box.press("Alt+ArrowDown")
    expect(box).to_have_value("My own words")
    field = page.get_by_role("combobox", name="Search the team's prompts")
    field.press_sequentially(f"older thought {width}")
    found = page.locator("#recall-list").get_by_role("option")
    expect(found).to_have_text(f"An older thought {width} {REFUSED}")  # before it, that there is none
    field.press("ArrowDown")
    expect(found).to_have_attribute("aria-selected", "true")
    field.press("Enter")
    expect(box).to_have_value(f"An older thought {width} {REFUSED}")
    expect(field).to_have_attribute("aria-expanded", "false")
    expect(page.locator("#similar")).to_contain_text("This was made")


def test_ticks_and_words_in_quick_succession_all_stay(visit: Visit):
    page = visit("alice")
    page.goto("/several/")
    for key in TICKED:
        page.locator(f"input[name=models][value='{key}']").check()
    page.get_by_label("Prompt", exact=True).fill("Written while the options come")
    expect(page.get_by_role("button", name=f"Generate {len(TICKED)} videos, free")).to_be_visible()
    for key in TICKED:
        expect(page.locator(f"input[name=models][value='{key}']")).to_be_checked()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("Written while the options come")


@WIDTHS
def test_several_models_without_javascript(visit: Visit, width: int):
    page = visit("alice", width=width, java_script_enabled=False)
    page.goto("/several/")
    page.get_by_label("Prompt", exact=True).fill(f"A plain page {width} {REFUSED}")
    for key in MODELS:
        page.locator(f"input[name=models][value='{key}']").check()
    page.get_by_role("button", name="Show their options").click()
    page.get_by_role("button", name="Generate 2 videos, free").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Several models")
    expect(page.locator("article")).to_have_count(2)


@WIDTHS
def test_a_batch_without_javascript(visit: Visit, width: int):
    page = visit("alice", width=width, java_script_enabled=False)
    page.goto("/several/batch/")
    page.get_by_label("Model, where").select_option(MODELS[0])
    page.get_by_label("Prompt with {places}").fill(f"A {{animal}} {width} {REFUSED}")
    page.get_by_role("button", name="Show its lists").click()
    page.get_by_label("animal, one a line").fill("fox\nhen")
    page.get_by_role("button", name="Check it").click()
    page.get_by_role("button", name="Generate 2 videos, free").click()
    expect(page.locator("article")).to_have_count(2)


@pytest.mark.parametrize("path", ["/several/?models=wan/wan2.6&models=veo/veo3.1", "/several/batch/", "/presets/"])
@WIDTHS
def test_pages_are_accessible_and_fit(visit: Visit, path: str, width: int):
    page = visit("alice", width=width)
    page.goto(path)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


FRAME = {"name": "frame.png", "mimeType": "image/png", "buffer": picture(width=640, height=360).read()}


@pytest.mark.parametrize("has_script", [True, False])
@WIDTHS
def test_an_image_for_one_of_several_models_stays_and_can_be_removed(visit: Visit, width: int, has_script: bool):
    page = visit("alice", width=width, java_script_enabled=has_script)
    page.goto("/several/")
    page.get_by_label("Prompt", exact=True).fill(f"A framed page {width} {REFUSED}")

    def tick(key: str) -> None:
        page.locator(f"input[name=models][value='{key}']").check()
        if not has_script:
            page.get_by_role("button", name="Show their options").click()

    tick("veo/veo3.1-fast")
    veo, other = (page.locator(f"[aria-labelledby='member-{name}']") for name in ("veo-veo3-1-fast", "veo-veo3-1"))
    veo.get_by_label("First frame").set_input_files(FRAME)
    tick("veo/veo3.1")
    expect(veo.get_by_role("img", name="The image chosen")).to_be_visible()
    expect(other.get_by_role("img", name="The image chosen")).to_be_visible()
    other.get_by_role("button", name="Remove it").click()
    expect(other.get_by_role("button", name="Remove it")).to_have_count(0)
    expect(veo.get_by_role("img", name="The image chosen")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="Generate 2 videos, free").click()
    expect(page.locator("article")).to_have_count(2)
