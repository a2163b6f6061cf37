"""The sweep: whatever was lost, rows go on by themselves, and nothing is sent twice."""

import logging
from datetime import timedelta
from pathlib import Path
from unittest import mock

from django.core.files.base import ContentFile
from django.db import IntegrityError, OperationalError
from django.test import TestCase
from django.utils import timezone
from django_q.models import OrmQ

from generations import queue
from generations.lifecycle import receipts, recovery, submit
from generations.lifecycle.recovery import QUEUE_ROOM, drop_unused_uploads, sweep
from generations.models import Event, Generation, GenerationInput, Status, SubmitAttempt, Upload
from tests.factories import alice, begun, make_generation
from tests.lifecycle.base import UpstreamCase, make_due, queued, run_queue
from tests.lifecycle.test_begin import make_upload
from tests.lifecycle.test_receipts import database_away

LONG_AGO = timedelta(minutes=10)


def forgotten(status: str, **fields) -> Generation:
    """A row that has been due for long, without a message."""
    generation = make_generation(status, due_at=timezone.now() - LONG_AGO, **fields)
    OrmQ.objects.all().delete()
    return generation


class HintTests(UpstreamCase, TestCase):
    def test_emptying_the_queue_loses_nothing(self):
        generation = begun()
        OrmQ.objects.all().delete()
        Generation.objects.update(due_at=timezone.now() - LONG_AGO)
        sweep()
        run_queue()
        generation = self.refreshed(generation)
        self.assertEqual(generation.status, Status.IN_PROGRESS)
        self.upstream.tasks[generation.upstream_id].polls = 1
        generation.move_to(Status.DOWNLOADING, actor="test", reason="finished upstream")
        OrmQ.objects.all().delete()
        Generation.objects.update(due_at=timezone.now() - LONG_AGO)
        sweep()
        message = OrmQ.objects.get()
        self.assertEqual((message.key, queued()), ("download", [("download", (str(generation.pk),))]))
        with mock.patch.object(queue, "hint"):  # the message for its poster is lost as well
            run_queue()
        generation = self.refreshed(generation)
        self.assertEqual((generation.status, generation.poster), (Status.COMPLETED, ""))
        sweep(timezone.now() + recovery.POSTER_AFTER + timedelta(seconds=5))
        run_queue()
        self.assertNotEqual(self.refreshed(generation).poster, "")
        self.assertEqual(len(self.upstream.creates), 1)

    def test_each_step_is_hinted_for_its_status(self):
        rows = {status: forgotten(status) for status in (Status.QUEUED, Status.DOWNLOADING, Status.IN_PROGRESS)}
        sweep()
        self.assertEqual(
            queued(),
            [("submit", (str(rows[Status.QUEUED].pk),)), ("download", (str(rows[Status.DOWNLOADING].pk),))],
        )

    def test_a_row_is_not_hinted_again_and_again(self):
        forgotten(Status.DOWNLOADING)
        for _ in range(5):
            sweep()
        self.assertEqual(OrmQ.objects.count(), 1)
        with mock.patch.object(recovery.time, "monotonic", return_value=recovery.time.monotonic() + 21):
            sweep()
        self.assertEqual(OrmQ.objects.count(), 2)

    def test_a_row_that_was_put_off_since_its_hint_is_hinted_again(self):
        row = forgotten(Status.QUEUED)
        for _ in range(2):
            sweep()
            row.postpone(timedelta(0), detail="Waiting for a free place at the gateway fake.")
        self.assertEqual(queued(), [("submit", (str(row.pk),))] * 2)

    def test_a_fresh_row_has_a_hint_on_its_way(self):
        make_generation(due_at=timezone.now() - recovery.HINT_AFTER / 2)
        sweep()
        self.assertEqual(queued(), [])

    def test_what_was_put_off_is_hinted_as_soon_as_it_is_due(self):
        for status in (Status.QUEUED, Status.DOWNLOADING):
            make_generation(status, detail="The gateway is busy (429).", due_at=timezone.now())
            make_generation(status, detail="The gateway is busy (429).", due_at=timezone.now() + timedelta(seconds=1))
        sweep()
        self.assertEqual([function for function, _ in queued()], ["submit", "download"])

    def test_hints_are_bounded_by_the_room_in_the_queue(self):
        rows = [forgotten(Status.DOWNLOADING) for _ in range(QUEUE_ROOM + 5)]
        for _ in range(4):
            queue.hint("download", 0)
        for _ in range(3):
            sweep()
        self.assertEqual(OrmQ.objects.filter(key="download").count(), QUEUE_ROOM)
        OrmQ.objects.all().delete()
        sweep()
        hinted = {int(arguments[0]) for _, arguments in queued()}
        self.assertEqual(hinted, {row.pk for row in rows[QUEUE_ROOM - 4 :]})  # those that had no turn yet

    def test_messages_of_a_cluster_that_was_killed_keep_nobody_out(self):
        for _ in range(QUEUE_ROOM + 5):
            queue.hint("download", 0)
        OrmQ.objects.update(lock=timezone.now() + timedelta(hours=1))  # taken, and never acknowledged
        generation = make_generation(Status.DOWNLOADING, due_at=timezone.now() - LONG_AGO)
        sweep()
        self.assertIn(("download", (str(generation.pk),)), queued())

    def test_a_poster_is_tried_a_few_times_only(self):
        generation = make_generation(Status.COMPLETED)
        OrmQ.objects.all().delete()
        now = timezone.now()
        for minutes, is_hinted in ((0, False), (2, True), (25, False)):
            with self.subTest(minutes=minutes):
                recovery._hinted.clear()
                sweep(now + timedelta(minutes=minutes))
                self.assertEqual(queued(), [("poster", (str(generation.pk),))] if is_hinted else [])
                OrmQ.objects.all().delete()


