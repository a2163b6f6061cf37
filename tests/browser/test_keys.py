"""Every key of the sheet, pressed: it does what the sheet says, where the sheet says, and nothing while one types."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from generations.keys import KEYS, PLACES, Key
from tests.browser.conftest import Visit
from tests.browser.steps import choose_model
from tests.browser.test_every_page import assert_accessible, assert_fits

pytestmark = pytest.mark.browser

VIDEO = "document.querySelector('video')"


def opened(page: Page, path: str) -> None:
    page.goto(path)
    page.wait_for_function("() => [...document.querySelectorAll('video')].every((video) => video.readyState >= 1)")


def at(page: Page, seconds: float, within: float = 0.03) -> None:
    page.wait_for_function(
        f"([seconds, within]) => !{VIDEO}.seeking && Math.abs({VIDEO}.currentTime - seconds) < within",
        arg=[seconds, within],
    )


def start(page: Page, seconds: float) -> None:
    page.evaluate(f"(seconds) => {{ {VIDEO}.currentTime = seconds }}", seconds)
    at(page, seconds)


def press(page: Page, key: str) -> None:
    page.keyboard.press({" ": "Space", "Ctrl+Enter": "Control+Enter"}.get(key, key))


def moves(to: float) -> Callable[[Page, str], None]:
    """From the second second on, the key leads to second `to`."""

    def check(page: Page, key: str) -> None:
        start(page, 2)
        press(page, key)
        at(page, to)

    return check


def plays(page: Page, key: str) -> None:
    press(page, key)
    page.wait_for_function(f"() => !{VIDEO}.paused && {VIDEO}.currentTime > 0.1")
    press(page, key)
    page.wait_for_function(f"() => {VIDEO}.paused")


def goes_to_a_tenth(page: Page, key: str) -> None:
    press(page, key)
    at(page, page.evaluate(f"{VIDEO}.duration") * int(key) / 10)


def is_slower(page: Page, key: str) -> None:
    press(page, key)
    page.wait_for_function(f"() => {VIDEO}.playbackRate === 0.5")


def is_faster(page: Page, key: str) -> None:
    press(page, key)
    page.wait_for_function(f"() => {VIDEO}.playbackRate === 1.5")


def loops(page: Page, key: str) -> None:
    press(page, key)
    page.wait_for_function(f"() => {VIDEO}.loop")


def is_muted(page: Page, key: str) -> None:
    press(page, key)
    page.wait_for_function(f"() => {VIDEO}.muted")


def fills_the_screen(page: Page, key: str) -> None:
    press(page, key)
    page.wait_for_function("() => document.fullscreenElement?.tagName === 'VIDEO'")


def shows_the_sheet(page: Page, key: str) -> None:
    press(page, key)
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    press(page, key)
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()


def closes(page: Page, key: str) -> None:
    press(page, "?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    press(page, key)
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()


def searches(page: Page, key: str) -> None:
    """From a page without a search it leads to the library's."""
    for _ in range(2):
        press(page, key)
        expect(page.get_by_role("searchbox")).to_be_focused()
        assert urlsplit(page.url)[2:] == ("/generations/", "", "")
        page.evaluate("document.activeElement.blur()")


def composes(page: Page, key: str) -> None:
    for _ in range(2):
        press(page, key)
        expect(page.get_by_label("Prompt", exact=True)).to_be_focused()
        assert urlsplit(page.url)[2:] == ("/", "", "")
        page.evaluate("document.activeElement.blur()")


def recalls(page: Page, key: str) -> None:
    page.goto("/")
    box = page.get_by_label("Prompt", exact=True)
    box.fill("A draft of mine")
    press(page, "Alt+ArrowUp")
    expect(box).not_to_have_value("A draft of mine")
    if key == "Alt+ArrowDown":
        press(page, key)
        expect(box).to_have_value("A draft of mine")


def selects(page: Page, key: str) -> None:
    page.goto("/generations/")
    page.locator(".tile a").first.focus()
    for is_selected in (True, False):
        press(page, key)
        expect(page.locator("input[name=pick]").first).to_be_checked(checked=is_selected)


def stars(page: Page, key: str) -> None:
    page.goto("/generations/")
    star = page.locator(".tile-star").first
    before = star.get_attribute("aria-pressed")
    page.locator(".tile a").first.focus()
    press(page, key)
    expect(page.locator(".tile-star").first).to_have_attribute("aria-pressed", "false" if before == "true" else "true")


def sends(page: Page, key: str) -> None:
    page.goto("/")
    choose_model(page, "wan/wan2.5-t2v-preview")
    page.get_by_label("Prompt", exact=True).fill("A kite that is refused [refuse]")
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        press(page, key)


def leads_to(rel: str) -> Callable[[Page, str], None]:
    def check(page: Page, key: str) -> None:
        address = page.locator(f".steps a[rel={rel}]").get_attribute("href")
        press(page, key)
        page.wait_for_url(f"**{address}")

    return check


def comments(page: Page, key: str) -> None:
    start(page, 1.5)
    press(page, key)
    expect(page.get_by_label("Your comment")).to_be_focused()
    expect(page.locator("#comment-at")).to_have_value("0:01.50")


