"""What holds for every page: nothing for axe to find, nothing wider than a phone, no breach of the policy."""

import pytest
from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from django.template import loader
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, Visit
from tests.browser.steps import choose_model

pytestmark = pytest.mark.browser

RUN_AXE = "(options) => axe.run(options)"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Who looks, at what: the first account's team has everything, carol's has nothing.
PAGES = {
    "studio": ("admin", "/"),
    "studio, empty": ("carol", "/"),
    "studio, unknown model": ("alice", "/?model=nobody/knows"),
    "ready": ("admin", "/generations/{ready}/"),
    "tall": ("admin", "/generations/{tall}/"),
    "another size": ("admin", "/generations/{differs}/"),
    "long prompt": ("admin", "/generations/{long}/"),
    "ready, of a filtered list": ("admin", "/generations/{ready}/?from=status%3Dcompleted&t=1.5"),
    "provenance": ("admin", "/generations/{ready}/provenance/"),
    "provenance, failed": ("admin", "/generations/{failed}/provenance/"),
    "compare": ("admin", "/compare/?v={ready}&v={tall}"),
    "compare, blindly": ("admin", "/compare/?v={ready}&v={tall}&v={differs}&v={long}&blind=1"),
    "compare, choosing": ("admin", "/compare/?v={ready}"),
    "compare, empty": ("carol", "/compare/"),
    "comparisons, empty": ("carol", "/comparisons/"),
    "failed": ("admin", "/generations/{failed}/"),
    "moderated": ("alice", "/generations/{moderated}/"),
    "refused": ("alice", "/generations/{refused}/"),
    "unknown": ("alice", "/generations/{unknown}/"),
    "library": ("admin", "/generations/"),
    "library, empty": ("carol", "/generations/"),
    "library, nothing found": ("alice", "/generations/?q=nobody+wrote+this&status=failed"),
    "prompts": ("admin", "/prompts/"),
    "prompts, empty": ("carol", "/prompts/"),
    "prompts, nothing found": ("alice", "/prompts/?q=nobody+wrote+this"),
    "models": ("admin", "/models/"),
    "costs": ("admin", "/costs/"),
    "costs, by prompt": ("admin", "/costs/?by=prompt"),
    "costs, empty": ("carol", "/costs/"),
    "queue": ("admin", "/queue/"),
    "queue, empty": ("carol", "/queue/"),
    "gateways": ("admin", "/gateways/"),
    "webhooks": ("admin", "/team/webhooks/"),
    "webhooks, no manager": ("alice", "/team/webhooks/"),
    "API": ("admin", "/docs/api/"),
    "trash": ("admin", "/trash/"),
    "projects": ("admin", "/projects/"),
    "desk": ("admin", "/queue/unknown/"),
    "desk, empty": ("carol", "/queue/unknown/"),
    "password change": ("alice", "/accounts/password/change/"),
    "sign-out": ("alice", "/accounts/logout/"),
    "sign-in": ("", "/accounts/login/"),
    "sign-up": ("", "/accounts/signup/"),
    "password reset": ("", "/accounts/password/reset/"),
    "password reset, sent": ("", "/accounts/password/reset/done/"),
    "password reset, used link": ("", "/accounts/password/reset/key/1-set-password/"),
    "password reset, saved": ("", "/accounts/password/reset/key/done/"),
    "admin, sign-in": ("", "/admin/login/"),
    "not found": ("alice", "/nothing-here/"),
}
ERRORS = ("400", "403", "403_csrf", "413", "500", "503")
ADMIN = ("", "generations/gateway/", "generations/gateway/add/", "generations/generation/", "generations/event/")
ADMIN += ("generations/user/", "generations/user/add/", "generations/team/", "generations/prompt/", "password_change/")


def open_page(visit: Visit, showcase: dict[str, str], name: str, **options) -> Page:
    person, path = PAGES[name]
    page = visit(person, **options)
    page.goto(path.format(**showcase))
    return page


def assert_accessible(page: Page) -> None:
    """On a desk and on a phone, light and dark. What the theme cannot change is asked once for each width."""
    every_rule = {"type": "tag", "values": RULES}
    page.evaluate(AXE_SCRIPT)
    for width, scheme, rules in (
        (1440, "light", every_rule),
        (1440, "dark", ["color-contrast"]),
        (360, "dark", every_rule),
        (360, "light", ["color-contrast"]),
    ):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        found = AxeResults(page.evaluate(RUN_AXE, {"runOnly": rules, "resultTypes": ["violations"]}))
        assert found.violations_count == 0, f"{width} px, {scheme}: {found.generate_report()}"


