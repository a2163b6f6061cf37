"""The bytes decide what a file is."""

import tempfile
from pathlib import Path
from unittest import mock

from django.test import SimpleTestCase
from PIL import Image

from generations.media import NotAVideo, content_kind, measure
from generations.media import probe as probe_module
from tests.media.clips import make_clip, make_sound


class Scratch(SimpleTestCase):
    """A directory of its own for each test, as `self.folder`."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def written(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path


class MeasureTests(Scratch):
    def test_an_mp4_is_measured_exactly(self) -> None:
        path = make_clip(self.folder / "clip.mp4", 320, 180, 1.5, fps=24, audio=True)
        measured = measure(path)
        self.assertEqual((measured.width, measured.height, measured.fps), (320, 180, 24.0))
        self.assertAlmostEqual(measured.seconds, 1.5, places=3)
        self.assertTrue(measured.has_audio)
        self.assertEqual((measured.bytes, measured.codec), (path.stat().st_size, "h264"))

    def test_a_silent_clip_has_no_audio(self) -> None:
        self.assertFalse(measure(make_clip(self.folder / "clip.mp4", 64, 64, 0.25)).has_audio)

    def test_the_name_does_not_matter(self) -> None:
        path = make_clip(self.folder / "clip.mp4", 64, 48, 0.25).rename(self.folder / "page.html")
        self.assertEqual(measure(path).height, 48)

    def test_other_containers_measure_the_same(self) -> None:
        variants = [
            ("clip.mov", {}),
            ("front.mp4", {"movflags": "+faststart"}),
            ("pieces.mp4", {"movflags": "frag_keyframe+empty_moov"}),
            ("clip.webm", {}),
        ]
        for name, options in variants:
            with self.subTest(name=name, options=options):
                measured = measure(make_clip(self.folder / name, 128, 72, 1.0, options=options))
                self.assertEqual((measured.width, measured.height), (128, 72))
                self.assertAlmostEqual(measured.seconds, 1.0, delta=0.05)

    def test_a_streamed_webm_states_no_length_and_is_counted(self) -> None:
        measured = measure(make_clip(self.folder / "live.webm", 64, 64, 1.0, options={"live": "1"}))
        self.assertAlmostEqual(measured.seconds, 1.0, delta=0.05)
        self.assertEqual(measured.codec, "vp8")

    def test_a_turned_video_is_measured_as_shown(self) -> None:
        for rotation, shown in ((90, (180, 320)), (-90, (180, 320)), (180, (320, 180))):
            with self.subTest(rotation=rotation):
                measured = measure(make_clip(self.folder / "t.mp4", 320, 180, 0.25, rotation=rotation))
                self.assertEqual((measured.width, measured.height), shown)

    def test_a_single_picture_long_video_is_a_video(self) -> None:
        measured = measure(make_clip(self.folder / "one.mp4", 64, 64, 1 / 24))
        self.assertAlmostEqual(measured.seconds, 1 / 24, places=3)


class NotAVideoTests(Scratch):
    def assert_refused(self, path: Path, pattern: str) -> None:
        with self.assertRaisesRegex(NotAVideo, pattern):
            measure(path)

    def test_answers_that_are_no_video_are_named(self) -> None:
        cases = [
            (b"", "is empty"),
            (b'{"error": "expired"}', "JSON"),
            (b"<!DOCTYPE html><h1>Sign in", "web page"),
            (b"not found\n", "plain text"),
            (b"\x89PNG\r\n\x1a\n" + bytes(100), "neither an MP4"),
            (bytes(5000), "neither an MP4"),
        ]
        for content, pattern in cases:
            with self.subTest(content=content[:20]):
                self.assert_refused(self.written("a.mp4", content), pattern)

    def test_a_cut_off_file_is_refused_wherever_the_cut_is(self) -> None:
        for name, options in (("tail.mp4", {}), ("front.mp4", {"movflags": "+faststart"}), ("cut.webm", {})):
            whole = make_clip(self.folder / name, 320, 180, 1.0, audio=name != "cut.webm", options=options).read_bytes()
            for kept in (40, len(whole) // 2, len(whole) - 1):
                with self.subTest(name=name, kept=kept, whole=len(whole)):
                    self.assert_refused(self.written(name, whole[:kept]), r"cut off|cannot be read|broken")

    def test_garbage_behind_the_right_first_bytes_is_refused(self) -> None:
        self.assert_refused(self.written("a.mp4", b"\0\0\0\x18ftypisom" + bytes(12) + b"\xff" * 5000), "cannot be read")
        self.assert_refused(self.written("a.webm", b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm" + bytes(5000)), "broken")

    def test_pictures_overwritten_with_noise_are_refused(self) -> None:
        path = make_clip(self.folder / "a.mp4", 320, 180, 0.5)
        content = path.read_bytes()
        at = content.index(b"mdat") + 4
        end = content.index(b"moov") - 4
        self.assert_refused(self.written("b.mp4", content[:at] + b"\xaa" * (end - at) + content[end:]), "read|decoded")

    def test_sound_alone_is_no_video(self) -> None:
        for name, cover in (("sound.mp4", False), ("covered.mp4", True)):
            with self.subTest(name):
                self.assert_refused(make_sound(self.folder / name, cover=cover), "no video track")

    def test_a_still_picture_in_the_same_container_is_no_video(self) -> None:
        path = self.folder / "still.mp4"
        Image.new("RGB", (64, 64), "teal").save(path, "AVIF")
        self.assertEqual(content_kind(path.read_bytes()), "unknown")
        self.assert_refused(path, "neither an MP4")

    def test_a_frame_too_large_to_show_is_refused_before_it_is_decoded(self) -> None:
        path = make_clip(self.folder / "a.mp4", 320, 180, 0.25)
        with mock.patch.object(probe_module, "MAX_SIDE", 319), mock.patch.object(probe_module, "pictures") as pictures:
            self.assert_refused(path, "320x180 pixels")
        pictures.assert_not_called()

    def test_the_decoder_itself_is_limited(self) -> None:
        path = make_clip(self.folder / "a.mp4", 320, 180, 0.25)
        # A stream may turn larger than its container says: the check of what is stated is left out here.
        with (
            mock.patch.object(probe_module, "MAX_PIXELS", 320 * 180 - 1),
            mock.patch.object(probe_module, "_check_size"),
        ):
            self.assert_refused(path, "cannot be read")

    def test_a_file_that_never_comes_to_a_picture_is_given_up(self) -> None:
        path = make_clip(self.folder / "a.mp4", 320, 180, 0.25)
        with mock.patch.object(probe_module, "MAX_PACKETS_BEFORE_PICTURE", 0):
            self.assert_refused(path, "no picture can be decoded")

    def test_a_missing_file_is_not_called_a_bad_video(self) -> None:
        with self.assertRaises(FileNotFoundError):
            measure(self.folder / "none.mp4")


class ContentKindTests(SimpleTestCase):
    def test_first_bytes_are_told_apart(self) -> None:
        cases: list[tuple[bytes, str]] = [
            (b"\0\0\0\x20ftypisom", "mp4"),
            (b"\0\0\0\x14ftypqt  ", "mp4"),
            (b"\0\0\0\x1cftypheic", "unknown"),
            (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm", "webm"),
            (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x88matroska", "unknown"),
            (b'  {"a": 1}', "json"),
            (b"[1]", "json"),
            (b"\xef\xbb\xbf\n<html>", "html"),
            (b"<!doctype HTML>", "html"),
            (b'<?xml version="1.0"?><Error>', "html"),
            (b"Not found", "text"),
            ("väntar".encode(), "text"),
            (("x" * 4095 + "é").encode()[:4096], "text"),
            (b"", "unknown"),
            (b"\x89PNG\r\n\x1a\n", "unknown"),
            (b"plain\0zero", "unknown"),
        ]
        for head, kind in cases:
            with self.subTest(head=head[:30]):
                self.assertEqual(content_kind(head), kind)
