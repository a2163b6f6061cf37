"""Submitting: the table of create answers, row by row, through the real create client."""

import random
import re
from datetime import timedelta
from email.utils import format_datetime
from functools import partial
from itertools import accumulate
from unittest import mock

from django.db import connection
from django.test import SimpleTestCase, TestCase, TransactionTestCase, override_settings
from django.utils import timezone
from django_q.models import OrmQ

from generations.catalog import catalog
from generations.gateways.http import Times, send_once
from generations.lifecycle import endpoints, submit
from generations.lifecycle.recovery import sweep
from generations.lifecycle.requests import CannotBuild, create_message
from generations.lifecycle.submit import open_attempt
from generations.models import Failure, Gateway, Generation, ModelSwitch, Status, SubmitAttempt
from generations.models.gateway import TRIP_AFTER
from tests.documents import STRICT, violations_of
from tests.factories import begun, make_gateway, make_generation
from tests.gateways.wire import closed_port
from tests.lifecycle.base import UpstreamCase, make_due, queued, run_queue
from tests.lifecycle.test_begin import make_upload
from tests.racing import race

Outcome = SubmitAttempt.Outcome
REFUSED_STATUSES = (400, 401, 402, 403, 404, 405, 413, 415, 422)
UNCLEAR_STATUSES = (408, 409, 410, 418, 425, 451, 500, 501, 502, 503, 504, 520, 524, 599)
GOOD = {"object": "video", "status": "queued"}
USELESS_BODIES = {
    "no JSON": "<html>ok</html>",
    "an empty body": "",
    "a list": [{"id": "task_1"}],
    "text": '"task_1"',
    "no id": GOOD,
    "an empty id": GOOD | {"id": ""},
    "null": GOOD | {"id": None},
    "true": GOOD | {"id": True},
    "a fraction": GOOD | {"id": 1.5},
    "a list for an id": GOOD | {"id": ["task_1"]},
    "too long an id": GOOD | {"id": "x" * 513},
    "a space in the id": GOOD | {"id": "task 1"},
    "a line end in the id": GOOD | {"id": "task\n1"},
    "letters beyond ASCII in the id": GOOD | {"id": "tâche"},
    "a path for an id": GOOD | {"id": ".."},
    "too long an answer": GOOD | {"id": "task_1", "filler": "x" * (1024 * 1024 + 1)},
}


