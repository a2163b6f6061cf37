"""Coming in, and going out."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit, sign_in

pytestmark = pytest.mark.browser


def test_signing_in_leads_to_the_page_that_was_wanted(visit: Visit):
    page = visit("")
    page.goto("/models/")
    expect(page).to_have_url(re.compile(r"/accounts/login/\?next=/models/"))
    sign_in(page, "alice", page.url)
    expect(page).to_have_url(re.compile(r"/models/$"))


def test_a_wrong_password_gets_a_sentence_and_keeps_the_name(visit: Visit):
    page = visit("")
    page.goto("/accounts/login/")
    page.get_by_label("Username").fill("alice")
    page.get_by_label("Password").fill("not it")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not correct")
    expect(page.get_by_label("Username")).to_have_value("alice")
    expect(page.get_by_label("Password")).to_have_value("")


def test_signing_out_ends_the_session(visit: Visit):
    page = visit("")
    sign_in(page, "carol")
    page.get_by_role("button", name="Account and appearance").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/accounts/login/"))
    page.goto("/queue/")
    expect(page).to_have_url(re.compile("/accounts/login/"))


def test_the_admin_has_the_same_sign_in(visit: Visit):
    page = visit("")
    sign_in(page, "admin", "/admin/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Operations")
