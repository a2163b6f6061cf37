"""Pictures people give: decoded, turned upright, written anew without metadata, or refused with a sentence.

Neither the name nor the content type that came with a file is looked at. What is kept is our own encoding of the
pixels, so nothing that hid in the file (places, cameras, scripts, second files) travels on.
"""

import hashlib
import io
import struct
import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from PIL import Image, ImageCms, ImageOps

from generations.media.probe import content_kind

MAX_BYTES = 20 * 1024 * 1024
MAX_PIXELS = 40_000_000
TYPES = ("image/jpeg", "image/png", "image/webp")
# Tried in turn: a photo that was saved thriftily may outgrow the limit when it is saved well.
QUALITIES = (92, 85, 75)

# A picture at the limit takes several hundred MB and seconds while it is worked on; a burst of them waits its turn.
_WORKBENCH = threading.BoundedSemaphore(2)

# What Pillow's decoders raise for broken files, by experience of feeding them some.
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, OverflowError, struct.error, zlib.error)
_NAMES = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WebP"}
_TYPES = {"JPEG": ("image/jpeg", "jpg"), "PNG": ("image/png", "png"), "WEBP": ("image/webp", "webp")}
_STRANGERS = (
    (b"GIF8", gettext_lazy("a GIF")),
    (b"%PDF", gettext_lazy("a PDF document")),
    (b"BM", gettext_lazy("a BMP picture")),
    (b"II*\0", gettext_lazy("a TIFF picture")),
    (b"MM\0*", gettext_lazy("a TIFF picture")),
    (b"\0\0\1\0", gettext_lazy("an icon file")),
    (b"PK\3\4", gettext_lazy("a ZIP archive")),
    (b"8BPS", gettext_lazy("a Photoshop file")),
)
_BRANDS = {b"avif": gettext_lazy("an AVIF picture"), b"avis": gettext_lazy("an AVIF picture")} | dict.fromkeys(
    (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"), gettext_lazy("a HEIC picture")
)
_KINDS = {
    "mp4": gettext_lazy("a video"),
    "webm": gettext_lazy("a video"),
    "html": gettext_lazy("a web page"),
    "json": "JSON",
    "text": "text",
}


class ImageRefused(Exception):
    """The file is not taken; the message is the sentence to show at the field."""


class Readable(Protocol):
    """An upload or an open binary file, at its beginning."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class AcceptedImage:
    """A clean picture: `content` is our encoding of it, `width` and `height` its pixels, upright, `sha256` in hex."""

    content: bytes
    content_type: str
    extension: str
    width: int
    height: int
    sha256: str


def accept_image(
    file: Readable, *, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS, types: Sequence[str] = TYPES
) -> AcceptedImage:
    """Reads at most `max_bytes` + 1 from `file` and returns the picture, re-encoded in its own format.

    `types` are what whoever gave another file is told to use. Raises ImageRefused.
    """
    given = file.read(max_bytes + 1)
    if not given:
        raise ImageRefused(_("The file is empty. {wanted}").format(wanted=wanted(types)))
    if len(given) > max_bytes:
        raise ImageRefused(_too_big(getattr(file, "size", None), max_bytes))
    image_format = _format_of(given, types)
    with _WORKBENCH:
        image = _clean(_decoded(given, image_format, max_pixels), image_format)
        content = _encoded(image, image_format, max_bytes, lossless=given[12:16] == b"VP8L")
    content_type, extension = _TYPES[image_format]
    return AcceptedImage(
        content=content,
        content_type=content_type,
        extension=extension,
        width=image.width,
        height=image.height,
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _too_big(size: int | None, max_bytes: int) -> str:
    if not size or size <= max_bytes:
        sentence = _("The file is too large: at most {most} are taken. Save it with fewer pixels, or as a JPEG.")
        return sentence.format(most=_megabytes(max_bytes))
    return _(
        "The file is too large: it has {size}, and at most {most} are taken. Save it with fewer pixels, or as a JPEG."
    ).format(size=_megabytes(size), most=_megabytes(max_bytes))


def _megabytes(count: int) -> str:
    """Megabytes of 1024 x 1024; one decimal, but none when it says nothing."""
    return (
        f"{count / 1024 / 1024:.1f}".removesuffix(".0") + _(" MB")
        if count >= 1024 * 1024
        else _("{count} bytes").format(count=count)
    )


def wanted(types: Sequence[str]) -> str:
    """Return what to use instead of a file that is none of these: "Use a JPEG, PNG or WebP picture."."""
    names = [_NAMES[kind] for kind in types if kind in _NAMES]
    kinds = _(" or ").join(filter(None, (", ".join(names[:-1]), names[-1])))
    return _("Use a {kinds} picture.").format(kinds=kinds)


def _format_of(content: bytes, types: Sequence[str]) -> str:
    """JPEG, PNG or WEBP, by the first bytes. Raises ImageRefused, saying what the file seems to be instead."""
    if content.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "WEBP"
    raise ImageRefused(_("This file is {stranger}. {wanted}").format(stranger=_stranger(content), wanted=wanted(types)))


def _stranger(content: bytes) -> str:
    for start, name in _STRANGERS:
        if content.startswith(start):
            return name
    if content[4:8] == b"ftyp" and content[8:12] in _BRANDS:
        return _BRANDS[content[8:12]]
    if b"<svg" in content[:4096].lower():
        return _("an SVG drawing")
    return _KINDS.get(content_kind(content[:4096]), _("no picture we know"))


def _decoded(content: bytes, image_format: str, max_pixels: int) -> Image.Image:
    """All pixels of the picture; its size is checked before any of them is decoded.

    Pillow's own warning about huge pictures is not relied on: turning warnings into errors is not safe between
    threads, and this limit is the lower one.
    """
    try:
        image = Image.open(io.BytesIO(content), formats=[image_format])
        _check_pixels(image.width, image.height, max_pixels)
        # A JPEG may carry further pictures (depth, gain maps); only its first is meant. Others would be animations.
        if image_format != "JPEG" and getattr(image, "is_animated", False):
            raise ImageRefused(_("The picture is animated. Use a still JPEG, PNG or WebP picture."))
        image.load()
    except Image.DecompressionBombError as error:
        raise ImageRefused(
            _("The picture has far too many pixels: at most {most} are taken. Make it smaller.").format(
                most=_megapixels(max_pixels)
            )
        ) from error
    except _BROKEN as error:
        raise ImageRefused(
            _("The picture is damaged or incomplete. Save or export it again and try once more.")
        ) from error
    return image


def _check_pixels(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        actual = _("{width}x{height} = {megapixels}").format(
            width=width, height=height, megapixels=_megapixels(width * height)
        )
        raise ImageRefused(
            _("The picture has too many pixels: {actual}, and at most {most} are taken. Make it smaller.").format(
                actual=actual, most=_megapixels(max_pixels)
            )
        )


def _megapixels(pixels: int) -> str:
    return (
        f"{pixels / 1_000_000:.1f}".removesuffix(".0") + _(" megapixels")
        if pixels >= 1_000_000
        else _("{pixels} pixels").format(pixels=pixels)
    )


def _clean(image: Image.Image, image_format: str) -> Image.Image:
    """Upright, in sRGB, with nothing but pixels: RGB, or RGBA where the picture is transparent."""
    mode = "RGBA" if image.has_transparency_data and image_format != "JPEG" else "RGB"
    profile = image.info.get("icc_profile")
    _set_upright(image)
    clean = image
    if clean.mode.startswith("I"):
        clean = clean.convert("I").point(lambda value: value / 256).convert("L")  # 16 bits: convert() alone would clip
    if clean.mode not in (mode, "CMYK"):
        clean = clean.convert(mode)
    if profile:
        clean = _in_srgb(clean, profile, mode)
    if clean.mode != mode:
        clean = clean.convert(mode)
    clean.info = {}  # some encoders write comments and profiles from here
    return clean


def _set_upright(image: Image.Image) -> None:
    try:
        ImageOps.exif_transpose(image, in_place=True)
    except _BROKEN:
        # Only the metadata is broken, and that is dropped anyway: the pixels as they stand are what was given.
        image.info.pop("exif", None)


def _in_srgb(image: Image.Image, profile: bytes, mode: str) -> Image.Image:
    """The picture in sRGB. A profile that does not fit the pixels is dropped: viewers ignore such profiles as well."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode=mode)
    except (ImageCms.PyCMSError, OSError):
        return image
    return converted or image


def _encoded(image: Image.Image, image_format: str, max_bytes: int, *, lossless: bool) -> bytes:
    """The picture in its own format. Raises ImageRefused when it cannot be kept below `max_bytes`."""
    written = b""
    for quality in QUALITIES:
        buffer = io.BytesIO()
        match image_format:
            case "JPEG":
                image.save(buffer, "JPEG", quality=quality, optimize=True)
            case "PNG":
                image.save(buffer, "PNG")
            case _:
                image.save(buffer, "WEBP", quality=quality, lossless=lossless, method=2)
        written = buffer.getvalue()
        if len(written) <= max_bytes:
            return written
        if image_format == "PNG" or lossless:
            break
    raise ImageRefused(
        _(
            "Once its metadata is removed the picture takes {size}, and at most {most} are taken. "
            "Make it smaller and try again."
        ).format(size=_megabytes(len(written)), most=_megabytes(max_bytes))
    )
