"""Receipts and the outcome of a create when the database, the disk or the process is not there."""

import json
import os
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from unittest import mock

from django.db import OperationalError, connection
from django.test import SimpleTestCase, TestCase, TransactionTestCase
from django.utils import timezone

from generations.gateways import GatewayNotSent, GatewayRejected, TaskStatus, VideoTask
from generations.lifecycle import decisions, persistence, receipts, submit
from generations.lifecycle.persistence import insist, storable
from generations.lifecycle.receipts import Receipt
from generations.lifecycle.recovery import replay_receipts, sweep
from generations.models import Failure, Generation, Status, SubmitAttempt
from tests.factories import alice, begun, make_generation
from tests.lifecycle.base import UpstreamCase, make_due
from tests.racing import race

Outcome = SubmitAttempt.Outcome


class Killed(BaseException):
    """The process dies here: nothing that follows is run."""


@contextmanager
def database_away(*, when: str, times: int, error=OperationalError):
    """Fail the next `times` statements that begin with `when`."""
    left = [times]

    def wrapper(execute, sql, params, many, context):
        if left[0] and sql.startswith(when):
            left[0] -= 1
            raise error("the database system is shutting down")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper), mock.patch.object(persistence.time, "sleep"):
        yield left


def receipt_of(attempt: SubmitAttempt, upstream_id: str = "task_kept", **fields) -> Receipt:
    known = {"status": "waiting", "word": "queued", "state": {}, "accepted_at": timezone.now().isoformat()}
    return Receipt(attempt=attempt.token, upstream_id=upstream_id, **{**known, **fields})


class ReceiptCase(UpstreamCase):
    def kept(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "receipts").glob("*"))

    def sweep_after_the_lease(self) -> None:
        sweep(timezone.now() + submit.LEASE + timedelta(seconds=1))

    def killed_submitter(self, where: str) -> Generation:
        """Submit a new row with a process that is killed where it calls `where`."""
        generation = begun()
        with mock.patch(where, side_effect=Killed), self.assertRaises(Killed):
            submit.submit(generation.pk)
        return self.refreshed(generation)


class FileTests(ReceiptCase, TestCase):
    def test_a_receipt_is_fsynced_and_renamed_into_place(self):
        receipt = receipt_of(make_generation(Status.SUBMITTING).attempts.get())
        synced = []
        real = os.fsync
        with mock.patch.object(os, "fsync", side_effect=lambda handle: synced.append(os.fstat(handle)) or real(handle)):
            receipts.write(receipt)
        self.assertEqual(self.kept(), [f"{receipt.attempt}.json"])
        self.assertEqual(len(synced), 2)  # the file, then its folder
        self.assertEqual(synced[0].st_ino, receipt.path.stat().st_ino)
        self.assertEqual(list(receipts.kept()), [receipt])
        receipts.remove(receipt)
        receipts.remove(receipt)
        self.assertEqual(self.kept(), [])

    def test_a_young_receipt_belongs_to_a_submitter_at_work(self):
        receipt = receipt_of(make_generation(Status.SUBMITTING).attempts.get())
        receipts.write(receipt)
        self.assertEqual(list(receipts.kept(age=5)), [])
        os.utime(receipt.path, (time.time() - 6, time.time() - 6))
        self.assertEqual(list(receipts.kept(age=5)), [receipt])

    def test_a_draft_whose_process_was_killed_during_its_fsync_counts(self):
        receipt = receipt_of(make_generation(Status.SUBMITTING).attempts.get())
        with mock.patch.object(os, "fsync", side_effect=Killed), self.assertRaises(Killed):
            receipts.write(receipt)
        self.assertEqual(self.kept(), [f"{receipt.attempt}.new"])
        self.assertEqual(list(receipts.kept()), [receipt])
        self.assertEqual(self.kept(), [f"{receipt.attempt}.json"])

    def test_what_cannot_be_read_is_set_aside_and_the_others_are_used(self):
        good = receipt_of(make_generation(Status.SUBMITTING).attempts.get())
        receipts.write(good)
        whole = json.loads(good.path.read_text())
        bad = {
            "torn": good.path.read_text()[:20],
            "empty": "",
            "list": "[]",
            "other": good.path.read_text(),  # of another attempt than its name says
            "status": json.dumps(whole | {"attempt": "status", "status": "nonsense"}),
            "time": json.dumps(whole | {"attempt": "time", "accepted_at": "yesterday"}),
            "less": json.dumps({"attempt": "less"}),
        }
        for name, text in bad.items():
            (self.folder / "receipts" / f"{name}.json").write_text(text)
        with self.assertLogs("generations.lifecycle.receipts", "ERROR") as logs:
            self.assertEqual(list(receipts.kept()), [good])
        self.assertEqual(len(logs.output), len(bad))
        self.assertEqual(self.kept(), sorted([f"{name}.aside" for name in bad] + [good.path.name]))

    def test_no_folder_is_no_receipts(self):
        self.assertEqual(list(receipts.kept()), [])
        self.assertEqual(replay_receipts(), 0)


