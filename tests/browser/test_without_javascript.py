"""The studio without JavaScript: less live, nothing missing."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, Visit
from tests.browser.steps import SMALL_MODEL
from tests.browser.test_composing import VEO, picture

pytestmark = pytest.mark.browser


@pytest.fixture
def page(visit: Visit) -> Page:
    page = visit("alice", java_script_enabled=False)
    page.goto("/")
    return page


def switch_to(page: Page, key: str) -> None:
    page.get_by_label("Model", exact=True).select_option(key)
    page.get_by_role("button", name="Use this model").click()
    expect(page.locator("#options input[name=was]")).to_have_value(key)


def test_a_prompt_becomes_a_clip(page: Page):
    switch_to(page, SMALL_MODEL)
    page.get_by_label("Prompt", exact=True).fill("A plain form on a plain field")
    page.get_by_role("button", name="Generate").click()
    expect(page).to_have_url(re.compile("/generations/[0-9a-f-]{36}/$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("A plain form on a plain field")
    for _ in range(40):
        if page.locator("video").count():
            break
        page.wait_for_timeout(500)
        page.get_by_role("link", name="Look again").click()
    expect(page.locator("video[controls]")).to_be_visible()
    page.goto("/")
    expect(page.locator("#feed article", has_text="A plain form").locator("video[controls]")).to_be_visible()
    expect(page.get_by_role("button", name="Play")).to_have_count(0)


def test_another_model_by_the_button_keeps_what_was_typed_and_chosen(page: Page):
    switch_to(page, VEO)
    page.get_by_label("Prompt", exact=True).fill("A pier in fog")
    page.get_by_role("radio", name="8 s").check()
    page.get_by_label("First frame").set_input_files(picture())
    switch_to(page, "veo/veo3.1-fast")
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("A pier in fog")
    expect(page.get_by_role("radio", name="8 s")).to_be_checked()
    expect(page.get_by_role("img", name="The image chosen")).to_be_visible()

    switch_to(page, "wan/wan2.6")
    expect(page.locator("#options")).to_contain_text("8 s is not offered by Wan 2.6")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("A pier in fog")
    expect(page.get_by_role("radio", name="8 s")).to_be_checked()
    expect(page.get_by_label("Model", exact=True)).to_have_value("veo/veo3.1-fast")
    expect(page.get_by_role("img", name="The image chosen")).to_be_visible()


def test_a_refused_form_keeps_everything(page: Page, complaints: Complaints):
    switch_to(page, "wan/wan2.7")
    page.get_by_role("spinbutton", name="Duration").fill("99")
    page.get_by_label("Prompt", exact=True).fill("A pier in fog")
    page.get_by_role("button", name="Generate").click()
    expect(page.locator("#options .error")).to_be_visible()
    expect(page.get_by_role("spinbutton", name="Duration")).to_have_value("99")
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("A pier in fog")
    complaints.expect("422")


def test_the_library_is_filtered_by_the_button(page: Page, showcase: dict[str, str]):
    page.goto("/generations/")
    page.get_by_label("Status").select_option("unknown")
    page.get_by_role("button", name="Filter").click()
    expect(page).to_have_url(re.compile("status=unknown"))
    expect(page.locator("article")).to_have_count(1)


def test_prompts_are_searched_by_the_button(page: Page, showcase: dict[str, str]):
    page.goto("/prompts/")
    page.get_by_label("Search").fill("paper boat drifts")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".prompt-row")).to_have_count(1)


def test_what_only_javascript_can_do_is_not_offered(page: Page, showcase: dict[str, str]):
    page.goto(f"/generations/{showcase['ready']}/")
    expect(page.get_by_role("button", name="Copy")).to_have_count(0)