def copies_a_link(page: Page, key: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    start(page, 1.5)
    press(page, key)
    expect(page.locator("#toasts")).to_contain_text("Copied a link to 0:01.50.")
    page.goto(page.evaluate("navigator.clipboard.readText()"))
    page.wait_for_function(f"() => {VIDEO}.readyState >= 2")
    at(page, 1.5)


def remixes(page: Page, key: str) -> None:
    press(page, key)
    page.wait_for_url("**/?from=*")


def downloads(page: Page, key: str) -> None:
    with page.expect_download() as download:
        press(page, key)
    assert download.value.suggested_filename.endswith(".mp4")


def changes_the_sound(page: Page, key: str) -> None:
    expect(page.get_by_label("Sound")).to_have_value("-1")
    for heard in ("0", "1"):
        press(page, key)
        expect(page.get_by_label("Sound")).to_have_value(heard)


CHECKS = {
    "keys": shows_the_sheet,
    "search": searches,
    "compose": composes,
    "send": sends,
    "recall": recalls,
    "pick": selects,
    "star-tile": stars,
    "close": closes,
    "play": plays,
    "left": moves(1),
    "right": moves(3),
    "back": moves(0),
    "forward": moves(5),
    "frame-back": moves(2 - 0.5 / 24),
    "frame-forward": moves(2 + 1.5 / 24),
    "tenth": goes_to_a_tenth,
    "slower": is_slower,
    "faster": is_faster,
    "loop": loops,
    "mute": is_muted,
    "fullscreen": fills_the_screen,
    "previous": leads_to("prev"),
    "next": leads_to("next"),
    "comment": comments,
    "copy-link": copies_a_link,
    "remix": remixes,
    "download": downloads,
    "sound": changes_the_sound,
}


def test_every_action_of_the_list_is_pressed_here():
    assert {key.action for key in KEYS} == CHECKS.keys()


def place_of(key: Key, showcase: dict[str, str]) -> str:
    if key.place == "compare":
        return f"/compare/?v={showcase['ready']}&v={showcase['tall']}"
    return f"/generations/{showcase['tall']}/"


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.action)
def test_a_key_does_what_the_sheet_says(visit: Visit, showcase: dict[str, str], key: Key):
    page = visit("admin")
    for one in key.keys:
        opened(page, place_of(key, showcase))
        CHECKS[key.action](page, one)


COMPARED = {"left": 1.0, "right": 3.0, "frame-forward": 2 + 1.5 / 24, "frame-back": 2 - 0.5 / 24}


def test_the_keys_of_the_player_steer_all_players_of_a_comparison(visit: Visit, showcase: dict[str, str]):
    page = visit("admin")
    opened(page, f"/compare/?v={showcase['ready']}&v={showcase['tall']}")
    by_action = {key.action: key for key in KEYS}
    for action, seconds in COMPARED.items():
        page.evaluate("""() => { const bar = document.querySelector("[data-position]"); bar.value = 2;
                          bar.dispatchEvent(new Event("input")); }""")
        press(page, by_action[action].keys[0])
        page.wait_for_function(
            """(seconds) => [...document.querySelectorAll("video")].every(
                (video) => !video.seeking && Math.abs(video.currentTime - seconds) < 0.03)""",
            arg=seconds,
        )
    press(page, "k")
    page.wait_for_function("() => [...document.querySelectorAll('video')].every((video) => !video.paused)")
    press(page, "m")
    assert page.evaluate("[...document.querySelectorAll('video')].map((video) => video.muted)") == [False, True]
    press(page, "<")
    expect(page.get_by_label("Speed")).to_have_value("0.5")
    press(page, "L")
    expect(page.get_by_role("button", name="Loop")).to_have_attribute("aria-pressed", "false")
    press(page, "f")
    page.wait_for_function("() => document.fullscreenElement?.classList.contains('compare')")


def test_the_sheet_shows_every_key_of_the_list_and_is_accessible(visit: Visit, showcase: dict[str, str]):
    page = visit("admin")
    page.goto("/models/")
    press(page, "?")
    sheet = page.get_by_role("dialog", name="Keys")
    for heading in PLACES.values():
        expect(sheet.get_by_role("heading", name=str(heading), exact=True)).to_be_visible()
    for key in KEYS:
        expect(sheet.get_by_text(str(key.words), exact=True)).to_be_visible()
    expect(sheet.get_by_role("button", name="Close")).to_be_focused()
    assert_accessible(page)
    assert_fits(page)


def test_no_key_does_anything_while_one_types(visit: Visit, showcase: dict[str, str]):
    page = visit("admin")
    opened(page, f"/generations/{showcase['ready']}/")
    page.get_by_label("Your comment").focus()
    page.keyboard.type("c?/ kjl.,m0]")
    expect(page.get_by_label("Your comment")).to_have_value("c?/ kjl.,m0]")
    assert page.evaluate(f"{VIDEO}.paused && {VIDEO}.currentTime === 0 && !{VIDEO}.muted")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()


def test_a_button_keeps_its_space(visit: Visit, showcase: dict[str, str]):
    page = visit("admin")
    opened(page, f"/generations/{showcase['ready']}/")
    page.get_by_role("button", name="Loop").focus()
    page.keyboard.press("Space")
    assert page.evaluate(f"{VIDEO}.loop && {VIDEO}.paused")
