"""The bytes of a video over /v1: whole, by ranges, and pictures of it."""

import io

from django.test import TestCase
from PIL import Image

from generations.lifecycle.files import path_of
from generations.media import STREAM_SLOTS
from generations.models import Generation, Status
from tests.api.base import Api, FreshRates, error_of, make_token
from tests.factories import clip, make_generation
from tests.lifecycle.base import UpstreamCase


class ContentTests(FreshRates, UpstreamCase, TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.api = Api(make_token())
        self.row = make_generation(Status.COMPLETED, gateway=self.gateway)
        self.path = f"/videos/{self.row.uuid}/content"

    def tearDown(self) -> None:
        path_of(self.row.file).write_bytes(clip())  # whatever a test did to it
        super().tearDown()

    def grow(self, size: int) -> None:
        """Let the stored file be this long; nothing but its bytes is looked at here."""
        with path_of(self.row.file).open("r+b") as file:
            file.truncate(size)

    def test_the_whole_file(self):
        response = self.api.get(self.path)
        self.assertEqual((response.status_code, response.headers["Content-Type"]), (200, "video/mp4"))
        self.assertEqual(response.getvalue(), clip())
        self.assertEqual(response.headers["ETag"], f'"{self.row.sha256}"')

    def test_head_says_how_long_it_is_and_sends_nothing(self):
        response = self.api.head(self.path)
        self.assertEqual((response.status_code, response.getvalue()), (200, b""))
        self.assertEqual(response.headers["Content-Length"], str(len(clip())))
        self.assertEqual(Api("").head(self.path).status_code, 401)

    def test_ranges_are_answered_in_full(self):
        """A player's URL gives a megabyte at a time; a program that resumes takes a short answer for the end."""
        size = 12 * 2**20
        self.grow(size)
        for asked, first, length in (("bytes=0-", 0, size), ("bytes=5-9", 5, 5), ("bytes=-100", size - 100, 100)):
            with self.subTest(asked):
                response = self.api.get(self.path, Range=asked)
                self.assertEqual(response.status_code, 206)
                self.assertEqual(response.headers["Content-Range"], f"bytes {first}-{first + length - 1}/{size}")
                self.assertEqual(len(response.getvalue()), length)

    def test_a_range_beyond_the_end(self):
        response = self.api.get(self.path, Range="bytes=999999999-")
        self.assertEqual((response.status_code, error_of(response)["code"]), (416, "range_not_satisfiable"))
        self.assertEqual(response.headers["Content-Range"], f"bytes */{len(clip())}")

    def test_what_one_has_already_is_not_sent_again(self):
        response = self.api.get(self.path, If_None_Match=f'"{self.row.sha256}"')
        self.assertEqual((response.status_code, response.getvalue()), (304, b""))

    def test_beyond_half_of_the_threads_it_is_503(self):
        self.grow(12 * 2**20)
        taken = 0
        while STREAM_SLOTS.acquire():
            taken += 1
        try:
            response = self.api.get(self.path)
        finally:
            for _ in range(taken):
                STREAM_SLOTS.release()
        self.assertEqual((response.status_code, error_of(response)["code"]), (503, "too_many_streams"))
        self.assertIn("Retry-After", response.headers)

    def test_a_thumbnail_and_a_sheet(self):
        drawn_now = self.api.get(self.path, {"variant": "thumbnail"})  # a program asks sooner than a worker draws
        self.assertEqual(Image.open(io.BytesIO(drawn_now.getvalue())).format, "WEBP")
        Generation.objects.filter(pk=self.row.pk).update(poster=self.row.file.replace(".mp4", ".webp"))
        path_of(self.row.file.replace(".mp4", ".webp")).write_bytes(b"RIFF")
        self.assertEqual(self.api.get(self.path, {"variant": "thumbnail"}).getvalue(), b"RIFF")
        for _ in range(2):
            response = self.api.get(self.path, {"variant": "spritesheet"})
            self.assertEqual(response.headers["Content-Type"], "image/webp")
            sheet = Image.open(io.BytesIO(response.getvalue()))
            self.assertEqual(sheet.size, (5 * 160, 2 * 90))
        first, last = sheet.crop((0, 0, 160, 90)), sheet.crop((640, 90, 800, 180))
        self.assertNotEqual(first.tobytes(), last.tobytes())

    def test_a_variant_that_does_not_exist_is_refused_with_those_that_do(self):
        response = self.api.get(self.path, {"variant": "poster"})
        self.assertEqual((response.status_code, error_of(response)["param"]), (422, "variant"))
        self.assertIn("spritesheet", error_of(response)["message"])

    def test_before_it_is_done_there_is_no_file(self):
        row = make_generation(Status.IN_PROGRESS, gateway=self.gateway)
        response = self.api.get(f"/videos/{row.uuid}/content")
        self.assertEqual((response.status_code, error_of(response)["code"]), (409, "video_not_ready"))
        self.assertEqual(response.headers["x-should-retry"], "false")

    def test_a_file_that_is_gone(self):
        path_of(self.row.file).unlink()
        for variant in ("video", "spritesheet"):
            response = self.api.get(self.path, {"variant": variant})
            self.assertEqual((response.status_code, error_of(response)["code"]), (404, "file_not_found"))
