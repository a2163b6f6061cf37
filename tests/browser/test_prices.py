"""The price on the button, as the options change under it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.steps import choose_model
from tests.services.studio import Studio

pytestmark = pytest.mark.browser

OMNI = "omni/omni-fast"
PRICED = """
from generations.models import Gateway, ModelPrice
gateway = Gateway.objects.create(name="priced", base_url="https://gateway.invalid", key="sk-nobody-0", offers=["omni"])
known = {"model_key": "omni/omni-fast", "per": "second", "source": "the contract", "gateway": gateway}
ModelPrice.objects.create(amount="0.05", **known)
ModelPrice.objects.create(amount="0.10", option="resolution", value="1080p", **known)
"""
GONE = """
from generations.models import Gateway
Gateway.objects.filter(name="priced").delete()
"""


@pytest.fixture
def _priced(studio: Studio) -> Iterator[None]:
    """Omni costs something while the test runs; everything else is the sandbox's, and free."""
    studio.run("shell", "--no-imports", "--command", PRICED)
    yield
    studio.run("shell", "--no-imports", "--command", GONE)


@pytest.mark.usefixtures("_priced")
def test_the_button_follows_the_options_and_the_model(visit: Visit):
    page = visit("alice")
    page.goto(f"/?model={OMNI}")
    button = page.get_by_role("button", name="Generate")
    expect(button).to_have_accessible_name("Generate, about 0.20 USD")
    page.get_by_role("radio", name="1080p").check()
    expect(button).to_have_accessible_name("Generate, about 0.40 USD")
    choose_model(page, "wan/wan2.6")
    expect(button).to_have_accessible_name("Generate, free")
    page.get_by_label("Prompt", exact=True).fill("Whatever is typed stays")
    choose_model(page, OMNI)  # which takes Wan's 1080p over
    expect(button).to_have_accessible_name("Generate, about 0.40 USD")
    page.get_by_role("radio", name="720p").check()
    expect(button).to_have_accessible_name("Generate, about 0.20 USD")
    expect(page.get_by_label("Prompt", exact=True)).to_have_value("Whatever is typed stays")


@pytest.mark.usefixtures("_priced")
def test_without_javascript_the_page_as_loaded_says_it(visit: Visit):
    page = visit("alice", java_script_enabled=False)
    page.goto("/")
    page.get_by_label("Model", exact=True).select_option(OMNI)
    page.get_by_role("button", name="Use this model").click()
    expect(page.get_by_role("button", name="Generate")).to_have_accessible_name("Generate, about 0.20 USD")
