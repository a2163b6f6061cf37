"""Ranges, conditions and the limit of streams, as browsers and downloaders meet them."""

import gc
import os
from datetime import UTC, datetime
from unittest import mock

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import RequestFactory

from generations.media import StreamSlots, serve_file
from generations.media import serving as serving_module
from tests.media.test_probe import Scratch

MIB = 1024 * 1024
MODIFIED = datetime(2026, 11, 21, 10, 0, 0, 700_000, tzinfo=UTC)
MODIFIED_TEXT = "Sat, 21 Nov 2026 10:00:00 GMT"


def body_of(response: HttpResponseBase) -> bytes:
    content = b"".join(response)
    response.close()
    return content


def open_files() -> int:
    return len(os.listdir("/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"))


class Serving(Scratch):
    """`self.content` is a file of `size` bytes; `self.get()` asks for it."""

    size = 3 * MIB + 77
    streams = 2

    def setUp(self) -> None:
        super().setUp()
        self.content = os.urandom(4096) * (self.size // 4096 + 1)
        self.content = self.content[: self.size]
        self.path = self.written("clip.mp4", self.content)
        self.slots = StreamSlots(self.streams)

    def get(self, method: str = "GET", *, headers: dict[str, str] | None = None, **options) -> HttpResponseBase:
        request = RequestFactory().generic(method, "/generations/1/video", headers=headers)
        settings = {
            "content_type": "video/mp4",
            "etag": "abc",
            "last_modified": MODIFIED,
            "filename": "clip.mp4",
            "slots": self.slots,
        }
        return serve_file(request, self.path, **(settings | options))

    def ranged(self, value: str, **options) -> HttpResponseBase:
        headers = options.pop("headers", {})
        return self.get(headers={"Range": value} | headers, **options)

    def assert_part(self, response: HttpResponseBase, first: int, last: int) -> None:
        self.assertEqual(response.status_code, 206)
        self.assertEqual(response["Content-Range"], f"bytes {first}-{last}/{self.size}")
        self.assertEqual(response["Content-Length"], str(last - first + 1))
        self.assertTrue(body_of(response) == self.content[first : last + 1])

    def assert_whole(self, response: HttpResponseBase) -> None:
        self.assertEqual(response.status_code, 200)
        self.assertNotIn("Content-Range", response)
        self.assertEqual(response["Content-Length"], str(self.size))
        self.assertTrue(body_of(response) == self.content)

    def assert_free_slots(self, count: int) -> None:
        taken = 0
        while self.slots.acquire():
            taken += 1
        for _ in range(taken):
            self.slots.release()
        self.assertEqual(taken, count)


class RangeTests(Serving):
    def test_without_a_range_everything_is_sent(self) -> None:
        self.assert_whole(self.get())

    def test_a_closed_range(self) -> None:
        self.assert_part(self.ranged("bytes=0-0"), 0, 0)
        self.assert_part(self.ranged("bytes=100-199"), 100, 199)
        self.assert_part(self.ranged("bytes=100-99999999999"), 100, self.size - 1)
        self.assert_part(self.ranged("BYTES = 5-9"), 5, 9)

    def test_an_open_range_is_capped_with_the_true_content_range(self) -> None:
        self.assert_part(self.ranged("bytes=0-"), 0, MIB - 1)
        self.assert_part(self.ranged("bytes=1000-"), 1000, 1000 + MIB - 1)
        self.assert_part(self.ranged(f"bytes={self.size - 10}-"), self.size - 10, self.size - 1)
        self.assert_part(self.ranged("bytes=0-", open_cap=10), 0, 9)

    def test_a_closed_range_is_capped(self) -> None:
        self.assert_part(self.ranged("bytes=7-5000", closed_cap=100), 7, 106)

    def test_the_last_bytes(self) -> None:
        self.assert_part(self.ranged("bytes=-500"), self.size - 500, self.size - 1)
        self.assert_part(self.ranged(f"bytes=-{self.size * 2}"), 0, self.size - 1)
        self.assert_part(self.ranged("bytes=-500", closed_cap=100), self.size - 500, self.size - 401)

    def test_asking_on_after_short_answers_gives_the_whole_file(self) -> None:
        received = b""
        while len(received) < self.size:
            received += body_of(self.ranged(f"bytes={len(received)}-"))
        self.assertTrue(received == self.content)

    def test_downloads_and_programs_get_what_they_ask_in_full(self) -> None:
        for options in ({"download": True}, {"full": True}):
            with self.subTest(options):
                self.assert_part(self.ranged("bytes=5-", **options), 5, self.size - 1)
                self.assert_part(self.ranged("bytes=5-3000000", closed_cap=10, **options), 5, 3_000_000)
                self.assert_whole(self.get(**options))

    def test_what_lies_behind_the_end_is_416(self) -> None:
        for value in (f"bytes={self.size}-", f"bytes={self.size}-{self.size + 5}", "bytes=-0", f"bytes={'9' * 40}-"):
            with self.subTest(value):
                response = self.ranged(value)
                self.assertEqual(response.status_code, 416)
                self.assertEqual(response["Content-Range"], f"bytes */{self.size}")
                self.assertEqual(response["Cache-Control"], "no-store")
                self.assertEqual(body_of(response), b"")

    def test_malformed_ranges_other_units_and_several_ranges_are_ignored(self) -> None:
        for value in (
            "bytes=",
            "bytes=-",
            "bytes=9-5",
            "bytes=a-b",
            "bytes 0-5",
            "seconds=0-5",
            "0-5",
            "bytes=0-5,9-12",
        ):
            with self.subTest(value):
                self.assert_whole(self.ranged(value))

    def test_if_range_needs_the_very_same_file(self) -> None:
        for same in ('"abc"', MODIFIED_TEXT):
            with self.subTest(same):
                self.assert_part(self.ranged("bytes=0-9", headers={"If-Range": same}), 0, 9)
        for other in ('"abd"', 'W/"abc"', "abc", "Sat, 21 Nov 2026 10:00:01 GMT", "Sat, 21 Nov 2026 09:59:59 GMT", ""):
            with self.subTest(other):
                self.assert_whole(self.ranged("bytes=0-9", headers={"If-Range": other}))

    def test_if_range_never_matches_a_weak_etag_or_an_unknown_date(self) -> None:
        self.assert_whole(self.ranged("bytes=0-9", etag='W/"abc"', headers={"If-Range": 'W/"abc"'}))
        self.assert_whole(self.ranged("bytes=0-9", last_modified=None, headers={"If-Range": MODIFIED_TEXT}))

    def test_an_unmet_if_range_makes_even_an_impossible_range_a_whole_answer(self) -> None:
        self.assert_whole(self.ranged(f"bytes={self.size}-", headers={"If-Range": '"old"'}))

    def test_an_empty_file(self) -> None:
        self.path.write_bytes(b"")
        self.assertEqual(self.get()["Content-Length"], "0")
        self.assertEqual(self.ranged("bytes=0-").status_code, 416)


class HeaderTests(Serving):
    size = 5000

    def test_what_every_answer_says(self) -> None:
        for response in (self.get(), self.ranged("bytes=0-9"), self.get("HEAD")):
            self.assertEqual(response["Content-Type"], "video/mp4")
            self.assertEqual(response["Accept-Ranges"], "bytes")
            self.assertEqual(response["ETag"], '"abc"')
            self.assertEqual(response["Last-Modified"], MODIFIED_TEXT)
            self.assertEqual(response["Cache-Control"], "private, max-age=31536000, immutable")
            self.assertEqual(response["X-Content-Type-Options"], "nosniff")
            self.assertEqual(response["Cross-Origin-Resource-Policy"], "same-origin")

    def test_the_caller_may_say_how_long_it_is_kept(self) -> None:
        self.assertEqual(self.get(cache_control="no-cache")["Cache-Control"], "no-cache")

    def test_head_tells_the_whole_length_and_sends_nothing(self) -> None:
        for headers in ({}, {"Range": "bytes=0-9"}):
            response = self.get("HEAD", headers=headers)
            self.assertEqual((response.status_code, response["Content-Length"]), (200, "5000"))
            self.assertEqual(body_of(response), b"")

    def test_other_methods_are_refused(self) -> None:
        response = self.get("POST")
        self.assertEqual((response.status_code, response["Allow"]), (405, "GET, HEAD"))

    def test_an_unchanged_file_is_not_sent_again(self) -> None:
        for headers in (
            {"If-None-Match": '"abc"'},
            {"If-None-Match": 'W/"abc", "x"'},
            {"If-None-Match": "*"},
            {"If-Modified-Since": MODIFIED_TEXT},
            {"If-None-Match": '"abc"', "Range": "bytes=0-9"},
        ):
            with self.subTest(headers):
                response = self.get(headers=headers)
                self.assertEqual((response.status_code, body_of(response)), (304, b""))
                self.assertEqual(response["ETag"], '"abc"')
                self.assertIn("immutable", response["Cache-Control"])

    def test_a_changed_file_is_sent(self) -> None:
        for headers in ({"If-None-Match": '"old"'}, {"If-Modified-Since": "Fri, 20 Nov 2026 10:00:00 GMT"}):
            with self.subTest(headers):
                self.assert_whole(self.get(headers=headers))

    def test_a_required_version_that_is_gone_is_412(self) -> None:
        self.assertEqual(self.get(headers={"If-Match": '"old"', "Range": "bytes=0-9"}).status_code, 412)

    def test_names_are_given_to_old_and_new_clients(self) -> None:
        cases = [
            ("clip.mp4", False, 'inline; filename="clip.mp4"'),
            ("clip.mp4", True, 'attachment; filename="clip.mp4"'),
            ("Zürich 2.mp4", True, "attachment; filename=\"Zurich 2.mp4\"; filename*=UTF-8''Z%C3%BCrich%202.mp4"),
            ("東京.mp4", True, "attachment; filename=\"file.mp4\"; filename*=UTF-8''%E6%9D%B1%E4%BA%AC.mp4"),
            ('a"b\r\n.mp4', True, "attachment; filename=\"a_b.mp4\"; filename*=UTF-8''a%22b.mp4"),
            ("../x\\y.mp4", True, 'attachment; filename="_x_y.mp4"'),
            ("", True, 'attachment; filename="file"'),
        ]
        for filename, download, expected in cases:
            with self.subTest(filename):
                response = self.get(filename=filename, download=download)
                self.assertEqual(response["Content-Disposition"], expected)

    def test_a_missing_file_is_the_callers_to_answer(self) -> None:
        self.path.unlink()
        with self.assertRaises(FileNotFoundError):
            self.get()


class StreamTests(Serving):
    size = 9 * MIB + 5

    def setUp(self) -> None:
        super().setUp()
        self.files_before = open_files()

    def test_a_long_answer_is_streamed_and_gives_its_slot_back(self) -> None:
        response = self.get()
        self.assertIsInstance(response, StreamingHttpResponse)
        self.assert_free_slots(1)
        self.assert_whole(response)
        self.assert_free_slots(2)
        self.assertEqual(open_files(), self.files_before)

    def test_the_slot_is_back_at_the_last_byte_even_before_close(self) -> None:
        response = self.get()
        self.assertEqual(sum(len(chunk) for chunk in response), self.size)
        self.assert_free_slots(2)
        self.assertEqual(open_files(), self.files_before)
        response.close()
        self.assert_free_slots(2)

    def test_a_client_that_goes_away_frees_slot_and_file(self) -> None:
        response = self.get(full=True)
        next(iter(response))
        self.assert_free_slots(1)
        response.close()
        self.assert_free_slots(2)
        self.assertEqual(open_files(), self.files_before)
        response.close()
        self.assert_free_slots(2)

    def test_a_stream_nobody_closes_frees_them_when_it_is_dropped(self) -> None:
        response = self.get()
        next(iter(response))
        del response
        gc.collect()
        self.assert_free_slots(2)
        self.assertEqual(open_files(), self.files_before)

    def test_beyond_the_limit_the_answer_is_503(self) -> None:
        streams = [self.get(), self.ranged("bytes=0-", download=True)]
        for options in ({}, {"full": True}, {"download": True}):
            with self.subTest(options):
                response = self.get(**options)
                self.assertEqual((response.status_code, response["Retry-After"]), (503, "2"))
                self.assertEqual(response["Cache-Control"], "no-store")
        self.assertEqual(open_files(), self.files_before + 2)
        streams.pop().close()
        self.assert_whole(self.get())
        streams.pop().close()

    def test_players_and_short_answers_need_no_slot(self) -> None:
        streams = [self.get(), self.get()]
        self.assert_part(self.ranged("bytes=0-"), 0, MIB - 1)
        self.assert_part(self.ranged("bytes=0-99999999"), 0, 8 * MIB - 1)
        self.assert_part(self.ranged("bytes=-100", download=True), self.size - 100, self.size - 1)
        self.assertEqual(self.get("HEAD").status_code, 200)
        self.assertEqual(self.get(headers={"If-None-Match": '"abc"'}).status_code, 304)
        for stream in streams:
            stream.close()

    def test_a_long_range_of_a_download_is_streamed_from_its_place(self) -> None:
        response = self.ranged("bytes=3-", full=True)
        self.assertIsInstance(response, StreamingHttpResponse)
        self.assert_part(response, 3, self.size - 1)

    def test_short_answers_are_one_piece_and_leave_no_file_open(self) -> None:
        response = self.ranged("bytes=0-")
        self.assertIsInstance(response, HttpResponse)
        self.assertEqual(open_files(), self.files_before)

    def test_a_read_that_returns_less_is_continued(self) -> None:
        whole_read = os.pread
        with mock.patch.object(
            serving_module.os,
            "pread",
            lambda descriptor, count, offset: whole_read(descriptor, min(count, 100_000), offset),
        ):
            self.assert_part(self.ranged("bytes=0-"), 0, MIB - 1)
            self.assert_whole(self.get())

    def test_a_file_that_shrinks_breaks_the_answer_off(self) -> None:
        response = self.get()
        os.truncate(self.path, 2 * MIB + 10)
        with self.assertRaisesRegex(OSError, "early"):
            body_of(response)
        self.assert_free_slots(2)
        self.assertEqual(open_files(), self.files_before)

    def test_a_failure_after_the_slot_was_taken_gives_it_back(self) -> None:
        with (
            mock.patch.object(serving_module.os, "dup", side_effect=OSError("too many files")),
            self.assertRaises(OSError),
        ):
            self.get()
        gc.collect()
        self.assert_free_slots(2)

    def test_slots_are_never_given_back_twice(self) -> None:
        with self.assertRaises(ValueError):
            self.slots.release()
