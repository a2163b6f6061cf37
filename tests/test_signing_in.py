"""Signing in and out, passwords and their reset, limits, and doors that stay shut."""

import re
from datetime import timedelta
from unittest import mock

import time_machine
from django.conf import settings
from django.core import mail
from django.core.cache import cache
from django.http import HttpResponseBase
from django.test import Client, TestCase, override_settings
from django.utils import timezone

from generations import seeding
from generations.models import User
from tests.factories import PASSWORD, alice, bob, make_user
from tests.pages import read

LOGIN = "/accounts/login/"
RESET = "/accounts/password/reset/"
NEW = "another long enough secret"
WRONG = "The username and/or password you specified are not correct."
TOO_MANY = "Too many failed tries to sign in. Try again in 5 minutes."


class SignInTestCase(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        cls.alice = alice()

    def sign_in(
        self, login: str = "alice", password: str = PASSWORD, *, client: Client | None = None, **extra
    ) -> HttpResponseBase:
        return (client or self.client).post(LOGIN, {"login": login, "password": password}, **extra)

    def is_signed_in(self, client: Client | None = None) -> bool:
        return (client or self.client).get("/queue/").status_code == 200


class SignInTests(SignInTestCase):
    def test_the_page_has_a_user_field_and_a_password_field_and_the_token_of_forms(self):
        page = read(self.client.get(LOGIN))
        form = page.one("form", action=LOGIN)
        self.assertEqual((form["method"], form["action"]), ("post", LOGIN))
        self.assertEqual(form.one("input", name="password")["type"], "password")
        self.assertEqual(form.one("input", name="login")["type"], "text")
        self.assertEqual(form.controls().keys(), {"csrfmiddlewaretoken", "login", "password"})
        self.assertEqual(len(form.all("button")), 1)

    def test_the_page_opens_with_the_focus_in_the_first_field_alone(self):
        fields = re.findall("<input[^>]*>", self.client.get(LOGIN).content.decode())
        self.assertEqual(['name="login"' in field for field in fields if "autofocus" in field], [True])

    def test_a_program_signs_in_with_what_is_in_the_page(self):
        client = Client(enforce_csrf_checks=True)
        sent = read(client.get(LOGIN, {"next": "/generations/?q=fox"})).one("form", action=LOGIN).controls()
        response = client.post(LOGIN, sent | {"login": ["alice"], "password": [PASSWORD]})
        self.assertRedirects(response, "/generations/?q=fox", fetch_redirect_response=False)
        self.assertTrue(self.is_signed_in(client))

    def test_without_a_page_asked_for_it_leads_to_the_studio(self):
        self.assertRedirects(self.sign_in(), "/")

    def test_it_never_leads_to_another_site(self):
        for given in ("https://evil.example/", "//evil.example/", "javascript:alert(1)", "http://[", "/\\evil.example"):
            with self.subTest(given):
                client = Client()
                data = {"login": "alice", "password": PASSWORD, "next": given}
                response = client.post(LOGIN, data)
                self.assertEqual((response.status_code, response.headers["Location"]), (302, "/"))
                self.assertNotContains(Client().get(LOGIN, {"next": given}), 'href="javascript')

    def test_a_wrong_word_says_so_without_saying_which(self):
        for login, password in (("alice", "wrong"), ("nobody", PASSWORD), ("<script>alert(1)</script>", "x")):
            with self.subTest(login):
                response = self.sign_in(login, password)
                self.assertContains(response, WRONG)
                self.assertNotContains(response, "<script>alert")
                self.assertNotContains(response, PASSWORD)
                self.assertEqual(read(response).one("input", name="login")["value"], login)
        self.assertFalse(self.is_signed_in())

    def test_strange_words_are_refused_with_a_sentence(self):
        for login, password in (
            ("", ""),
            ("a\0b", "x"),
            ("alice", "\0"),
            ("x" * 100_000, "x" * 100_000),
            ("alice", "x" * 1_000_000),
        ):
            with self.subTest(login[:10]):
                response = self.sign_in(login, password)
                self.assertEqual(response.status_code, 200)
                self.assertTrue(read(response).of_class("errorlist") or read(response).all(role="alert"))

    def test_case_does_not_matter_in_a_name(self):
        self.sign_in("Alice")
        self.assertTrue(self.is_signed_in())

    def test_whoever_is_signed_in_is_led_on(self):
        self.sign_in()
        self.assertRedirects(self.client.get(LOGIN), "/")

    def test_the_session_is_a_new_one_and_its_cookie_is_for_the_server_alone(self):
        self.client.get(LOGIN)
        before = self.client.session.session_key
        self.sign_in()
        self.assertNotEqual(self.client.session.session_key, before)
        cookie = self.client.cookies[settings.SESSION_COOKIE_NAME]
        self.assertTrue(cookie["httponly"])
        self.assertEqual((cookie["samesite"], cookie["max-age"]), ("Lax", 14 * 24 * 3600))


class SignOutTests(SignInTestCase):
    def test_a_button_signs_out_at_once(self):
        self.sign_in()
        [form] = [form for form in read(self.client.get("/")).all("form") if form["action"] == "/accounts/logout/"]
        self.assertRedirects(self.client.post(form["action"], form.controls()), LOGIN)
        self.assertFalse(self.is_signed_in())

    def test_a_link_only_asks(self):
        self.sign_in()
        self.assertContains(self.client.get("/accounts/logout/"), "Sign out?")
        self.assertTrue(self.is_signed_in())


class LimitTests(SignInTestCase):
    """Five wrong passwords for an account, twenty from an address, in five minutes."""

    def fail(self, times: int, login: str = "alice", address: str = "192.0.2.1", **extra) -> HttpResponseBase:
        for number in range(times):
            response = self.sign_in(login.format(number), "wrong", REMOTE_ADDR=address, **extra)
        return response

    def test_an_account_is_tried_five_times_and_then_not_even_with_the_right_word(self):
        self.assertContains(self.fail(5), WRONG)
        self.assertContains(self.fail(1), TOO_MANY)
        self.assertContains(self.sign_in(REMOTE_ADDR="192.0.2.2"), TOO_MANY)
        self.assertFalse(self.is_signed_in())

    def test_another_account_is_not_held_up_by_it(self):
        make_user("dora")
        self.fail(6)
        self.sign_in("dora", REMOTE_ADDR="192.0.2.1")
        self.assertTrue(self.is_signed_in())

    def test_spelling_the_name_the_address_or_the_port_differently_does_not_help(self):
        names = ("alice", "ALICE", " alice ", "aLice", "Alice")
        for number, name in enumerate(names):
            self.fail(1, name, f"192.0.2.{number}", headers={"Host": f"localhost:{8000 + number}"})
        response = self.sign_in(REMOTE_ADDR="192.0.2.99", headers={"Host": "127.0.0.1"})
        self.assertContains(response, TOO_MANY)

    def test_an_account_that_is_not_there_is_limited_alike(self):
        self.assertContains(self.fail(5, "nobody"), WRONG)
        self.assertContains(self.fail(1, "nobody"), TOO_MANY)

    def test_an_address_is_heard_twenty_times_whatever_names_it_tries(self):
        self.assertContains(self.fail(20, "name{}"), WRONG)
        self.assertContains(self.fail(1, "another"), TOO_MANY)
        self.assertContains(self.sign_in(REMOTE_ADDR="192.0.2.1"), TOO_MANY)
        self.sign_in(REMOTE_ADDR="192.0.2.2")
        self.assertTrue(self.is_signed_in())

    def test_an_address_cannot_be_made_up(self):
        for number in range(20):
            self.fail(1, f"name{number}", headers={"X-Forwarded-For": f"198.51.100.{number}"})
        self.assertContains(self.fail(1, "another", headers={"X-Forwarded-For": "198.51.100.99"}), TOO_MANY)

    @override_settings(ALLAUTH_TRUSTED_PROXY_COUNT=1)
    def test_behind_a_trusted_proxy_it_is_the_address_that_the_proxy_saw(self):
        for number in range(20):
            self.fail(1, f"name{number}", headers={"X-Forwarded-For": f"203.0.113.{number}, 198.51.100.1"})
        forwarded = {"X-Forwarded-For": "203.0.113.99, 198.51.100.1"}
        self.assertContains(self.fail(1, "another", headers=forwarded), TOO_MANY)
        self.assertContains(self.fail(1, "another", headers={"X-Forwarded-For": "198.51.100.2"}), WRONG)

    def test_signing_in_right_is_not_counted(self):
        for _ in range(8):
            self.sign_in()
            self.client.post("/accounts/logout/")
        self.sign_in()
        self.assertTrue(self.is_signed_in())

    def test_the_limit_passes_by_itself(self):
        self.fail(6)
        with time_machine.travel(timedelta(minutes=6)):
            self.sign_in(REMOTE_ADDR="192.0.2.1")
        self.assertTrue(self.is_signed_in())

    def test_it_is_said_how_long_to_wait_and_trying_does_not_make_it_longer(self):
        self.fail(1)
        with time_machine.travel(timedelta(minutes=3)):
            self.fail(4)
            self.assertContains(self.fail(3), "Try again in 2 minutes.")
        with time_machine.travel(timedelta(minutes=4, seconds=30)):
            self.assertContains(self.fail(1), "Try again in 1 minute.")
        with time_machine.travel(timedelta(minutes=5, seconds=1)):
            self.assertContains(self.fail(1), WRONG)

    def test_a_flood_is_answered_with_a_page(self):
        with mock.patch("generations.people.StudioAccountAdapter.pre_authenticate"):
            for _ in range(60):
                self.sign_in("nobody", "wrong")
            response = self.sign_in("nobody", "wrong")
        self.assertContains(response, "Too many tries", status_code=429)
        self.assertEqual(self.client.get(LOGIN).status_code, 200)

    def test_the_admin_s_door_is_the_same_door(self):
        make_user("olga", is_staff=True)
        for _ in range(6):
            response = self.client.post("/admin/login/", {"username": "olga", "password": "wrong"})
            self.assertRedirects(response, f"{LOGIN}?next=/admin/login/", fetch_redirect_response=False)
        response = self.client.post("/admin/login/?next=/admin/", {"username": "olga", "password": PASSWORD})
        self.assertEqual(response.status_code, 302)
        self.assertNotIn("_auth_user_id", self.client.session)
        self.fail(6, "olga")
        self.assertContains(self.sign_in("olga", REMOTE_ADDR="192.0.2.9"), TOO_MANY)
        self.assertEqual(self.client.get("/admin/").status_code, 302)

    def test_an_operator_comes_to_the_admin_by_it(self):
        make_user("olga", is_staff=True)
        there = self.client.get("/admin/", follow=True).redirect_chain[-1][0]
        response = self.client.post(there, {"login": "olga", "password": PASSWORD}, follow=True)
        self.assertEqual((response.status_code, response.request["PATH_INFO"]), (200, "/admin/"))


class BackgroundTests(SignInTestCase):
    """What a page asks by itself while somebody types takes no page away; what a person did leads to the sign-in."""

    def test_a_hint_stays_silent_when_the_session_has_ended(self):
        for path in ("/prompts/similar/", "/prompts/recall/", "/price/"):
            with self.subTest(path):
                response = self.client.get(path, headers={"HX-Request": "true"})
                self.assertEqual((response.status_code, response.content), (204, b""))
                self.assertNotIn("HX-Redirect", response.headers)
                self.assertEqual(self.client.get(path).status_code, 302)
        response = self.client.get("/live/?v=x:1", headers={"HX-Request": "true"})
        self.assertIn(LOGIN, response.headers["HX-Redirect"])


class InactiveTests(SignInTestCase):
    def test_an_account_switched_off_is_not_let_in_and_told_so_only_with_its_password(self):
        User.objects.filter(pk=self.alice.pk).update(is_active=False)
        self.assertContains(self.sign_in(password="wrong"), WRONG)
        response = self.client.post(LOGIN, {"login": "alice", "password": PASSWORD}, follow=True)
        self.assertContains(response, "This account is switched off")
        self.assertFalse(self.is_signed_in())

    def test_one_switched_off_while_signed_in_stops_at_once(self):
        self.sign_in()
        User.objects.filter(pk=self.alice.pk).update(is_active=False)
        self.assertFalse(self.is_signed_in())
        User.objects.filter(pk=self.alice.pk).update(is_active=True)
        self.assertTrue(self.is_signed_in())

    def test_an_operator_switched_off_stops_at_once_too(self):
        self.client.force_login(make_user("olga", is_superuser=True, is_staff=True))
        User.objects.filter(username="olga").update(is_active=False)
        self.assertEqual(self.client.get("/admin/").status_code, 302)


class SessionTests(SignInTestCase):
    def test_it_opens_nothing_once_it_is_over(self):
        self.sign_in()
        self.assertTrue(self.is_signed_in())
        with time_machine.travel(timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE + 60), tick=False):
            self.assertFalse(self.is_signed_in())

    def test_an_invented_one_opens_nothing(self):
        self.client.cookies[settings.SESSION_COOKIE_NAME] = "0" * 32
        self.assertFalse(self.is_signed_in())

    def test_nobody_is_signed_in_by_one_whose_person_is_gone(self):
        self.sign_in()
        User.objects.filter(pk=self.alice.pk).delete()
        self.assertFalse(self.is_signed_in())


