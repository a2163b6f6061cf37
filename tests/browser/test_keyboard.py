"""The keyboard alone: an order that makes sense, a focus that shows, groups by arrows."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.steps import choose_model, first_card

pytestmark = pytest.mark.browser

FOCUSED = """() => {
    const element = document.activeElement;
    const drawn = [element, element.nextElementSibling].filter(Boolean);
    const ring = drawn.some((one) => {
        const { outlineStyle, outlineWidth } = getComputedStyle(one);
        return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
    });
    const name = element.labels?.[0]?.innerText || element.ariaLabel || element.innerText;
    const place = element.closest("main, nav, header")?.tagName;
    return { name: name.replace(/\\s+/g, " ").trim(), ring, place, tag: element.tagName };
}"""


def tab(page: Page, *, until: str, most: int = 60) -> list[dict]:
    """Press Tab until something whose name begins with `until` has the focus; return all stops."""
    stops = []
    for _ in range(most):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(FOCUSED))
        if stops[-1]["name"].startswith(until):
            return stops
    raise AssertionError(f"no {until} among {[stop['name'] for stop in stops]}")


def test_the_first_stop_skips_to_the_content(visit: Visit):
    page = visit("alice")
    page.goto("/models/")
    tab(page, until="Skip to content", most=1)
    expect(page.get_by_role("link", name="Skip to content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED)["place"] == "MAIN"


def test_the_composer_is_walked_from_prompt_to_generate_with_a_focus_that_shows(visit: Visit):
    page = visit("alice")
    page.goto("/?model=wan/wan2.6")  # as a link, so that no change is named that could be undone
    page.get_by_label("Prompt", exact=True).focus()
    stops = tab(page, until="Generate")
    assert [stop["name"].split(" ")[0].rstrip(",") for stop in stops] == [
        *("Search", "Model", "5", "16:9", "Copies", "Generate")
    ]
    assert all(stop["ring"] for stop in stops), stops


def test_every_stop_of_every_page_shows_where_the_focus_is(visit: Visit, showcase: dict[str, str]):
    page = visit("admin")
    for path in ("/", "/generations/", "/prompts/", "/models/", "/queue/", f"/generations/{showcase['ready']}/"):
        page.goto(path)
        stops = []
        while len(stops) < 150 and (not stops or stops[-1]["tag"] != "BODY"):
            page.keyboard.press("Tab")
            stops.append(page.evaluate(FOCUSED))
        dark = [stop for stop in stops if not stop["ring"] and stop["tag"] not in {"BODY", "VIDEO"}]
        assert dark == [], path


def test_arrows_move_within_a_group(visit: Visit):
    page = visit("alice")
    page.goto("/")
    choose_model(page, "wan/wan2.6")
    page.get_by_role("radio", name="5 s", exact=True).check()
    page.get_by_role("radio", name="5 s", exact=True).focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="10 s")).to_be_checked()
    expect(page.get_by_role("radio", name="10 s")).to_be_focused()


def test_a_clip_is_made_and_played_by_keys(visit: Visit):
    page = visit("alice")
    page.goto("/")
    choose_model(page, "wan/wan2.5-t2v-preview")
    page.get_by_label("Prompt", exact=True).focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("A typist at dusk")
    tab(page, until="Generate")
    page.keyboard.press("Enter")
    play = first_card(page).get_by_role("button", name="Play: A typist at dusk")
    expect(play).to_be_visible(timeout=30_000)
    tab(page, until="Play: A typist at dusk")
    page.keyboard.press("Enter")
    video = first_card(page).locator("video")
    expect(video).to_be_focused()
    page.wait_for_function("(video) => video.currentTime > 0", arg=video.element_handle())


def test_the_account_menu_opens_and_closes_by_keys(visit: Visit):
    page = visit("alice")
    page.goto("/models/")
    button = page.get_by_role("button", name="Account and appearance")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED)["name"] == "System"
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    expect(button).to_be_focused()
