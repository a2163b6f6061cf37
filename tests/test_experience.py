"""What was seen of models: learned from what ended, a bounded piece at a time, and said with its numbers."""

from datetime import timedelta
from unittest import mock

from django.db import connection
from django.test import SimpleTestCase, TestCase
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from generations.catalog import catalog
from generations.lifecycle import experience, recovery
from generations.models import Bookmark, Event, Experience, Failure, Gateway, Generation, Status
from generations.models.experience import ENOUGH, NEWEST, Case, Observation, figures_of, forget, known_figures, span
from tests.factories import alice, any_gateway, carol, make_gateway, make_generation
from tests.pages import read
from tests.test_access import HTMX

WAN = "wan/wan2.6"
USUAL = Case(WAN, 1920, 1080, 5, False)
LATER = timedelta(minutes=1)


def ended(wait: float, *, frame: tuple[int, int] = (1920, 1080), seconds: float = 5.0, **fields) -> Generation:
    """Return a video that took so many seconds to render."""
    now = timezone.now()
    measured = {"measured_width": frame[0], "measured_height": frame[1], "measured_seconds": seconds}
    times = {"submitted_at": now - timedelta(seconds=wait), "completed_at": now}
    return make_generation(Status.COMPLETED, **{**measured, **times, **fields})


def learn() -> int:
    forget()
    return experience.learn(timezone.now() + LATER)


class LearningTests(TestCase):
    def figures(self, case: Case = USUAL):
        return Experience.objects.all().figures().get(case)

    def test_waits_failures_and_what_was_delivered(self):
        for wait in range(10, 120, 10):  # 11 of them
            ended(wait)
        ended(15, frame=(1280, 720), seconds=4.0)
        make_generation(Status.FAILED, failure=Failure.UPSTREAM_FAILED)
        make_generation(Status.FAILED, failure=Failure.MODERATED)
        for untold in (Failure.REJECTED, Failure.NOT_SENT):  # nothing was rendered
            make_generation(Status.FAILED, failure=untold)
        make_generation(Status.IN_PROGRESS)
        make_generation(Status.CANCELLED)
        learn()
        found = self.figures()
        self.assertEqual((found.ended, found.failed, found.delivered), (14, 2, 12))
        self.assertEqual((round(found.usual), round(found.slow)), (55, 100))
        self.assertEqual((found.framed, found.frames_as_asked, found.timed, found.lengths_as_asked), (12, 11, 12, 11))
        self.assertEqual(
            found.sentences,
            [
                "Usually 55 to 100 s (median and 90th percentile of 12 videos).",
                "2 of 14 failed.",
                "Size as asked in 11 of 12, length as asked in 11 of 12.",
            ],
        )

    def test_each_size_and_length_is_a_case_of_its_own_and_the_sandbox_another(self):
        ended(10, options={"size": "1920x1080", "seconds": "10"})
        sandbox = make_gateway("sandbox", key_source=Gateway.KeySource.SANDBOX, key="", base_url="")
        ended(2, gateway=sandbox)
        ended(20, model="kling/kling-v2-master")
        learn()
        kling = catalog().get("kling/kling-v2-master")
        asked = kling.asked(kling.clean({}))
        self.assertEqual(
            set(known_figures()),
            {
                Case(WAN, 1920, 1080, 10, False),
                Case(WAN, 1920, 1080, 5, True),
                Case.of(kling.key, asked.width, asked.height, asked.seconds, is_sandbox=False),
            },
        )

    def test_everything_is_read_once_in_pieces(self):
        for _ in range(3):
            ended(10)
        total = Event.objects.count()
        with mock.patch.object(experience, "CHUNK", 4):
            read_at_a_time = []
            while count := learn():
                read_at_a_time.append(count)
        self.assertEqual(sum(read_at_a_time), total)
        self.assertEqual(max(read_at_a_time), 4)
        self.assertEqual(self.figures().ended, 3)
        self.assertEqual(Bookmark.objects.get().event, Event.objects.order_by("pk").last().pk)
        ended(10)
        learn()
        self.assertEqual(self.figures().ended, 4)

    def test_what_is_younger_than_half_a_minute_waits(self):
        ended(10)
        self.assertEqual(experience.learn(), 0)
        self.assertEqual(learn(), Event.objects.count())

    def test_one_that_was_asked_for_again_counts_as_it_ended_at_last(self):
        row = make_generation(Status.FAILED, failure=Failure.GAVE_UP)
        learn()
        self.assertEqual((self.figures().ended, self.figures().failed), (1, 1))
        row.refresh_from_db()
        row.move_to(Status.IN_PROGRESS, actor="alice", reason="asked again")
        row.move_to(Status.DOWNLOADING, actor="test", reason="done")
        Generation.objects.filter(pk=row.pk).update(status=Status.FAILED, failure=Failure.EXPIRED)
        Event.objects.create(generation=row, before=Status.DOWNLOADING, after=Status.FAILED, actor="test")
        learn()
        self.assertEqual((self.figures().ended, self.figures().failed), (1, 1))

    def test_the_newest_are_kept(self):
        row = Experience(**USUAL._asdict())
        row.take_in(Observation(number, float(number), True, None) for number in range(NEWEST + 50))
        self.assertEqual((row.ended, len(row.observations), row.observations[0][0]), (NEWEST, NEWEST, 50))
        self.assertEqual((row.framed, row.timed), (NEWEST, 0))

    def test_the_statements_do_not_grow_with_the_history(self):
        def statements() -> int:
            with CaptureQueriesContext(connection) as found:
                learn()
            return len([query for query in found if "SAVEPOINT" not in query["sql"]])

        ended(10)
        learn()
        ended(10)
        few = statements()
        for _ in range(12):
            ended(10)
        self.assertEqual(statements(), few)

    def test_the_sweep_learns_now_and_then(self):
        ended(10)
        Event.objects.update(at=timezone.now() - LATER)
        with mock.patch.object(experience, "_next_turn", 0.0):
            recovery.sweep()
            self.assertEqual(Experience.objects.get().ended, 1)
            with self.assertNumQueries(0):
                experience.learn_now_and_then()  # not again within a minute