class LostCreateTests(UpstreamCase, TestCase):
    def test_a_create_whose_lease_ran_out_is_set_aside(self):
        lost, alive = make_generation(Status.SUBMITTING), make_generation(Status.SUBMITTING)
        make_due(lost)
        Generation.objects.filter(pk=alive.pk).update(due_at=timezone.now() + timedelta(minutes=1))
        claim = lost.claim
        with self.assertLogs("generations.lifecycle.submit", "ERROR"):
            sweep()
        lost = self.refreshed(lost)
        self.assertEqual((lost.status, lost.claim), (Status.UNKNOWN, claim))  # so that a late receipt fits
        attempt = lost.attempts.get()
        self.assertEqual(attempt.outcome, SubmitAttempt.Outcome.UNKNOWN)
        self.assertIsNotNone(attempt.closed_at)
        self.assertEqual(self.refreshed(alive).status, Status.SUBMITTING)

    def test_row_and_attempt_are_set_aside_together_or_not_at_all(self):
        lost = make_generation(Status.SUBMITTING)
        make_due(lost)
        with database_away(when='UPDATE "generations_submitattempt"', times=1), self.assertRaises(OperationalError):
            sweep()
        self.assertEqual(self.refreshed(lost).status, Status.SUBMITTING)
        self.assertEqual(lost.attempts.get().outcome, SubmitAttempt.Outcome.OPEN)

    def test_unknown_outcomes_ring_after_an_hour_and_every_day_and_no_timer_decides_one(self):
        generation = make_generation(Status.UNKNOWN)
        self.assertGreater(generation.due_at, timezone.now() - timedelta(minutes=1))
        make_due(generation)
        facts = Generation.objects.filter(pk=generation.pk).values("status", "detail", "version", "claim").get()
        with self.assertLogs("generations.lifecycle.recovery", "ERROR") as logs:
            sweep()
            sweep()
        self.assertEqual(len(logs.output), 1)
        self.assertEqual(
            Generation.objects.filter(pk=generation.pk).values("status", "detail", "version", "claim").get(), facts
        )
        self.assertGreater(self.refreshed(generation).due_at, timezone.now() + timedelta(hours=23))

    def test_the_alarm_rings_once_after_an_hour_once_after_a_day_and_every_day(self):
        generation = make_generation(Status.SUBMITTING)
        make_due(generation)
        with self.assertLogs("generations.lifecycle.submit", "ERROR"):
            recovery.set_aside_lost_creates(timezone.now())
        generation.refresh_from_db()
        Generation.objects.update(created_at=timezone.now() - timedelta(days=9))  # it had waited before it was sent
        since = generation.events.get(after=Status.UNKNOWN).at
        rung = []
        for minutes in range(30, 60 * 73, 30):
            now = since + timedelta(minutes=minutes, seconds=5)
            with self.assertLogs("generations", "ERROR") as logs:
                logging.getLogger("generations").error("so that there is a line")
                recovery.ring_for_unknown(now)
                recovery.ring_for_unknown(now)
            rung += [minutes / 60] * (len(logs.output) - 1)
        self.assertEqual(rung, [1, 24, 48, 72])
        self.assertEqual(self.refreshed(generation).version, generation.version)

    def test_of_two_sweeps_at_once_one_rings(self):
        make_due(make_generation(Status.UNKNOWN))
        now = timezone.now()

        def overtaken(real=Event.objects.filter, **fields):
            find.side_effect = real
            recovery.ring_for_unknown(now)
            return real(**fields)

        with (
            mock.patch.object(Event.objects, "filter", side_effect=overtaken) as find,
            self.assertLogs("generations.lifecycle.recovery", "ERROR") as logs,
        ):
            recovery.ring_for_unknown(now)
        self.assertEqual(len(logs.output), 1)


