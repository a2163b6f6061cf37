"""What people decide: each decision fits the row as it is, is on record with its person, and sends no create."""

from datetime import timedelta
from functools import partial
from unittest import mock

from django.db.models import F
from django.test import TestCase, TransactionTestCase
from django.utils import timezone

from generations.lifecycle import decisions, receipts, submit
from generations.lifecycle.decisions import CannotDo
from generations.models import REVIVABLE, Event, Failure, Generation, Status, SubmitAttempt
from tests.factories import alice, begun, bob, make_generation
from tests.lifecycle.base import UpstreamCase, make_due, queued, run_queue
from tests.lifecycle.test_receipts import receipt_of
from tests.racing import race

Outcome = SubmitAttempt.Outcome


class DecisionCase(UpstreamCase):
    def lost(self, **fields) -> Generation:
        """A row whose create was accepted upstream, but whose answer was lost."""
        self.upstream.closes_before_answer()
        generation = begun(**fields)
        submit.submit(generation.pk)
        return self.refreshed(generation)

    def assert_decided(self, generation: Generation, after: str, reason: str) -> None:
        event = generation.events.exclude(before=F("after")).last()
        self.assertEqual((event.actor, event.actor_kind, event.after), ("alice", Event.ActorKind.PERSON, after))
        self.assertIn(reason, event.reason)

    def refused(self, words: str, decide, *args, **kwargs) -> None:
        before = list(Generation.objects.order_by("pk").values())
        with self.assertRaisesMessage(CannotDo, words):
            decide(*args, **kwargs)
        self.assertEqual(list(Generation.objects.order_by("pk").values()), before)


class CancelTests(DecisionCase, TestCase):
    def test_only_what_was_not_sent_can_be_withdrawn(self):
        for status in Status:
            with self.subTest(status):
                generation = make_generation(status)
                is_queued = status == Status.QUEUED
                self.assertEqual(decisions.cancel(generation, alice()), is_queued)
                self.assertEqual(self.refreshed(generation).status, Status.CANCELLED if is_queued else status)
                if is_queued:
                    self.assert_decided(generation, Status.CANCELLED, "before it was sent")

    def test_a_row_that_left_the_queue_a_moment_before_stays(self):
        stale = begun()
        submit.submit(stale.pk)
        self.assertFalse(decisions.cancel(stale, alice()))
        self.assertEqual(self.refreshed(stale).status, Status.IN_PROGRESS)

    def test_a_withdrawn_row_is_never_sent(self):
        generation = begun()
        decisions.cancel(generation, alice())
        run_queue()
        self.assertEqual(self.upstream.creates, [])

    def test_what_may_have_been_billed_before_cannot_be_withdrawn(self):
        generation = make_generation(Status.UNKNOWN)
        decisions.send_again(generation, alice(), typed="may cost twice")
        self.assertFalse(decisions.cancel(generation, alice()))


class CancelRaceTests(DecisionCase, TransactionTestCase):
    def test_withdrawing_and_sending_at_the_same_moment(self):
        for number in range(5):
            generation = begun(prompt=f"fox {number}")
            mine = self.refreshed(generation)
            race([partial(submit.submit, generation.pk), partial(decisions.cancel, mine, alice())])
            status = self.refreshed(generation).status
            sent = [create for create in self.upstream.creates if create.prompt == f"fox {number}"]
            self.assertIn((status, len(sent)), {(Status.CANCELLED, 0), (Status.IN_PROGRESS, 1)})


