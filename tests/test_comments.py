"""Comments: of the team alone, about a moment or all of it, changed by whoever wrote them."""

from django.test import SimpleTestCase, TestCase

from generations.models import Comment, Status
from generations.moments import read_time, time_words
from tests.factories import alice, bob, carol, make_generation
from tests.pages import Element, read

HTMX = {"HX-Request": "true"}


class MomentTests(SimpleTestCase):
    def test_what_people_write_is_read(self):
        for text, seconds in (("75", 75), ("1:15", 75), (" 0:03.2 ", 3.2), ("0:03,2", 3.2), ("1:00:01", 3601)):
            self.assertEqual(read_time(text), seconds, text)
        for text in ("", "now", "-1", "1:2:3:4", "1e3", "nan", "99:99:99", ":", "٣"):
            self.assertIn(read_time(text), {None, 3.0} if text == "٣" else {None}, text)

    def test_what_is_written_is_read_again(self):
        for seconds in (0, 3.2, 59.999, 61.5, 3600):
            self.assertAlmostEqual(read_time(time_words(seconds)), seconds, places=2)


class CommentTests(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        cls.row = make_generation(Status.COMPLETED)
        cls.url = f"{cls.row.get_absolute_url()}comments/"

    def setUp(self) -> None:
        self.client.force_login(alice())

    def page(self) -> Element:
        return read(self.client.get(self.row.get_absolute_url()))

    def say(self, text: str = "The fox blinks", at: str = "", **headers: str):
        return self.client.post(self.url, {"text": text, "at": at}, headers=headers)

    def test_it_stands_on_the_page_with_a_link_to_its_moment(self):
        response = self.say(at="0:00.5")
        comment = Comment.objects.get()
        self.assertRedirects(response, f"{self.row.get_absolute_url()}#comment-{comment.pk}")
        page = self.page()
        self.assertIn("The fox blinks", page.one(id_=f"comment-{comment.pk}").text)
        link = page.one("a", data_seek="0.500")
        self.assertEqual(link["href"], "?t=0.50")
        self.assertEqual(
            read(self.client.get(f"{self.row.get_absolute_url()}?t=0.50")).one("video")["src"].partition("#")[2],
            "t=0.5",
        )

    def test_htmx_is_answered_with_the_comments_alone(self):
        response = self.say(**HTMX)
        self.assertTemplateNotUsed(response, "base.html")
        self.assertIn("The fox blinks", read(response).one(id_="comments").text)

    def test_what_is_refused_comes_back_as_typed_with_a_sentence(self):
        for text, at, words in (
            ("", "", "Write something first."),
            ("x" * 2001, "", "At most 2000 characters: this has 2001."),
            ("Look", "soon", "Write the moment as minutes and seconds"),
            ("Look", "0:09", "The video ends at 0:01.00."),
        ):
            for headers in ({}, HTMX):
                with self.subTest(words, headers=headers):
                    response = self.say(text, at, **headers)
                    self.assertEqual(response.status_code, 422)
                    form = read(response).one(id_="comment-form")
                    self.assertIn(words, form.text)
                    self.assertEqual(form.controls()["text"], [text])
                    self.assertEqual(form.controls()["at"], [at])
        self.assertFalse(Comment.objects.exists())

    def test_one_s_own_is_edited_and_deleted(self):
        self.say()
        comment = Comment.objects.get()
        url = f"/comments/{comment.pk}/"
        self.assertEqual(self.client.post(url, {"text": "", "at": ""}).status_code, 422)
        self.client.post(url, {"text": "It winks", "at": "0:01"})
        comment.refresh_from_db()
        self.assertEqual((comment.text, comment.at_seconds), ("It winks", 1.0))
        self.assertIn("edited", self.page().one(id_=f"comment-{comment.pk}").text)
        self.client.post(url, {"delete": "1"})
        self.assertFalse(Comment.objects.exists())

    def test_a_deleted_one_comes_back_by_the_toast_s_button(self):
        self.say(at="0:00.25")
        for headers in ({}, HTMX):
            pk = Comment.objects.get().pk
            response = self.client.post(f"/comments/{pk}/", {"delete": "1"}, headers=headers, follow=not headers)
            toast = read(response).of_class("toast-item")[0].one("form")
            self.assertEqual(toast.one("button").text, "Undo")
            self.client.post(toast["action"], toast.controls())
            comment = Comment.objects.get()
            self.assertEqual((comment.text, comment.at_seconds), ("The fox blinks", 0.25))

    def test_only_whoever_wrote_it_may_change_it_and_only_the_team_sees_it(self):
        self.say()
        url = f"/comments/{Comment.objects.get().pk}/"
        for user, status in ((bob(), 403), (carol(), 404)):
            self.client.force_login(user)
            for fields in ({"text": "No"}, {"delete": "1"}):
                self.assertEqual(self.client.post(url, fields).status_code, status)
        self.assertEqual(self.say().status_code, 404)
        self.assertEqual(Comment.objects.get().text, "The fox blinks")
        self.client.force_login(bob())
        self.assertIn("The fox blinks", self.page().text)
        self.assertFalse(self.page().all("form", action=url))

    def test_markup_is_words(self):
        self.say("<script>alert(1)</script>{{ 7 }}")
        self.assertIn("<script>alert(1)</script>{{ 7 }}", self.page().one(id_="comments").text)
