"""The poller: whole runs against the scripted gateway, and each of its parts on a real database."""

import asyncio
import time
from datetime import timedelta
from functools import partial
from itertools import pairwise
from unittest import mock

from django.db import OperationalError, connection
from django.test import TestCase, TransactionTestCase, override_settings
from django.utils import timezone
from django_q.models import OrmQ

from generations import tasks
from generations.gateways import GatewayBusy, GatewayUnclear
from generations.lifecycle import batch, poll, submit
from generations.lifecycle.batch import write_steps
from generations.lifecycle.poll import Poller, claim, hold_slot, release, settle_all, targets
from generations.models import Canary, Failure, Gateway, Generation, PollerSlot, Status
from tests.factories import begun, make_gateway, make_generation
from tests.lifecycle.base import UpstreamCase, make_due, queued
from tests.racing import race

FORM, ENVELOPE = "wan/wan2.6", "wan/wan2.6-t2v"
ME, SOMEBODY = "me", "somebody else"


class OneRound(Poller):
    """Asks about what is due, once, and waits for the answers."""

    rounds = 0

    async def step(self) -> None:
        await super().step()
        self.rounds += 1
        if self.rounds == 2:
            self.stop_at = 0.0


class EndsAtOnce(Poller):
    """Ends as soon as its first rows have had a moment to begin."""

    async def step(self) -> None:
        await super().step()
        await asyncio.sleep(0.01)
        self.stop_at = 0.0


def take_slot(owner: str = ME, *, until: float = 5) -> None:
    values = {"owner": owner, "until": timezone.now() + timedelta(seconds=until)}
    PollerSlot.objects.update_or_create(name="p0", defaults=values)


def run_poller(make=OneRound, **options: float) -> None:
    async def run() -> None:
        await make("p0", ME, **options).run()

    take_slot()
    asyncio.run(run())


class PollCase(UpstreamCase):
    def setUp(self) -> None:
        super().setUp()
        self.enterContext(mock.patch.multiple(poll, IDLE_SECONDS=0.05, FLUSH_SECONDS=0.02))

    def in_progress(self, **fields) -> Generation:
        """A row that the upstream has accepted and that is due for its first poll."""
        generation = begun(**fields)
        submit.submit(generation.pk)
        make_due(generation)
        OrmQ.objects.all().delete()
        return self.refreshed(generation)

    def polled(self, generation: Generation, times: int = 1) -> Generation:
        for _ in range(times):
            make_due(generation)
            run_poller()
        return self.refreshed(generation)


