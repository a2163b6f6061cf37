"""The still picture that stands for a video until it plays."""

import os
import secrets
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import av
from av.video.frame import VideoFrame
from PIL import Image, ImageStat

from generations.media.probe import NotAVideo, measure, open_video, pictures

POSTER_AT_SECONDS = 1.0
# Fades from black are shorter; what is still black then is meant to be.
LOOK_ON_SECONDS = 3.0
MAX_DECODED = 600
BLACK_BELOW = 20.0
WEBP_QUALITY = 80

_TURNS = {90: Image.Transpose.ROTATE_90, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_270}


def make_poster(video_path: str | os.PathLike[str], destination: str | os.PathLike[str], width: int = 640) -> None:
    """Writes a WebP of the picture at about one second (the middle of clips shorter than two) to `destination`.

    `width` is in pixels as shown; a smaller video keeps its own. A black picture gives way to the first later one
    that is not. The file appears whole or not at all. Raises NotAVideo, OSError.
    """
    write_webp(scaled(_chosen_picture(video_path), width), Path(destination))


def _chosen_picture(video_path: str | os.PathLike[str]) -> VideoFrame:
    wanted = min(POSTER_AT_SECONDS, measure(video_path).seconds / 2)
    brightest: VideoFrame | None = None
    brightness = -1.0
    for frame in _pictures_from(video_path, wanted):
        seen = _brightness(frame)
        if seen > brightness:
            brightest, brightness = frame, seen
        if brightness >= BLACK_BELOW:
            break
    if brightest is None:
        raise NotAVideo("The file has a video track, but no picture can be decoded from it.")
    return brightest


def _pictures_from(video_path: str | os.PathLike[str], wanted: float) -> Iterator[VideoFrame]:
    """Pictures from `wanted` seconds on, as many as are worth looking at; the last one when there is none so late."""
    with open_video(video_path) as (container, stream):
        began = float((stream.start_time or 0) * stream.time_base)
        container.seek(int((began + wanted) * av.time_base))
        late_enough = False
        frame: VideoFrame | None = None
        for frame in islice(pictures(container, stream), MAX_DECODED):
            at = (frame.time or 0.0) - began
            if at > wanted + LOOK_ON_SECONDS and late_enough:
                return
            if at >= wanted:
                late_enough = True
                yield frame
        if frame is not None and not late_enough:
            yield frame


def _brightness(frame: VideoFrame) -> float:
    """The mean of a small grey copy plus its spread, so that a dark scene with lights in it is not called black."""
    statistics = ImageStat.Stat(_image(frame, 64, 36).convert("L"))
    return float(statistics.mean[0] + statistics.stddev[0])


def scaled(frame: VideoFrame, width: int) -> Image.Image:
    """The picture as shown: turned by the file's rotation, at most `width` pixels wide and four times that high."""
    turn = frame.rotation % 360
    shown_width, shown_height = (frame.height, frame.width) if turn in (90, 270) else (frame.width, frame.height)
    scale = min(1.0, width / shown_width, 4 * width / shown_height)
    target_width, target_height = (max(1, round(side * scale)) for side in (frame.width, frame.height))
    image = _image(frame, target_width, target_height)
    return image.transpose(_TURNS[turn]) if turn in _TURNS else image


def _image(frame: VideoFrame, width: int, height: int) -> Image.Image:
    image: Image.Image = frame.to_image(width=width, height=height, interpolation="AREA")  # type: ignore[no-untyped-call]
    return image


def write_webp(image: Image.Image, destination: Path) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    temporary = destination.with_name(f".{destination.name}.{secrets.token_hex(6)}.part")
    try:
        with open(temporary, "xb") as file:
            image.save(file, "WEBP", quality=WEBP_QUALITY, method=4)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(destination)
    finally:
        temporary.unlink(missing_ok=True)
