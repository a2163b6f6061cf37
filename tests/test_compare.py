"""Comparing: what stands beside one another, what is hidden until a vote, and what is kept of it."""

import uuid

from django.db.models import F
from django.test import TestCase

from generations.models import Comparison, Generation, Status, Vote
from generations.views.compare import shuffled
from tests.factories import alice, bob, carol, make_generation
from tests.pages import Element, read

MODELS = ("veo/veo3.1", "wan/wan2.6", "omni/omni-fast", "wan/wan2.7", "sora/sora-2")


class CompareTestCase(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        cls.rows = [make_generation(Status.COMPLETED, model=model, quote="0.40") for model in MODELS]

    def setUp(self) -> None:
        self.client.force_login(alice())

    def address(self, *rows: Generation, **more: str) -> str:
        return "/compare/?" + "&".join([f"v={row.uuid}" for row in rows] + [f"{key}={more[key]}" for key in more])

    def page(self, *rows: Generation, **more: str) -> Element:
        response = self.client.get(self.address(*rows, **more))
        self.assertEqual(response.status_code, 200)
        return read(response)

    def vote(self, best: Generation | str, *rows: Generation, user=None, blind: bool = False):
        self.client.force_login(user or alice())
        fields = {"v": [str(row.uuid) for row in rows], "best": best if isinstance(best, str) else str(best.uuid)}
        return self.client.post("/compare/vote/", fields | ({"blind": "1"} if blind else {}), follow=True)


class PageTests(CompareTestCase):
    def test_two_to_four_play_side_by_side_with_their_facts(self):
        for count in (2, 3, 4):
            page = self.page(*self.rows[:count])
            self.assertEqual(
                [video["src"] for video in page.all("video")], [row.video_url for row in self.rows[:count]]
            )
            facts = page.one("table").text
            for row in self.rows[:count]:
                self.assertIn(row.model_label, facts)
            self.assertIn("About 0.40 USD", facts)
            self.assertIn("320×180", facts)

    def test_the_players_work_by_themselves(self):
        for video in self.page(*self.rows[:2]).all("video"):
            self.assertIn("controls", video)

    def test_a_fifth_is_left_out_and_said(self):
        page = self.page(*self.rows)
        self.assertEqual(len(page.all("video")), 4)
        self.assertIn("At most 4 can be compared at once", page.text)

    def test_one_or_none_or_nonsense_leads_to_a_choice(self):
        for query in ("", f"?v={self.rows[0].uuid}", "?v=nonsense&v=", f"?v={uuid.uuid4()}"):
            with self.subTest(query):
                page = read(self.client.get(f"/compare/{query}"))
                self.assertEqual(len(page.all("input", name="v")), 5)
        self.assertIn("1 video of these is not there any more.", page.text)

    def test_the_choice_begins_with_the_same_prompt(self):
        other = make_generation(Status.COMPLETED, prompt="A lighthouse")
        page = read(self.client.get(f"/compare/?v={self.rows[0].uuid}"))
        values = [box["value"] for box in page.all("input", name="v")]
        self.assertEqual(values[0], str(self.rows[0].uuid))
        self.assertEqual(values[-1], str(other.uuid))
        self.assertEqual(
            [box["value"] for box in page.all("input", name="v") if "checked" in box], [str(self.rows[0].uuid)]
        )

    def test_another_team_s_is_as_if_it_were_not_there(self):
        theirs = make_generation(Status.COMPLETED, user=carol(), prompt="A secret")
        page = self.page(*self.rows[:2], theirs)
        self.assertEqual(len(page.all("video")), 2)
        self.assertIn("1 video of these is not there any more.", page.text)
        self.assertNotIn("secret", page.text)

    def test_what_has_no_file_is_said(self):
        page = self.page(*self.rows[:2], make_generation(Status.IN_PROGRESS))
        self.assertIn("1 video of these has no file to play.", page.text)

    def test_it_takes_the_same_statements_for_any_number(self):
        self.vote(self.rows[0], *self.rows[:2])
        self.vote(self.rows[0], *self.rows[:4])
        for count in (2, 4):
            with self.assertNumQueries(6):  # session, person, videos, comparison, votes, whether the sandbox serves
                self.client.get(self.address(*self.rows[:count]))


class BlindTests(CompareTestCase):
    def test_no_name_and_no_fact_shows_before_the_vote_and_all_after_it(self):
        page = self.page(*self.rows[:3], blind="1")
        shown = page.one("main").text
        for row in self.rows[:3]:
            self.assertNotIn(row.model_label, shown)
        self.assertNotIn("0.40 USD", shown)
        self.assertFalse(page.all("table"))
        self.assertEqual([video["aria-label"] for video in page.all("video")], ["Video A", "Video B", "Video C"])
        after = read(self.vote(self.rows[1], *self.rows[:3], blind=True)).one("main").text
        for row in self.rows[:3]:
            self.assertIn(row.model_label, after)
        self.assertIn("without knowing the names", after)

    def test_the_votes_of_others_wait_for_one_s_own(self):
        self.vote(self.rows[0], *self.rows[:2], user=bob())
        self.client.force_login(alice())
        self.assertNotIn("Leads", self.page(*self.rows[:2], blind="1").text)
        self.assertIn("Leads", self.page(*self.rows[:2]).text)

    def test_each_person_has_an_order_of_their_own_that_stays(self):
        orders = {tuple(row.pk for row in shuffled(self.rows[:4], person)) for person in range(40)}
        self.assertGreater(len(orders), 10)
        self.assertEqual(shuffled(self.rows[:4], 7), shuffled(self.rows[3::-1], 7))

    def test_a_vote_after_the_names_were_seen_is_not_blind(self):
        self.vote(self.rows[0], *self.rows[:2])
        self.vote(self.rows[1], *self.rows[:2], blind=True)
        self.assertFalse(Vote.objects.get().is_blind)


class VoteTests(CompareTestCase):
    def test_the_one_with_the_most_votes_wins_and_its_page_says_so(self):
        one, other = self.rows[:2]
        self.vote(one, one, other)
        comparison = Comparison.objects.get()
        self.assertEqual(comparison.winner, one)
        self.vote(other, other, one, user=bob())  # the same set in another order
        comparison.refresh_from_db()
        self.assertEqual((Comparison.objects.count(), comparison.votes.count(), comparison.winner), (1, 2, None))
        self.vote(other, one, other)  # a changed mind
        comparison.refresh_from_db()
        self.assertEqual((comparison.votes.count(), comparison.winner), (2, other))
        self.assertIn("Won 1", read(self.client.get(other.get_absolute_url())).text)
        self.assertNotIn("Won", read(self.client.get(one.get_absolute_url())).one("main").text)

    def test_none_of_them_is_a_vote_without_a_winner(self):
        page = read(self.vote("none", *self.rows[:2]))
        self.assertIn("You voted for none of them", page.text)
        self.assertIsNone(Comparison.objects.get().winner)

    def test_what_makes_no_sense_is_said_and_keeps_nothing(self):
        theirs = make_generation(Status.COMPLETED, user=carol())
        for best, rows, words in (
            ("", self.rows[:2], "Choose the best one first"),
            (self.rows[3], self.rows[:2], "Choose the best one first"),
            (self.rows[0], self.rows[:1], "no longer as it was"),
            (self.rows[0], [self.rows[0], theirs], "no longer as it was"),
        ):
            with self.subTest(words):
                self.assertIn(words, read(self.vote(best, *rows)).text)
                self.assertFalse(Vote.objects.exists())

    def test_a_get_writes_nothing(self):
        self.page(*self.rows[:2])
        self.page(*self.rows[:2], blind="1")
        self.assertFalse(Comparison.objects.exists())
        self.assertEqual(self.client.get("/compare/vote/").status_code, 405)


class ListTests(CompareTestCase):
    def test_it_shows_the_team_s_comparisons_with_their_winners_and_of_one_video(self):
        self.vote(self.rows[0], *self.rows[:2])
        self.vote("none", *self.rows[2:4])
        page = read(self.client.get("/comparisons/"))
        self.assertEqual(len(page.of_class("panel")), 2)
        self.assertEqual(page.one("main").text.count("Won"), 1)
        page = read(self.client.get(f"/comparisons/?v={self.rows[0].uuid}"))
        self.assertEqual(len(page.of_class("panel")), 1)
        self.client.force_login(carol())
        self.assertIn("No comparison yet", read(self.client.get("/comparisons/")).text)

    def test_what_was_deleted_is_left_out(self):
        self.vote(self.rows[0], *self.rows[:2])
        Generation.objects.filter(pk=self.rows[0].pk).update(deleted_at=F("created_at"))
        page = read(self.client.get("/comparisons/"))
        self.assertIn("fewer than two of its videos are left", page.text)
        self.assertFalse(page.all("a", href=self.rows[0].get_absolute_url()))

    def test_it_takes_the_same_statements_for_any_number(self):
        for start in range(3):
            self.vote(self.rows[0], *self.rows[start : start + 2], self.rows[4])
            with self.assertNumQueries(7):
                self.client.get("/comparisons/")