class AttachTests(DecisionCase, TestCase):
    def test_the_id_a_person_found_makes_the_row_go_on(self):
        generation = self.lost()
        [upstream_id] = self.upstream.tasks
        decisions.attach(generation, f" {upstream_id} ", alice())
        generation = self.refreshed(generation)
        self.assertEqual((generation.status, generation.upstream_id), (Status.IN_PROGRESS, upstream_id))
        self.assertEqual((generation.claim, generation.detail, generation.tries), ("", "", 0))
        attempt = generation.attempts.get()
        self.assertEqual((attempt.outcome, attempt.decided_by), (Outcome.ACCEPTED, alice()))
        self.assertEqual(generation.submitted_at, attempt.opened_at)
        self.assert_decided(generation, Status.IN_PROGRESS, "attached by hand")
        self.assertEqual(len(self.upstream.creates), 1)

    def test_only_an_unknown_outcome_takes_an_id(self):
        for status in frozenset(Status) - {Status.UNKNOWN}:
            generation = make_generation(status)
            self.refused("Only a generation whose outcome is unknown", decisions.attach, generation, "task_1", alice())

    def test_what_is_no_id_is_refused_before_anybody_is_asked(self):
        generation = self.lost()
        for text in ("", "   ", "two words", "x" * 513, "tâche", "..", "a\nb"):
            with self.subTest(text):
                self.refused("not an upstream id", decisions.attach, generation, text, alice())
        self.assertEqual(self.upstream.polls, [])

    def test_an_id_the_gateway_does_not_know(self):
        generation = self.lost()
        self.refused("does not know this task", decisions.attach, generation, "task_unheard_of", alice())

    def test_a_task_of_another_model(self):
        generation, other = self.lost(), self.lost(model="wan/wan2.7")
        upstream_id = self.upstream.creates[1].upstream_id
        self.refused("made by wan2.7, not by wan2.6", decisions.attach, generation, upstream_id, alice())
        decisions.attach(other, upstream_id, alice())

    def test_a_name_the_gateway_has_for_the_model_is_learnt_from_its_answers_to_our_creates(self):
        alias = {"model": "wan2.6-backend-0715"}
        generation = self.lost()
        upstream_id = self.upstream.creates[0].upstream_id
        self.upstream.tasks[upstream_id].model = alias["model"]
        make_generation(Status.IN_PROGRESS, model="wan/wan2.7", last_answer=alias)
        self.refused("made by wan2.6-backend-0715, not by", decisions.attach, generation, upstream_id, alice())
        make_generation(Status.COMPLETED, last_answer=alias)
        decisions.attach(generation, upstream_id, alice())
        self.assertEqual(self.refreshed(generation).upstream_id, upstream_id)

    def test_what_the_gateway_says_of_itself_while_a_person_asks_is_heeded(self):
        for status, words in ((401, "refused"), (429, "busy")):
            generation = self.lost()
            upstream_id = self.upstream.creates[-1].upstream_id
            script = self.upstream.tasks[upstream_id].script
            script.poll_status, script.poll_troubles = status, 1
            with self.subTest(status), self.assertRaisesMessage(CannotDo, words):
                decisions.attach(generation, upstream_id, alice())
            self.assertTrue(self.the_gateway().is_paused)
            self.the_gateway().resume()

    def test_an_id_that_another_row_holds(self):
        generation, holder = self.lost(), begun()
        submit.submit(holder.pk)
        upstream_id = self.refreshed(holder).upstream_id
        self.refused("already holds", decisions.attach, generation, upstream_id, alice())

    def test_an_id_that_another_row_came_to_hold_meanwhile(self):
        generation, other = self.lost(), make_generation(Status.IN_PROGRESS)
        upstream_id = self.upstream.creates[0].upstream_id

        def meanwhile(*args, real=decisions.retrieve):
            Generation.objects.filter(pk=other.pk).update(upstream_id=upstream_id)
            return real(*args)

        with mock.patch.object(decisions, "retrieve", meanwhile), self.assertRaisesMessage(CannotDo, "already holds"):
            decisions.attach(generation, upstream_id, alice())
        self.assertEqual(self.refreshed(generation).status, Status.UNKNOWN)
        self.assertEqual(generation.attempts.get().outcome, Outcome.UNKNOWN)

    def test_a_decision_about_what_a_person_no_longer_sees_is_refused(self):
        generation = self.lost()
        stale = self.refreshed(generation)
        decisions.confirm_not_created(generation, bob())
        upstream_id = self.upstream.creates[0].upstream_id
        self.refused("moved on meanwhile", decisions.attach, stale, upstream_id, alice())
        self.refused("moved on meanwhile", decisions.confirm_not_created, stale, alice())
        self.refused("moved on meanwhile", decisions.send_again, stale, alice(), typed="may cost twice")
        self.assertEqual(generation.attempts.get().decided_by, bob())