class CreateTableTests(UpstreamCase, TestCase):
    def submitted(self, **fields) -> Generation:
        generation = self.begun(**fields)
        submit.submit(generation.pk)
        return self.refreshed(generation)

    def assert_never_sent_again(self, generation: Generation, creates: int) -> None:
        """Sweep days and a month ahead, run whatever is queued: the wire stays silent and the row where it is."""
        for days in (1, 2, 30):
            sweep(timezone.now() + timedelta(days=days))
            run_queue()
        self.assertEqual(len(self.upstream.creates), creates)
        self.assertEqual(self.refreshed(generation).status, generation.status)

    def assert_unknown(self, generation: Generation, creates: int) -> SubmitAttempt:
        self.assertEqual((generation.status, generation.upstream_id), (Status.UNKNOWN, ""))
        attempt = generation.attempts.get()
        self.assertEqual(attempt.outcome, Outcome.UNKNOWN)
        self.assertTrue(attempt.sent_at and attempt.closed_at)
        self.assert_never_sent_again(generation, creates)
        return attempt

    def test_a_good_answer_gives_the_row_its_id(self):
        for model in ("wan/wan2.6", "wan/wan2.6-t2v"):
            with self.subTest(model):
                generation = self.submitted(model=model)
                self.assertEqual(generation.status, Status.IN_PROGRESS)
                self.assertEqual(generation.upstream_id, self.upstream.creates[-1].upstream_id)
                self.assertEqual((generation.upstream_status, generation.progress), ("queued", 0))
                self.assertEqual((generation.claim, generation.detail, generation.tries), ("", "", 0))
                attempt = generation.attempts.get()
                self.assertEqual((attempt.outcome, attempt.http_status, attempt.number), ("accepted", 200, 1))
                self.assertEqual(generation.submitted_at, attempt.sent_at)
                self.assertLessEqual(attempt.opened_at, attempt.sent_at)
                self.assertEqual(
                    list(generation.events.values_list("before", "after")),
                    [("", "queued"), ("queued", "submitting"), ("submitting", "in_progress")],
                )
                self.assertEqual(self.upstream.violations, [])
        self.assertEqual(list((self.folder / "receipts").iterdir()), [])

    def test_an_integer_is_a_good_id(self):
        self.upstream.answers_status(200, GOOD | {"id": 12345})
        self.assertEqual(self.submitted().upstream_id, "12345")

    def test_an_id_of_512_characters_is_a_good_id(self):
        self.upstream.answers_status(201, GOOD | {"id": "x" * 512})
        self.assertEqual(self.submitted().upstream_id, "x" * 512)

    def test_a_2xx_without_a_usable_id_is_unknown(self):
        for count, (name, body) in enumerate(USELESS_BODIES.items(), 1):
            with self.subTest(name):
                if isinstance(body, list | dict | str):
                    self.upstream.answers_status(200, body)
                attempt = self.assert_unknown(self.submitted(), count)
                self.assertEqual(attempt.http_status, 200)
                self.assertLessEqual(len(attempt.evidence), 4096)

    def test_evidence_of_an_unknown_outcome_is_kept_scrubbed(self):
        body = f"<p>key {self.upstream.key} sk-another-secret-key see https://x.invalid/a?sig=abc</p>" + "x" * 9000
        self.upstream.answers_status(200, body)
        evidence = self.submitted().attempts.get().evidence
        self.assertIn("<p>key [key] [key] see https://x.invalid/a?", evidence)
        self.assertNotIn("sig=abc", evidence)
        self.assertLessEqual(len(evidence), 4096)

    def test_a_redirect_is_refused_and_never_followed(self):
        for count, status in enumerate((301, 302, 303, 307, 308), 1):
            with self.subTest(status):
                headers = {"Location": f"{self.upstream.base_url}/v1/videos"}
                self.upstream.answers_status(status, {}, headers=headers)
                generation = self.submitted()
                self.assertEqual((generation.status, generation.failure), (Status.FAILED, Failure.REJECTED))
                self.assertIn("base URL", generation.detail)
                self.assert_never_sent_again(generation, count)

    def test_each_listed_4xx_is_refused_for_good_in_the_gateways_words(self):
        for count, status in enumerate(REFUSED_STATUSES, 1):
            with self.subTest(status):
                self.upstream.answers_status(status, {"error": {"message": "no such size"}})
                generation = self.submitted()
                self.assertEqual((generation.status, generation.failure), (Status.FAILED, Failure.REJECTED))
                self.assertIn(f"({status}): no such size", generation.detail)
                attempt = generation.attempts.get()
                self.assertEqual((attempt.outcome, attempt.http_status), (Outcome.REFUSED, status))
                self.assertIn("no such size", attempt.evidence)
                self.assert_never_sent_again(generation, count)
                self.the_gateway().resume()

    def test_words_of_a_safety_filter_are_told_apart(self):
        self.upstream.answers_status(400, {"error": {"message": "blocked by content policy"}})
        self.assertEqual(self.submitted().failure, Failure.MODERATED)

    def test_only_trouble_with_the_account_pauses_the_gateway(self):
        for status in REFUSED_STATUSES:
            with self.subTest(status):
                self.upstream.answers_status(status, {"error": {"message": "no"}})
                self.submitted()
                self.assertEqual(self.the_gateway().is_paused, status in (401, 402, 403))
                self.the_gateway().resume()

    def test_queued_rows_wait_for_a_paused_gateway_and_go_on_when_it_is_mended(self):
        for status in (401, 402, 403):
            with self.subTest(status):
                before = len(self.upstream.creates)
                self.upstream.answers_status(status, {"error": {"message": "key disabled"}})
                first, second = self.begun(), self.begun()
                run_queue()
                self.assertEqual(self.refreshed(first).status, Status.FAILED)
                waiting = self.refreshed(second)
                self.assertEqual(waiting.status, Status.QUEUED)
                self.assertIn("paused: The gateway refused the request", waiting.detail)
                self.assertEqual(len(self.upstream.creates), before + 1)
                make_due(second)
                submit.submit(second.pk)
                self.assertEqual(len(self.upstream.creates), before + 1)
                self.the_gateway().resume()
                make_due(second)
                submit.submit(second.pk)
                self.assertEqual(self.refreshed(second).status, Status.IN_PROGRESS)

    def test_busy_rests_the_row_and_the_whole_gateway_for_as_long_as_it_says(self):
        in_two_minutes = format_datetime(timezone.now() + timedelta(seconds=121), usegmt=True)
        for value, low, high in ((7, 6, 8), (in_two_minutes, 115, 125), (99999, 3590, 3601), (0, 0, 2), (None, 9, 11)):
            with self.subTest(value=value):
                self.upstream.busy(value)
                generation = self.submitted()
                self.assertEqual(generation.status, Status.QUEUED)
                now = timezone.now()
                for until in (generation.due_at, self.the_gateway().paused_until):
                    self.assertTrue(low <= (until - now).total_seconds() <= high, until - now)
                attempt = generation.attempts.get()
                self.assertEqual((attempt.outcome, attempt.http_status), (Outcome.REFUSED, 429))
                Gateway.objects.update(paused_until=None, paused_reason="")

    def test_busy_without_a_time_rests_longer_with_each_try(self):
        generation = self.begun()
        rests = []
        for _ in range(7):
            self.upstream.busy()
            make_due(generation)
            Gateway.objects.update(paused_until=None, paused_reason="")
            submit.submit(generation.pk)
            rests.append(round((self.the_gateway().paused_until - timezone.now()).total_seconds()))
        self.assertEqual(rests, [10, 20, 40, 80, 160, 300, 300])

    def test_busy_is_sent_again_later_as_a_second_attempt(self):
        self.upstream.busy(1)
        generation = self.submitted()
        submit.submit(generation.pk)  # not due yet
        self.assertEqual(len(self.upstream.creates), 1)
        self.the_gateway().resume()
        make_due(generation)
        submit.submit(generation.pk)
        generation = self.refreshed(generation)
        self.assertEqual((generation.status, generation.tries), (Status.IN_PROGRESS, 0))
        self.assertEqual(list(generation.attempts.values_list("number", "outcome")), [(1, "refused"), (2, "accepted")])

    def test_every_other_status_is_unknown(self):
        for count, status in enumerate(UNCLEAR_STATUSES, 1):
            with self.subTest(status):
                self.upstream.answers_status(status, {"error": {"message": "try again"}}, headers={"Retry-After": "1"})
                self.assertEqual(self.assert_unknown(self.submitted(), count).http_status, status)

    def test_an_order_taken_without_a_whole_answer_is_unknown(self):
        plays = ("closes_before_answer", "accepts_then_resets", "cut_head", "cut_body")
        for count, play in enumerate(plays, 1):
            with self.subTest(play):
                getattr(self.upstream, play)()
                self.assert_unknown(self.submitted(), count)
        self.assertEqual(len(self.upstream.tasks), len(plays))  # each really was accepted

    def test_an_answer_that_does_not_come_in_time_is_unknown(self):
        self.upstream.slow(5)
        hasty = partial(send_once, times=Times(connect=2, write=2, read=0.2, overall=1))
        with mock.patch.object(submit, "send_once", hasty):
            self.assert_unknown(self.submitted(), 1)

    def test_what_surely_was_not_sent_is_sent_again_later(self):
        port = closed_port()
        addresses = {
            "refused": f"http://127.0.0.1:{port}",
            "no such name": "https://gateway.invalid",
            "a private address": "https://10.0.0.1",
            "no TLS there": f"https://{self.upstream.host_port}",
        }
        hosts = frozenset({self.upstream.host_port, f"127.0.0.1:{port}"})
        for name, address in addresses.items():
            with self.subTest(name), override_settings(PRIVATE_HOSTS=hosts):
                Gateway.objects.filter(pk=self.gateway.pk).update(base_url=address)
                generation = self.submitted()
                self.assertEqual((generation.status, generation.tries), (Status.QUEUED, 1))
                self.assertEqual(generation.attempts.get().outcome, Outcome.NOT_SENT)
                self.assertTrue(generation.is_cancellable)
                Gateway.objects.filter(pk=self.gateway.pk).update(base_url=self.upstream.base_url)
                make_due(generation)
                submit.submit(generation.pk)
                self.assertEqual(self.refreshed(generation).status, Status.IN_PROGRESS)

    def test_a_key_that_no_header_can_carry_was_not_sent(self):
        self.gateway.key = "a key with spaces"
        self.gateway.save()
        generation = self.submitted()
        self.assertEqual((generation.status, generation.attempts.get().outcome), (Status.QUEUED, Outcome.NOT_SENT))
        self.assertNotIn("a key with spaces", generation.detail)

    def test_it_is_tried_for_a_day_at_growing_intervals_and_then_fails(self):
        Gateway.objects.filter(pk=self.gateway.pk).update(base_url="https://gateway.invalid")
        generation = self.begun()
        with mock.patch.object(random, "uniform", side_effect=lambda low, high: high):
            delays = []
            for _ in range(8):
                make_due(generation)
                self.gateway.note_health()  # the circuit breaker is another test's matter
                submit.submit(generation.pk)
                delays.append(round((self.refreshed(generation).due_at - timezone.now()).total_seconds()))
        self.assertEqual(delays, [10, 20, 40, 80, 160, 300, 300, 300])
        Generation.objects.update(created_at=timezone.now() - timedelta(days=3))  # it may have waited before
        make_due(generation)
        self.gateway.note_health()
        submit.submit(generation.pk)
        self.assertEqual(self.refreshed(generation).status, Status.QUEUED)
        generation.attempts.update(opened_at=timezone.now() - timedelta(hours=25))
        make_due(generation)
        self.gateway.note_health()
        submit.submit(generation.pk)
        generation = self.refreshed(generation)
        self.assertEqual((generation.status, generation.failure), (Status.FAILED, Failure.NOT_SENT))
        self.assertIn("24 hours", generation.detail)

    def test_a_verdict_in_the_answer_of_the_create_is_handled_at_once(self):
        self.upstream.answers_status(200, {"id": "task_done", "status": "completed"})
        done = self.submitted()
        self.assertEqual((done.status, done.upstream_id), (Status.DOWNLOADING, "task_done"))
        self.assertIn(("download", (str(done.pk),)), queued())
        self.upstream.answers_status(200, {"id": "task_bad", "status": "failed", "error": {"message": "bad prompt"}})
        bad = self.submitted()
        self.assertEqual((bad.status, bad.failure, bad.detail), (Status.FAILED, Failure.UPSTREAM_FAILED, "bad prompt"))
        self.assertEqual(bad.attempts.get().outcome, Outcome.ACCEPTED)

    def test_100_percent_in_the_answer_of_the_create_is_no_verdict(self):
        self.upstream.answers_status(200, {"id": "task_1", "status": "processing", "progress": 100})
        generation = self.submitted()
        self.assertEqual((generation.status, generation.progress), (Status.IN_PROGRESS, 99))

    def test_a_repeated_id_is_set_aside_and_never_overwritten(self):
        self.upstream.answers_status(200, GOOD | {"id": "task_same"}).answers_status(200, GOOD | {"id": "task_same"})
        first, second = self.submitted(), self.submitted()
        self.assertEqual((first.status, first.upstream_id), (Status.IN_PROGRESS, "task_same"))
        attempt = self.assert_unknown(second, 2)
        self.assertIn("task_same", attempt.evidence)
        self.assertIn("already holds", second.detail)
        self.assertEqual(self.refreshed(first).upstream_id, "task_same")

    def test_the_same_id_of_another_gateway_is_another_task(self):
        other = make_gateway("other", upstream=self.upstream, priority=1, offers=["wan/wan2.7"])
        self.upstream.answers_status(200, GOOD | {"id": "task_same"}).answers_status(200, GOOD | {"id": "task_same"})
        first, second = self.submitted(), self.submitted(model="wan/wan2.7")
        self.assertEqual([first.gateway, second.gateway], [self.gateway, other])
        self.assertEqual([first.status, second.status], [Status.IN_PROGRESS] * 2)

    def test_what_an_answer_holds_that_no_database_takes_costs_nobody_the_id(self):
        text = '{"id": "task_%d", "status": "queued", "note": "\\u0000 \\ud800 %s", "ratio": NaN, "n": %s}'
        for number, raw in enumerate(
            (
                (text % (0, "?", "9" * 4000)).encode().replace(b"?", b"\xed\xa0\x80"),
                (text % (1, "é", "1e999")).encode("latin-1"),
                (text % (2, "é", "-0.0")).encode("utf-16"),
                (text % (3, "é" * 100_000, "[" * 400 + "]" * 400)).encode("utf-8-sig"),
            )
        ):
            with self.subTest(number):
                self.upstream.answers_status(200, raw)
                generation = self.submitted()
                self.assertEqual((generation.status, generation.upstream_id), (Status.IN_PROGRESS, f"task_{number}"))


