"""The stored video in a real player: it plays, and it seeks."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit

pytestmark = pytest.mark.browser

PICTURE = """async (seconds) => {
    const video = document.querySelector("video");
    const seeked = new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
    video.currentTime = seconds;
    await seeked;
    const canvas = Object.assign(document.createElement("canvas"), { width: 104, height: 60 });
    const pen = canvas.getContext("2d");
    pen.drawImage(video, 0, 0, 104, 60);
    return [...pen.getImageData(0, 0, 104, 60).data];
}"""


@pytest.fixture
def page(visit: Visit, showcase: dict[str, str]) -> Page:
    page = visit("admin")
    page.goto(f"/generations/{showcase['ready']}/")
    page.wait_for_function("() => document.querySelector('video').readyState >= 1")
    return page


def difference(one: list[int], other: list[int]) -> int:
    """Return by how much the pixel that differs most differs, 0 to 255."""
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def test_it_seeks_to_the_middle_and_shows_another_picture(page: Page):
    assert page.evaluate("document.querySelector('video').duration") == pytest.approx(5, abs=0.25)
    first, middle, again = (page.evaluate(PICTURE, seconds) for seconds in (0.1, 2.5, 0.1))
    assert page.evaluate("document.querySelector('video').error") is None
    assert difference(first, middle) > 40
    assert difference(first, again) <= 8


def test_it_plays_on_from_the_middle(page: Page):
    page.evaluate(PICTURE, 2.5)
    page.evaluate("document.querySelector('video').play()")
    page.wait_for_function("() => document.querySelector('video').currentTime > 2.8")


def test_the_video_comes_in_ranges_and_the_download_whole(page: Page):
    source = page.locator("video").get_attribute("src")
    part = page.request.get(source, headers={"Range": "bytes=1000-1999"})
    assert (part.status, len(part.body())) == (206, 1000)
    whole = page.request.get(page.get_by_role("link", name="Download").get_attribute("href"))
    assert whole.status == 200
    assert whole.body()[1000:2000] == part.body()
    assert whole.body()[4:8] == b"ftyp"


def test_a_wide_clip_and_a_tall_one_are_shown_in_their_own_shape(visit: Visit, showcase: dict[str, str]):
    page = visit("admin")
    for name, ratio in (("ready", 832 / 480), ("tall", 480 / 832)):
        page.goto(f"/generations/{showcase[name]}/")
        page.wait_for_function("() => document.querySelector('video').videoWidth > 0")
        shown = page.evaluate(
            "(({ videoWidth, videoHeight }) => videoWidth / videoHeight)(document.querySelector('video'))"
        )
        assert shown == pytest.approx(ratio)


def test_a_difference_is_said_where_the_video_is(visit: Visit, showcase: dict[str, str]):
    page = visit("admin")
    page.goto(f"/generations/{showcase['differs']}/")
    expect(page.get_by_role("main")).to_contain_text("Not quite what was asked.")
    page.goto("/")
    expect(page.locator(f"#generation-{showcase['differs']}")).to_contain_text("Asked 832×480, got")