def assert_fits(page: Page) -> None:
    """Nothing is cut off at the right, and nothing makes the page scroll sideways."""
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    wide = page.evaluate(
        """() => [...document.querySelectorAll("body *")]
            .filter((one) => one.checkVisibility() && !one.closest(".table-scroll, .sr-only, svg"))
            .filter((one) => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
            .map((one) => one.outerHTML.slice(0, 120))"""
    )
    assert wide == []


@pytest.mark.parametrize("name", PAGES)
def test_it_is_accessible_and_fits_a_phone(visit: Visit, showcase: dict[str, str], name: str, complaints: Complaints):
    page = open_page(visit, showcase, name)
    if code := {"not found": "404", "webhooks, no manager": "403"}.get(name):
        complaints.expect(code)
    assert_accessible(page)
    assert_fits(page)
    expect(page.get_by_role("heading", level=1)).to_have_count(1)


@pytest.mark.parametrize("code", ERRORS)
def test_an_error_page_is_accessible_and_fits_a_phone(visit: Visit, code: str):
    """As the site would answer: what makes these answers cannot be provoked by visiting."""
    body = loader.get_template(f"{code}.html").render({"limit": 32, "exception": ""})
    page = visit("")
    page.route("**/broken/", lambda route: route.fulfill(body=body, content_type="text/html"))
    page.goto("/broken/")
    assert_accessible(page)
    assert_fits(page)


def test_a_form_full_of_errors_is_accessible_and_fits_a_phone(visit: Visit, complaints: Complaints):
    page = visit("alice")
    page.goto("/")
    choose_model(page, "wan/wan2.6-t2v")
    page.get_by_text("Advanced").click()
    page.get_by_label("Negative prompt").fill("word " * 1100)
    page.get_by_label("Audio").last.fill("no link")
    page.get_by_role("button", name="Generate").click()
    expect(page.locator("#composer .error")).not_to_have_count(0)
    complaints.expect("422")
    assert_accessible(page)
    assert_fits(page)


EACH_KIND = ["wan/wan2.7", "omni/omni-fast", "veo/veo3.1", "kling/kling-v2-master", "runway/gen3a_turbo"]


@pytest.mark.parametrize("key", [*EACH_KIND, "seedance/doubao-seedance-2-0"])
def test_the_options_of_a_model_are_accessible_and_fit_a_phone(visit: Visit, key: str):
    page = visit("alice")
    page.goto("/?model=wan/wan2.6&seconds=15&size=1632x1248")
    choose_model(page, key)
    for fold in page.locator("#options details").all():
        fold.locator("summary").click()
    assert_accessible(page)
    assert_fits(page)


def test_the_account_menu_is_accessible(visit: Visit):
    page = visit("admin")
    page.goto("/models/")
    page.get_by_role("button", name="Account and appearance").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert_accessible(page)
    page.get_by_role("button", name="Keys").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert_accessible(page)


def test_a_phone_has_its_places_at_the_bottom(visit: Visit):
    page = visit("alice", width=360, height=740, has_touch=True, is_mobile=True)
    page.goto("/")
    bar = page.get_by_role("navigation", name="Main").bounding_box()
    assert (bar["x"], bar["width"], round(bar["y"] + bar["height"])) == (0, 360, 740)
    for name in ("Studio", "Library", "Prompts", "Models", "Costs", "Queue"):
        box = page.get_by_role("navigation", name="Main").get_by_role("link", name=name, exact=True).bounding_box()
        assert min(box["width"], box["height"]) >= 44


@pytest.mark.parametrize("path", ADMIN)
def test_the_admin_breaks_no_policy(visit: Visit, path: str):
    page = visit("admin")
    assert page.goto(f"/admin/{path}").status == 200
    expect(page.get_by_role("heading", level=1)).to_have_count(1)


def test_the_page_of_one_generation_in_the_admin_breaks_no_policy(visit: Visit, showcase: dict[str, str]):
    page = visit("admin")
    page.goto(f"/generations/{showcase['unknown']}/")
    page.get_by_role("link", name="admin", exact=True).click()
    expect(page.locator("#content")).to_contain_text("A lighthouse keeper loses his letters")


def test_a_breach_of_the_policy_would_be_heard(visit: Visit, complaints: Complaints):
    page = visit("")
    page.goto("/accounts/login/")
    page.evaluate("() => { document.head.appendChild(document.createElement('style')).textContent = 'b {}' }")
    complaints.expect("violates style-src")
    complaints.expect("Content Security Policy")