class WholeRunTests(PollCase, TransactionTestCase):
    def test_a_task_is_asked_about_until_its_verdict_and_then_downloaded(self):
        for model in (FORM, ENVELOPE):
            with self.subTest(model):
                generation = self.in_progress(model=model)
                version = generation.version
                generation = self.polled(generation)
                self.assertEqual((generation.status, generation.progress), (Status.IN_PROGRESS, 30))
                self.assertEqual((generation.version, generation.claim), (version + 1, ""))
                self.assertGreater(generation.due_at, timezone.now())
                self.assertNotEqual(generation.last_answer, {})
                generation = self.polled(generation)
                self.assertEqual((generation.status, generation.progress), (Status.DOWNLOADING, 30))
                self.assertEqual((generation.claim, generation.tries, generation.version), ("", 0, version + 2))
                self.assertIn(("download", (str(generation.pk),)), queued())
                event = generation.events.last()
                self.assertEqual(
                    (event.before, event.after, event.actor_kind), ("in_progress", "downloading", "gateway")
                )
        self.assertEqual(len(self.upstream.polls), 4)

    def test_one_run_asks_again_at_intervals_of_a_second_at_least(self):
        self.upstream.never_ends()
        generation = self.in_progress()
        run_poller(Poller, budget=3.5)
        times = [poll.at for poll in self.upstream.polls]
        self.assertTrue(2 <= len(times) <= 4, times)
        self.assertTrue(all(later - earlier >= 0.99 for earlier, later in pairwise(times)))
        self.assertEqual(self.refreshed(generation).status, Status.IN_PROGRESS)

    def test_the_sweep_runs_with_it(self):
        generation = begun()
        OrmQ.objects.all().delete()
        Generation.objects.update(due_at=timezone.now() - timedelta(seconds=10))
        run_poller()
        self.assertEqual(queued(), [("submit", (str(generation.pk),))])

    def test_many_rows_at_once(self):
        for _ in range(60):
            make_generation(Status.IN_PROGRESS)
        run_poller()
        self.assertEqual(len({poll.upstream_id for poll in self.upstream.polls}), 60)
        self.assertEqual(len(self.upstream.polls), 60)
        self.assertEqual(Generation.objects.filter(claim="", tries=1).count(), 60)  # the upstream knows none of them

    def test_an_answer_about_the_task_of_another_row_is_no_answer(self):
        for model in (FORM, ENVELOPE):
            with self.subTest(model):
                asked, other = self.in_progress(model=model), self.in_progress(model=model)
                mine, others = (self.upstream.tasks[row.upstream_id] for row in (asked, other))
                others.polls = 1  # it is finished
                self.upstream.tasks[asked.upstream_id] = others
                asked = self.polled(asked)
                self.assertEqual((asked.status, asked.tries), (Status.IN_PROGRESS, 1))
                self.assertEqual(self.refreshed(other).status, Status.DOWNLOADING)
                self.upstream.tasks[asked.upstream_id] = mine
                self.assertEqual(self.polled(asked, times=2).status, Status.DOWNLOADING)

    def test_a_gateway_may_call_a_task_otherwise_than_at_its_create(self):
        generation = self.in_progress()
        self.upstream.tasks[generation.upstream_id].upstream_id = "another-name"
        self.assertEqual(self.polled(generation, times=2).status, Status.DOWNLOADING)

    def test_a_row_that_nobody_can_ask_about_is_said_and_holds_nobody_up(self):
        odd, good = make_generation(Status.IN_PROGRESS, dialect="gone"), self.in_progress()
        with self.assertLogs("generations.lifecycle.poll", "ERROR") as logs:
            run_poller()
        self.assertIn(f"generation {odd.pk} cannot be asked about", logs.output[0])
        odd = self.refreshed(odd)
        self.assertEqual((odd.status, odd.claim, odd.tries), (Status.IN_PROGRESS, "", 1))
        self.assertGreater(odd.due_at, timezone.now())
        self.assertEqual(self.refreshed(good).progress, 30)

    def test_what_could_not_be_written_is_written_when_the_database_is_back(self):
        generation = self.in_progress()
        with mock.patch.object(batch, "write_steps", self.fails_twice(write_steps)), self.without_sleep():
            run_poller()
        self.assertEqual(self.refreshed(generation).progress, 30)

    def without_sleep(self):
        return mock.patch.object(poll.time, "sleep")

    def fails_twice(self, real):
        left = [2]

        def write(*args):
            if left[0]:
                left[0] -= 1
                raise OperationalError("away")
            return real(*args)

        return write

    def test_a_verdict_that_could_not_be_written_is_written_when_the_database_is_back(self):
        generation = self.in_progress()
        self.upstream.tasks[generation.upstream_id].polls = 1
        with mock.patch.object(poll, "settle_all", self.fails_twice(settle_all)), self.without_sleep():
            run_poller()
        self.assertEqual(self.refreshed(generation).status, Status.DOWNLOADING)


