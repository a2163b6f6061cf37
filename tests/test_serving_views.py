"""Stored files through the site: byte ranges, downloads, still pictures and uploads, for who may see them."""

import hashlib
from datetime import timedelta
from functools import partial
from unittest import mock

from django.http import HttpResponseBase
from django.test import TestCase
from django.utils import timezone

from generations.lifecycle.files import path_of
from generations.media.serving import CLOSED_CAP, OPEN_CAP, StreamSlots, serve_file
from generations.models import Generation, Status, Upload
from tests.factories import alice, carol, clip, make_gateway, make_generation
from tests.pages import picture


def body(response: HttpResponseBase) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


class ServingTestCase(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        make_gateway()
        cls.alice = alice()
        cls.row = make_generation(Status.COMPLETED, model="veo/veo3.1", prompt="A secret fox")
        cls.url = f"/generations/{cls.row.uuid}/video/"

    def setUp(self) -> None:
        self.client.force_login(self.alice)

    def get(self, url: str = "", *, range: str = "", **headers: str) -> HttpResponseBase:
        return self.client.get(url or self.url, headers=headers | ({"Range": range} if range else {}))

    def store(self, content: bytes) -> None:
        path_of(self.row.file).write_bytes(content)
        self.addCleanup(path_of(self.row.file).write_bytes, clip())
        Generation.objects.filter(pk=self.row.pk).update(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))


class RangeTests(ServingTestCase):
    """What a player asks for."""

    def test_the_whole_file(self):
        response = self.get()
        self.assertEqual((response.status_code, body(response)), (200, clip()))
        self.assertEqual(response.headers["Content-Type"], "video/mp4")
        self.assertEqual(response.headers["Content-Length"], str(len(clip())))
        self.assertEqual(response.headers["Accept-Ranges"], "bytes")
        self.assertEqual(response.headers["ETag"], f'"{self.row.sha256}"')

    def test_a_part_a_rest_and_an_end(self):
        size = len(clip())
        for asked, part, content_range in (
            ("bytes=0-0", clip()[:1], f"bytes 0-0/{size}"),
            ("bytes=10-19", clip()[10:20], f"bytes 10-19/{size}"),
            (f"bytes={size - 5}-", clip()[-5:], f"bytes {size - 5}-{size - 1}/{size}"),
            ("bytes=-7", clip()[-7:], f"bytes {size - 7}-{size - 1}/{size}"),
            (f"bytes=0-{size * 2}", clip(), f"bytes 0-{size - 1}/{size}"),
        ):
            with self.subTest(asked):
                response = self.get(range=asked)
                self.assertEqual((response.status_code, body(response)), (206, part))
                self.assertEqual(response.headers["Content-Range"], content_range)
                self.assertEqual(response.headers["Content-Length"], str(len(part)))

    def test_what_is_not_there_is_416(self):
        response = self.get(range=f"bytes={len(clip())}-")
        self.assertEqual((response.status_code, response.headers["Content-Range"]), (416, f"bytes */{len(clip())}"))

    def test_nonsense_is_no_range(self):
        for asked in ("bytes=", "bytes=a-b", "bytes=5-1", "items=0-1", "bytes=0-1,5-6", "bytes=" + "9" * 5000 + "-"):
            with self.subTest(asked[:20]):
                self.assertEqual(self.get(range=asked).status_code, 200)

    def test_a_player_gets_long_files_in_pieces(self):
        self.store(bytes(CLOSED_CAP + OPEN_CAP))
        response = self.get(range="bytes=0-")
        self.assertEqual((response.status_code, response.headers["Content-Length"]), (206, str(OPEN_CAP)))
        self.assertEqual(response.headers["Content-Range"], f"bytes 0-{OPEN_CAP - 1}/{CLOSED_CAP + OPEN_CAP}")
        response = self.get(range=f"bytes=0-{CLOSED_CAP + OPEN_CAP - 1}")
        self.assertEqual((response.status_code, response.headers["Content-Length"]), (206, str(CLOSED_CAP)))

    def test_a_changed_file_is_not_pieced_together(self):
        current = self.get(range="bytes=0-1", **{"If-Range": f'"{self.row.sha256}"'})
        other = self.get(range="bytes=0-1", **{"If-Range": '"another"'})
        self.assertEqual((current.status_code, other.status_code), (206, 200))

    def test_what_the_browser_has_is_not_sent_again(self):
        response = self.get(**{"If-None-Match": f'"{self.row.sha256}"'})
        self.assertEqual((response.status_code, body(response)), (304, b""))

    def test_a_head_has_no_body(self):
        response = self.client.head(self.url)
        self.assertEqual((response.status_code, body(response)), (200, b""))
        self.assertEqual(response.headers["Content-Length"], str(len(clip())))

    def test_it_is_kept_by_this_browser_alone_and_taken_for_nothing_else(self):
        headers = self.get().headers
        self.assertIn("private", headers["Cache-Control"])
        self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
        self.assertEqual(headers["Cross-Origin-Resource-Policy"], "same-origin")
        self.assertTrue(headers["Content-Disposition"].startswith("inline; "))

    def test_a_player_s_question_takes_three_statements(self):
        with self.assertNumQueries(3):
            self.get(range="bytes=0-1")

    def test_other_methods_are_refused(self):
        self.assertEqual(self.client.post(self.url).status_code, 405)


