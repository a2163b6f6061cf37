"""Pictures people give: kept clean, or refused with a sentence."""

import hashlib
import io
import random
import struct
import warnings
import zlib
from typing import Any
from unittest import mock

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import SimpleTestCase
from PIL import Image, ImageCms, ImageFile, PngImagePlugin

from generations.media import AcceptedImage, ImageRefused, accept_image
from tests.media.clips import make_clip
from tests.media.test_probe import Scratch

Colour = tuple[int, ...]


def encoded(image: Image.Image, image_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def accepted(content: bytes, **limits: int) -> AcceptedImage:
    return accept_image(io.BytesIO(content), **limits)


def opened(image: AcceptedImage) -> Image.Image:
    return Image.open(io.BytesIO(image.content))


def corners(width: int = 40, height: int = 20, mode: str = "RGB") -> Image.Image:
    """Blue, with a red upper left quarter."""
    image = Image.new(mode, (width, height), "blue")
    image.paste("red", (0, 0, width // 2, height // 2))
    return image


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that states a huge size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


class AcceptTests(SimpleTestCase):
    def assert_colour(self, image: Image.Image, at: tuple[int, int], expected: Colour, delta: int = 12) -> None:
        pixel = image.getpixel(at)
        assert isinstance(pixel, tuple)
        for got, wanted in zip(pixel, expected, strict=True):
            self.assertAlmostEqual(got, wanted, delta=delta)

    def test_each_format_keeps_its_own(self) -> None:
        for image_format, content_type, extension in (
            ("JPEG", "image/jpeg", "jpg"),
            ("PNG", "image/png", "png"),
            ("WEBP", "image/webp", "webp"),
        ):
            with self.subTest(image_format):
                image = accepted(encoded(corners(), image_format))
                self.assertEqual((image.content_type, image.extension), (content_type, extension))
                self.assertEqual((image.width, image.height), (40, 20))
                self.assertEqual(image.sha256, hashlib.sha256(image.content).hexdigest())
                self.assertEqual((opened(image).format, opened(image).mode), (image_format, "RGB"))

    def test_name_and_content_type_are_not_looked_at(self) -> None:
        upload = SimpleUploadedFile("../../evil.svg", encoded(corners(), "PNG"), content_type="text/html")
        self.assertEqual(accept_image(upload).content_type, "image/png")

    def test_metadata_is_gone(self) -> None:
        exif = Image.Exif()
        exif[0x010E] = "SECRET description"
        exif[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0)}
        notes = PngImagePlugin.PngInfo()
        notes.add_text("Comment", "SECRET note")
        samples = [
            encoded(corners(), "JPEG", exif=exif, comment=b"SECRET comment", xmp=b"<x>SECRET</x>"),
            encoded(corners(), "PNG", exif=exif, pnginfo=notes) + b"SECRET trailer",
            encoded(corners(), "WEBP", exif=exif, xmp=b"<x>SECRET</x>"),
        ]
        for sample in samples:
            with self.subTest(sample[:4]):
                self.assertIn(b"SECRET", sample)
                image = accepted(sample)
                self.assertNotIn(b"SECRET", image.content)
                self.assertNotIn(b"Exif", image.content)
                self.assertEqual(dict(opened(image).getexif()), {})

    def test_a_photo_lying_on_its_side_is_set_upright(self) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6  # to be turned clockwise: the upper left comes to the upper right
        for image_format in ("JPEG", "PNG", "WEBP"):
            with self.subTest(image_format):
                image = accepted(encoded(corners(64, 32), image_format, exif=exif))
                self.assertEqual((image.width, image.height), (32, 64))
                self.assert_colour(opened(image).convert("RGB"), (28, 4), (255, 0, 0), delta=20)
                self.assert_colour(opened(image).convert("RGB"), (4, 4), (0, 0, 255), delta=20)

    def test_broken_metadata_does_not_cost_the_picture(self) -> None:
        image = accepted(encoded(corners(), "JPEG", exif=b"Exif\0\0garbage that is no TIFF header"))
        self.assertEqual((image.width, image.height), (40, 20))

    def test_transparency_stays(self) -> None:
        clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
        palette = Image.new("P", (8, 8))
        palette.putpalette([255, 0, 0, 0, 255, 0])
        samples = [encoded(clear, "PNG"), encoded(clear, "WEBP"), encoded(palette, "PNG", transparency=0)]
        for sample in samples:
            with self.subTest(sample[:4]):
                self.assertEqual(opened(accepted(sample)).getpixel((3, 3))[3], 0)  # type: ignore[index]

    def test_unusual_pixels_become_plain_ones(self) -> None:
        deep = Image.new("I;16", (8, 8), 0x8000)
        samples: list[tuple[bytes, Colour]] = [
            (encoded(Image.new("L", (8, 8), 128), "JPEG"), (128, 128, 128)),
            (encoded(Image.new("1", (8, 8), 1), "PNG"), (255, 255, 255)),
            (encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG"), (255, 0, 0)),
            (encoded(deep, "PNG"), (128, 128, 128)),
        ]
        for sample, colour in samples:
            with self.subTest(colour):
                image = opened(accepted(sample))
                self.assertEqual(image.mode, "RGB")
                self.assert_colour(image, (4, 4), colour)

    def test_colours_of_a_profile_are_brought_to_srgb(self) -> None:
        lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        for name, profile in (("fits", srgb), ("does not fit", lab), ("is garbage", b"nothing")):
            with self.subTest(name):
                image = opened(accepted(encoded(corners(), "PNG", icc_profile=profile)))
                self.assertNotIn("icc_profile", image.info)
                self.assert_colour(image, (2, 2), (255, 0, 0), delta=2)

    def test_a_wide_gamut_is_converted_not_reinterpreted(self) -> None:
        # sRGB's own profile with its red and green primaries exchanged: a red there is a green here.
        profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
        red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
        profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
        clear = corners(mode="RGBA")
        clear.putalpha(77)
        image = opened(accepted(encoded(clear, "PNG", icc_profile=bytes(profile))))
        self.assert_colour(image, (2, 2), (0, 255, 0, 77), delta=6)

    def test_only_the_first_picture_of_a_jpeg_with_several_is_kept(self) -> None:
        content = encoded(corners(), "MPO", save_all=True, append_images=[Image.new("RGB", (40, 20), "green")])
        image = accepted(content)
        self.assertEqual((image.extension, opened(image).format), ("jpg", "JPEG"))
        self.assert_colour(opened(image), (2, 2), (255, 0, 0), delta=20)


class RefuseTests(Scratch):
    def assert_refused(self, content: bytes, pattern: str, **limits: int) -> None:
        with self.assertRaisesRegex(ImageRefused, pattern) as caught:
            accepted(content, **limits)
        self.assertRegex(str(caught.exception), r"^[A-Z].*\.$")

    def test_what_is_no_picture_is_named(self) -> None:
        video = make_clip(self.folder / "a.mp4", 64, 64, 0.1).read_bytes()
        gif, tiff = encoded(corners(), "GIF"), encoded(corners(), "TIFF")
        cases = [
            (b"", "empty"),
            (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
            (gif, "a GIF"),
            (tiff, "a TIFF"),
            (encoded(corners(), "AVIF"), "an AVIF"),
            (b"\0\0\0\x1cftypheic" + bytes(50), "a HEIC"),
            (b"%PDF-1.7\n", "a PDF"),
            (b"PK\3\4" + bytes(40), "a ZIP"),
            (b"<html><script>alert(1)</script>", "a web page"),
            (b"hello", "text"),
            (video, "a video"),
            (bytes(100), "no picture we know"),
        ]
        for content, pattern in cases:
            with self.subTest(pattern):
                self.assert_refused(content, pattern + r".* Use a JPEG, PNG or WebP picture\.$")

    def test_too_many_bytes_names_the_limit_and_the_size(self) -> None:
        content = encoded(corners(), "PNG") + bytes(3 * 1024 * 1024)
        self.assert_refused(content, r"at most 2 MB are taken. Save it with fewer pixels", max_bytes=2 * 1024 * 1024)
        with self.assertRaisesRegex(ImageRefused, r"too large: it has 3 MB, and at most 2 MB are taken\. Save it"):
            accept_image(SimpleUploadedFile("a.png", content), max_bytes=2 * 1024 * 1024)

    def test_no_more_than_the_limit_is_read(self) -> None:
        class Endless:
            read_bytes = 0

            def read(self, size: int, /) -> bytes:
                self.read_bytes += size
                return bytes(size)

        endless = Endless()
        with self.assertRaises(ImageRefused):
            accept_image(endless, max_bytes=1000)
        self.assertEqual(endless.read_bytes, 1001)

    def test_a_file_of_exactly_the_limit_is_taken(self) -> None:
        content = encoded(corners(), "PNG")
        self.assertEqual(accepted(content, max_bytes=len(content)).width, 40)

    def test_too_many_pixels_are_refused_before_decoding(self) -> None:
        with mock.patch.object(ImageFile.ImageFile, "load") as load:
            self.assert_refused(bomb(8_000, 8_000), "8000x8000 = 64 megapixels, and at most 40 megapixels are taken")
            self.assert_refused(bomb(9_000, 9_000), "9000x9000 = 81 megapixels, and at most 40 megapixels are taken")
            self.assert_refused(bomb(200_000, 200_000), "far too many pixels: at most 40 megapixels are taken")
            self.assert_refused(
                encoded(corners(), "JPEG"), "40x20 = 800 pixels, and at most 799 pixels are taken", max_pixels=799
            )
        load.assert_not_called()
        self.assertEqual(accepted(encoded(corners(), "JPEG"), max_pixels=800).width, 40)

    def test_animations_are_refused(self) -> None:
        frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
        for image_format in ("PNG", "WEBP"):
            with self.subTest(image_format):
                self.assert_refused(
                    encoded(frames[0], image_format, save_all=True, append_images=frames[1:]), "animated"
                )

    def test_cut_off_pictures_are_refused(self) -> None:
        noise = Image.effect_noise((64, 64), 80).convert("RGB")
        for image_format in ("JPEG", "PNG", "WEBP"):
            content = encoded(noise, image_format)
            for kept in (16, len(content) // 2):
                with self.subTest(image_format, kept=kept):
                    self.assert_refused(content[:kept], "damaged or incomplete")

    def test_damaged_bytes_never_come_out_as_another_error(self) -> None:
        chance = random.Random(7)
        noise = Image.effect_noise((48, 48), 80)
        exif = Image.Exif()
        exif[0x0112] = 6
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        samples = [
            encoded(noise.convert(mode), image_format, exif=exif, icc_profile=profile)
            for image_format, mode in (("JPEG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("WEBP", "RGB"))
        ]
        outcomes = set()
        for _ in range(150):
            for sample in samples:
                damaged = bytearray(sample)
                for _ in range(chance.randint(1, 6)):
                    damaged[chance.randrange(12, len(damaged) if chance.random() < 0.5 else 200)] = chance.randrange(
                        256
                    )
                outcomes.add(self.outcome_of(bytes(damaged)))
        self.assertEqual(outcomes, {AcceptedImage, ImageRefused})

    def outcome_of(self, content: bytes) -> type:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow remarks on the damage; what matters is what comes out
            try:
                return type(accepted(content, max_pixels=1_000_000))
            except ImageRefused:
                return ImageRefused

    def test_a_picture_that_outgrows_the_limit_is_saved_smaller_or_refused(self) -> None:
        noise = Image.effect_noise((300, 300), 120).convert("RGB")
        thrifty = encoded(noise, "JPEG", quality=75)
        best = len(accepted(thrifty).content)
        self.assertGreater(best, len(thrifty) * 1.2)
        self.assertLess(len(accepted(thrifty, max_bytes=best - 1).content), best)
        tiny = encoded(noise, "JPEG", quality=10)
        self.assert_refused(
            tiny, r"Once its metadata is removed the picture takes \d+ bytes, and at most", max_bytes=len(tiny)
        )