class InsistTests(SimpleTestCase):
    def test_it_tries_until_the_database_is_back(self):
        write = mock.Mock(side_effect=[OperationalError, OperationalError, "done"])
        with mock.patch.object(persistence.time, "sleep") as sleep:
            self.assertEqual(insist(write, seconds=60), "done")
        self.assertEqual(sleep.call_count, 2)

    def test_it_gives_up_in_time(self):
        with mock.patch.object(persistence.time, "sleep"), self.assertRaises(OperationalError):
            insist(mock.Mock(side_effect=OperationalError), seconds=0)

    def test_what_a_healthy_database_refuses_is_raised_at_once(self):
        for error in persistence.REFUSED:
            write = mock.Mock(side_effect=error)
            with self.assertRaises(error):
                insist(write, seconds=60)
            self.assertEqual(write.call_count, 1)

    def test_an_answer_is_stored_without_secrets_in_text_that_every_database_takes(self):
        answer = {"a": ["half \ud800", "https://x.invalid/v.mp4?sig=1", "sk-abcdefgh12345678"], "user_id": 5}
        self.assertEqual(storable(answer), {"a": ["half ?", "https://x.invalid/v.mp4?[signed]", "[key]"]})
        self.assertEqual(storable({"a": "top secret"}, "top secret"), {"a": "[key]"})


