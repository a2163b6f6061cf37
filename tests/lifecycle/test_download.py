"""Downloading: the same bytes, or a row that says why not, and never another create."""

import errno
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from unittest import mock

from django.db import connection
from django.test import TestCase, TransactionTestCase, override_settings
from django.utils import timezone

from generations.gateways import GatewayUnclear, TaskStatus, VideoTask
from generations.lifecycle import decisions, download, files, heartbeat, submit, verdicts
from generations.lifecycle.files import part_of, path_of, stored_name
from generations.models import Canary, Failure, Gateway, Generation, Status
from tests.factories import alice, begun, clip, make_generation
from tests.lifecycle.base import UpstreamCase, make_due, queued, run_queue
from tests.lifecycle.test_receipts import Killed
from tests.media.clips import make_clip
from tests.racing import race

HTML = b"<!doctype html><html><body>Sign in to continue</body></html>"


def counted(chunks: Iterable[bytes], sizes: list[int]) -> Iterator[bytes]:
    """Pass chunks on, and note how long each was."""
    for chunk in chunks:
        sizes.append(len(chunk))
        yield chunk


class DownloadCase(UpstreamCase):
    def downloading(self, **fields) -> Generation:
        """A new row whose task the upstream has finished, as far as the poller is concerned."""
        generation = begun(**fields)
        submit.submit(generation.pk)
        generation.refresh_from_db()
        self.upstream.tasks[generation.upstream_id].polls = 1
        verdicts.settle(generation, VideoTask("", TaskStatus.COMPLETED, "completed", None, (), ""), actor="test")
        return generation

    def downloaded(self, generation: Generation | None = None, **fields) -> Generation:
        """One try of a row that is due."""
        generation = generation or self.downloading(**fields)
        make_due(generation)
        download.download(generation.pk)
        return self.refreshed(generation)

    def until_it_ends(self, generation: Generation) -> int:
        """Try again and again; return how many tries it took."""
        for tries in range(1, 20):
            if self.downloaded(generation).is_finished:
                return tries
        raise AssertionError("it never ended")

    def assert_stored(self, generation: Generation, content: bytes | None = None) -> None:
        content = self.upstream.video if content is None else content
        self.assertEqual((generation.status, generation.detail, generation.claim), (Status.COMPLETED, "", ""))
        self.assertEqual(path_of(generation.file).read_bytes(), content)
        self.assertEqual((generation.bytes, generation.sha256), (len(content), hashlib.sha256(content).hexdigest()))
        self.assertEqual(self.parts(), [])

    def assert_waits(self, generation: Generation, words: str) -> None:
        self.assertEqual((generation.status, generation.claim), (Status.DOWNLOADING, ""))
        self.assertIn(words, generation.detail)
        self.assertGreater(generation.due_at, timezone.now())
        self.assertEqual(self.parts(), [])

    def assert_failed(self, generation: Generation, failure: str, words: str) -> None:
        self.assertEqual((generation.status, generation.failure), (Status.FAILED, failure))
        self.assertIn(words, generation.detail)
        self.assertEqual((self.parts(), generation.file), ([], ""))
        self.assertEqual(len(self.upstream.creates), 1)


