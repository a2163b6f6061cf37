"""check_invariants finds each thing that must never be, planted here behind the back of every rule of the tables."""

import os
import shutil
import tempfile
import time
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from unittest import mock

from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import TestCase, override_settings
from django.utils import timezone
from django_q.models import OrmQ, Task
from django_q.tasks import async_task

from generations import queue
from generations.lifecycle import receipts
from generations.lifecycle.files import path_of
from generations.lifecycle.invariants import violations
from generations.models import Event, Failure, Gateway, Generation, LedgerEntry, Prompt, Status, SubmitAttempt
from tests.asking import broken
from tests.factories import alice, clip, make_attempt, make_gateway, make_generation
from tests.lifecycle.test_receipts import receipt_of
from tests.lifecycle.test_webhooks import make_webhook

Outcome = SubmitAttempt.Outcome
INDEXES = ("one_row_an_upstream_task", "one_open_attempt")
CHECKS = (
    "progress_is_a_percentage",
    "only_completed_is_100_percent",
    "completed_has_a_file",
    "unfinished_is_due_some_time",
)
SIGNED_LINK = "https://files.invalid/v.mp4?X-Amz-Signature=abc"


def drop_the_rules_of_the_tables() -> None:
    """Let rows break what the database itself forbids; the test's rollback brings the rules back."""
    with connection.cursor() as cursor:
        for name in INDEXES:
            cursor.execute(f"DROP INDEX {name}")
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA ignore_check_constraints = ON")
        else:
            for name in CHECKS:
                cursor.execute(f"ALTER TABLE generations_generation DROP CONSTRAINT {name}")


def restore_checks() -> None:
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA ignore_check_constraints = OFF")