class NotCreatedTests(DecisionCase, TestCase):
    def test_a_person_ends_what_was_never_made(self):
        generation = make_generation(Status.UNKNOWN)
        decisions.confirm_not_created(generation, alice())
        generation = self.refreshed(generation)
        self.assertEqual((generation.status, generation.failure), (Status.FAILED, Failure.NOT_SENT))
        self.assertIn("alice confirmed", generation.detail)
        attempt = generation.attempts.get()
        self.assertEqual((attempt.outcome, attempt.decided_by), (Outcome.CONFIRMED_NOT_CREATED, alice()))
        self.assert_decided(generation, Status.FAILED, "confirmed not created")

    def test_only_an_unknown_outcome(self):
        for status in frozenset(Status) - {Status.UNKNOWN}:
            self.refused("Only a generation", decisions.confirm_not_created, make_generation(status), alice())

    def test_not_while_the_answer_lies_on_our_disk(self):
        generation = make_generation(Status.UNKNOWN)
        receipts.write(receipt_of(generation.attempts.get()))
        self.refused("did accept this request", decisions.confirm_not_created, generation, alice())
        self.refused("did accept this request", decisions.send_again, generation, alice(), typed="may cost twice")


class SendAgainTests(DecisionCase, TestCase):
    def test_a_person_pays_again_knowingly(self):
        generation = self.lost()
        decisions.send_again(generation, alice(), typed=" May  cost twice ")
        self.assertEqual((generation.status, generation.claim), (Status.QUEUED, ""))
        self.assertIn(("submit", (str(generation.pk),)), queued())
        self.assert_decided(generation, Status.QUEUED, "may cost twice")
        make_due(generation)
        submit.submit(generation.pk)
        generation = self.refreshed(generation)
        self.assertEqual(generation.status, Status.IN_PROGRESS)
        first, second = generation.attempts.order_by("number")
        self.assertEqual((first.outcome, first.decided_by), (Outcome.UNKNOWN, alice()))
        self.assertEqual((second.outcome, second.number, second.decided_by), (Outcome.ACCEPTED, 2, None))
        self.assertEqual(len(self.upstream.creates), 2)

    def test_not_without_the_words(self):
        generation = make_generation(Status.UNKNOWN)
        for typed in ("", "yes", "may cost"):
            self.refused("to confirm. Nothing was sent", decisions.send_again, generation, alice(), typed=typed)

    def test_only_an_unknown_outcome(self):
        for status in frozenset(Status) - {Status.UNKNOWN}:
            generation = make_generation(status)
            self.refused("Only a generation", decisions.send_again, generation, alice(), typed="may cost twice")

    def test_the_first_answer_turning_up_later_is_on_record_and_takes_nothing_over(self):
        generation = self.lost()
        first = generation.attempts.get()
        decisions.send_again(generation, alice(), typed="may cost twice")
        make_due(generation)
        submit.submit(generation.pk)
        receipts.write(receipt_of(first, self.upstream.creates[0].upstream_id))
        submit.accept_late(next(receipts.kept()))
        generation = self.refreshed(generation)
        self.assertEqual(generation.upstream_id, self.upstream.creates[1].upstream_id)
        self.assertIn("had accepted attempt 1 after all", generation.events.last().reason)
        self.assertIn(self.upstream.creates[0].upstream_id, generation.attempts.get(number=1).evidence)

    def test_the_first_answer_turning_up_while_the_second_is_on_the_wire(self):
        generation = make_generation(Status.UNKNOWN)
        first = generation.attempts.get()
        decisions.send_again(generation, alice(), typed="may cost twice")
        make_due(generation)

        def answered(*args, real=submit.send_once):
            answer = real(*args)
            submit.accept_late(receipt_of(first, "task_of_the_first"))
            return answer

        with mock.patch.object(submit, "send_once", answered):
            submit.submit(generation.pk)
        generation = self.refreshed(generation)
        self.assertEqual(generation.upstream_id, self.upstream.creates[0].upstream_id)
        self.assertIn("task_of_the_first", generation.attempts.get(number=1).evidence)
        self.assertEqual(generation.attempts.get(number=2).outcome, Outcome.ACCEPTED)


