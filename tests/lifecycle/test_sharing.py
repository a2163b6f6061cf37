"""Who goes next at a gateway, and when a gateway is given a rest."""

from datetime import timedelta

from django.test import TestCase
from django.utils import timezone

from generations.lifecycle.fairness import next_in_line
from generations.lifecycle.submit import submit
from generations.models import Gateway, Generation, Status
from generations.models.gateway import TRIP_AFTER
from tests.factories import alice, begun, bob
from tests.lifecycle.base import UpstreamCase


class FairnessTests(UpstreamCase, TestCase):
    def test_a_batch_of_one_person_does_not_keep_another_waiting(self):
        batch = [self.begun(user=alice()) for _ in range(4)]
        submit(batch[0].pk)
        single = self.begun(user=bob())
        submit(batch[1].pk)  # alice's hint is next in the queue, but it is bob's turn
        self.assertEqual(self.refreshed(single).status, Status.IN_PROGRESS)
        self.assertEqual(self.refreshed(batch[1]).status, Status.QUEUED)

    def test_one_persons_rows_go_oldest_first_and_none_is_left_behind(self):
        rows = [self.begun(user=alice()) for _ in range(3)]
        for row in reversed(rows):
            submit(row.pk)
        self.assertEqual(len(self.upstream.creates), 3)
        sent = sorted((self.refreshed(row) for row in rows), key=lambda row: row.submitted_at)
        self.assertEqual([row.pk for row in sent], [row.pk for row in rows])

    def test_a_row_that_is_not_due_is_nobodys_turn(self):
        waiting = self.begun(user=alice())
        Generation.objects.update(due_at=timezone.now() + timedelta(minutes=1))
        self.assertIsNone(next_in_line(waiting.pk))

    def test_rows_of_another_gateway_are_left_alone(self):
        mine = self.begun(user=alice())
        other = Gateway.objects.create(name="other", base_url="https://other.invalid", key="k" * 20, offers=["wan"])
        theirs = self.begun(user=bob())
        Generation.objects.filter(pk=theirs.pk).update(gateway=other)
        self.assertEqual(next_in_line(mine.pk), mine.pk)


class CircuitTests(UpstreamCase, TestCase):
    def lose(self, count: int) -> None:
        """Send creates whose answers get lost."""
        for _ in range(count):
            self.upstream.closes_before_answer()
            submit(begun(user=alice()).pk)

    def test_creates_rest_after_a_few_in_a_row_without_an_answer(self):
        self.lose(TRIP_AFTER)
        self.assertTrue(self.the_gateway().is_tripped)
        waiting = begun(user=alice())
        submit(waiting.pk)
        row = self.refreshed(waiting)
        self.assertEqual((row.status, len(self.upstream.creates)), (Status.QUEUED, TRIP_AFTER))
        self.assertIn("has not answered lately", row.detail)

    def test_one_probe_is_let_through_and_its_answer_closes_the_circuit(self):
        self.lose(TRIP_AFTER)
        Gateway.objects.update(tripped_until=timezone.now())
        on_trial = begun(user=alice())
        Generation.objects.filter(pk=on_trial.pk).update(status=Status.SUBMITTING)
        second = begun(user=alice())
        submit(second.pk)
        self.assertEqual(self.refreshed(second).status, Status.QUEUED)
        Generation.objects.filter(pk=on_trial.pk).delete()
        Generation.objects.filter(pk=second.pk).update(due_at=timezone.now())
        submit(second.pk)
        self.assertEqual(self.refreshed(second).status, Status.IN_PROGRESS)
        self.assertFalse(self.the_gateway().is_on_trial)

    def test_a_failed_probe_lets_it_rest_longer(self):
        self.lose(TRIP_AFTER)
        first = self.the_gateway().tripped_until - timezone.now()
        Gateway.objects.update(tripped_until=timezone.now())
        self.lose(1)
        self.assertGreater(self.the_gateway().tripped_until - timezone.now(), first * 1.5)

    def test_a_refusal_is_an_answer(self):
        self.lose(TRIP_AFTER - 1)
        self.upstream.answers_status(400, {"error": {"message": "no"}})
        submit(begun(user=alice()).pk)
        self.assertEqual(self.the_gateway().trouble, 0)