class BuildTests(UpstreamCase, TestCase):
    def assert_not_built(self, generation: Generation, words: str) -> None:
        submit.submit(generation.pk)
        generation = self.refreshed(generation)
        self.assertEqual((generation.status, generation.failure), (Status.FAILED, Failure.NOT_SENT))
        self.assertIn(words, generation.detail)
        self.assertFalse(generation.attempts.exists())
        self.assertEqual(self.upstream.creates, [])

    def test_a_request_that_cannot_be_built_fails_before_anything_is_opened(self):
        self.assert_not_built(make_generation(model_key="wan/gone"), "no longer in the catalogue")
        self.assert_not_built(make_generation(dialect="gone"), "Nobody speaks the dialect gone")
        self.assert_not_built(make_generation(options={"seconds": 5}, model_key="omni/omni-fast"), "")

    def test_an_image_that_is_gone_is_said(self):
        generation = self.begun(model="veo/veo3.1", uploads={"input_reference": [make_upload()]})
        self.assert_not_built(generation, "no longer stored")

    def test_an_image_option_that_is_gone_is_said(self):
        generation = self.begun(uploads={"input_reference": [make_upload()]})
        with self.assertRaisesMessage(CannotBuild, "no longer takes an image"):
            create_message(generation)

    def test_everything_chosen_is_sent_and_nothing_else(self):
        chosen = {
            "wan/wan2.6": {"seconds": 15, "size": "1088x832"},
            "omni/omni-fast": {"aspect_ratio": "9:16", "resolution": "1080p"},
            "wan/wan2.6-t2v": {"seed": 7, "negative_prompt": "rain", "audio_url": "https://example.com/a.mp3"},
        }
        for model, options in chosen.items():
            with self.subTest(model):
                generation = self.begun(model=model, options=options)
                submit.submit(generation.pk)
                sent = self.upstream.creates[-1]
                wanted = catalog().get(model).sent(generation.options)
                wire = {
                    name: str(value) if sent.dialect == "openai_videos" else value for name, value in wanted.items()
                }
                self.assertEqual(sent.fields, wire)
                self.assertEqual(sent.prompt, generation.prompt.text)
        self.assertEqual(self.upstream.violations, [])

    def test_the_attempt_keeps_the_digest_of_what_was_sent(self):
        first, second, other = self.begun(), self.begun(), self.begun(prompt="another")
        run_queue()
        digests = [self.refreshed(row).attempts.get().request_digest for row in (first, second, other)]
        self.assertEqual(digests[0], digests[1])
        self.assertNotEqual(digests[0], digests[2])


