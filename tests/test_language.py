"""The language of the pages: chosen, kept, followed; never another reader's, and never that of what programs read."""

from django.test import TestCase
from django.utils import translation

from generations.models import Status, User
from tests.factories import alice, make_gateway, make_generation
from tests.pages import read

CHINESE = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8"}
LOGIN = "/accounts/login/"


class LanguageTestCase(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        make_gateway()
        cls.alice = alice()

    def setUp(self) -> None:
        self.addCleanup(translation.deactivate)

    def language_of(self, path: str, **headers: str) -> str:
        return read(self.client.get(path, headers=headers)).one("html")["lang"]


class ChoiceTests(LanguageTestCase):
    def test_a_browser_that_asks_for_chinese_gets_it_and_any_other_gets_english(self):
        for asked, given in (
            ("zh-CN,zh;q=0.9", "zh-hans"),
            ("zh", "zh-hans"),
            ("zh-TW", "zh-hans"),
            ("de", "en"),
            ("", "en"),
        ):
            with self.subTest(asked):
                self.assertEqual(self.language_of(LOGIN, **{"Accept-Language": asked}), given)

    def test_a_choice_before_signing_in_is_kept_and_goes_before_what_the_browser_asks_for(self):
        response = self.client.post("/language/", {"language": "en", "next": LOGIN}, headers=CHINESE)
        self.assertRedirects(response, LOGIN, fetch_redirect_response=False)
        cookie = response.cookies["django_language"]
        self.assertEqual((cookie.value, cookie["samesite"], cookie["httponly"]), ("en", "Lax", True))
        self.assertEqual(self.language_of(LOGIN, **CHINESE), "en")

    def test_a_choice_follows_the_person_to_another_browser(self):
        self.alice.set_password("quite a long one")
        self.alice.save()
        self.client.force_login(self.alice)
        self.client.post("/language/", {"language": "zh-hans"})
        self.assertEqual(User.objects.get(pk=self.alice.pk).language, "zh-hans")
        elsewhere = self.client_class()
        elsewhere.post(LOGIN, {"login": "alice", "password": "quite a long one"})
        self.assertEqual(read(elsewhere.get("/")).one("html")["lang"], "zh-hans")

    def test_nothing_unknown_is_kept_and_the_way_back_is_ours(self):
        self.client.force_login(self.alice)
        for given in ("xx", "", '"><script>', "zh-hans\r\nX: 1"):
            with self.subTest(given):
                response = self.client.post("/language/", {"language": given, "next": "//evil.example/"})
                self.assertRedirects(response, "/", fetch_redirect_response=False)
                self.assertNotIn("django_language", response.cookies)
        self.assertEqual(User.objects.get(pk=self.alice.pk).language, "")
        self.client.cookies["django_language"] = '"><script>'
        self.assertEqual(self.language_of("/"), "en")

    def test_the_choice_is_on_every_page_with_the_present_one_pressed(self):
        self.client.force_login(self.alice)
        for path, headers, pressed in (("/", {}, "en"), ("/models/", CHINESE, "zh-hans")):
            with self.subTest(path):
                form = read(self.client.get(path, headers=headers)).one("form", action="/language/")
                buttons = {button["value"]: button["aria-pressed"] for button in form.all("button")}
                self.assertEqual(buttons, {"en": "false", "zh-hans": "false"} | {pressed: "true"})


class NeverAnothersTests(LanguageTestCase):
    def test_every_page_says_that_it_depends_on_the_language_and_the_cookie(self):
        self.client.force_login(self.alice)
        for path in ("/", "/models/", "/generations/", "/nothing-here/", LOGIN):
            with self.subTest(path):
                vary = self.client.get(path)["Vary"]
                self.assertIn("Accept-Language", vary)
                self.assertIn("Cookie", vary)

    def test_a_file_is_the_same_for_everybody(self):
        self.client.force_login(self.alice)
        row = make_generation(Status.COMPLETED)
        answer = self.client.get(f"/generations/{row.uuid}/video/", headers=CHINESE)
        self.assertNotIn("Accept-Language", answer.get("Vary", ""))
        self.assertNotIn("Content-Language", answer)

    def test_what_is_drawn_once_is_drawn_once_a_language(self):
        self.client.force_login(self.alice)
        make_generation(Status.COMPLETED)
        for path in ("/", "/generations/"):
            with self.subTest(path):
                english = self.client.get(path).content
                self.client.get(path, headers=CHINESE)
                again = self.client.get(path).content
                self.assertEqual(len(english), len(again))

    def test_a_request_never_goes_on_in_the_language_of_the_one_before_it(self):
        translation.activate("zh-hans")
        self.assertEqual(self.language_of(LOGIN), "en")
        translation.activate("zh-hans")
        too_large = self.client.generic("POST", LOGIN, b"", headers={"Content-Length": str(10**9)})
        self.assertContains(too_large, "That is too large", status_code=413)


class ForProgramsTests(LanguageTestCase):
    def test_what_programs_read_is_english(self):
        self.client.force_login(self.alice)
        row = make_generation(Status.FAILED)
        for path in (
            "/v1/models",
            "/v1/nothing-here",
            f"/generations/{row.uuid}.json",
            f"/generations/{row.uuid}/provenance.json",
            "/generations/export.json",
            "/generations/export.csv",
            "/costs/export/",
            "/healthz",
        ):
            with self.subTest(path):
                english = self.client.get(path)
                asked = self.client.get(path, headers=CHINESE)
                self.assertEqual(asked.status_code, english.status_code)
                self.assertEqual(whole(asked), whole(english))


def whole(response) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content