class DownloadTests(ServingTestCase):
    def test_a_download_is_whole_and_has_a_name_that_says_what_it_is(self):
        response = self.get(f"{self.url}?download=1")
        self.assertEqual((response.status_code, body(response)), (200, clip()))
        name = f"{self.row.completed_at:%Y-%m-%d}_a-secret-fox_veo3.1_{self.row.uuid.hex[:8]}.mp4"
        self.assertEqual(response.headers["Content-Disposition"], f'attachment; filename="{name}"')

    def test_a_long_one_is_streamed_and_resumed_to_its_end(self):
        content = bytes(CLOSED_CAP) + b"the end of it"
        self.store(content)
        self.assertEqual(body(self.get(f"{self.url}?download=1")), content)
        response = self.get(f"{self.url}?download=1", range="bytes=5-")
        self.assertEqual((response.status_code, body(response)), (206, content[5:]))

    def test_when_too_many_are_sent_it_says_when_to_come_again(self):
        self.store(bytes(CLOSED_CAP + 1))
        one_at_a_time = partial(serve_file, slots=StreamSlots(1))
        with mock.patch("generations.views.media.serve_file", one_at_a_time):
            first = self.get(f"{self.url}?download=1")
            second = self.get(f"{self.url}?download=1")
            self.assertEqual((first.status_code, second.status_code), (200, 503))
            self.assertEqual(second.headers["Retry-After"], "2")
            self.assertEqual(self.get(range="bytes=0-1").status_code, 206)  # players go on
            body(first)
            third = self.get(f"{self.url}?download=1")
            self.assertEqual((third.status_code, len(body(third))), (200, CLOSED_CAP + 1))

    def test_any_other_word_is_no_download(self):
        for query in ("download=0", "download=", "download=yes", "download=1&download=0"):
            with self.subTest(query):
                self.assertIn("inline", self.get(f"{self.url}?{query}").headers["Content-Disposition"])

    def test_a_name_can_carry_nothing_into_a_header(self):
        Generation.objects.filter(pk=self.row.pk).update(model_key='veo/a"b\r\nX-Evil: 1;é/../x')
        response = self.get(f"{self.url}?download=1")
        self.assertEqual(response.status_code, 200)
        self.assertNotIn("X-Evil", response.headers)
        self.assertNotIn("/", response.headers["Content-Disposition"].split("filename=")[1].split(";")[0])