class DatabaseAwayTests(ReceiptCase, TransactionTestCase):
    """The database fails exactly between the answer and the commit."""

    def test_a_short_absence_is_waited_out(self):
        generation = begun()
        with database_away(when='UPDATE "generations_generation"', times=0) as left:

            def answered(create) -> list[str]:
                left[0] = 3  # from now on, while the request is being answered
                return []

            self.upstream._models = answered
            submit.submit(generation.pk)
        self.assertEqual(left, [0])
        generation = self.refreshed(generation)
        self.assertEqual((generation.status, generation.attempts.get().outcome), (Status.IN_PROGRESS, "accepted"))
        self.assertEqual(generation.events.filter(after=Status.IN_PROGRESS).count(), 1)
        self.assertEqual((len(self.upstream.creates), self.kept()), (1, []))

    def test_a_connection_that_breaks_between_answer_and_commit(self):
        """PostgreSQL ends our connection for good; SQLite is locked by somebody else for a moment."""
        generation = begun()
        pid = connection.connection.info.backend_pid if connection.vendor == "postgresql" else 0
        release = threading.Event()
        others = []

        def answered(create) -> list[str]:
            def disturb() -> None:
                with connection.cursor() as cursor:
                    if pid:
                        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
                    else:
                        cursor.execute("BEGIN IMMEDIATE")
                        locked.set()
                        release.wait(0.5)
                        cursor.execute("ROLLBACK")
                locked.set()
                connection.close()

            locked = threading.Event()
            others.append(threading.Thread(target=disturb))
            others[0].start()
            locked.wait(10)
            return []

        self.upstream._models = answered
        submit.submit(generation.pk)
        release.set()
        others[0].join(10)
        generation = self.refreshed(generation)
        self.assertEqual((generation.status, generation.attempts.get().outcome), (Status.IN_PROGRESS, "accepted"))
        self.assertEqual((len(self.upstream.creates), self.kept()), (1, []))

    def test_a_long_absence_leaves_a_receipt_that_is_replayed(self):
        generation = begun()
        away = mock.patch.multiple(submit, accept=mock.Mock(side_effect=OperationalError), INSIST_SECONDS=0)
        with away, self.assertRaises(OperationalError):
            submit.submit(generation.pk)
        self.assertEqual(self.refreshed(generation).status, Status.SUBMITTING)
        [name] = self.kept()
        self.assertEqual(replay_receipts(older_than=0), 1)
        generation = self.refreshed(generation)
        self.assertEqual((generation.status, generation.claim), (Status.IN_PROGRESS, ""))
        self.assertEqual(generation.upstream_id, self.upstream.creates[0].upstream_id)
        self.assertEqual(generation.attempts.get().outcome, Outcome.ACCEPTED)
        self.assertIsNotNone(generation.submitted_at)
        self.assertEqual((len(self.upstream.creates), self.kept()), (1, []))
        self.assertTrue(name)

    def test_a_commit_whose_confirmation_was_lost_is_recorded_once(self):
        for outcome, calls in (("accepted", "accept"), ("refused", "refuse"), ("unknown", "refuse")):
            with self.subTest(outcome), mock.patch.object(persistence.time, "sleep"):
                if outcome == "refused":
                    self.upstream.answers_status(400, {"error": {"message": "no"}})
                if outcome == "unknown":
                    self.upstream.answers_status(500)
                real, lost = getattr(submit, calls), [True]

                def unconfirmed(*args, real=real, lost=lost, **kwargs):
                    result = real(*args, **kwargs)
                    if lost.pop():
                        lost.append(False)
                        raise OperationalError("server closed the connection unexpectedly")
                    return result

                generation = begun()
                with mock.patch.object(submit, calls, unconfirmed):
                    submit.submit(generation.pk)
                generation = self.refreshed(generation)
                self.assertEqual(generation.attempts.get().outcome, outcome)
                self.assertEqual(generation.events.count(), 3)

    def test_a_definite_refusal_that_outlived_its_lease_is_on_record_for_the_person(self):
        self.upstream.answers_status(400, {"error": {"message": "no such size"}})
        generation = begun()
        real = submit.refuse

        def late(*args, **kwargs):
            self.sweep_after_the_lease()
            return real(*args, **kwargs)

        with mock.patch.object(submit, "refuse", late):
            submit.submit(generation.pk)
        generation = self.refreshed(generation)
        self.assertEqual(generation.status, Status.UNKNOWN)
        self.assertIn("came late. The gateway refused the request (400): no such size", generation.events.last().reason)
        attempt = generation.attempts.get()
        self.assertEqual((attempt.outcome, attempt.http_status), (Outcome.UNKNOWN, 400))
        self.assertIn("no such size", attempt.evidence)

    def test_an_acceptance_that_outlived_its_lease_still_gives_the_id(self):
        generation = begun()
        real = submit.accept

        def late(*args, **kwargs):
            self.sweep_after_the_lease()
            self.assertEqual(self.refreshed(generation).status, Status.UNKNOWN)
            return real(*args, **kwargs)

        with mock.patch.object(submit, "accept", late), mock.patch.object(receipts, "write"):
            submit.submit(generation.pk)
        generation = self.refreshed(generation)
        self.assertEqual((generation.status, generation.attempts.get().outcome), (Status.IN_PROGRESS, "accepted"))

    def test_the_sweep_and_a_late_acceptance_at_the_same_moment_agree(self):
        for number in range(4):
            generation = make_generation(Status.SUBMITTING)
            make_due(generation)
            attempt = generation.attempts.get()
            task = VideoTask(f"task_race_{number}", TaskStatus.WAITING, "queued", None, (), "")
            race([partial(submit.accept, attempt, task), sweep])
            generation = self.refreshed(generation)
            self.assertEqual((generation.status, generation.upstream_id), (Status.IN_PROGRESS, task.upstream_id))
            self.assertEqual(generation.attempts.get().outcome, Outcome.ACCEPTED)

    def test_a_disk_that_takes_no_receipt_does_not_cost_the_id(self):
        generation = begun()
        full = mock.patch.object(receipts, "write", side_effect=OSError(28, "No space left on device"))
        with full, self.assertLogs("generations.lifecycle.submit", "ERROR") as logs:
            submit.submit(generation.pk)
        self.assertEqual(self.refreshed(generation).status, Status.IN_PROGRESS)
        self.assertIn(self.upstream.creates[0].upstream_id, logs.output[0])  # should the database not take it either