class GateTests(UpstreamCase, TestCase):
    """Who may send, and when."""

    def test_only_a_queued_row_that_is_due_is_sent(self):
        waiting = self.begun()
        Generation.objects.update(due_at=timezone.now() + timedelta(minutes=1))
        submit.submit(waiting.pk)
        for status in frozenset(Status) - {Status.QUEUED}:
            submit.submit(make_generation(status).pk)
        submit.submit(0)
        self.assertEqual(self.upstream.creates, [])

    def test_a_gateway_that_is_switched_off_or_has_no_key_lets_its_rows_wait(self):
        for changes, words in (({"enabled": False}, "switched off"), ({"key": ""}, "No key is set.")):
            with self.subTest(words):
                generation = self.begun()
                Gateway.objects.filter(pk=self.gateway.pk).update(**changes)
                submit.submit(generation.pk)
                generation = self.refreshed(generation)
                self.assertEqual(generation.status, Status.QUEUED)
                self.assertIn(words, generation.detail)
                self.assertGreater(generation.due_at, timezone.now() + timedelta(seconds=20))
                Gateway.objects.filter(pk=self.gateway.pk).update(enabled=True)
        self.assertEqual(self.upstream.creates, [])

    def test_a_model_that_was_switched_off_lets_its_rows_wait(self):
        generation = self.begun()
        switch = ModelSwitch.objects.create(model_key=generation.model_key, position="off", reason="It drifts.")
        submit.submit(generation.pk)
        generation = self.refreshed(generation)
        self.assertEqual((generation.status, self.upstream.creates), (Status.QUEUED, []))
        self.assertEqual(generation.detail, f"{generation.model_label} is switched off: It drifts.")
        self.assertGreater(generation.due_at, timezone.now() + timedelta(seconds=20))
        switch.delete()
        make_due(generation)
        submit.submit(generation.pk)
        self.assertEqual(len(self.upstream.creates), 1)

    def test_a_row_waits_no_longer_than_a_short_pause(self):
        generation = self.begun()
        self.gateway.pause_for(5, "busy")
        submit.submit(generation.pk)
        self.assertLess(self.refreshed(generation).due_at, timezone.now() + timedelta(seconds=6))

    def test_a_gateway_takes_so_many_creates_at_once(self):
        Gateway.objects.update(max_creates=2)
        make_generation(Status.SUBMITTING)
        free, full = self.begun(), self.begun()
        message = create_message(free)
        self.assertIsNotNone(open_attempt(free, message))
        self.assertIsNone(open_attempt(full, message))
        self.assertIn("free place", self.refreshed(full).detail)

    def test_a_place_that_is_free_again_is_passed_on(self):
        Gateway.objects.update(max_creates=0)
        waiting = self.begun()
        submit.submit(waiting.pk)
        self.assertIn("free place", self.refreshed(waiting).detail)
        self.assertFalse(Generation.objects.due().exists())
        Gateway.objects.update(max_creates=1)
        sent = self.begun()
        OrmQ.objects.all().delete()
        submit.submit(sent.pk)
        self.assertEqual([create.upstream_id for create in self.upstream.creates], [self.refreshed(sent).upstream_id])
        self.assertEqual(queued(), [("submit", (str(waiting.pk),))])
        run_queue()
        self.assertEqual(self.refreshed(waiting).status, Status.IN_PROGRESS)

    def test_a_gateway_takes_so_many_tasks_at_once(self):
        Gateway.objects.update(max_active=2)
        make_generation(Status.SUBMITTING)
        make_generation(Status.IN_PROGRESS)
        full = self.begun()
        submit.submit(full.pk)
        self.assertEqual((self.refreshed(full).status, self.upstream.creates), (Status.QUEUED, []))

    def test_a_pause_that_came_while_the_request_was_built_is_heeded(self):
        generation = self.begun()
        self.assertFalse(generation.gateway.is_paused)  # and is kept on the instance
        message = create_message(generation)
        self.gateway.pause("key disabled")
        self.assertIsNone(open_attempt(generation, message))
        self.assertEqual(self.refreshed(generation).status, Status.QUEUED)

    def test_a_row_that_was_sent_and_put_off_meanwhile_is_left_alone(self):
        late = self.begun()
        message = create_message(late)
        self.upstream.busy(600)
        submit.submit(late.pk)
        self.the_gateway().resume()
        self.assertIsNone(open_attempt(late, message))
        self.assertEqual(len(self.upstream.creates), 1)

    def test_an_attempt_that_may_have_been_accepted_is_never_followed_without_a_person(self):
        for outcome in ("", Outcome.ACCEPTED, Outcome.UNKNOWN, Outcome.CONFIRMED_NOT_CREATED):
            with self.subTest(outcome):
                generation = self.begun()
                attempt = generation.attempts.create(
                    number=1, token=f"t-{outcome}", request_digest="", opened_at=timezone.now(), outcome=outcome
                )
                with self.assertRaisesMessage(RuntimeError, "may have been accepted"):
                    submit.submit(generation.pk)
                self.assertEqual(self.refreshed(generation).status, Status.QUEUED)
                attempt.delete()
        self.assertEqual(self.upstream.creates, [])

    def test_nothing_new_is_sent_while_the_studio_is_stopping(self):
        generation = self.begun()
        with mock.patch("videostudio.lifeline.is_leaving", return_value=True):
            submit.submit(generation.pk)
        self.assertEqual((self.refreshed(generation).status, self.upstream.creates), (Status.QUEUED, []))

    def test_the_key_goes_to_the_gateway_and_is_never_logged(self):
        self.upstream.answers_status(500, f"broken, key was {self.upstream.key}")
        generation = self.begun()
        with self.assertLogs("generations", "ERROR") as logs:
            submit.submit(generation.pk)
        self.assertEqual(self.upstream.creates[0].headers["authorization"], f"Bearer {self.upstream.key}")
        self.assertNotIn(self.upstream.key, "\n".join(logs.output))

    def test_the_sandbox_is_reached_where_the_site_listens(self):
        sandbox = Gateway(name="sandbox", key_source=Gateway.KeySource.SANDBOX)
        with override_settings(SANDBOX_ORIGIN="http://127.0.0.1:9999", PRIVATE_HOSTS=frozenset()):
            target = endpoints.endpoint(sandbox)
        self.assertEqual((target.base_url, target.private_hosts), ("http://127.0.0.1:9999/sandbox", {"127.0.0.1:9999"}))
        self.assertTrue(target.key.startswith("sandbox-"))


