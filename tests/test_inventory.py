"""The stored files against the rows that name them: manage.py verify_media."""

import hashlib
import io
import os
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from django.core.management import CommandError, call_command
from django.test import TestCase, override_settings
from django.utils import timezone

from generations.forms.images import keep_image
from generations.lifecycle.files import path_of
from generations.lifecycle.inventory import findings
from generations.models import Generation, Status, Upload
from generations.specs import ImageFile
from tests.factories import alice, clip, make_gateway, make_generation
from tests.pages import picture

HOUR = timedelta(hours=1)


class InventoryTestCase(TestCase):
    """With a media folder of its own, and one completed generation with its still picture."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        places = override_settings(MEDIA_ROOT=self.root)
        places.enable()
        self.addCleanup(places.disable)
        make_gateway()
        self.row = self.completed()

    def completed(self, **fields) -> Generation:
        row = make_generation(Status.COMPLETED, completed_at=timezone.now() - HOUR, **fields)
        poster = row.file.replace(".mp4", ".webp")
        path_of(poster).write_bytes(b"RIFF")
        Generation.objects.filter(pk=row.pk).update(poster=poster)
        row.refresh_from_db()
        return row

    def upload(self) -> Upload:
        option = ImageFile(name="input_reference", label="First frame")
        return keep_image(picture(), option, team=alice().team, person=alice())

    def file(self, name: str, *, age: timedelta = HOUR) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        then = time.time() - age.total_seconds()
        os.utime(path, (then, then))
        return path

    def found(self, **how) -> list[tuple[str, str]]:
        return [(finding.kind, finding.name) for finding in findings(**how)]


class FindingTests(InventoryTestCase):
    def test_whole_files_are_no_finding(self):
        self.upload()
        self.assertEqual(self.found(), [])
        self.assertEqual(self.found(quick=True), [])

    def test_a_video_that_is_gone(self):
        path_of(self.row.file).unlink()
        self.assertEqual(self.found(), [("missing", self.row.file)])

    def test_a_video_of_another_size(self):
        with open(path_of(self.row.file), "ab") as file:
            file.write(b"x")
        for quick in (False, True):
            self.assertEqual(self.found(quick=quick), [("changed", self.row.file)])

    def test_a_video_with_another_byte_is_found_by_its_hash(self):
        content = bytearray(clip())
        content[-1] ^= 1
        path_of(self.row.file).write_bytes(content)
        self.assertEqual(self.found(), [("changed", self.row.file)])
        self.assertEqual(self.found(quick=True), [])

    def test_a_file_that_was_never_a_video_is_found_by_opening_it(self):
        path_of(self.row.file).write_bytes(b"no video")
        Generation.objects.update(bytes=8, sha256=hashlib.sha256(b"no video").hexdigest())
        self.assertEqual(self.found(), [("undecodable", self.row.file)])

    def test_a_file_that_cannot_be_read(self):
        path = path_of(self.row.file)
        path.unlink()
        path.mkdir()  # which not even root can read as a file
        Generation.objects.update(bytes=path.stat().st_size)
        self.assertEqual(self.found(), [("unreadable", self.row.file)])

    def test_a_still_picture_that_is_gone_or_never_came(self):
        path_of(self.row.poster).write_bytes(b"")
        self.assertEqual(self.found(), [("posterless", self.row.file)])
        path_of(self.row.poster).unlink()
        self.assertEqual(self.found(), [("posterless", self.row.file)])
        Generation.objects.update(poster="")
        self.assertEqual(self.found(), [("posterless", self.row.file)])

    def test_a_preview_that_is_gone(self):
        Generation.objects.update(preview="videos/00/gone.preview.mp4")
        self.assertEqual(self.found(), [("posterless", self.row.file)])

    def test_one_that_may_still_come_is_waited_for(self):
        path_of(self.row.poster).unlink()
        Generation.objects.update(poster="", completed_at=timezone.now())
        self.assertEqual(self.found(), [])

    def test_what_was_purged_is_not_looked_for_and_what_was_deleted_is(self):
        path_of(self.row.file).unlink()
        path_of(self.row.poster).unlink()
        Generation.objects.update(deleted_at=timezone.now())
        self.assertEqual(self.found(), [("missing", self.row.file), ("posterless", self.row.file)])
        Generation.objects.update(purged_at=timezone.now())
        self.assertEqual(self.found(), [])

    def test_uploads_are_looked_at_as_well(self):
        upload = self.upload()
        name = upload.file.name
        content = path_of(name).read_bytes()
        path_of(name).write_bytes(content[:-1] + b"x")
        self.assertEqual((self.found(), self.found(quick=True)), ([("changed", name)], []))
        path_of(name).write_bytes(b"x")
        self.assertEqual(self.found(quick=True), [("changed", name)])
        path_of(name).unlink()
        self.assertEqual(self.found(quick=True), [("missing", name)])


class StrangerTests(InventoryTestCase):
    def test_files_that_nobody_names(self):
        self.file("videos/aa/left-over.mp4")
        self.file("uploads/aa/left-over.png")
        self.assertEqual(
            self.found(), [("unknown", "videos/aa/left-over.mp4"), ("unknown", "uploads/aa/left-over.png")]
        )

    def test_what_was_just_written_may_be_about_to_get_its_row(self):
        self.file("videos/aa/new.mp4", age=timedelta(minutes=1))
        self.assertEqual(self.found(), [])

    def test_a_download_under_way_is_known_for_a_day(self):
        row = make_generation(Status.DOWNLOADING)
        name = f"videos/{row.uuid.hex[:2]}/{row.uuid.hex}.claim.part"
        self.file(name, age=timedelta(hours=23))
        self.assertEqual(self.found(), [])
        self.file(name, age=timedelta(hours=25))
        self.assertEqual(self.found(), [("unknown", name)])

    def test_an_unfinished_download_of_one_that_ended_is_nobody_s(self):
        name = f"{self.row.file.removesuffix('.mp4')}.claim.part"
        self.file(name)
        self.assertEqual(self.found(), [("unknown", name)])

    def test_other_folders_are_not_ours_to_judge(self):
        self.file("elsewhere/x.mp4")
        self.assertEqual(self.found(), [])


class CommandTests(InventoryTestCase):
    def run_it(self, *arguments: str) -> str:
        out = io.StringIO()
        try:
            call_command("verify_media", *arguments, stdout=out)
        except CommandError as error:
            return f"{out.getvalue()}FAILED: {error}"
        return out.getvalue()

    def test_when_all_is_well_it_says_so(self):
        self.assertEqual(self.run_it(), "Every file is as it was stored.\n")

    def test_what_is_wrong_is_listed_and_counted(self):
        path_of(self.row.file).unlink()
        self.file("videos/aa/left-over.mp4")
        self.file("videos/aa/left-over-2.mp4")
        text = self.run_it()
        self.assertIn(f"missing: {self.row.file}: the video of {self.row.uuid} is not on the disk\n", text)
        self.assertIn("unknown: videos/aa/left-over.mp4: no row names this file\n", text)
        self.assertTrue(text.endswith("FAILED: 1 missing, 2 unknown"), text)

    def test_quick_compares_sizes_only(self):
        content = bytearray(clip())
        content[-1] ^= 1
        path_of(self.row.file).write_bytes(content)
        self.assertIn("FAILED: 1 changed", self.run_it())
        self.assertEqual(self.run_it("--quick"), "Every file is as it was stored.\n")

    def test_without_anything_stored_there_is_nothing_to_say(self):
        Generation.objects.update(purged_at=timezone.now())
        for path in (path_of(self.row.file), path_of(self.row.poster)):
            path.unlink()
        self.assertEqual(self.run_it(), "Every file is as it was stored.\n")