class AnswerTests(PollCase, TransactionTestCase):
    """What the answers mean, seen on the row."""

    def assert_goes_on(self, generation: Generation) -> None:
        self.assertEqual((generation.status, generation.claim), (Status.IN_PROGRESS, ""))
        self.assertGreater(generation.due_at, timezone.now())

    def test_a_word_nobody_knows_never_ends_a_task(self):
        self.upstream.says("marinating")
        generation = self.polled(self.in_progress(), times=3)
        self.assert_goes_on(generation)
        self.assertEqual(generation.upstream_status, "marinating")

    def test_failed_with_its_reason_on_both_dialects(self):
        for model in (FORM, ENVELOPE):
            with self.subTest(model):
                self.upstream.fails("out of luck, see https://x.invalid/why?token=abc")
                generation = self.polled(self.in_progress(model=model), times=2)
                self.assertEqual((generation.status, generation.failure), (Status.FAILED, Failure.UPSTREAM_FAILED))
                self.assertIn("out of luck", generation.detail)
                self.assertNotIn("token=abc", f"{generation.detail}{generation.last_answer}")
                self.assertIsNone(generation.due_at)
                self.assertEqual(generation.attempts.get().outcome, "accepted")

    def test_stopped_by_a_safety_filter(self):
        self.upstream.fails("Your prompt violates our content policy")
        self.assertEqual(self.polled(self.in_progress(), times=2).failure, Failure.MODERATED)

    def test_other_verdict_words(self):
        for word, status, failure in (
            ("SUCCEEDED", Status.DOWNLOADING, ""),
            (" Complete ", Status.DOWNLOADING, ""),
            ("ERROR", Status.FAILED, Failure.UPSTREAM_FAILED),
            ("canceled", Status.FAILED, Failure.UPSTREAM_FAILED),
            ("expired", Status.FAILED, Failure.EXPIRED),
        ):
            with self.subTest(word):
                self.upstream.says(word)
                generation = self.polled(self.in_progress())
                self.assertEqual((generation.status, generation.failure), (status, failure))

    def test_progress_shown_never_falls(self):
        self.upstream.never_ends()
        generation = self.in_progress()
        Generation.objects.filter(pk=generation.pk).update(progress=70)
        self.assertEqual(self.polled(generation).progress, 70)

    def test_100_percent_without_a_verdict_is_no_verdict(self):
        job = {"id": "x", "status": "processing", "progress": 100, "video_url": "https://x.invalid/v.mp4"}
        with mock.patch("tests.upstream.flat_job", return_value=job):
            generation = self.polled(self.in_progress())
        self.assert_goes_on(generation)
        self.assertEqual(generation.progress, 99)

    def test_missing_in_its_grace_is_ignored_and_later_no_answer(self):
        self.upstream.missing_at_first(99)
        generation = self.polled(self.in_progress())
        self.assert_goes_on(generation)
        self.assertEqual((generation.detail, generation.overdue_at), ("", None))
        Generation.objects.update(submitted_at=timezone.now() - timedelta(minutes=11))
        generation = self.polled(generation, times=5)
        self.assert_goes_on(generation)
        self.assertIn("does not know this task", generation.detail)
        self.assertIsNotNone(generation.overdue_at)
        self.upstream.tasks[generation.upstream_id].script.missing_polls = 0
        self.assertEqual(self.polled(generation).status, Status.DOWNLOADING)

    def test_trouble_is_no_answer(self):
        for status in (500, 502, 503, 504, 418, 400, 408, 200):  # the last with a page instead of a task
            with self.subTest(status):
                self.upstream.polls_answer(status)
                generation = self.polled(self.in_progress())
                self.assert_goes_on(generation)
                self.assertEqual((generation.tries, generation.detail, generation.progress), (1, "", 0))
                self.assertFalse(self.the_gateway().is_paused)

    def test_a_gateway_that_is_gone_is_no_answer(self):
        generation = self.in_progress()
        Gateway.objects.update(base_url="https://gateway.invalid")
        generation = self.polled(generation, times=3)
        self.assert_goes_on(generation)
        self.assertEqual(generation.tries, 3)
        self.assertIn("No answer from the gateway lately", generation.detail)

    def test_busy_rests_the_whole_gateway(self):
        self.upstream.polls_answer(429)
        first, second = self.in_progress(), self.in_progress()
        Generation.objects.filter(pk=second.pk).update(due_at=timezone.now() + timedelta(minutes=1))
        self.assert_goes_on(self.polled(first))
        self.assertTrue(self.the_gateway().is_paused)
        self.assertIsNotNone(self.the_gateway().paused_until)
        self.assert_waits_unasked(second)
        self.the_gateway().resume()
        self.assertEqual(self.polled(first).status, Status.DOWNLOADING)

    def assert_waits_unasked(self, generation: Generation) -> None:
        before = len(self.upstream.polls)
        self.assertEqual(self.polled(generation).status, Status.IN_PROGRESS)
        self.assertEqual(len(self.upstream.polls), before)

    def test_account_trouble_pauses_the_gateway_and_rows_go_on_when_it_is_mended(self):
        for status in (401, 402, 403):
            with self.subTest(status):
                self.upstream.polls_answer(status)
                generation = self.polled(self.in_progress())
                self.assert_goes_on(generation)
                gateway = self.the_gateway()
                self.assertEqual((gateway.is_paused, gateway.paused_until), (True, None))
                self.assert_waits_unasked(generation)
                gateway.resume()
                self.assertEqual(self.polled(generation).status, Status.DOWNLOADING)

    def test_a_key_that_is_refused_is_said_once_for_many_rows(self):
        rows = [self.in_progress() for _ in range(5)]
        self.upstream.key = "changed meanwhile"
        with self.assertLogs("generations.lifecycle.poll", "ERROR") as logs:
            run_poller()
        self.assertEqual(len(logs.output), 1)
        self.assertEqual({self.refreshed(row).status for row in rows}, {Status.IN_PROGRESS})

    def test_a_gateway_that_is_switched_off_is_still_asked(self):
        generation = self.in_progress()
        Gateway.objects.update(enabled=False)
        self.assertEqual(self.polled(generation).progress, 30)

    def test_a_key_that_cannot_be_opened_is_not_used(self):
        generation = self.in_progress()
        with override_settings(FIELD_KEYS=["another"]):
            generation = self.polled(generation)
        self.assertEqual((generation.status, self.upstream.polls), (Status.IN_PROGRESS, []))


