"""Light or dark: by the system or by choice, right from the first byte."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, Visit

pytestmark = pytest.mark.browser


def brightness(page: Page) -> float:
    """Return how light the page's background is drawn, from 0 to 1."""
    return page.evaluate(
        """() => {
            const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
            const pen = canvas.getContext("2d");
            pen.fillStyle = getComputedStyle(document.body).backgroundColor;
            pen.fillRect(0, 0, 1, 1);
            return pen.getImageData(0, 0, 1, 1).data[1] / 255;
        }"""
    )


def choose(page: Page, theme: str) -> None:
    page.get_by_role("button", name="Account and appearance").click()
    page.get_by_role("button", name=theme, exact=True).click()


@pytest.mark.parametrize(("scheme", "is_light"), [("light", True), ("dark", False)])
def test_the_system_decides_at_first(visit: Visit, scheme: str, is_light: bool):
    page = visit("", color_scheme=scheme)
    page.goto("/accounts/login/")
    assert (brightness(page) > 0.5) is is_light


def test_a_choice_holds_at_once_and_from_the_first_byte_on(visit: Visit):
    page = visit("alice", color_scheme="light")
    page.goto("/models/")
    with page.expect_response("**/theme/") as answer:
        choose(page, "Dark")
    assert answer.value.status == 302
    assert brightness(page) < 0.5

    first_bytes = page.request.get("/queue/").text()[:200]
    assert 'data-theme="dark"' in first_bytes.partition(">")[2]
    page.goto("/queue/")
    assert brightness(page) < 0.5
    page.get_by_role("button", name="Account and appearance").click()
    expect(page.get_by_role("button", name="Dark", exact=True)).to_have_attribute("aria-pressed", "true")


def test_the_admin_follows_the_choice_and_its_button_is_the_same_choice(visit: Visit):
    page = visit("admin", color_scheme="light")
    page.goto("/models/")
    with page.expect_response("**/theme/"):
        choose(page, "Dark")
    page.goto("/admin/")
    assert brightness(page) < 0.5
    page.locator("button.theme-toggle").first.click()
    assert brightness(page) > 0.5
    page.goto("/models/")
    assert brightness(page) > 0.5


def test_system_takes_the_choice_back(visit: Visit):
    page = visit("alice", color_scheme="light")
    page.goto("/models/")
    choose(page, "Dark")
    with page.expect_response("**/theme/"):
        page.get_by_role("button", name="System", exact=True).click()
    assert brightness(page) > 0.5
    page.reload()
    assert brightness(page) > 0.5


def test_a_choice_needs_no_javascript(visit: Visit):
    page = visit("alice", color_scheme="light", java_script_enabled=False)
    page.goto("/models/?a=b")
    choose(page, "Dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.url.endswith("/models/?a=b")


@pytest.mark.parametrize("path", ["/nothing-here/", "/accounts/login/"])
def test_pages_outside_the_studio_follow_the_choice(visit: Visit, path: str, complaints: Complaints):
    page = visit("", color_scheme="light")
    page.context.add_cookies([{"name": "theme", "value": "dark", "domain": "127.0.0.1", "path": "/"}])
    page.goto(path)
    assert brightness(page) < 0.5
    if "nothing" in path:
        complaints.expect("404")
