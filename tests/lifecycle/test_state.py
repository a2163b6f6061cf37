"""What polls must know of a create is on the row before the create leaves, so that nothing can lose it."""

from django.test import TestCase

from generations.lifecycle import decisions, submit
from generations.models import Status, SubmitAttempt
from tests.factories import alice

from .base import UpstreamCase

KLING = "kling/kling-v2-master"


class StateTests(UpstreamCase, TestCase):
    def test_it_is_there_after_a_good_create(self):
        generation = self.begun(model=KLING)
        submit.submit(generation.pk)
        generation = self.refreshed(generation)
        self.assertEqual((generation.status, generation.upstream_state), (Status.IN_PROGRESS, {"action": "text2video"}))

    def test_it_is_there_after_a_create_whose_answer_was_lost(self):
        self.upstream.closes_before_answer()
        generation = self.begun(model=KLING)
        submit.submit(generation.pk)
        generation = self.refreshed(generation)
        self.assertEqual((generation.status, generation.upstream_state), (Status.UNKNOWN, {"action": "text2video"}))
        [upstream_id] = self.upstream.tasks
        decisions.attach(generation, upstream_id, alice())
        self.assertEqual(self.finished(generation).status, Status.COMPLETED)

    def test_other_dialects_need_none(self):
        generation = self.begun()
        submit.submit(generation.pk)
        self.assertEqual(self.refreshed(generation).upstream_state, {})
        self.assertEqual(SubmitAttempt.objects.get().outcome, SubmitAttempt.Outcome.ACCEPTED)