class SlotTests(PollCase, TransactionTestCase):
    def run_until_it_stops(self, *, when: float, change, budget: float = 30.0) -> float:
        """Run a poller, make a change after `when` seconds, and return how long it ran."""

        async def both() -> None:
            poller = Poller("p0", ME, budget=budget)
            running = asyncio.create_task(poller.run())
            await asyncio.sleep(when)
            await asyncio.to_thread(self.in_a_thread, change)
            await running

        take_slot()
        began = time.monotonic()
        asyncio.run(both())
        return time.monotonic() - began

    def in_a_thread(self, change) -> None:
        try:
            change()
        finally:
            connection.close()

    def test_a_poller_at_work_shows_life(self):
        run_poller()
        self.assertLess(timezone.now() - Canary.objects.get(cluster="poll").beat_at, timedelta(seconds=30))

    def test_a_poller_that_loses_its_slot_stops_and_touches_it_no_more(self):
        stolen = partial(take_slot, SOMEBODY, until=60)
        self.assertLess(self.run_until_it_stops(when=0.3, change=stolen), 4)
        slot = PollerSlot.objects.get()
        self.assertEqual(slot.owner, SOMEBODY)
        self.assertGreater(slot.until, timezone.now() + timedelta(seconds=30))

    def test_a_poller_frees_its_slot_when_its_budget_is_spent(self):
        run_poller()
        slot = PollerSlot.objects.get()
        self.assertEqual(slot.owner, "")
        self.assertLessEqual(slot.until, timezone.now())

    def test_a_poller_keeps_its_slot_while_it_runs(self):
        seen = []

        def look() -> None:
            seen.append(PollerSlot.objects.get().until - timezone.now())

        take_slot(until=2)
        self.run_until_it_stops(when=2.3, change=look, budget=2.6)
        self.assertGreater(seen[0], timedelta(seconds=2))

    def test_a_studio_that_stops_does_not_wait_for_an_answer_that_does_not_come(self):
        generation = self.in_progress()
        leaving = []

        async def never(*args) -> None:
            await asyncio.sleep(60)

        stop = mock.patch("videostudio.lifeline.is_leaving", side_effect=lambda: bool(leaving))
        hang = mock.patch("generations.gateways.polls.AsyncSender.send", never)
        with stop, hang, mock.patch.object(poll, "HURRY_SECONDS", 0.2):
            self.assertLess(self.run_until_it_stops(when=0.5, change=lambda: leaving.append(True)), 5)
        generation = self.refreshed(generation)
        self.assertEqual(generation.claim, "")  # and the next one asks at once
        self.assertLessEqual(generation.due_at, timezone.now())

    def test_a_message_whose_slot_is_taken_or_gone_does_nothing(self):
        take_slot(SOMEBODY)
        began = time.monotonic()
        tasks.poll("p0", ME)
        tasks.poll("p9", ME)
        self.assertLess(time.monotonic() - began, 1)
        self.assertEqual(PollerSlot.objects.get().owner, SOMEBODY)

    def test_a_poller_started_by_its_message_runs_for_its_budget(self):
        generation = self.in_progress()
        take_slot("token")
        with mock.patch.object(poll, "Poller", OneRound):
            tasks.poll("p0", "token")
        self.assertEqual(self.refreshed(generation).progress, 30)

    def test_a_fault_in_the_poller_itself_is_raised_and_not_hidden(self):
        for part in ("targets", "hold_slot", "claim"):
            fault = mock.patch.object(poll, part, side_effect=RuntimeError("a fault"))
            with self.subTest(part), fault, self.assertRaises(ExceptionGroup):
                run_poller(Poller, budget=5)


