"""The one batched question of a page: what changed since it was drawn."""

import uuid
from datetime import timedelta

from django.test import TestCase

from generations.models import Generation, Status
from generations.models.experience import known_figures
from generations.views.live import MOST_CARDS
from tests.factories import alice, bob, carol, make_gateway, make_generation, take
from tests.pages import Element, read

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/generations/"}


class LiveTests(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        make_gateway()
        cls.alice = alice()

    def setUp(self) -> None:
        self.client.force_login(self.alice)

    def ask(self, *seen: str, page: str = "", status: int = 200) -> Element:
        response = self.client.get("/live/", {"v": list(seen)} | ({"page": page} if page else {}), headers=HTMX)
        self.assertEqual(response.status_code, status)
        self.assertIn("no-store", response.headers["Cache-Control"])
        return read(response)

    def seen(self, row: Generation, version: int | None = None) -> str:
        return f"{row.uuid}:{row.version if version is None else version}"

    def test_nothing_new_is_204_in_three_statements_for_any_number_of_cards(self):
        rows = [make_generation(Status.IN_PROGRESS, user=user) for user in [alice(), bob()] * 6]
        for count in (1, len(rows)):
            with self.assertNumQueries(3):
                self.ask(*(self.seen(row) for row in rows[:count]), status=204)

    def test_what_changed_comes_out_of_band_and_nothing_else(self):
        known_figures()  # read once a minute by a process
        same, changed = make_generation(Status.IN_PROGRESS), make_generation(Status.SUBMITTING, user=bob())
        before = self.seen(changed)
        take(changed, Status.IN_PROGRESS)
        with self.assertNumQueries(4):
            answer = self.ask(self.seen(same), before)
        [card] = answer.all("article")
        self.assertEqual((card["id"], card["hx-swap-oob"]), (f"generation-{changed.uuid}", "true"))
        self.assertEqual(card.one(name="v")["value"], self.seen(changed))
        self.assertEqual((answer.one(id_="live")["hx-get"], answer.one(id_="live")["hx-swap-oob"]), ("/live/", "true"))

    def test_it_is_the_same_card_as_on_the_page(self):
        row = make_generation(Status.IN_PROGRESS, progress=30)
        for name, path in (("", "/"), ("library", "/generations/")):
            with self.subTest(path):
                card = self.ask(self.seen(row, 0), page=name).one("article")
                drawn = read(self.client.get(path)).one("article")
                del card.attributes["hx-swap-oob"]
                self.assertEqual((card.text, card.attributes), (drawn.text, drawn.attributes))

    def test_time_runs_from_when_it_was_asked_for(self):
        row = make_generation(Status.IN_PROGRESS)
        asked_for = row.created_at - timedelta(minutes=3)  # it waited, and was then sent
        Generation.objects.filter(pk=row.pk).update(created_at=asked_for, submitted_at=row.created_at)
        [time] = read(self.client.get("/queue/")).one("main").all("time", data_elapsed_since=asked_for.isoformat())
        self.assertIn("3 min", time.text)

    def test_polling_ends_with_the_last_unfinished_card(self):
        first, second = make_generation(Status.DOWNLOADING), make_generation(Status.DOWNLOADING)
        seen = [self.seen(first), self.seen(second)]
        take(first, Status.COMPLETED)
        self.assertIn("hx-get", self.ask(*seen).one(id_="live"))
        take(second, Status.COMPLETED)
        answer = self.ask(seen[1])
        self.assertNotIn("hx-get", answer.one(id_="live"))
        self.assertFalse(answer.all(name="v"))
        self.assertEqual(answer.one("video")["src"], f"/generations/{second.uuid}/video/")

    def test_one_card_seen_twice_counts_once(self):
        row = make_generation(Status.DOWNLOADING)
        seen = self.seen(row)
        take(row, Status.COMPLETED)
        self.assertNotIn("hx-get", self.ask(seen, seen).one(id_="live"))

    def test_a_finished_card_is_not_asked_about_so_what_plays_is_never_replaced(self):
        row = make_generation(Status.COMPLETED)
        for path in ("/", "/generations/", row.get_absolute_url()):
            self.assertFalse(read(self.client.get(path)).all(name="v"))

    def test_an_unknown_outcome_ends_the_polling_and_says_why(self):
        row = make_generation(Status.SUBMITTING)
        seen = self.seen(row)
        take(row, Status.UNKNOWN)
        answer = self.ask(seen)
        self.assertIn("never sent again by itself", answer.one("article").text)
        self.assertNotIn("hx-get", answer.one(id_="live"))

    def test_a_page_with_nothing_to_ask_about_stops_asking(self):
        answer = self.ask()
        self.assertEqual([element.get("id") for element in answer.children], ["live"])
        self.assertNotIn("hx-get", answer.one(id_="live"))

    def test_the_page_of_one_changes_as_a_whole(self):
        row = make_generation(Status.DOWNLOADING)
        seen = self.seen(row)
        take(row, Status.COMPLETED)
        answer = self.ask(seen, page="detail")
        body = answer.one(id_=f"generation-{row.uuid}")
        self.assertEqual(body["hx-swap-oob"], "true")
        self.assertIn("Timeline", body.text)
        self.assertEqual(body.one("video")["src"], f"/generations/{row.uuid}/video/")
        self.assertNotIn("hx-get", answer.one(id_="live"))
        self.ask(self.seen(make_generation()), page="detail", status=204)

    def test_rows_of_other_teams_are_as_rows_that_never_were(self):
        theirs = make_generation(Status.IN_PROGRESS, user=carol())
        self.ask(self.seen(theirs, 0), status=204)
        self.ask(f"{uuid.uuid4()}:0", status=204)
        self.ask(self.seen(theirs, 0), page="detail", status=204)

    def test_nonsense_changes_nothing_for_the_rest(self):
        row = make_generation(Status.IN_PROGRESS)
        for given in (
            "",
            ":",
            "nonsense",
            "\0",
            "x:1",
            f"{row.uuid}",
            f"{row.uuid}:",
            f"{row.uuid}:x",
            f"{row.uuid}:1.5",
        ):
            with self.subTest(given):
                self.ask(given, status=204)
        self.ask(f"{row.uuid}:{'9' * 5000}", status=204)
        self.ask("x" * 100_000, status=204)
        answer = self.ask("nonsense", self.seen(row, -1))
        self.assertEqual(answer.one("article")["id"], f"generation-{row.uuid}")

    def test_a_question_about_too_many_cards_is_answered_for_some(self):
        row = make_generation(Status.IN_PROGRESS)
        many = [f"{uuid.uuid4()}:1" for _ in range(MOST_CARDS)]
        with self.assertNumQueries(3):
            self.ask(*many, self.seen(row, 0), status=204)

    def test_it_only_answers_questions(self):
        self.assertEqual(self.client.post("/live/", headers=HTMX).status_code, 405)

    def test_without_a_session_the_whole_page_goes_to_the_sign_in(self):
        row = make_generation(Status.IN_PROGRESS)
        self.client.logout()
        response = self.client.get("/live/", {"v": self.seen(row, 0)}, headers=HTMX)
        self.assertEqual(response.headers["HX-Redirect"], "/accounts/login/?next=/generations/")
        self.assertEqual(response.content, b"")