class StoreTests(DownloadCase, TestCase):
    def test_the_stored_file_is_the_delivered_one_byte_for_byte(self):
        for model in ("wan/wan2.6", "wan/wan2.6-t2v"):
            with self.subTest(model):
                self.assert_stored(self.downloaded(model=model))

    def test_what_was_measured_stands_beside_what_was_asked(self):
        generation = self.downloaded(options={"seconds": 5, "size": "1280x720"})
        self.assertEqual((generation.measured_width, generation.measured_height), (320, 180))
        self.assertEqual((generation.measured_seconds, generation.measured_fps), (1.0, 24.0))
        self.assertIs(generation.measured_has_audio, False)
        self.assertEqual(generation.differs, ["asked 1280x720, got 320x180", "asked 5 s, got 1.0 s"])
        self.assertEqual((generation.progress, generation.due_at, generation.overdue_at), (100, None, None))
        self.assertIsNotNone(generation.completed_at)
        event = generation.events.last()
        self.assertEqual((event.before, event.after), ("downloading", "completed"))
        self.assertEqual(event.evidence, {"sha256": generation.sha256, "bytes": generation.bytes})

    def test_a_webm_keeps_its_kind(self):
        self.upstream.video = make_clip(self.folder / "clip.webm", 64, 64, 0.5).read_bytes()
        generation = self.downloaded()
        self.assert_stored(generation)
        self.assertTrue(generation.file.endswith(".webm"))

    def test_a_poster_is_made_afterwards(self):
        generation = self.downloaded()
        self.assertIn(("poster", (str(generation.pk),)), queued())
        version = generation.version
        run_queue()
        generation = self.refreshed(generation)
        self.assertEqual(generation.version, version + 1)
        self.assertEqual(path_of(generation.poster).read_bytes()[8:12], b"WEBP")
        run_queue()
        download.poster(generation.pk)
        self.assertEqual(self.refreshed(generation).version, version + 1)
        self.assert_stored(generation)

    def test_a_poster_that_the_disk_does_not_take_is_made_later(self):
        generation = self.downloaded()
        full = mock.patch.object(download, "make_poster", side_effect=OSError(errno.ENOSPC, "No space left on device"))
        with full, self.assertLogs("generations.lifecycle.download", "WARNING"):
            download.poster(generation.pk)
        self.assertEqual(self.refreshed(generation).poster, "")
        download.poster(generation.pk)
        self.assertNotEqual(self.refreshed(generation).poster, "")

    def test_a_poster_of_a_row_without_a_file_is_no_task(self):
        download.poster(make_generation(Status.IN_PROGRESS).pk)
        download.poster(0)
        purged = make_generation(Status.COMPLETED)
        Generation.objects.filter(pk=purged.pk).update(file="", purged_at=timezone.now())
        download.poster(purged.pk)
        self.assertEqual(self.refreshed(purged).poster, "")

    def test_a_file_broken_off_is_resumed_where_it_stopped(self):
        generation = self.downloaded(self.upstream.truncated_file(times=2) and self.downloading())
        self.assert_stored(generation)
        ranges = [fetch.range for fetch in self.upstream.fetches]
        self.assertEqual(ranges[0], "")
        starts = [int(asked.removeprefix("bytes=").removesuffix("-")) for asked in ranges[1:]]
        self.assertEqual(len(starts), 2)
        self.assertTrue(0 < starts[0] < starts[1] < len(self.upstream.video))
        self.assertTrue(all("if-range" in fetch.headers for fetch in self.upstream.fetches[1:]))

    def test_a_file_that_changed_meanwhile_begins_anew(self):
        self.upstream.truncated_file()
        generation = self.downloading()
        whole = clip(seconds=0.5)

        def changed(*args, real=download.open_download, **kwargs):
            if kwargs["start"]:
                self.upstream.video = whole
            return real(*args, **kwargs)

        with mock.patch.object(download, "open_download", changed):
            self.assert_stored(self.downloaded(generation), whole)

    def test_parts_of_two_files_are_never_put_together(self):
        self.upstream.spliced_file()
        self.assert_stored(self.downloaded())
        ranges = [fetch.range != "" for fetch in self.upstream.fetches]
        self.assertEqual(ranges, [False, True, False])

    def test_a_file_that_cannot_be_gone_on_with_begins_anew(self):
        self.upstream.truncated_file()
        generation = self.downloading()

        def shrinks(*args, real=download.open_download, **kwargs):
            if kwargs["start"]:
                raise GatewayUnclear("The file could not be fetched: files.invalid answered 416.", status=416)
            return real(*args, **kwargs)

        with mock.patch.object(download, "open_download", shrinks):
            self.assert_stored(self.downloaded(generation))

    def test_a_file_that_keeps_breaking_off_is_tried_again_later(self):
        self.upstream.truncated_file(times=download.RESUMES + 2)
        generation = self.downloading()
        self.upstream.tasks[generation.upstream_id].script.has_content = False
        self.assert_waits(self.downloaded(generation), "broke off")
        self.assertEqual(self.refreshed(generation).tries, 0)  # trouble says nothing about the file
        self.assert_stored(self.downloaded(generation))

    def test_an_expired_link_is_asked_for_again(self):
        self.upstream.expired_link_once()
        generation = self.downloading()
        self.assert_waits(self.downloaded(generation), "answered 403")
        self.assert_stored(self.downloaded(generation))
        self.assertEqual(len(self.upstream.creates), 1)

    def test_the_content_route_serves_where_the_link_does_not(self):
        for behaviour in (partial(self.upstream.no_url, content=True), partial(self.expired_but_content)):
            with self.subTest(behaviour.func.__name__):
                behaviour()
                generation = self.downloading()
                self.upstream.tasks[generation.upstream_id].script.has_content = True
                self.assert_stored(self.downloaded(generation))
                self.assertTrue(self.upstream.fetches[-1].path.endswith("/content"))

    def expired_but_content(self) -> None:
        self.upstream.expired_links(99)

    def test_the_key_goes_to_no_file_of_another_origin(self):
        self.downloaded()
        fetch = self.upstream.fetches[-1]
        self.assertEqual(fetch.headers.get("authorization"), f"Bearer {self.upstream.key}")  # the gateway's own origin
        with override_settings(PRIVATE_HOSTS=frozenset({self.upstream.host_port, "localhost:1"})):
            generation = self.downloading()
            Gateway.objects.update(base_url=self.upstream.base_url.replace("127.0.0.1", "localhost"))
            hosts = frozenset({self.upstream.host_port, self.upstream.host_port.replace("127.0.0.1", "localhost")})
            with override_settings(PRIVATE_HOSTS=hosts):
                self.assert_stored(self.downloaded(generation))
        self.assertNotIn("authorization", self.upstream.fetches[-1].headers)


