"""The short silent copy of a video that plays while the pointer is over it."""

import os
import secrets
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.video.frame import VideoFrame

from generations.media.probe import NotAVideo, open_video, pictures

SECONDS = 3.0
RATE = 12  # pictures a second
SIDE = 320  # pixels: the shorter side at most
MOST_DECODED = 600
ENCODER = {"preset": "veryfast", "crf": "30", "profile": "main"}


def make_preview(video_path: str | os.PathLike[str], destination: str | os.PathLike[str]) -> None:
    """Write the first three seconds as a small MP4 without sound to `destination`, whole or not at all.

    It is turned as the video is shown. Raises NotAVideo, OSError.
    """
    destination = Path(destination)
    destination.parent.mkdir(parents=True, exist_ok=True)
    temporary = destination.with_name(f".{destination.name}.{secrets.token_hex(6)}.part")
    try:
        with open(temporary, "xb") as file:
            _encode(video_path, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(destination)
    finally:
        temporary.unlink(missing_ok=True)


def _encode(video_path: str | os.PathLike[str], file) -> None:
    with (
        open_video(video_path) as (source, stream),
        av.open(file, "w", format="mp4", options={"movflags": "+faststart"}) as target,
    ):
        copy = None
        for number, frame in enumerate(_sampled(pictures(source, stream), stream)):
            if copy is None:
                copy = target.add_stream("libx264", rate=RATE, options=ENCODER)
                copy.width, copy.height = _small(frame)
                copy.pix_fmt = "yuv420p"
            small = frame.reformat(copy.width, copy.height, "yuv420p", interpolation="AREA")
            small.pts, small.time_base = number, Fraction(1, RATE)
            target.mux(copy.encode(small))
        if copy is None:
            raise NotAVideo("The file has a video track, but no picture can be decoded from it.")
        target.mux(copy.encode(None))


def _sampled(frames: Iterator[VideoFrame], stream) -> Iterator[VideoFrame]:
    """Yield the pictures of the first seconds, turned as they are shown, twelve of each second at most."""
    began, due = float((stream.start_time or 0) * stream.time_base), 0.0
    for count, frame in enumerate(frames):
        at = (frame.time or 0.0) - began
        if at >= SECONDS or count >= MOST_DECODED:
            return
        if at >= due - 0.001:
            due = max(due + 1 / RATE, at)
            yield _turned(frame)


def _turned(frame: VideoFrame) -> VideoFrame:
    if not frame.rotation % 360:
        return frame
    image = frame.to_image().rotate(frame.rotation, expand=True)
    return VideoFrame.from_image(image)


def _small(frame: VideoFrame) -> tuple[int, int]:
    """Return the size of the copy: even sides, as H.264 wants them."""
    scale = min(1.0, SIDE / min(frame.width, frame.height))
    return tuple(max(2, round(side * scale / 2) * 2) for side in (frame.width, frame.height))