class AskAgainTests(DecisionCase, TestCase):
    def later(self, status: str, **fields) -> Generation:
        generation = make_generation(status, **fields)
        Generation.objects.filter(pk=generation.pk).update(due_at=timezone.now() + timedelta(minutes=5))
        return self.refreshed(generation)

    def test_a_task_in_flight_is_asked_about_at_once(self):
        generation = self.later(Status.IN_PROGRESS)
        decisions.ask_again(generation, alice())
        self.assertIn(generation, Generation.objects.due())

    def test_a_file_that_is_waited_for_is_fetched_at_once(self):
        generation = self.later(Status.DOWNLOADING)
        decisions.ask_again(generation, alice())
        self.assertIn(generation, Generation.objects.due())
        self.assertEqual(queued(), [("download", (str(generation.pk),))])

    def test_whoever_is_at_it_keeps_the_row(self):
        for status in (Status.IN_PROGRESS, Status.DOWNLOADING):
            generation = self.later(status, claim="somebody")
            decisions.ask_again(generation, alice())
            self.assertNotIn(generation, Generation.objects.due())
        self.assertEqual(queued(), [])

    def test_only_failures_whose_task_exists_are_revived(self):
        for failure in Failure:
            generation = make_generation(Status.FAILED, failure=failure, upstream_id=f"task_of_{failure}")
            with self.subTest(failure):
                if failure not in REVIVABLE:
                    self.refused("nothing to ask again", decisions.ask_again, generation, alice())
                    continue
                decisions.ask_again(generation, alice())
                generation = self.refreshed(generation)
                self.assertEqual((generation.status, generation.failure), (Status.IN_PROGRESS, ""))
                self.assertEqual((generation.detail, generation.overdue_at), ("", None))
                self.assert_decided(generation, Status.IN_PROGRESS, "asked upstream again")
        self.assertEqual(self.upstream.creates, [])

    def test_without_an_upstream_id_there_is_nothing_to_ask(self):
        for status in (Status.QUEUED, Status.UNKNOWN, Status.SUBMITTING, Status.CANCELLED):
            self.refused("no upstream id", decisions.ask_again, make_generation(status), alice())
        self.refused("nothing to ask again", decisions.ask_again, make_generation(Status.COMPLETED), alice())


class GiveUpTests(DecisionCase, TestCase):
    def test_a_person_gives_up_an_overdue_task_and_may_ask_again(self):
        generation = make_generation(Status.IN_PROGRESS, overdue_at=timezone.now())
        decisions.give_up(generation, alice())
        generation = self.refreshed(generation)
        self.assertEqual((generation.status, generation.failure), (Status.FAILED, Failure.GAVE_UP))
        self.assertIn("may still bill it", generation.detail)
        self.assert_decided(generation, Status.FAILED, "given up")
        decisions.ask_again(generation, alice())
        self.assertEqual(generation.status, Status.IN_PROGRESS)

    def test_only_an_overdue_task(self):
        for status in Status:
            self.refused("Only an overdue", decisions.give_up, make_generation(status), alice())

    def test_not_while_it_is_being_asked_about(self):
        stale = make_generation(Status.IN_PROGRESS, overdue_at=timezone.now())
        Generation.objects.filter(pk=stale.pk).update(claim="a poller")
        self.refused("moved on", decisions.give_up, stale, alice())