class PasswordTests(SignInTestCase):
    PATH = "/accounts/password/change/"

    def change(self, old: str = PASSWORD, new: str = NEW, again: str = "") -> HttpResponseBase:
        return self.client.post(self.PATH, {"oldpassword": old, "password1": new, "password2": again or new})

    def test_a_password_is_changed_and_other_sessions_end(self):
        elsewhere = Client()
        self.sign_in()
        self.sign_in(client=elsewhere)
        self.assertRedirects(self.change(), "/", fetch_redirect_response=False)
        self.assertContains(self.client.get("/"), "Password successfully changed.")
        self.assertTrue(self.is_signed_in())
        self.assertFalse(self.is_signed_in(elsewhere))
        self.client.logout()
        self.assertContains(self.sign_in(), WRONG)
        self.assertEqual(self.sign_in(password=NEW).status_code, 302)

    def test_what_is_not_good_enough_is_refused_with_a_sentence(self):
        self.sign_in()
        for old, new, again, words in (
            ("wrong", NEW, "", "current password"),
            (PASSWORD, "short", "", "at least 10 characters"),
            (PASSWORD, "1234567890123", "", "entirely numeric"),
            (PASSWORD, "password123", "", "too common"),
            (PASSWORD, NEW, "something else entirely", "same password"),
        ):
            with self.subTest(words):
                self.assertContains(self.change(old, new, again), words)
                cache.clear()
        self.assertTrue(User.objects.get(pk=self.alice.pk).check_password(PASSWORD))

    def test_guessing_the_old_one_is_limited(self):
        self.sign_in()
        for _ in range(5):
            self.assertEqual(self.change("wrong").status_code, 200)
        self.assertContains(self.change("wrong"), "Too many tries", status_code=429)


