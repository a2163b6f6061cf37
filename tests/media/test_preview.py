"""The copy that plays under the pointer: short, small, silent."""

import tempfile
from pathlib import Path

import av
from django.test import SimpleTestCase

from generations.media import NotAVideo, make_preview, measure
from tests.media.clips import make_clip


class PreviewTests(SimpleTestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def preview(self, *arguments, **options) -> Path:
        clip = make_clip(self.folder / "clip.mp4", *arguments, **options)
        made = self.folder / "deep" / "clip.preview.mp4"
        make_preview(clip, made)
        return made

    def test_it_is_short_small_and_silent(self):
        found = measure(self.preview(1280, 720, 6.0))
        self.assertEqual((found.width, found.height, found.has_audio), (568, 320, False))
        self.assertAlmostEqual(found.seconds, 3.0, delta=0.1)
        self.assertAlmostEqual(found.fps, 12, delta=0.1)

    def test_a_tall_one_stays_tall_and_a_short_or_small_one_as_it_is(self):
        found = measure(self.preview(180, 320, 1.0))
        self.assertEqual((found.width, found.height), (180, 320))
        self.assertAlmostEqual(found.seconds, 1.0, delta=0.1)

    def test_it_weighs_little_and_its_index_comes_first(self):
        made = self.preview(1280, 720, 6.0)
        self.assertLess(made.stat().st_size, 300_000)
        head = made.read_bytes()
        self.assertLess(head.index(b"moov"), head.index(b"mdat"))
        with av.open(str(made)) as container:
            self.assertEqual([stream.type for stream in container.streams], ["video"])

    def test_what_is_no_video_leaves_nothing_behind(self):
        (self.folder / "clip.mp4").write_bytes(b"nonsense" * 100)
        with self.assertRaises(NotAVideo):
            make_preview(self.folder / "clip.mp4", self.folder / "made.mp4")
        self.assertEqual([path.name for path in self.folder.iterdir()], ["clip.mp4"])
