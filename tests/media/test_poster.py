"""One still picture per video, worth looking at."""

from pathlib import Path
from unittest import mock

from PIL import Image

from generations.media import NotAVideo, make_poster
from generations.media import poster as poster_module
from tests.media.clips import make_clip
from tests.media.test_probe import Scratch


class PosterTests(Scratch):
    def poster_of(self, video: Path, width: int = 640) -> Image.Image:
        make_poster(video, self.folder / "poster.webp", width)
        with Image.open(self.folder / "poster.webp") as image:
            self.assertEqual(image.format, "WEBP")
            return image.convert("RGB")

    def assert_grey(self, image: Image.Image, expected_luma: int, at: tuple[float, float] = (0.75, 0.5)) -> None:
        """`expected_luma` is video grey (16 to 235), `at` a place in parts of width and height (the darker half)."""
        pixel = image.getpixel((int(image.width * at[0]), int(image.height * at[1])))
        assert isinstance(pixel, tuple)
        self.assertAlmostEqual(pixel[0], (expected_luma - 16) * 255 / 219, delta=4)

    def test_a_large_video_is_made_small_and_a_small_one_is_left(self) -> None:
        self.assertEqual(self.poster_of(make_clip(self.folder / "a.mp4", 1280, 720, 0.25)).size, (640, 360))
        self.assertEqual(self.poster_of(make_clip(self.folder / "b.mp4", 320, 180, 0.25)).size, (320, 180))
        self.assertEqual(self.poster_of(make_clip(self.folder / "c.mp4", 320, 180, 0.25), width=160).size, (160, 90))

    def test_it_shows_the_picture_at_one_second(self) -> None:
        video = make_clip(self.folder / "a.mp4", 160, 90, 3.0, fps=10, gop=4, luma=lambda number: 50 + 6 * number)
        self.assert_grey(self.poster_of(video), 50 + 6 * 10)

    def test_it_shows_the_middle_of_a_shorter_clip(self) -> None:
        video = make_clip(self.folder / "a.mp4", 160, 90, 1.0, fps=10, luma=lambda number: 50 + 6 * number)
        self.assert_grey(self.poster_of(video), 50 + 6 * 5)

    def test_a_black_beginning_is_skipped(self) -> None:
        video = make_clip(self.folder / "a.mp4", 160, 90, 3.0, fps=10, luma=lambda number: 16 if number < 20 else 120)
        self.assert_grey(self.poster_of(video), 120)

    def test_a_video_that_is_black_throughout_has_a_black_poster(self) -> None:
        video = make_clip(self.folder / "a.mp4", 160, 90, 2.0, fps=10, luma=lambda number: 16)
        self.assert_grey(self.poster_of(video), 16)

    def test_it_is_turned_as_the_video_is(self) -> None:
        # The lightest quarter is at the upper left; anticlockwise by 90 degrees it comes to the lower left.
        places = {90: (0.25, 0.75), -90: (0.75, 0.25), 180: (0.75, 0.75)}
        for rotation, place in places.items():
            with self.subTest(rotation=rotation):
                clip = make_clip(self.folder / "a.mp4", 320, 180, 0.25, rotation=rotation, luma=lambda number: 100)
                poster = self.poster_of(clip)
                self.assertEqual(poster.size, (320, 180) if rotation == 180 else (180, 320))
                self.assert_grey(poster, 140, at=place)

    def test_a_very_tall_video_stays_within_what_webp_can_hold(self) -> None:
        self.assertEqual(self.poster_of(make_clip(self.folder / "a.mp4", 16, 1600, 0.1), width=100).size, (4, 400))

    def test_what_is_no_video_leaves_no_file(self) -> None:
        with self.assertRaises(NotAVideo):
            make_poster(self.written("a.mp4", b"{}"), self.folder / "out" / "poster.webp")
        self.assertFalse((self.folder / "out").exists())

    def test_a_failed_write_leaves_the_old_poster_and_nothing_else(self) -> None:
        video = make_clip(self.folder / "a.mp4", 160, 90, 0.25)
        poster = self.folder / "out" / "poster.webp"
        make_poster(video, poster)
        before = poster.read_bytes()
        with (
            mock.patch.object(poster_module.os, "fsync", side_effect=OSError("disk full")),
            self.assertRaisesRegex(OSError, "disk full"),
        ):
            make_poster(video, poster)
        self.assertEqual([path.name for path in poster.parent.iterdir()], ["poster.webp"])
        self.assertEqual(poster.read_bytes(), before)

    def test_it_works_for_webm_without_a_stated_length(self) -> None:
        video = make_clip(self.folder / "a.webm", 160, 90, 1.0, options={"live": "1"})
        self.assertEqual(self.poster_of(video).size, (160, 90))