class OneCreateTests(UpstreamCase, TransactionTestCase):
    """With real connections and commits."""

    def test_the_attempt_is_committed_before_the_first_byte_leaves(self):
        seen = []

        def look(create) -> list[str]:
            """In the server's thread, on a connection of its own, while the request is being answered."""
            try:
                row = Generation.objects.get()
                attempt = SubmitAttempt.objects.get()
                seen.append((row.status, row.claim == attempt.token, attempt.outcome, attempt.number))
                seen.append(list(row.events.values_list("after", flat=True)))
            finally:
                connection.close()
            return violations_of(create, STRICT)

        self.upstream._models = look
        generation = begun()
        submit.submit(generation.pk)
        self.assertEqual(seen, [(Status.SUBMITTING, True, "", 1), ["queued", "submitting"]])
        self.assertEqual(self.refreshed(generation).status, Status.IN_PROGRESS)

    def test_many_submitters_of_one_row_send_one_create(self):
        generation = begun()
        self.upstream.slow(0.3)
        race([partial(submit.submit, generation.pk)] * 6)
        self.assertEqual(len(self.upstream.creates), 1)
        self.assertEqual(self.refreshed(generation).attempts.count(), 1)
        self.assertEqual(self.refreshed(generation).status, Status.IN_PROGRESS)

    def test_many_submitters_of_many_rows_respect_the_cap(self):
        Gateway.objects.update(max_creates=2)
        rows = [begun(prompt=f"fox {number}") for number in range(6)]
        messages = [create_message(row) for row in rows]
        opened = race([partial(open_attempt, row, message) for row, message in zip(rows, messages, strict=True)])
        self.assertEqual(len([attempt for attempt in opened if attempt]), 2)
        self.assertEqual(Generation.objects.filter(status=Status.SUBMITTING).count(), 2)

    def race_to_submit(self, count: int) -> None:
        """Let every row have its hint at once, and again whenever one had no room, as the sweep would."""
        rows = [begun(prompt=f"fox {number}") for number in range(count)]
        for _ in range(3):
            Generation.objects.filter(status=Status.QUEUED).update(due_at=timezone.now())
            race([partial(submit.submit, row.pk) for row in rows])

    def most_at_once(self) -> int:
        """How many creates the gateway had on its wire at one moment."""
        starts = [(create.at, 1) for create in self.upstream.creates]
        ends = [(create.at + self.SLOW, -1) for create in self.upstream.creates]
        return max(accumulate(change for _, change in sorted(starts + ends)))

    SLOW = 0.3

    def test_no_more_tasks_than_the_gateway_takes_however_many_submit(self):
        Gateway.objects.update(max_active=3, max_creates=2)
        for _ in range(9):
            self.upstream.slow(self.SLOW)
        self.race_to_submit(9)
        self.assertEqual(len(self.upstream.creates), 3)
        self.assertEqual(Generation.objects.filter(status=Status.IN_PROGRESS).count(), 3)
        self.assertLessEqual(self.most_at_once(), 2)

    def test_one_probe_is_let_through_however_many_submit(self):
        for _ in range(8):
            self.upstream.closes_before_answer()
        Gateway.objects.update(trouble=TRIP_AFTER, tripped_until=timezone.now(), max_creates=8)
        self.race_to_submit(6)
        self.assertEqual(len(self.upstream.creates), 1)
        self.assertTrue(self.the_gateway().is_tripped)  # its answer was lost as well

    def test_a_refusal_of_the_account_stops_whoever_submits_after_it(self):
        for _ in range(9):
            self.upstream.answers_status(402, {"error": {"message": "no money"}})
        Gateway.objects.update(max_creates=2)
        self.race_to_submit(8)
        self.assertLessEqual(len(self.upstream.creates), 2)  # those that were on the wire together
        self.assertTrue(self.the_gateway().is_paused)

    def test_two_rows_given_the_same_id_at_once(self):
        body = GOOD | {"id": "task_same"}
        self.upstream.answers_status(200, body).answers_status(200, body)
        rows = [begun(prompt=f"fox {number}") for number in range(2)]
        race([partial(submit.submit, row.pk) for row in rows])
        statuses = sorted(self.refreshed(row).status for row in rows)
        self.assertEqual(statuses, [Status.IN_PROGRESS, Status.UNKNOWN])


class SourceTests(SimpleTestCase):
    def test_no_create_is_retried_by_a_library(self):
        """The create goes through send_once alone, which is under test in tests/gateways."""
        with open(submit.__file__, encoding="utf-8") as file:
            calls = re.findall(r"\bsend_once\(", file.read())
        self.assertEqual(len(calls), 1)