class RobustTests(UpstreamCase, TestCase):
    def test_a_part_that_fails_keeps_no_other_from_being_done(self):
        lost = make_generation(Status.SUBMITTING)
        make_due(lost)
        with (
            mock.patch.object(receipts, "kept", side_effect=PermissionError("receipts")),
            self.assertLogs("generations.lifecycle.recovery", "ERROR") as logs,
        ):
            sweep()
        self.assertIn("PermissionError: receipts", logs.output[0])
        self.assertEqual(self.refreshed(lost).status, Status.UNKNOWN)

    def test_a_database_that_is_away_ends_the_sweep(self):
        with (
            mock.patch.object(submit, "accept_late", side_effect=OperationalError),
            self.assertRaises(OperationalError),
        ):
            receipts.write(receipts.Receipt("t", "task", "waiting", "queued", {}, timezone.now().isoformat()))
            with mock.patch.object(recovery, "RECEIPT_AGE", 0):
                recovery.replay_receipts(older_than=0)

    def test_an_idle_sweep_is_cheap(self):
        begun()
        make_generation(Status.COMPLETED)
        make_generation(Status.IN_PROGRESS)
        sweep()  # what is done now and then is done
        with self.assertNumQueries(10):
            sweep()


class UploadTests(UpstreamCase, TestCase):
    def upload(self, *, hours: int, **fields) -> Upload:
        upload = make_upload(**fields)
        upload.file.save("", ContentFile(b"picture"), save=True)
        Upload.objects.filter(pk=upload.pk).update(created_at=timezone.now() - timedelta(hours=hours))
        return upload

    def exists(self, upload: Upload) -> bool:
        return Upload.objects.filter(pk=upload.pk).exists()

    def test_an_image_that_nobody_came_to_use_goes_after_a_day(self):
        old, young, used = self.upload(hours=25), self.upload(hours=23), self.upload(hours=25)
        GenerationInput.objects.create(generation=make_generation(), option="input_reference", upload=used)
        path = Path(old.file.path)
        self.assertTrue(path.exists())
        sweep()
        self.assertEqual([self.exists(upload) for upload in (old, young, used)], [False, True, True])
        self.assertFalse(path.exists())
        for kept in (young, used):
            with kept.file.open() as file:
                self.assertEqual(file.read(), b"picture")

    def test_an_image_that_is_used_this_very_moment_keeps_its_file(self):
        upload = self.upload(hours=25)
        with mock.patch.object(Upload, "delete", side_effect=IntegrityError), self.assertRaises(IntegrityError):
            drop_unused_uploads(timezone.now())
        with upload.file.open() as file:
            self.assertEqual(file.read(), b"picture")
        self.assertEqual(upload.person, alice())