class ClaimTests(TestCase):
    def test_only_due_rows_in_progress_of_the_given_gateways(self):
        mine, other = make_gateway("mine"), make_gateway("other")
        due = make_generation(Status.IN_PROGRESS, gateway=mine)
        make_generation(Status.IN_PROGRESS, gateway=other)
        make_generation(Status.IN_PROGRESS, gateway=mine, due_at=timezone.now() + timedelta(minutes=1))
        for status in frozenset(Status) - {Status.IN_PROGRESS}:
            make_generation(status, gateway=mine)
        [row] = claim(ME, {mine.pk: 200})
        self.assertEqual((row.pk, row.upstream_id, row.gateway_id), (due.pk, due.upstream_id, mine.pk))
        self.assertEqual(row.due_at, due.due_at)  # from which the next poll is counted
        due.refresh_from_db()
        self.assertEqual(due.claim, "me")
        self.assertGreater(due.due_at, timezone.now() + timedelta(seconds=30))  # longer than the longest poll
        self.assertEqual(claim("other", {mine.pk: 200}), [])
        self.assertEqual(claim("other", {}), [])

    def test_no_gateway_gives_more_rows_than_it_has_room_for_oldest_first(self):
        one, two = make_gateway("one"), make_gateway("two")
        now = timezone.now()
        rows = [
            make_generation(Status.IN_PROGRESS, gateway=one, due_at=now - timedelta(seconds=age)) for age in (1, 3, 2)
        ]
        lone = make_generation(Status.IN_PROGRESS, gateway=two)
        self.assertCountEqual([row.pk for row in claim(ME, {one.pk: 2, two.pk: 5})], [rows[1].pk, rows[2].pk, lone.pk])

    def test_a_lease_that_ran_out_is_claimed_anew(self):
        generation = make_generation(Status.IN_PROGRESS, claim="dead")
        self.assertEqual([row.pk for row in claim(ME, {generation.gateway_id: 5})], [generation.pk])

    def test_what_is_released_is_due_at_once_and_only_what_is_held(self):
        held, others = make_generation(Status.IN_PROGRESS, claim=ME), make_generation(Status.IN_PROGRESS, claim="x")
        waiting = make_generation(Status.DOWNLOADING, claim=ME)
        Generation.objects.update(due_at=timezone.now() + timedelta(minutes=1))
        self.assertEqual(release(ME), 1)
        self.assertCountEqual(Generation.objects.due(), [held])
        for row, claimed in ((held, ""), (others, "x"), (waiting, ME)):
            row.refresh_from_db()
            self.assertEqual(row.claim, claimed)

    def test_slots_are_held_by_their_owner_alone(self):
        take_slot()
        self.assertTrue(hold_slot("p0", ME))
        self.assertFalse(hold_slot("p0", SOMEBODY))
        self.assertFalse(hold_slot("p1", ME))

    def test_gateways_that_rest_or_cannot_be_used_are_closed(self):
        make_gateway("open")
        make_gateway("keyless", key="")
        make_gateway("paused").pause("by hand")
        make_gateway("off", enabled=False)
        found = {target.gateway.name: target.is_open for target in targets().values()}
        self.assertEqual(found, {"open": True, "keyless": False, "paused": False, "off": True})