class PermissionTests(ServingTestCase):
    def test_it_is_asked_for_on_every_request(self):
        self.assertEqual(self.get(range="bytes=0-1").status_code, 206)
        self.row.team.memberships.all().delete()
        self.assertEqual(self.get(range="bytes=2-3").status_code, 404)

    def test_another_team_gets_404_and_nobody_the_sign_in(self):
        self.client.force_login(carol())
        for url in (self.url, f"{self.url}?download=1"):
            self.assertEqual(self.get(url, range="bytes=0-1").status_code, 404)
        self.client.logout()
        response = self.get(range="bytes=0-1")
        self.assertRedirects(response, f"/accounts/login/?next={self.url}", fetch_redirect_response=False)

    def test_what_is_deleted_purged_or_not_there_yet_is_404(self):
        for fields in ({"deleted_at": timezone.now()}, {"purged_at": timezone.now()}):
            with self.subTest(fields):
                Generation.objects.filter(pk=self.row.pk).update(**fields)
                self.assertEqual(self.get().status_code, 404)
                Generation.objects.filter(pk=self.row.pk).update(deleted_at=None, purged_at=None)
        for status in (Status.QUEUED, Status.DOWNLOADING, Status.FAILED):
            row = make_generation(status)
            self.assertEqual(self.get(f"/generations/{row.uuid}/video/").status_code, 404)
            self.assertEqual(self.get(f"/generations/{row.uuid}/poster/").status_code, 404)

    def test_a_file_that_is_gone_is_404_and_no_trace(self):
        path = path_of(self.row.file)
        self.addCleanup(path.write_bytes, clip())
        path.unlink()
        self.assertEqual(self.get().status_code, 404)
        self.assertEqual(self.get(f"{self.url}?download=1").status_code, 404)

    def test_one_that_goes_at_the_very_moment_is_404_too(self):
        with mock.patch("generations.views.media.serve_file", side_effect=FileNotFoundError):
            self.assertEqual(self.get().status_code, 404)


class PictureTests(ServingTestCase):
    def test_a_still_picture(self):
        url = f"/generations/{self.row.uuid}/poster/"
        self.assertEqual(self.get(url).status_code, 404)
        name = self.row.file.replace(".mp4", ".webp")
        path_of(name).write_bytes(b"RIFF....WEBP")
        Generation.objects.filter(pk=self.row.pk).update(poster=name)
        response = self.get(url)
        self.assertEqual((response.status_code, body(response)), (200, b"RIFF....WEBP"))
        self.assertEqual(response.headers["Content-Type"], "image/webp")
        self.assertNotEqual(response.headers["ETag"], f'"{self.row.sha256}"')
        path_of(name).unlink()
        self.assertEqual(self.get(url).status_code, 404)

    def test_an_upload_is_shown_as_what_it_is(self):
        self.client.post("/", {"model": "veo/veo3.1", "prompt": "", "input_reference": picture(name="../../x.html")})
        upload = Upload.objects.get()
        self.assertNotIn("x.html", upload.file.name)
        response = self.get(upload.get_absolute_url())
        self.assertEqual((response.status_code, response.headers["Content-Type"]), (200, "image/png"))
        self.assertEqual(hashlib.sha256(body(response)).hexdigest(), upload.sha256)
        self.assertEqual(response.headers["X-Content-Type-Options"], "nosniff")
        self.assertNotIn(".html", response.headers["Content-Disposition"])
        path_of(upload.file.name).unlink()
        self.assertEqual(self.get(upload.get_absolute_url()).status_code, 404)

    def test_a_webm_is_served_as_one(self):
        name = self.row.file.replace(".mp4", ".webm")
        path_of(name).write_bytes(b"webm")
        self.addCleanup(path_of(name).unlink)
        Generation.objects.filter(pk=self.row.pk).update(file=name, completed_at=timezone.now() - timedelta(days=1))
        response = self.get(f"{self.url}?download=1")
        self.assertEqual(response.headers["Content-Type"], "video/webm")
        self.assertIn('.webm"', response.headers["Content-Disposition"])
