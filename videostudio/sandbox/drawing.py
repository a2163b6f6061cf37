"""The look of a sandbox clip: a deep gradient and drifting light under the prompt's words."""

import colorsys
import hashlib
import math
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

NOTICE = "Sandbox clip · no model was used"

# The background is drawn this small and enlarged by the encoder's scaler: soft shapes need no more pixels.
SMALL_SIDE = 96

_FONT_DIRECTORIES = (
    *("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts", "/System/Library/Fonts"),
    *("~/.fonts", "~/.local/share/fonts", "~/Library/Fonts"),
)
# Fonts that cover more than the bundled one does, best first.
_FONT_NAMES = (
    *("NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "NotoSansSC-Regular.otf", "NotoSansSC-Regular.ttf"),
    *("SourceHanSansSC-Regular.otf", "PingFang.ttc", "Hiragino Sans GB.ttc", "wqy-microhei.ttc"),
    *("DroidSansFallbackFull.ttf", "Arial Unicode.ttf", "NotoSans-Regular.ttf", "DejaVuSans.ttf"),
)

type Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
type LoadFont = Callable[[float], Font]  # size in pixels


class Backdrop:
    """The moving background of one clip, as small RGB images of the clip's shape."""

    def __init__(self, prompt: str, width: int, height: int, variation: int):
        scale = SMALL_SIDE / min(width, height)
        self.size = max(round(width * scale), 2), max(round(height * scale), 2)
        self.turn = variation / 256
        digest = hashlib.sha256(prompt.encode()).digest()
        hue = 0.42 + 0.58 * digest[0] / 256  # from teal over blue to red: dark yellows look like mud
        self.ground = _gradient(self.size, _colour(hue, 0.10, 0.62), _colour(hue + 0.10, 0.26, 0.55))
        self.lights = [
            (_colour(hue + 0.16, 0.62, 0.62), _glow(1.5 * max(self.size)), 0.0),
            (_colour(hue - 0.12, 0.48, 0.50), _glow(1.1 * max(self.size)), 0.45),
        ]

    def frame(self, position: float) -> Image.Image:
        """The background at a position of the clip, 0 at its start and 1 at its end."""
        image = self.ground
        for colour, glow, offset in self.lights:
            angle = math.tau * (self.turn + offset + 0.4 * position)
            x = self.size[0] * (0.5 + 0.42 * math.cos(angle))
            y = self.size[1] * (0.5 + 0.38 * math.sin(angle))
            # An affine move lands between pixels; pasting at whole ones would jerk when enlarged.
            shift = (1, 0, glow.width / 2 - x, 0, 1, glow.height / 2 - y)
            mask = glow.transform(self.size, Image.Transform.AFFINE, shift, Image.Resampling.BILINEAR)
            image = Image.composite(Image.new("RGB", self.size, colour), image, mask)
        return image


class Titles:
    """The words over one clip, as transparent images of the clip's size: one for each second."""

    def __init__(self, prompt: str, model: str, width: int, height: int, seconds: int):
        self.seconds = seconds
        self.unit = min(width, height)
        self.margin = round(self.unit * 0.075)
        self.base = Image.new("RGBA", (width, height), (255, 255, 255, 0))
        room = width - 2 * self.margin
        draw = ImageDraw.Draw(self.base)
        small, pale = self.unit * 0.036, (255, 255, 255, 170)
        top = (self.margin, self.margin)
        draw.text(top, NOTICE, font=_fit_line(NOTICE, small, room), fill=pale, anchor="lt")
        # Under it, for players put their button into the lower left corner.
        facts, font = _cut_line(model, f"   {width}x{height}", small, room)
        draw.text((self.margin, self.margin + 1.6 * small), facts, font=font, fill=pale, anchor="lt")
        self.clock_font = ImageFont.load_default(max(self.unit * 0.05, 8))
        text, font = _fit_block(prompt, (room, round(height * 0.56)), self.unit * 0.15)
        spot = (self.margin, height / 2)
        draw.multiline_text(spot, text, font=font, fill=(255, 255, 255, 242), anchor="lm", spacing=self.unit * 0.025)

    def at(self, second: int) -> Image.Image:
        """The words during the second after so many seconds."""
        image = self.base.copy()
        spot = (image.width - self.margin, image.height - self.margin)
        clock = self._clock(second)
        ImageDraw.Draw(image).text(spot, clock, font=self.clock_font, fill=(255, 255, 255, 225), anchor="rs")
        return image

    def _clock(self, second: int) -> str:
        return f"{second // 60}:{second % 60:02} / {self.seconds // 60}:{self.seconds % 60:02}"


def _colour(hue: float, lightness: float, saturation: float) -> tuple[int, int, int]:
    red, green, blue = (round(255 * part) for part in colorsys.hls_to_rgb(hue % 1, lightness, saturation))
    return red, green, blue


def _gradient(size: tuple[int, int], top: tuple[int, int, int], bottom: tuple[int, int, int]) -> Image.Image:
    ramp = Image.linear_gradient("L").rotate(20, Image.Resampling.BICUBIC).crop((48, 48, 208, 208)).resize(size)
    return Image.composite(Image.new("RGB", size, bottom), Image.new("RGB", size, top), ramp)


def _glow(diameter: float) -> Image.Image:
    """A round mask, soft to its rim and never opaque."""
    falloff = Image.radial_gradient("L").point([round(150 * max(0.0, 1 - level / 180) ** 2) for level in range(256)])
    return falloff.resize((round(diameter), round(diameter)), Image.Resampling.BICUBIC)


def _fit_line(text: str, size: float, room: float) -> Font:
    """A font for one line of text, smaller than size (pixels) where the room demands it."""
    load = _font_for(text)
    length = load(max(size, 6)).getlength(text)
    return load(max(size * min(1.0, max(room, 1) / length), 6))


def _cut_line(text: str, tail: str, size: float, room: float) -> tuple[str, Font]:
    """A text and its tail on one line of a size in pixels; the text gives way where the room is short."""
    font = _font_for(text)(max(size, 6))
    line, end = text + tail, len(text)
    while font.getlength(line) > room and end:
        end -= 1
        line = f"{text[:end]}…{tail}" if end else tail.strip()
    return line, font


def _fit_block(text: str, room: tuple[int, int], size: float) -> tuple[str, Font]:
    """Text wrapped into lines, and the largest font, at most size pixels, with which they fit the room."""
    text = " ".join(text.split())
    load = _font_for(text)
    while True:
        font = load(max(size, 6))
        lines = _wrap(text, font, room[0])
        is_inside = len(lines) * size * 1.25 <= room[1] and all(font.getlength(line) <= room[0] for line in lines)
        if is_inside or size <= 6:
            return "\n".join(lines), font
        size *= 0.93


def _wrap(text: str, font: Font, room: float) -> list[str]:
    """Lines no longer than room pixels: broken at spaces, and inside a word only when it is too long for a line."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".lstrip()
        if font.getlength(longer) <= room:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        for character in word:
            if lines[-1] and font.getlength(lines[-1] + character) > room:
                lines.append("")
            lines[-1] += character
    return lines


def _font_for(text: str) -> LoadFont:
    """The font that lacks the fewest of a text's characters; the bundled one where it lacks none."""
    characters = frozenset(text)
    if not _lacking(ImageFont.load_default, characters):
        return ImageFont.load_default
    loaders = [ImageFont.load_default, *(_loader(path) for path in _system_fonts())]
    return min(loaders, key=lambda load: _lacking(load, characters))


def _loader(path: Path) -> LoadFont:
    return lambda size: ImageFont.truetype(path, size)


def _lacking(load: LoadFont, characters: frozenset[str]) -> int:
    font = load(24)
    nothing = _picture(font, "\U0010ffff")  # never assigned: every font draws its empty box for it
    return sum(1 for character in characters if _picture(font, character) == nothing)


def _picture(font: Font, character: str) -> bytes:
    image = Image.new("L", (48, 48))
    ImageDraw.Draw(image).text((8, 8), character, font=font, fill=255)
    return image.tobytes()


@cache
def _system_fonts() -> tuple[Path, ...]:
    """The fonts of _FONT_NAMES that this machine has, in that order."""
    found: dict[str, Path] = {}
    for directory in _FONT_DIRECTORIES:
        for folder, _, names in os.walk(Path(directory).expanduser()):
            found |= {name: Path(folder, name) for name in names if name in _FONT_NAMES}
    return tuple(found[name] for name in _FONT_NAMES if name in found)