class RoomTests(TestCase):
    def poller(self, in_hand: dict[int, int]) -> Poller:
        poller = Poller("p0", ME)
        self.addCleanup(poller.database.shutdown)
        poller.targets = targets()
        poller.in_hand = {object(): gateway for gateway, count in in_hand.items() for _ in range(count)}
        return poller

    def test_a_gateway_that_is_full_leaves_room_for_the_others(self):
        slow, quick = make_gateway("slow"), make_gateway("quick")
        most = poll.PER_GATEWAY + poll.AHEAD
        self.assertEqual(self.poller({}).rooms(), {slow.pk: most, quick.pk: most})
        self.assertEqual(self.poller({slow.pk: most}).rooms(), {quick.pk: most})
        self.assertEqual(self.poller({slow.pk: most - 20, quick.pk: most - 100}).rooms(), {quick.pk: 100})
        self.assertEqual(self.poller({slow.pk: most, quick.pk: most}).rooms(), {})

    def test_a_closed_gateway_has_no_room(self):
        make_gateway().pause("by hand")
        self.assertEqual(self.poller({}).rooms(), {})


class RestTests(PollCase, TransactionTestCase):
    """How long a poller sleeps that has found nothing, or little."""

    def rested(self, *, room_after: int | None, full: bool = True) -> float:
        """Return the seconds a rest of 0.4 s took while a gateway was full until the nth look."""
        gateway = make_gateway("busy")
        looks: list[dict[int, int]] = []

        class Looked(Poller):
            def rooms(self) -> dict[int, int]:
                looks.append({})
                return {gateway.pk: 50} if len(looks) == room_after else {}

        async def rest() -> float:
            began = time.monotonic()
            await poller.rest(0.4, {gateway.pk} if full else set())
            return time.monotonic() - began

        poller = Looked("p0", ME)
        self.addCleanup(poller.database.shutdown)
        return asyncio.run(rest())

    def test_it_ends_as_soon_as_a_full_gateway_has_room(self):
        self.assertLess(self.rested(room_after=2), 0.3)

    def test_it_lasts_while_none_has(self):
        self.assertGreaterEqual(self.rested(room_after=None), 0.4)

    def test_it_lasts_when_none_was_full(self):
        self.assertGreaterEqual(self.rested(room_after=1, full=False), 0.4)