class EndTests(DownloadCase, TestCase):
    """When there is no file to be had."""

    def test_no_link_and_no_content_is_no_result_after_bounded_tries(self):
        self.upstream.no_url()
        generation = self.downloading()
        self.assert_waits(self.downloaded(generation), "not there")
        self.assertEqual(self.until_it_ends(generation), 4)
        self.assert_failed(self.refreshed(generation), Failure.NO_RESULT, "answered 400")

    def test_no_link_where_there_is_no_content_route(self):
        self.upstream.no_url()
        generation = self.downloading(model="wan/wan2.6-t2v")
        self.assertEqual(self.until_it_ends(generation), 5)
        self.assert_failed(self.refreshed(generation), Failure.NO_RESULT, "names no file")

    def test_links_that_stay_dead_are_expired_after_bounded_tries(self):
        self.upstream.expired_links(99)
        generation = self.downloading()
        self.assertEqual(self.until_it_ends(generation), 5)
        self.assert_failed(self.refreshed(generation), Failure.EXPIRED, "answered 4")

    def test_tries_for_a_missing_file_take_over_a_minute(self):
        self.upstream.no_url()
        generation = self.downloading()
        delays = []
        for _ in range(4):
            row = self.downloaded(generation)
            delays.append(round((row.due_at - timezone.now()).total_seconds()))
        self.assertEqual(delays, [5, 10, 20, 40])

    def test_a_link_that_leads_to_an_inner_address_is_no_result_and_said(self):
        self.upstream.files_answer(302, Location="https://169.254.169.254/latest/meta-data")
        generation = self.downloading()
        self.until_it_ends(generation)
        words = "The file cannot be taken from there. The link may not be followed: 169.254.169.254:443 leads to"
        self.assert_failed(self.refreshed(generation), Failure.NO_RESULT, words)

    def test_a_link_that_leads_nowhere_is_no_result(self):
        self.upstream.files_answer(302)
        generation = self.downloading()
        self.until_it_ends(generation)
        self.assert_failed(self.refreshed(generation), Failure.NO_RESULT, "from there. The link leads on, but not")

    def test_a_page_instead_of_a_video_is_no_result(self):
        self.upstream.video = HTML
        generation = self.downloading()
        self.assert_waits(self.downloaded(generation), "no video")
        self.until_it_ends(generation)
        self.assert_failed(self.refreshed(generation), Failure.NO_RESULT, "no video")

    def test_answers_that_are_no_file(self):
        for status, failure in ((204, Failure.EXPIRED), (400, Failure.EXPIRED), (410, Failure.EXPIRED)):
            with self.subTest(status):
                self.upstream.files_answer(status)
                generation = self.downloading()
                self.until_it_ends(generation)
                row = self.refreshed(generation)
                self.assertEqual((row.status, row.failure), (Status.FAILED, failure))
                self.assertIn(f"answered {status}", row.detail)

    def test_a_file_that_is_too_large_or_empty_is_given_up_after_bounded_tries(self):
        real = download.open_download
        for content, most, words in ((b"", 10**9, "empty"), (clip(), 99, "99 are allowed")):
            with self.subTest(words):
                self.upstream.video = content
                generation = self.downloading()
                with mock.patch.object(download, "open_download", partial(real, most_bytes=most)):
                    self.assertEqual(self.until_it_ends(generation), 5)
                self.assertIn(words, self.refreshed(generation).detail)

    def test_what_is_no_video_is_not_fetched_to_its_end(self):
        for head in (HTML, b'{"error": "', b"not ready "):
            self.upstream.video = head * 3_000_000 if len(head) < 20 else head * 400_000
            generation = self.downloading(model="wan/wan2.6-t2v")
            written = []

            def watched(part, chunks, *args, real=download._write, written=written, **kwargs):
                return real(part, counted(chunks, written), *args, **kwargs)

            with self.subTest(head[:9]), mock.patch.object(download, "_write", watched):
                self.assert_waits(self.downloaded(generation), "not a video.")
                self.assertLess(sum(written), 200_000)

    def test_a_cut_video_that_claims_to_be_whole_is_no_result(self):
        self.upstream.video = clip()[: len(clip()) // 2]
        generation = self.downloading()
        self.until_it_ends(generation)
        self.assert_failed(self.refreshed(generation), Failure.NO_RESULT, "no video")

    def test_a_task_the_gateway_forgot_is_expired(self):
        generation = self.downloading()
        self.upstream.tasks.clear()
        self.until_it_ends(generation)
        self.assert_failed(self.refreshed(generation), Failure.EXPIRED, "no longer knows")

    def test_trouble_on_the_way_waits_about_as_long_as_it_has_lasted_and_for_a_day_at_most(self):
        generation = self.downloading()
        self.upstream.tasks[generation.upstream_id].script.poll_status = 503
        self.upstream.tasks[generation.upstream_id].script.poll_troubles = 999
        verdict = generation.events.filter(after=Status.DOWNLOADING)
        for lasted, low, high in ((0, 4, 6), (60, 59, 63), (3600, 299, 301), (86000, 299, 301)):
            verdict.update(at=timezone.now() - timedelta(seconds=lasted))
            row = self.downloaded(generation)
            self.assert_waits(row, "could not be fetched yet")
            self.assertTrue(low <= (row.due_at - timezone.now()).total_seconds() <= high)
        verdict.update(at=timezone.now() - timedelta(hours=25))
        self.assert_failed(self.downloaded(generation), Failure.EXPIRED, "24 hours")

    def test_the_first_verdict_stands_and_a_contradiction_is_noted_once(self):
        self.upstream.flips_to_failed()
        generation = self.downloading()
        task = self.upstream.tasks[generation.upstream_id]
        task.verdicts, task.script.has_content = 1, False
        with self.assertLogs("generations.lifecycle.download", "ERROR"):
            self.until_it_ends(generation)
        notes = generation.events.filter(reason__contains="changed its verdict")
        self.assertEqual([note.evidence for note in notes], [{"said": "changed my mind"}])
        self.assertEqual((notes[0].before, notes[0].after), ("downloading", "downloading"))
        self.assertEqual(self.refreshed(generation).failure, Failure.NO_RESULT)

        self.assertIn("and now says 'failed': changed my mind", self.refreshed(generation).detail)

    def test_a_task_that_is_said_to_run_again_is_waited_for(self):
        generation = self.downloading()
        script = self.upstream.tasks[generation.upstream_id].script
        script.verdict, script.has_content = "never", False
        for _ in range(6):
            self.assert_waits(self.downloaded(generation), "had said that it is finished, and now says 'in_progress'")
        script.verdict = "completed"
        self.assert_stored(self.downloaded(generation))

    def test_an_answer_about_the_task_of_another_row_leads_to_no_file(self):
        generation, other = self.downloading(), self.downloading()
        mine = self.upstream.tasks[generation.upstream_id]
        self.upstream.tasks[generation.upstream_id] = self.upstream.tasks[other.upstream_id]
        self.assert_waits(self.downloaded(generation), f"answered about another task: {other.upstream_id}")
        self.assertEqual(self.upstream.fetches, [])
        self.upstream.tasks[generation.upstream_id] = mine
        self.assert_stored(self.downloaded(generation))

    def test_a_file_is_taken_whatever_the_gateway_says_by_then(self):
        self.upstream.flips_to_failed()
        generation = self.downloading()
        self.upstream.tasks[generation.upstream_id].verdicts = 1
        self.assert_stored(self.downloaded(generation))

    def test_trouble_with_one_place_is_no_proof_that_another_has_no_file(self):
        self.upstream.truncated_file(times=99).truncated_file(times=99)
        for has_content in (True, False):
            with self.subTest(has_content=has_content):
                generation = self.downloading()
                self.upstream.tasks[generation.upstream_id].script.has_content = has_content
                for _ in range(6):
                    self.assert_waits(self.downloaded(generation), "broke off")

    def test_a_failed_file_is_asked_for_again_by_a_person_without_a_create(self):
        self.upstream.no_url()
        generation = self.downloading()
        self.until_it_ends(generation)
        task = self.upstream.tasks[generation.upstream_id]
        task.script.has_url = True
        generation = self.refreshed(generation)
        decisions.ask_again(generation, alice())
        self.assertEqual((generation.status, generation.failure, generation.tries), (Status.IN_PROGRESS, "", 0))
        verdicts.settle(generation, VideoTask("", TaskStatus.COMPLETED, "completed", None, (), ""), actor="test")
        self.assert_stored(self.downloaded(generation))
        self.assertEqual(len(self.upstream.creates), 1)


class GatewayTroubleTests(DownloadCase, TestCase):
    def poll_answers(self, generation: Generation, status: int) -> None:
        script = self.upstream.tasks[generation.upstream_id].script
        script.poll_status, script.poll_troubles = status, 3

    def test_a_refused_key_pauses_the_gateway_and_the_row_waits_for_it(self):
        for status in (401, 402, 403):
            with self.subTest(status):
                generation = self.downloading()
                self.poll_answers(generation, status)
                self.assert_waits(self.downloaded(generation), "refused the request")
                self.assertTrue(self.the_gateway().is_paused)
                self.assert_waits(self.downloaded(generation), "is paused")
                self.the_gateway().resume()
                self.upstream.tasks[generation.upstream_id].script.poll_troubles = 0
                self.assert_stored(self.downloaded(generation))

    def test_busy_rests_the_gateway(self):
        generation = self.downloading()
        self.poll_answers(generation, 429)
        self.assert_waits(self.downloaded(generation), "busy")
        self.assertTrue(self.the_gateway().is_paused)

    def test_a_file_server_that_is_busy_is_waited_for_as_long_as_it_says(self):
        self.upstream.files_answer(429, Retry_After="77")
        generation = self.downloading()
        row = self.downloaded(generation)
        self.assert_waits(row, "answered 429")
        for until in (row.due_at, self.the_gateway().paused_until):  # its files are on the gateway's own origin
            self.assertTrue(75 < (until - timezone.now()).total_seconds() <= 77)

    def test_a_busy_file_server_of_somebody_else_rests_the_row_alone(self):
        self.upstream.files_answer(429, Retry_After="77")
        generation = self.downloading(model="wan/wan2.6-t2v")
        elsewhere = self.upstream.host_port.replace("127.0.0.1", "localhost")
        Gateway.objects.update(base_url=f"http://{elsewhere}")
        with override_settings(PRIVATE_HOSTS=frozenset({self.upstream.host_port, elsewhere})):
            row = self.downloaded(generation)
        self.assertGreater((row.due_at - timezone.now()).total_seconds(), 75)
        self.assertFalse(self.the_gateway().is_paused)

    def test_a_key_that_cannot_be_opened_lets_the_row_wait(self):
        generation = self.downloading()
        with override_settings(FIELD_KEYS=["another"]):
            self.assert_waits(self.downloaded(generation), "cannot be decrypted")

    def test_a_gateway_that_is_switched_off_still_delivers(self):
        generation = self.downloading()
        Gateway.objects.update(enabled=False)
        self.assert_stored(self.downloaded(generation))

    def test_a_gateway_that_cannot_be_reached_is_waited_for(self):
        generation = self.downloading()
        Gateway.objects.update(base_url="https://gateway.invalid")
        self.assert_waits(self.downloaded(generation), "could not be reached")


class DiskTests(DownloadCase, TestCase):
    def test_a_nearly_full_disk_is_waited_for_before_anything_is_fetched(self):
        generation = self.downloading()
        usage = shutil.disk_usage(self.folder)._replace(free=files.FREE_FLOOR - 1)
        with mock.patch.object(files.shutil, "disk_usage", return_value=usage):
            self.assert_waits(self.downloaded(generation), "nearly full (511 MB left)")
        self.assertEqual(self.upstream.fetches, [])
        self.assert_stored(self.downloaded(generation))

    def test_a_disk_that_fills_up_on_the_way_is_waited_for(self):
        generation = self.downloading()
        free = iter([files.FREE_FLOOR, 0])
        usage = shutil.disk_usage(self.folder)
        look = mock.patch.object(files.shutil, "disk_usage", side_effect=lambda _: usage._replace(free=next(free)))
        with look, mock.patch.object(download, "ROOM_SECONDS", 0):
            self.assert_waits(self.downloaded(generation), "nearly full (0 MB left)")
        self.assert_stored(self.downloaded(generation))

    def test_what_the_disk_says_is_said(self):
        for number, words in ((errno.ENOSPC, "disk is full"), (errno.EROFS, "cannot be written"), (errno.EIO, "Input")):
            with self.subTest(words):
                generation = self.downloading()
                with mock.patch.object(download.os, "fsync", side_effect=OSError(number, os.strerror(number))):
                    self.assert_waits(self.downloaded(generation), words)
                self.assert_stored(self.downloaded(generation))

    def test_a_media_folder_that_is_a_file_is_said(self):
        generation = self.downloading()
        place = self.folder / "not a folder"
        place.write_text("")
        with override_settings(MEDIA_ROOT=place):
            self.assert_waits(self.downloaded(generation), "does not take the file")


class KilledTests(DownloadCase, TestCase):
    def test_after_the_rename_before_the_commit_the_file_is_adopted(self):
        generation = self.downloading()
        with mock.patch.object(download, "_complete", side_effect=Killed), self.assertRaises(Killed):
            self.downloaded(generation)
        self.assertEqual(self.refreshed(generation).status, Status.DOWNLOADING)
        self.upstream.tasks.clear()  # the link is gone meanwhile, too
        self.assert_stored(self.downloaded(generation))

    def test_a_stored_file_that_is_broken_is_fetched_again(self):
        generation = self.downloading()
        broken = path_of(stored_name(generation, ".mp4"))
        broken.parent.mkdir(parents=True)
        broken.write_bytes(clip()[:500])
        self.assert_stored(self.downloaded(generation))

    def test_what_a_killed_try_left_is_cleared_away(self):
        generation = self.downloading()
        left = path_of(stored_name(generation, ".abcdef.part"))
        left.parent.mkdir(parents=True)
        left.write_bytes(b"half")
        self.assert_stored(self.downloaded(generation))

    def test_a_row_is_left_alone_within_the_lease(self):
        generation = self.downloading()
        Generation.objects.filter(pk=generation.pk).update(claim="x", due_at=timezone.now() + timedelta(seconds=30))
        download.download(generation.pk)
        self.assertEqual((self.refreshed(generation).claim, self.upstream.fetches), ("x", []))

    def test_a_studio_that_stops_hands_the_row_over(self):
        generation = self.downloading()
        with mock.patch("videostudio.lifeline.is_leaving", side_effect=[False, False, True]):
            row = self.downloaded(generation)
        self.assertEqual((row.status, row.claim, self.parts()), (Status.DOWNLOADING, "", []))
        self.assertLessEqual(row.due_at, timezone.now())
        with mock.patch("videostudio.lifeline.is_leaving", return_value=True):
            self.assertEqual(self.downloaded(generation).status, Status.DOWNLOADING)
        self.assert_stored(self.downloaded(generation))

    def test_rows_in_any_other_status_are_left_alone(self):
        for status in frozenset(Status) - {Status.DOWNLOADING}:
            generation = make_generation(status)
            if not generation.is_finished:
                make_due(generation)
            facts = Generation.objects.filter(pk=generation.pk).values().get()
            download.download(generation.pk)
            self.assertEqual(Generation.objects.filter(pk=generation.pk).values().get(), facts)


class TwoDownloadersTests(DownloadCase, TransactionTestCase):
    def test_many_at_once_fetch_it_once(self):
        generation = self.downloading()
        race([partial(download.download, generation.pk)] * 5)
        self.assert_stored(self.refreshed(generation))
        self.assertEqual(len(self.upstream.fetches), 1)
        self.assertEqual(generation.events.filter(after=Status.COMPLETED).count(), 1)

    def test_whoever_lost_the_row_stores_nothing(self):
        generation = self.downloading()

        def overtaken(path: Path, real=download.measure):
            """The lease ran out, and somebody else has stored the file meanwhile."""
            measured = real(path)
            if not overtaken.done:
                overtaken.done = True
                make_due(generation)
                download.download(generation.pk)
                self.upstream.video = b"never stored"
            return measured

        overtaken.done = False
        with mock.patch.object(download, "measure", overtaken):
            download.download(generation.pk)
        self.assert_stored(self.refreshed(generation), clip())
        self.assertEqual(generation.events.filter(after=Status.COMPLETED).count(), 1)

    def test_whoever_has_just_lost_the_row_puts_no_file_in_place(self):
        generation = self.downloading()

        def claimed(path: Path, real=download.measure):
            measured = real(path)
            Generation.objects.filter(pk=generation.pk).update(claim="somebody else")
            return measured

        with mock.patch.object(download, "measure", claimed):
            download.download(generation.pk)
        row = self.refreshed(generation)
        self.assertEqual((row.status, row.claim, row.detail), (Status.DOWNLOADING, "somebody else", ""))
        self.assertFalse(path_of(stored_name(generation, ".mp4")).exists())
        self.assertEqual(self.parts(), [])

    def test_a_downloader_that_waits_keeps_its_lease_and_shows_life(self):
        generation = self.downloading()
        seen = []

        def slow(path: Path, real=download.measure):
            if not path.exists():
                return real(path)
            first = self.refreshed(generation).due_at
            heart = heartbeat.threading.Event()
            for _ in range(100):
                heart.wait(0.05)
                if self.refreshed(generation).due_at > first:
                    seen.append(Canary.objects.get(cluster="download").beat_at)
                    break
            return real(path)

        with mock.patch.object(download, "measure", slow), mock.patch.object(heartbeat, "BEAT_SECONDS", 0.1):
            download.download(generation.pk)
        self.assertEqual(len(seen), 1)
        self.assert_stored(self.refreshed(generation))

    def test_two_claims_never_share_a_file(self):
        generation = make_generation(Status.DOWNLOADING, claim="a" * 32)
        other = Generation.objects.get(pk=generation.pk)
        other.claim = "b" * 32
        self.assertNotEqual(part_of(generation), part_of(other))

    def test_the_heartbeat_leaves_no_connection_and_no_thread(self):
        generation = make_generation(Status.DOWNLOADING, claim="mine")
        with mock.patch.object(heartbeat, "BEAT_SECONDS", 0.01), heartbeat.Heartbeat(generation, "download") as heart:
            heart.check()
            Generation.objects.filter(pk=generation.pk).update(claim="somebody else's")
            with self.assertRaises(heartbeat.Lost):
                for _ in range(500):
                    heart.check()
                    heart._is_over.wait(0.01)
        self.assertFalse(heart._thread.is_alive())
        self.assertTrue(connection.is_usable())