class ResetTests(SignInTestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        super().setUpTestData()
        User.objects.filter(pk=cls.alice.pk).update(email="alice@example.com")

    def test_without_mail_nothing_is_sent_and_the_page_says_who_helps(self):
        for response in (self.client.get(RESET), self.client.post(RESET, {"email": "alice@example.com"})):
            self.assertContains(response, "An operator can set a new password for you.")
            self.assertFalse([form for form in read(response).all("form") if form["action"] == RESET])
        self.assertEqual(mail.outbox, [])
        self.assertNotContains(self.client.get(LOGIN), RESET)

    @override_settings(EMAIL_CONFIGURED=True)
    def test_with_mail_a_link_sets_a_new_password_once(self):
        self.assertContains(self.client.get(LOGIN), RESET)
        other = {"Host": "localhost:6666"}  # a link must lead to the studio, whatever host the request names
        response = self.client.post(RESET, {"email": "Alice@example.com"}, follow=True, headers=other)
        self.assertContains(response, "Look into your mail")
        [message] = mail.outbox
        self.assertEqual((message.to, message.subject), (["alice@example.com"], "Set a new password for VideoStudio"))
        link = re.search(rf"{settings.STUDIO_URL}(\S+)", message.body)[1]
        page = self.client.get(link, follow=True)
        form = read(page).of_class("panel")[0].one("form")
        done = self.client.post(form["action"], form.controls() | {"password1": [NEW], "password2": [NEW]}, follow=True)
        self.assertContains(done, "Your new password is saved")
        self.assertEqual(self.sign_in(password=NEW).status_code, 302)
        self.client.logout()
        self.assertContains(self.client.get(link, follow=True), "This link does not work any more")

    @override_settings(EMAIL_CONFIGURED=True)
    def test_who_has_an_account_is_not_told(self):
        bob()
        User.objects.filter(username="bob").update(email="bob@example.com", is_active=False)
        for address in ("nobody@example.com", "bob@example.com"):
            response = self.client.post(RESET, {"email": address}, follow=True)
            self.assertContains(response, "If an account belongs to that address")
        self.assertEqual(mail.outbox, [])

    @override_settings(EMAIL_CONFIGURED=True)
    def test_a_mail_server_that_is_away_is_logged_and_tells_nobody_who_has_an_account(self):
        with (
            mock.patch("allauth.account.adapter.DefaultAccountAdapter.send_mail", side_effect=ConnectionRefusedError),
            self.assertLogs("generations.people", "ERROR"),
        ):
            response = self.client.post(RESET, {"email": "alice@example.com"}, follow=True)
        self.assertContains(response, "If an account belongs to that address")

    @override_settings(EMAIL_CONFIGURED=True)
    def test_asking_is_limited(self):
        for _ in range(5):
            self.client.post(RESET, {"email": "alice@example.com"})
        response = self.client.post(RESET, {"email": "alice@example.com"})
        self.assertContains(response, "Too many tries", status_code=429)
        self.assertEqual(len(mail.outbox), 5)

    @override_settings(EMAIL_CONFIGURED=True)
    def test_a_made_up_link_leads_to_a_sentence(self):
        for path in ("1-set-password/", "1-abc-def/", "zzzzzzzzzzzzzzzzzzzz-abc/", "1-%00/"):
            with self.subTest(path):
                response = self.client.get(f"/accounts/password/reset/key/{path}", follow=True)
                self.assertContains(response, "This link does not work any more")


class ClosedTests(SignInTestCase):
    def test_nobody_signs_up(self):
        data = {"username": "eve", "password1": NEW, "password2": NEW, "email": "eve@example.com"}
        for response in (self.client.get("/accounts/signup/"), self.client.post("/accounts/signup/", data)):
            self.assertContains(response, "Accounts are made by operators")
        self.assertFalse(User.objects.filter(username="eve").exists())
        self.assertNotContains(self.client.get(LOGIN), "signup")

    def test_ways_in_that_are_not_used_are_not_there(self):
        for path in (
            "email/",
            "confirm-email/",
            "login/code/confirm/",
            "social/login/",
            "reauthenticate/",
            "password/set/",
        ):
            with self.subTest(path):
                self.assertEqual(self.client.get(f"/accounts/{path}").status_code, 404)


class FirstAccountTests(TestCase):
    def setUp(self) -> None:
        seeding.prepare()
        self.note = settings.INITIAL_PASSWORD_FILE
        self.addCleanup(self.note.unlink, missing_ok=True)

    def sign_in(self, login: str, password: str) -> HttpResponseBase:
        return self.client.post(LOGIN, {"login": login, "password": password})

    def test_its_note_goes_with_the_first_use(self):
        password = self.note.read_text().strip()
        self.assertEqual(self.note.stat().st_mode & 0o777, 0o600)
        self.sign_in("admin", "wrong")
        self.assertTrue(self.note.exists())
        self.assertEqual(self.sign_in("admin", password).status_code, 302)
        self.assertFalse(self.note.exists())
        self.assertEqual(self.client.get("/admin/").status_code, 200)

    def test_it_does_not_go_with_somebody_else_s_sign_in(self):
        make_user("alice")
        self.sign_in("alice", PASSWORD)
        self.assertTrue(self.note.exists())