class LookTests(PollCase, TransactionTestCase):
    def test_a_gateway_that_is_being_paused_is_not_opened_by_an_older_look(self):
        gateway = make_gateway("busy")
        poller = Poller("p0", ME)
        self.addCleanup(poller.database.shutdown)

        async def look_while_it_is_paused() -> list[bool]:
            await poller.look_at_gateways()
            heeding = asyncio.create_task(poller.heed(poller.targets[gateway.pk], GatewayBusy("slow", retry_after=60)))
            look = asyncio.create_task(poller.look_at_gateways())  # handed to the database before the pause is
            seen = []
            while not (look.done() and heeding.done()):
                await asyncio.sleep(0)
                seen.append(poller.targets[gateway.pk].is_open)
            await poller.look_at_gateways()
            return [*seen[1:], poller.targets[gateway.pk].is_open]

        old = targets()

        def old_look() -> dict:
            return old if not Gateway.objects.get(pk=gateway.pk).is_paused else targets()

        with mock.patch.object(poll, "targets", old_look):
            self.assertNotIn(True, asyncio.run(look_while_it_is_paused()))


class TurnTests(PollCase, TransactionTestCase):
    """Rows that are claimed and wait for a free lane."""

    def setUp(self) -> None:
        super().setUp()
        self.rows = [self.in_progress() for _ in range(8)]
        self.asked_at_once: list[int] = []
        self.running = 0

    async def send(self, *args) -> None:
        self.running += 1
        self.asked_at_once.append(self.running)
        await asyncio.sleep(0.05)
        self.running -= 1
        raise GatewayUnclear("no answer")

    def run_slowly(self, make=Poller, **limits: float) -> None:
        sending = mock.patch("generations.gateways.polls.AsyncSender.send", self.send)
        with sending, mock.patch.multiple(poll, **{"GATHER_SECONDS": 0.01, **limits}):
            run_poller(make, budget=2.0)

    def test_a_gateway_is_asked_no_more_at_once_than_it_may_and_everything_has_its_turn(self):
        for limits in ({"PER_GATEWAY": 3}, {"AT_ONCE": 3}):
            Generation.objects.update(due_at=timezone.now(), tries=0)
            self.asked_at_once.clear()
            with self.subTest(limits):
                self.run_slowly(AHEAD=2, **limits)
                self.assertEqual((max(self.asked_at_once), len(self.asked_at_once)), (3, 8))
                self.assertEqual(Generation.objects.filter(claim="", tries=1).count(), 8)

    def test_an_idle_gateway_does_not_set_the_pace_of_a_busy_one(self):
        make_gateway("idle")
        self.run_slowly(PER_GATEWAY=3, AHEAD=2, IDLE_SECONDS=5.0)
        self.assertEqual(len(self.asked_at_once), 8)

    def test_a_row_whose_turn_comes_too_late_is_given_back_unasked_and_due(self):
        self.run_slowly(OneRound, START_SECONDS=-1)
        self.assertEqual(self.asked_at_once, [])
        self.assertEqual(Generation.objects.due().filter(claim="", tries=0).count(), 8)

    def test_a_poller_that_ends_begins_nothing_more(self):
        self.run_slowly(EndsAtOnce, PER_GATEWAY=3, GATHER_SECONDS=0)
        self.assertEqual(len(self.asked_at_once), 3)
        self.assertEqual(Generation.objects.due().filter(claim="", tries=0).count(), 5)


class RaceTests(TransactionTestCase):
    def test_two_pollers_never_claim_the_same_row(self):
        rows = [make_generation(Status.IN_PROGRESS) for _ in range(20)]
        rooms = {rows[0].gateway_id: 200}
        found = race([partial(claim, f"poller-{number}", rooms) for number in range(4)])
        claimed = [row.pk for part in found for row in part]
        self.assertEqual(len(claimed), len(set(claimed)))
        claimed += [row.pk for row in claim("last", rooms)]  # PostgreSQL may have skipped rows locked just then
        self.assertCountEqual(claimed, [row.pk for row in rows])