class InvariantCase(TestCase):
    def setUp(self):
        folder = Path(tempfile.mkdtemp(prefix="videostudio-case-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.enterContext(override_settings(MEDIA_ROOT=folder / "media", RECEIPTS_DIR=folder / "receipts"))
        drop_the_rules_of_the_tables()
        self.addCleanup(restore_checks)
        self.assertEqual(broken(), [])  # from now on it asks by one statement

    def change(self, generation: Generation, **changes) -> None:
        Generation.objects.filter(pk=generation.pk).update(**changes)

    def assert_found(self, invariant: int, row: object, words: str, *, files: bool = False) -> None:
        """Exactly this one thing is wrong, and the command says so."""
        found = list(violations(files=files))
        self.assertEqual([violation.invariant for violation in found], [invariant], found)
        self.assertIn(str(row.uuid) if isinstance(row, Generation) else str(row), found[0].row)
        self.assertIn(words, found[0].words)
        if not files:
            self.assertEqual(broken(), found)
        output = StringIO()
        with self.assertRaisesMessage(CommandError, "1 row breaks an invariant."):
            call_command("check_invariants", files=files, stdout=output)
        self.assertEqual(output.getvalue(), f"invariant {invariant}: {found[0].row}: {found[0].words}\n")

    def assert_numbers(self, *invariants: int) -> None:
        self.assertEqual({violation.invariant for violation in violations()}, set(invariants))


class SoundTests(InvariantCase):
    def test_a_sound_studio_breaks_nothing(self):
        for quote in ("", "0.40", "0"):
            for policy in Gateway.FailurePolicy.values:
                Gateway.objects.update(failure_policy=policy)
                for status in Status:
                    make_generation(status, quote=quote)
                for failure in Failure:
                    make_generation(Status.FAILED, failure=failure, quote=quote)
        purged = make_generation(Status.COMPLETED)
        path_of(purged.file).unlink()
        self.change(purged, purged_at=timezone.now())
        refused = make_generation()
        make_attempt(refused, outcome=Outcome.REFUSED)
        make_attempt(refused, outcome=Outcome.NOT_SENT)
        queue.hint("submit", refused.pk)
        Prompt.objects.keep(alice().team, f"a clip like {SIGNED_LINK}")  # it is hers to share
        output = StringIO()
        call_command("check_invariants", files=True, stdout=output)
        self.assertEqual(output.getvalue(), "Every invariant holds.\n")

    def test_an_empty_studio_breaks_nothing(self):
        self.assertEqual(list(violations(files=True)), [])

    def test_the_command_counts_the_rows(self):
        for _ in range(2):
            self.change(make_generation(), due_at=None)
        with self.assertRaisesMessage(CommandError, "2 rows break an invariant."):
            call_command("check_invariants", stdout=StringIO())


class AttemptTests(InvariantCase):
    def test_1_an_attempt_followed_without_a_decision(self):
        for outcome in (Outcome.UNKNOWN, Outcome.CONFIRMED_NOT_CREATED, Outcome.ACCEPTED, Outcome.OPEN):
            with self.subTest(outcome):
                generation = make_generation()
                first = make_attempt(generation, outcome=outcome)
                make_attempt(generation, outcome=Outcome.REFUSED)
                found = [violation for violation in violations() if violation.invariant == 1]
                self.assertEqual([violation.row for violation in found], [str(first)])
                self.assertIn("may have been accepted", found[0].words)
                generation.attempts.all().delete()

    def test_1_a_decision_lets_another_follow_but_never_an_accepted_one(self):
        generation = make_generation()
        first = make_attempt(generation, outcome=Outcome.UNKNOWN, decided_by=alice())
        make_attempt(generation, outcome=Outcome.REFUSED)
        self.assertEqual(list(violations()), [])
        SubmitAttempt.objects.filter(pk=first.pk).update(outcome=Outcome.ACCEPTED)
        self.assert_found(1, f"attempt 1 of {generation.pk}", "may have been accepted")

    def test_1_an_attempt_that_follows_none(self):
        generation = make_generation()
        make_attempt(generation, outcome=Outcome.REFUSED, number=2)
        self.assert_found(1, f"attempt 2 of {generation.pk}", "not there")

    def test_2_sent_without_an_attempt(self):
        generation = make_generation(Status.UNKNOWN)
        generation.attempts.all().delete()
        self.assert_found(2, generation, "without an attempt")

    def test_2_being_sent_by_no_open_attempt(self):
        generation = make_generation(Status.SUBMITTING)
        self.change(generation, claim="somebody else")
        self.assert_found(2, generation, "no open attempt")

    def test_2_an_open_attempt_of_a_row_that_is_not_being_sent(self):
        generation = make_generation()
        make_attempt(generation)
        self.assert_found(2, f"attempt 1 of {generation.pk}", "not being sent")

    def test_2_going_on_although_nothing_was_accepted(self):
        generation = make_generation(Status.IN_PROGRESS)
        generation.attempts.update(outcome=Outcome.REFUSED)
        self.assert_found(2, generation, "no attempt was accepted")

    def test_2_going_on_without_an_upstream_id(self):
        generation = make_generation(Status.DOWNLOADING)
        self.change(generation, upstream_id="")
        self.assert_found(2, generation, "without an upstream id")

    def test_2_sent_before_it_was_written_down(self):
        generation = make_generation(Status.IN_PROGRESS)
        generation.attempts.update(sent_at=timezone.now() - timedelta(hours=1))
        self.assert_found(2, f"attempt 1 of {generation.pk}", "before it was written down")

    def test_2_a_receipt_that_was_never_used(self):
        receipt = receipt_of(make_generation(Status.UNKNOWN).attempts.get())
        receipts.write(receipt)
        self.assertEqual(list(violations()), [])  # its submitter, or the sweep, is about to use it
        os.utime(receipt.path, (time.time() - 700, time.time() - 700))
        self.assert_found(2, receipt.path.name, "nobody has put in place")
        self.assertTrue(receipt.path.exists())

    def test_3_one_upstream_task_held_twice(self):
        first, second = make_generation(Status.IN_PROGRESS), make_generation(Status.COMPLETED)
        self.change(second, upstream_id=first.upstream_id)
        elsewhere = make_generation(Status.IN_PROGRESS, gateway=make_gateway("other"))
        self.change(elsewhere, upstream_id=first.upstream_id)
        self.assert_found(3, f"{first.upstream_id} of gateway fake", "held by 2 generations")


class RowTests(InvariantCase):
    def event(self, generation: Generation, before: str, after: str, **fields) -> Event:
        return generation.events.create(before=before, after=after, actor="planted", **fields)

    def test_4_a_transition_that_is_not_allowed(self):
        generation = make_generation(Status.COMPLETED)
        event = self.event(generation, Status.COMPLETED, Status.IN_PROGRESS)
        self.change(generation, version=50, status=Status.IN_PROGRESS, progress=99, due_at=timezone.now())
        self.assert_found(4, f"event {event.pk} of generation {generation.pk}", "completed to in_progress")

    def test_4_a_failure_revived_by_nobody(self):
        generation = make_generation(Status.FAILED, failure=Failure.EXPIRED)
        event = self.event(generation, Status.FAILED, Status.IN_PROGRESS)
        self.change(generation, version=50, status=Status.IN_PROGRESS, failure="", due_at=timezone.now())
        self.assert_found(4, f"event {event.pk}", "without a person")
        Event.objects.filter(pk=event.pk).update(actor_kind=Event.ActorKind.PERSON)
        self.assertEqual(list(violations()), [])

    def test_4_a_transition_that_raised_no_version(self):
        generation = make_generation(Status.DOWNLOADING)
        self.change(generation, version=3)
        self.assert_found(4, generation, "version")

    def test_5_progress_beyond_its_bounds(self):
        generation = make_generation(Status.IN_PROGRESS)
        self.change(generation, progress=101)
        self.assert_found(5, generation, "beyond 0 to 100")

    def test_5_100_percent_without_being_completed(self):
        generation = make_generation(Status.DOWNLOADING)
        self.change(generation, progress=100)
        self.assert_found(5, generation, "not completed")

    def test_5_completed_below_100_percent(self):
        generation = make_generation(Status.COMPLETED)
        self.change(generation, progress=99)
        self.assert_found(5, generation, "below 100")

    def test_6_completed_without_a_file(self):
        for lost in ({"file": ""}, {"sha256": ""}, {"bytes": None}, {"bytes": 0}):
            with self.subTest(lost):
                generation = make_generation(Status.COMPLETED)
                path_of(generation.file).unlink()
                self.change(generation, **lost)
                found = [violation for violation in violations() if "without a file" in violation.words]
                self.assertEqual([violation.invariant for violation in found], [6])
                generation.delete()

    def test_6_a_file_that_was_not_measured(self):
        for name in ("measured_width", "measured_height", "measured_seconds"):
            generation = make_generation(Status.COMPLETED)
            self.change(generation, **{name: None})
            self.assert_found(6, generation, "not measured")
            generation.delete()

    def test_6_a_file_that_is_not_on_the_disk(self):
        generation = make_generation(Status.COMPLETED)
        path_of(generation.file).unlink()
        self.assert_found(6, generation, "missing")

    def test_6_a_file_of_another_size(self):
        generation = make_generation(Status.COMPLETED)
        path_of(generation.file).write_bytes(clip() + b"x")
        self.assert_found(6, generation, "changed")

    def test_6_a_file_of_other_bytes(self):
        generation = make_generation(Status.COMPLETED)
        path_of(generation.file).write_bytes(b"x" * len(clip()))
        self.assertEqual(list(violations()), [])
        self.assert_found(6, generation, "not the same bytes", files=True)

    def test_6_a_file_that_does_not_open(self):
        generation = make_generation(Status.COMPLETED)
        path_of(generation.file).write_bytes(clip()[:1000])
        self.change(generation, bytes=1000, sha256="a6c0f1b2")
        with mock.patch("generations.lifecycle.inventory.sha256_of", return_value="a6c0f1b2"):
            self.assert_found(6, generation, "undecodable", files=True)

    def test_7_unfinished_rows_that_nobody_will_look_at(self):
        generation = make_generation(Status.UNKNOWN)
        self.change(generation, due_at=None)
        self.assert_found(7, generation, "never be looked at")

    def test_7_unfinished_rows_that_are_put_off_for_days(self):
        generation = make_generation(Status.IN_PROGRESS)
        self.change(generation, due_at=timezone.now() + timedelta(days=3))
        self.assert_found(7, generation, "for days")

    def test_9_no_event_of_its_beginning(self):
        generation = make_generation()
        generation.events.all().delete()
        self.assert_found(9, generation, "its beginning")

    def test_9_a_status_without_its_event(self):
        generation = make_generation(Status.SUBMITTING)
        generation.events.last().delete()
        self.assert_found(9, generation, "not where its last event says")

    def test_9_a_gap_in_the_story(self):
        generation = make_generation(Status.DOWNLOADING)
        generation.events.get(after=Status.SUBMITTING).delete()
        event = generation.events.get(after=Status.IN_PROGRESS)
        self.assert_found(9, f"event {event.pk}", "does not follow queued")

    def test_9_a_second_beginning(self):
        generation = make_generation(Status.DOWNLOADING)
        self.event(generation, "", Status.DOWNLOADING)
        self.assert_numbers(9)

    def test_9_notices_are_no_transitions(self):
        generation = make_generation(Status.DOWNLOADING)
        generation.note("something odd", actor="test")
        self.assertEqual(list(violations()), [])


class QueueTests(InvariantCase):
    def test_8_messages_that_are_more_than_hints(self):
        known = queue.STEPS["submit"][1]
        for words, send in (
            ("no step of ours", lambda: async_task("os.system", "true", cluster="submit")),
            ("more than text", lambda: async_task(known, 5, cluster="submit")),
            ("more than text", lambda: async_task(known, "5", force=True, cluster="submit")),
            ("cannot be read", lambda: OrmQ.objects.create(key="submit", payload="torn", lock=timezone.now())),
        ):
            with self.subTest(words):
                send()
                self.assert_found(8, f"message {OrmQ.objects.get().pk}", words)
                OrmQ.objects.all().delete()


class SecretTests(InvariantCase):
    KEY = "the-key-of-the-gateway"

    def test_10_a_key_that_is_not_encrypted(self):
        gateway = make_gateway(key=self.KEY)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE generations_gateway SET key = %s", ["in-plain-text"])
        self.assert_found(10, f"gateway {gateway.name}", "not encrypted")

    def test_10_a_webhook_s_address_or_secret_that_is_not_encrypted(self):
        for column in ("url", "secret", "old_secret"):
            with self.subTest(column):
                webhook = make_webhook()
                with connection.cursor() as cursor:
                    cursor.execute(f"UPDATE generations_webhook SET {column} = %s", ["in-plain-text"])  # noqa: S608
                self.assert_found(10, f"webhook {webhook.pk}", "not encrypted")
                webhook.delete()

    def test_10_a_webhook_s_secret_somewhere_else(self):
        webhook = make_webhook()
        generation = make_generation(detail=f"signed with {webhook.secret}")
        self.assert_found(10, f"generations.Generation.detail of {generation.pk}", "looks like a secret")

    def test_10_a_key_in_any_text_column(self):
        make_gateway(key=self.KEY)
        generation = make_generation(Status.IN_PROGRESS)
        places = {
            Generation: ("detail", "upstream_status", "quote_source"),
            Event: ("reason",),
            SubmitAttempt: ("evidence",),
            Gateway: ("paused_reason",),
            Prompt: ("text",),
        }
        for model, names in places.items():
            for name in names:
                before = model.objects.filter().values_list("pk", name)[0]
                model.objects.filter(pk=before[0]).update(**{name: f"it is {self.KEY}, they said"})
                self.assert_found(10, f"generations.{model.__name__}.{name} of {before[0]}", "secret")
                model.objects.filter(pk=before[0]).update(**{name: before[1]})
        for name in ("last_answer", "upstream_state", "options"):
            self.change(generation, **{name: {"deep": [{"down": self.KEY}]}})
            self.assert_found(10, f"generations.Generation.{name} of {generation.pk}", "secret")
            self.change(generation, **{name: {}})

    def test_10_signed_links_tokens_and_cookies(self):
        generation = make_generation(Status.IN_PROGRESS)
        for text in (SIGNED_LINK, "Authorization: Bearer abcdefghijklmnop", "Set-Cookie: session=1"):
            with self.subTest(text):
                self.change(generation, last_answer={"said": text})
                self.assert_found(10, "last_answer", "secret")
        for text in ("https://files.invalid/v.mp4?[signed]", "https://files.invalid/v.mp4", "bearer of news", "a=b?"):
            with self.subTest(text):
                self.change(generation, last_answer={"said": text})
                self.assertEqual(list(violations()), [])

    def test_10_a_secret_in_the_queue_or_in_a_failed_task(self):
        make_gateway(key=self.KEY)
        queue.hint("submit", self.KEY)
        self.assert_found(10, f"message {OrmQ.objects.get().pk}", "secret")
        OrmQ.objects.all().delete()
        now = timezone.now()
        task = Task.objects.create(
            id="1", name="one", func="f", started=now, stopped=now, success=False, result=f"error: {SIGNED_LINK}"
        )
        self.assert_found(10, f"task {task.pk}", "secret")


class LedgerTests(InvariantCase):
    """11: the ledger agrees with the rows."""

    def priced(self, status: str = Status.QUEUED, **fields) -> Generation:
        return make_generation(status, quote="0.40", **fields)

    def entry(self, generation: Generation, kind: str, held: str = "0", spent: str = "0", **fields) -> LedgerEntry:
        fields = {"currency": "USD", "actor": "test", "number": 1, **fields}
        return generation.ledger.create(kind=kind, held=Decimal(held), spent=Decimal(spent), **fields)

    def assert_eleven(self, row: object, words: str) -> None:
        found = [violation for violation in violations() if words in violation.words]
        self.assertEqual([violation.invariant for violation in found], [11], list(violations()))
        self.assertIn(str(row.uuid) if isinstance(row, Generation) else str(row), found[0].row)

    def test_a_price_without_its_reserve(self):
        generation = make_generation()
        self.change(generation, quote_amount=Decimal("0.40"), quote_currency="USD")
        self.assert_found(11, generation, "not reserved once")

    def test_a_reserve_too_many(self):
        generation = self.priced()
        self.entry(generation, "reserve", "0.40", number=2)
        self.assert_found(11, generation, "not reserved once")

    def test_a_reserve_without_a_price(self):
        generation = self.priced()
        self.change(generation, quote_amount=None)
        self.assert_found(11, generation, "reserved without a price")

    def test_released_while_nobody_knows(self):
        for status in (Status.QUEUED, Status.SUBMITTING, Status.UNKNOWN):
            generation = self.priced(status)
            self.entry(generation, "release", "-0.40")
            self.assert_eleven(generation, "before anybody knows")
            self.entry(generation, "adjust", "0.40")
            self.change(generation, quote_amount=None)

    def test_withdrawn_but_still_held(self):
        generation = self.priced(Status.CANCELLED)
        self.entry(generation, "adjust", "0.40")
        self.assert_found(11, generation, "was withdrawn, but not released")

    def test_finished_upstream_but_not_settled(self):
        generation = self.priced(Status.IN_PROGRESS)
        self.change(generation, status=Status.DOWNLOADING)
        self.assert_eleven(generation, "finished upstream, but not settled")

    def test_never_made_but_still_held(self):
        generation = self.priced(Status.FAILED, failure=Failure.REJECTED)
        self.entry(generation, "adjust", "0.40")
        self.assert_found(11, generation, "never made, but is still held")

    def test_another_currency(self):
        self.entry(self.priced(Status.COMPLETED), "adjust", spent="0.10", currency="EUR")  # as the gateway may tell
        entry = self.entry(self.priced(Status.COMPLETED), "adjust", "0.10", currency="EUR")
        self.assert_found(11, f"ledger entry {entry.pk} of", "another currency")

    def test_another_amount_than_quoted(self):
        generation = self.priced()
        self.change(generation, quote_amount=Decimal("0.50"))
        self.assert_found(11, f"of generation {generation.pk}", "not what was quoted")

    def test_less_than_nothing(self):
        generation = self.priced(Status.COMPLETED)
        self.entry(generation, "adjust", "-0.01")
        self.assert_found(11, f"reservation 1 of generation {generation.pk}", "less than nothing")

    def test_dust_of_floating_point_sums_is_nothing(self):
        generation = self.priced(Status.FAILED)
        for _ in range(3):
            self.entry(generation, "adjust", "-0.1", "0.1")
        self.entry(generation, "adjust", "-0.1", "-0.3")
        self.assertEqual(list(violations()), [])

    def test_the_table_itself_refuses_what_moves_the_wrong_way(self):
        restore_checks()
        generation = self.priced()
        for kind, held, spent in (
            ("reserve", "-1", "0"),
            ("reserve", "1", "1"),
            ("settle", "1", "0"),
            ("settle", "0", "-1"),
            ("release", "1", "0"),
            ("release", "-1", "1"),
        ):
            with self.subTest(kind, held=held, spent=spent), self.assertRaises(IntegrityError), transaction.atomic():
                self.entry(generation, kind, held, spent, number=9)
