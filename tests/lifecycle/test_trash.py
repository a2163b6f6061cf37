"""The trash: what is purged when, and what survives."""

from datetime import timedelta
from io import StringIO
from unittest import mock

from django.core.management import call_command
from django.test import TestCase
from django.utils import timezone

from generations.lifecycle import recovery, trash
from generations.lifecycle.files import path_of
from generations.lifecycle.invariants import violations
from generations.models import Generation, Status
from tests.factories import alice, make_gateway, make_generation

LONG_AGO = timedelta(days=31)


class PurgeTests(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        make_gateway()
        alice()

    def deleted(self, ago: timedelta = LONG_AGO, **fields) -> Generation:
        row = make_generation(Status.COMPLETED, deleted_at=timezone.now() - ago, **fields)
        name = row.file.replace(".mp4", ".webp")
        path_of(name).write_bytes(b"RIFF")
        Generation.objects.filter(pk=row.pk).update(poster=name)
        return Generation.objects.get(pk=row.pk)

    def test_files_go_after_thirty_days_and_the_row_says_so(self):
        row, recent = self.deleted(), self.deleted(timedelta(days=29))
        pinned = self.deleted(pinned_at=timezone.now())
        kept = make_generation(Status.COMPLETED)
        with self.assertLogs("generations.lifecycle.trash", "INFO") as log:
            self.assertEqual(trash.purge(), (1, row.bytes))
        self.assertIn(row.file, " ".join(log.output))
        row.refresh_from_db()
        self.assertIsNotNone(row.purged_at)
        self.assertIn("files removed", row.events.latest("id").reason)
        self.assertFalse(path_of(row.file).exists() or path_of(row.poster).exists())
        for other in (recent, pinned, kept):
            self.assertTrue(path_of(other.file).exists())
            self.assertIsNone(Generation.objects.get(pk=other.pk).purged_at)
        self.assertEqual(trash.purge(), (0, 0))
        self.assertEqual(list(violations()), [])

    def test_what_was_brought_back_or_purged_stays_as_it_is(self):
        row, gone = self.deleted(), self.deleted()
        self.assertEqual(trash.restore([row.pk], alice()), 1)
        event = row.events.latest("id")
        self.assertEqual((event.reason, event.actor), ("brought back from the trash", "alice"))
        trash.purge()
        self.assertEqual(trash.restore([gone.pk], alice()), 0)
        self.assertTrue(path_of(row.file).exists())
        self.assertIsNone(Generation.objects.get(pk=row.pk).deleted_at)

    def test_a_purge_that_was_broken_off_is_finished_the_next_time(self):
        row = self.deleted()
        with (
            mock.patch("pathlib.Path.unlink", side_effect=OSError("the disk is away")),
            self.assertRaisesMessage(OSError, "the disk is away"),
        ):
            trash.purge()
        self.assertIsNone(Generation.objects.get(pk=row.pk).purged_at)
        path_of(row.poster).unlink()
        self.assertEqual(trash.purge()[0], 1)
        self.assertFalse(path_of(row.file).exists())

    def test_who_threw_it_away_stands_in_its_history(self):
        row, other = make_generation(Status.COMPLETED), make_generation(Status.FAILED)
        self.assertIsNotNone(trash.delete([row, other], alice()))
        self.assertIsNone(trash.delete([row], alice()))
        for one in (row, other):
            event = one.events.latest("id")
            self.assertEqual((event.reason, event.actor, event.before), ("moved to the trash", "alice", one.status))
        self.assertEqual(list(violations()), [])

    def test_what_is_under_way_cannot_be_deleted(self):
        row = make_generation(Status.IN_PROGRESS)
        self.assertIsNone(trash.delete([row], alice()))
        self.assertIsNone(Generation.objects.get(pk=row.pk).deleted_at)

    def test_the_sweep_purges_once_an_hour_and_in_small_parts(self):
        for _ in range(3):
            self.deleted()
        with mock.patch.multiple(recovery, _purged=-recovery.PURGE_AGAIN, PURGED_AT_ONCE=2):
            for left in (1, 0, 0):
                recovery.sweep()
                self.assertEqual(Generation.objects.filter(purged_at=None).count(), left)
            self.deleted()
            recovery.sweep()
            self.assertEqual(Generation.objects.filter(purged_at=None).count(), 1)

    def test_the_command_says_what_it_did_and_a_dry_run_does_nothing(self):
        row = self.deleted()
        said = StringIO()
        call_command("purge_trash", dry_run=True, stdout=said)
        self.assertIn("1 would be purged", said.getvalue())
        self.assertTrue(path_of(row.file).exists())
        call_command("purge_trash", stdout=said)
        self.assertIn("1 purged", said.getvalue())
        self.assertFalse(path_of(row.file).exists())
