"""Provenance, and the steps from one video to the next of the list it was opened from."""

from urllib.parse import quote

from django.test import TestCase

from generations.models import Generation, Status
from tests.factories import alice, bob, carol, make_generation
from tests.pages import read


class ProvenanceTests(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        cls.first = make_generation(Status.COMPLETED, prompt="A fox")
        cls.second = make_generation(Status.COMPLETED, prompt="A fox at dusk", parent=cls.first, relation="remix")
        cls.row = make_generation(
            Status.COMPLETED, prompt="A fox at night", parent=cls.second, relation="rerun", quote="0.40"
        )

    def setUp(self) -> None:
        self.client.force_login(alice())

    def test_the_record_tells_who_when_what_and_what_became_of_it(self):
        sheet = self.client.get(f"{self.row.get_absolute_url()}provenance.json").json()
        self.assertEqual(sheet["who"], {"person": "alice", "team": "Studio", "through": "Browser"})
        self.assertEqual((sheet["asked"]["prompt"], sheet["asked"]["model"]), ("A fox at night", self.row.model_key))
        self.assertEqual(sheet["asked"]["options"], self.row.options)
        self.assertEqual((sheet["sent"]["gateway"], sheet["sent"]["upstream_id"]), ("fake", self.row.upstream_id))
        [attempt] = sheet["sent"]["attempts"]
        self.assertEqual((attempt["number"], attempt["outcome"]), (1, "accepted"))
        self.assertEqual(attempt["request_sha256"], self.row.attempts.get().request_digest)
        self.assertEqual(sheet["measured"]["sha256"], self.row.sha256)
        self.assertEqual(sheet["price"]["quoted"], "0.400000")
        self.assertEqual([entry["kind"] for entry in sheet["ledger"]], ["reserve", "settle"])
        self.assertEqual(
            sheet["parents"],
            [{"id": str(self.second.uuid), "relation": "rerun"}, {"id": str(self.first.uuid), "relation": "remix"}],
        )
        self.assertEqual(sheet["events"][-1]["to"], "completed")
        self.assertEqual(sheet["when"]["asked"][:10], f"{self.row.created_at:%Y-%m-%d}")

    def test_the_sheet_has_the_same(self):
        page = read(self.client.get(f"{self.row.get_absolute_url()}provenance/")).one("main").text
        attempt = self.row.attempts.get()
        for words in ("A fox at night", self.row.sha256, attempt.request_digest, self.row.upstream_id, "Reserve"):
            self.assertIn(words, page)
        self.assertIn(str(self.first.uuid), page)

    def test_what_never_left_has_a_sheet_too(self):
        waiting = make_generation()
        page = read(self.client.get(f"{waiting.get_absolute_url()}provenance/")).one("main").text
        self.assertIn("None was sent.", page)
        self.assertIn("There is no file.", page)

    def test_a_circle_of_parents_ends(self):
        type(self.first).objects.filter(pk=self.first.pk).update(parent=self.row)
        sheet = self.client.get(f"{self.row.get_absolute_url()}provenance.json").json()
        self.assertEqual(len(sheet["parents"]), 2)


class StepTests(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        words = ("red kite", "blue kite", "red fox", "red hen")
        cls.rows = [make_generation(prompt=text, user=bob() if text == "red hen" else None) for text in words]
        make_generation(prompt="red secret", user=carol())

    def setUp(self) -> None:
        self.client.force_login(alice())

    def steps(self, number: int, query: str | None = None) -> dict[str, str]:
        rest = "" if query is None else f"?from={quote(query, safe='')}"
        page = read(self.client.get(self.rows[number].get_absolute_url() + rest))
        nav = page.of_class("steps")[0]
        self.list = nav.all("a")[0]["href"]
        return {link["rel"]: link["href"].partition("?")[0] for link in nav.all("a") if "rel" in link}

    def url(self, number: int) -> str:
        return self.rows[number].get_absolute_url()

    def test_they_follow_the_filter_it_was_opened_from(self):
        self.assertEqual(self.steps(2, "q=red"), {"prev": self.url(3), "next": self.url(0)})
        self.assertEqual(self.list, "/generations/?q=red")
        self.assertEqual(self.steps(2), {"prev": self.url(3), "next": self.url(1)})
        self.assertEqual(self.steps(2, "q=red&person=alice"), {"next": self.url(0)})
        self.assertEqual(self.steps(0, "q=red"), {"prev": self.url(2)})

    def test_whoever_comes_from_the_library_steps_through_its_list(self):
        came = {"Referer": "http://testserver/generations/?q=red&before=99&nonsense=1"}
        link = read(self.client.get(self.url(2), headers=came)).one("a", rel="next")
        self.assertEqual(link["href"], f"{self.url(0)}?from=q%3Dred")
        elsewhere = {"Referer": "http://elsewhere.invalid/generations/?q=red"}
        link = read(self.client.get(self.url(2), headers=elsewhere)).one("a", rel="next")
        self.assertEqual(link["href"], f"{self.url(1)}?from=")

    def after_deleting(self, row: Generation, query: str = "", **headers: str) -> str:
        """Delete a video by the form of its page, and return where that leads."""
        page = read(self.client.get(f"{row.get_absolute_url()}{query}", headers=headers))
        [form] = [form for form in page.all("form") if form["action"].endswith("/delete/")]
        return self.client.post(form["action"], form.controls()).headers["Location"]

    def test_deleting_goes_on_through_the_list_or_back_to_it(self):
        one, two, three = (make_generation(Status.COMPLETED, prompt=f"green {name}") for name in "abc")
        walk = "?from=q%3Dgreen"
        self.assertEqual(self.after_deleting(two, walk), f"{one.get_absolute_url()}{walk}")
        self.assertEqual(self.after_deleting(one, walk), f"{three.get_absolute_url()}{walk}")
        self.assertEqual(self.after_deleting(three, walk), "/generations/?q=green")
        came = {"Referer": "http://testserver/generations/?q=red&status=completed"}
        four, five = (make_generation(Status.COMPLETED, prompt="red dog") for _ in range(2))
        self.assertEqual(self.after_deleting(five, **came), "/generations/?q=red&status=completed")
        self.assertEqual(self.after_deleting(four), "/generations/")

    def test_only_what_the_filter_knows_survives(self):
        hostile = ("next=https://evil.invalid", "q=%00", "//evil.invalid", "status=<script>", "q=" + "x" * 5000, "&&=%")
        for query in hostile:
            with self.subTest(query):
                self.steps(2, query)
                self.assertTrue(self.list.startswith("/generations/"), self.list)
                self.assertNotIn("evil", self.list)
                self.assertNotIn("<", self.list)

    def test_a_change_of_its_page_keeps_the_list(self):
        row = make_generation(Status.IN_PROGRESS, prompt="red dog")
        current = f"http://testserver{row.get_absolute_url()}?from=q%3Dred"
        headers = {"HX-Request": "true", "HX-Current-URL": current}
        page = self.client.get(f"/live/?v={row.uuid}:0&page=detail", headers=headers)
        self.assertEqual(page.status_code, 200)
        comment = f"{row.get_absolute_url()}comments/"
        answer = self.client.post(comment, {"text": "Hm"}, headers={"HX-Request": "true", "HX-Current-URL": current})
        self.assertEqual(read(answer).one(id_="comment-form").controls()["from"], ["q=red"])
        after = self.client.post(comment, {"text": "Hm", "from": "q=red"})
        self.assertIn("?from=q%3Dred#comment-", after.headers["Location"])


class StartTests(TestCase):
    def test_a_moment_in_the_address_is_where_the_player_begins(self):
        self.client.force_login(alice())
        row = make_generation(Status.COMPLETED)
        for given, end in (("12.3", "/video/#t=12.3"), ("0.50", "#t=0.5"), ("-1", "/video/"), ("x", "/video/")):
            self.assertTrue(
                read(self.client.get(f"{row.get_absolute_url()}?t={given}")).one("video")["src"].endswith(end)
            )
        for given in ("nan", "inf", "1e99", "<script>", ""):
            page = read(self.client.get(f"{row.get_absolute_url()}?t={quote(given)}"))
            self.assertEqual(page.one("video")["src"], row.video_url)