class WordsTests(SimpleTestCase):
    def figures(self, *waits: float | None):
        return figures_of(Observation(number, wait, None, None) for number, wait in enumerate(waits))

    def test_few_are_not_dressed_up(self):
        self.assertEqual(self.figures().sentences, [])
        self.assertEqual(self.figures(None, None).sentences, ["2 of 2 failed."])
        self.assertEqual(self.figures(40.0).sentences, ["1 video so far, too few to say how long it takes."])
        nine = self.figures(*[40.0] * (ENOUGH - 1))
        self.assertEqual((nine.wait_words, nine.usual, nine.slow), ("", None, None))
        self.assertEqual(nine.sentences, ["9 videos so far, too few to say how long it takes."])

    def test_enough_say_how_long(self):
        self.assertEqual(self.figures(*[40.0] * ENOUGH).wait_words, "about 40 s")
        self.assertEqual(self.figures(*[40.0] * 8, 95.0, 95.0, 95.0).wait_words, "40 to 95 s")
        self.assertEqual(self.figures(*[90.0] * 8, 300.0, 300.0, 300.0).wait_words, "90 s to 5 min")
        self.assertEqual(self.figures(*[180.0] * 8, 600.0, 600.0, 600.0).wait_words, "3 min to 10 min")
        self.assertEqual([span(0.2), span(119), span(125)], ["1 s", "119 s", "2 min"])


class ShownTests(TestCase):
    def setUp(self):
        any_gateway()
        self.client.force_login(alice())
        for wait in (40,) * 9 + (95,) * 3:
            ended(wait)
        learn()

    def test_at_the_choice_it_follows_the_choice(self):
        said = read(self.client.get("/", {"model": WAN})).one(id_="choice").text
        self.assertIn("Usually 40 to 95 s (median and 90th percentile of 12 videos).", said)
        self.assertIn("Size as asked in 12 of 12, length as asked in 12 of 12.", said)
        other = self.client.get("/price/", {"model": WAN, "seconds": "10"}, headers=HTMX)
        self.assertEqual(read(other).one(id_="choice").text, "")

    def test_the_page_of_models_lists_the_cases(self):
        page = read(self.client.get("/models/"))
        section = next(part for part in page.all("section") if part.one("h2").text == "Wan 2.6")
        self.assertIn("1920×1080, 5 s: Usually 40 to 95 s (median and 90th percentile of 12 videos).", section.text)

    def test_a_card_on_its_way_says_how_long_others_took(self):
        running = make_generation(Status.IN_PROGRESS)
        card = read(self.client.get("/")).one(id_=f"generation-{running.uuid}")
        self.assertIn("usually 40 to 95 s", card.text)
        done = ended(40)
        done = read(self.client.get("/")).one(id_=f"generation-{done.uuid}")
        self.assertNotIn("usually", done.text)

    def test_a_page_asks_for_all_of_it_at_most_once_a_minute(self):
        make_generation(Status.IN_PROGRESS)
        self.client.get("/")
        with CaptureQueriesContext(connection) as found:
            self.client.get("/")
            self.client.get("/models/")
        self.assertEqual([query["sql"] for query in found if "generations_experience" in query["sql"]], [])

    def test_figures_are_the_installation_s_and_name_nobody(self):
        self.client.force_login(carol())  # of another team: she sees numbers, and no video of theirs
        said = read(self.client.get("/", {"model": WAN})).one(id_="choice").text
        self.assertIn("of 12 videos", said)
        self.assertNotIn("alice", said)