class KilledTests(ReceiptCase, TestCase):
    """kill -9 at each point of a create."""

    def test_a_fault_of_ours_while_the_answer_is_read(self):
        generation = begun()
        fault = mock.patch.object(submit, "dialect_of", side_effect=RuntimeError("a fault"))
        with fault, self.assertRaises(RuntimeError):
            submit.submit(generation.pk)
        self.assertEqual(self.refreshed(generation).status, Status.SUBMITTING)
        self.sweep_after_the_lease()
        self.assertEqual(self.refreshed(generation).status, Status.UNKNOWN)
        self.assertEqual(len(self.upstream.creates), 1)

    def test_after_the_claim_before_the_first_byte(self):
        generation = self.killed_submitter("generations.lifecycle.submit.send")
        self.assertEqual((generation.status, self.upstream.creates), (Status.SUBMITTING, []))
        sweep()  # within the lease nobody touches it
        self.assertEqual(self.refreshed(generation).status, Status.SUBMITTING)
        self.sweep_after_the_lease()
        generation = self.refreshed(generation)
        self.assertEqual((generation.status, generation.attempts.get().outcome), (Status.UNKNOWN, Outcome.UNKNOWN))
        self.assertIn("interrupted", generation.detail)

    def test_while_the_answer_is_awaited(self):
        generation = begun()
        real = submit.send_once

        def sent(*args):
            real(*args)
            raise Killed

        with mock.patch.object(submit, "send_once", sent), self.assertRaises(Killed):
            submit.submit(generation.pk)
        self.sweep_after_the_lease()
        self.assertEqual(self.refreshed(generation).status, Status.UNKNOWN)
        submit.submit(generation.pk)
        self.assertEqual(len(self.upstream.creates), 1)

    def test_after_the_receipt_before_the_commit(self):
        generation = self.killed_submitter("generations.lifecycle.submit.accept")
        self.assertEqual((generation.status, len(self.kept())), (Status.SUBMITTING, 1))
        self.assertEqual(replay_receipts(older_than=0), 1)
        self.assertEqual(self.refreshed(generation).status, Status.IN_PROGRESS)

    def test_a_receipt_that_turns_up_after_the_row_was_set_aside(self):
        generation = self.killed_submitter("generations.lifecycle.submit.accept")
        with mock.patch.object(receipts, "kept", return_value=[]):
            self.sweep_after_the_lease()
        self.assertEqual(self.refreshed(generation).status, Status.UNKNOWN)
        self.assertEqual(replay_receipts(older_than=0), 1)
        generation = self.refreshed(generation)
        self.assertEqual((generation.status, generation.detail), (Status.IN_PROGRESS, ""))
        self.assertEqual(generation.attempts.get().outcome, Outcome.ACCEPTED)
        self.assertEqual(generation.upstream_id, self.upstream.creates[0].upstream_id)

    def test_after_the_commit_before_the_receipt_is_removed(self):
        generation = self.killed_submitter("generations.lifecycle.receipts.remove")
        self.assertEqual((generation.status, len(self.kept())), (Status.IN_PROGRESS, 1))
        events = generation.events.count()
        self.assertEqual(replay_receipts(older_than=0), 1)
        self.assertEqual((self.kept(), generation.events.count()), ([], events))


class ReplayTests(ReceiptCase, TestCase):
    def test_a_receipt_of_no_attempt_of_ours_is_set_aside_once(self):
        stranger = receipt_of(SubmitAttempt(token="of-another-database"))
        receipts.write(stranger)
        with self.assertLogs("generations.lifecycle.receipts", "ERROR") as logs:
            self.assertEqual(replay_receipts(older_than=0), 0)
            self.assertEqual(replay_receipts(older_than=0), 0)
        self.assertEqual((len(logs.output), self.kept()), (1, ["of-another-database.aside"]))
        self.assertIn("task_kept", logs.output[0])

    def test_a_receipt_with_the_id_of_another_row_leaves_both_rows_alone_and_a_note(self):
        holder = make_generation(Status.IN_PROGRESS, upstream_id="task_same")
        for status in (Status.SUBMITTING, Status.UNKNOWN):
            with self.subTest(status):
                generation = make_generation(status)
                receipts.write(receipt_of(generation.attempts.get(), "task_same"))
                self.assertEqual(replay_receipts(older_than=0), 1)
                self.assertEqual(replay_receipts(older_than=0), 0)
                generation = self.refreshed(generation)
                self.assertEqual((generation.status, generation.upstream_id), (Status.UNKNOWN, ""))
                self.assertIn("task_same", generation.attempts.get().evidence)
                self.assertIn("task_same", generation.events.last().reason)
        self.assertEqual(self.refreshed(holder).upstream_id, "task_same")

    def test_a_receipt_for_a_row_a_person_has_decided_is_a_note(self):
        generation = make_generation(Status.UNKNOWN)
        attempt = generation.attempts.get()
        decisions.confirm_not_created(generation, alice())
        receipts.write(receipt_of(attempt))
        self.assertEqual(replay_receipts(older_than=0), 1)
        generation = self.refreshed(generation)
        self.assertEqual((generation.status, generation.failure), (Status.FAILED, Failure.NOT_SENT))
        self.assertIn("after all, as task_kept", generation.events.last().reason)
        self.assertEqual(self.kept(), [])

    def test_a_refusal_for_a_row_a_person_has_decided_is_a_note(self):
        generation = make_generation(Status.UNKNOWN)
        attempt = generation.attempts.get()
        decisions.confirm_not_created(generation, alice())
        for error in (GatewayRejected("No.", status=400), GatewayNotSent("No.")):
            submit.refuse(attempt, error)
        self.assertEqual(self.refreshed(generation).status, Status.FAILED)
        self.assertEqual(generation.events.filter(reason__contains="came late").count(), 1)
