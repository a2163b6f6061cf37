"""What is drawn once and shown to many: only what is each page's own may differ."""

from datetime import UTC, datetime, timedelta
from unittest import mock

import time_machine
from django.test import SimpleTestCase

from generations.templatetags import look
from tests.factories import make_generation, make_user
from tests.test_pages import PageTestCase


class DrawnTests(SimpleTestCase):
    def setUp(self):
        self.enterContext(mock.patch.dict(look._drawn, clear=True))

    def pages(self, **own: str) -> str:
        return look.drawn("a key", "generations/_pages.html", {"newer_url": "", "older_url": "", "place": "", **own})

    def test_what_is_a_pages_own_is_not_in_another(self):
        first = self.pages(newer_url="?after=1", place="one")
        second = self.pages(newer_url="?after=2", place="two")
        self.assertEqual(len(look._drawn), 1)
        self.assertIn('href="?after=1"', first)
        self.assertEqual(first.replace("after=1", "after=2").replace("one", "two"), second)
        self.assertNotIn("\x02", first + second)

    def test_it_is_escaped(self):
        self.assertIn("?q=&quot;&gt;&lt;script&gt;", self.pages(older_url='?q="><script>'))


class AgeTests(SimpleTestCase):
    def test_the_first_minute_is_told_in_seconds(self):
        now = datetime(2026, 11, 27, 12, tzinfo=UTC)
        with time_machine.travel(now, tick=False):
            for past, words in ((0, "0 s"), (59, "59 s"), (60, "1\xa0minute"), (90_000, "1\xa0day, 1\xa0hour")):
                with self.subTest(past):
                    self.assertEqual(look.age(now - timedelta(seconds=past)), words)


class FrameTests(PageTestCase):
    def test_each_person_and_page_has_its_own_top(self):
        make_generation()
        for person, path in ((self.alice, "/generations/?q=%22%3E"), (make_user("zoë@example"), "/prompts/")):
            self.client.force_login(person)
            page = self.page(path)
            menu = page.one(id_="account-menu")
            self.assertIn(person.username, menu.text)
            self.assertEqual({field["value"] for field in menu.all("input", name="next")}, {path})
            tokens = {field["value"] for field in page.all("input", name="csrfmiddlewaretoken")}
            self.assertEqual(len(tokens), 1)
            self.assertTrue(tokens.pop().isalnum())

    def test_the_appearance_is_each_ones_own(self):
        for theme in ("dark", "light", "system", "dark"):
            self.client.cookies["theme"] = theme
            pressed = self.page("/").one("button", name="theme", **{"aria-pressed": "true"})
            self.assertEqual(pressed["value"], theme)
