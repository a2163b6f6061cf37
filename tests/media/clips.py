"""Small real videos for tests, made in milliseconds."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

AUDIO_RATE = 44_100

Paint = Callable[[int], int]


def make_clip(
    path: str | Path,
    width: int = 320,
    height: int = 180,
    seconds: float = 1.0,
    fps: int = 24,
    audio: bool = False,
    *,
    rotation: int = 0,
    gop: int = 250,
    luma: Paint = lambda number: 60 + number % 120,
    options: Mapping[str, str] | None = None,
) -> Path:
    """Writes a video to `path` (WebM with VP8 by that suffix, else H.264) and returns the path.

    `luma` gives the grey of each picture by its number, 16 (black) to 235; the left half is lighter by 20 and its
    upper half by 20 more, so that turns can be seen. `rotation` is the display rotation in degrees, anticlockwise;
    `gop` the number of pictures from one that stands alone to the next; `options` go to the container, for instance
    {"movflags": "+faststart"}.
    """
    path = Path(path)
    with av.open(str(path), "w", options=dict(options or {})) as container:
        stream = _video_stream(container, width, height, fps, is_webm=path.suffix == ".webm")
        stream.gop_size = gop
        if rotation:
            stream.set_display_rotation(rotation)
        # Every stream is there before the first packet, which writes the header.
        sound = container.add_stream("aac", rate=AUDIO_RATE) if audio else None
        for number in range(round(seconds * fps)):
            container.mux(stream.encode(_picture(width, height, luma(number), number)))
        container.mux(stream.encode(None))
        if sound is not None:
            _write_silence(container, sound, seconds)
    return path


def make_sound(path: str | Path, seconds: float = 0.5, *, cover: bool = False) -> Path:
    """Writes a file with silence and no video track, with `cover` a still picture as music has it."""
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=AUDIO_RATE)
        if cover:
            picture = container.add_stream("mjpeg", rate=1)
            picture.width, picture.height, picture.pix_fmt = 64, 64, "yuvj420p"
            picture.disposition = Disposition.attached_pic
            container.mux(picture.encode(VideoFrame(64, 64, "yuvj420p")))
            container.mux(picture.encode(None))
        _write_silence(container, sound, seconds)
    return Path(path)


def _video_stream(container: OutputContainer, width: int, height: int, fps: int, *, is_webm: bool) -> VideoStream:
    fastest = {"deadline": "realtime", "cpu-used": "8"} if is_webm else {"preset": "ultrafast", "tune": "zerolatency"}
    stream = container.add_stream("libvpx" if is_webm else "libx264", rate=fps, options=fastest)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    return stream


def _picture(width: int, height: int, luma: int, number: int) -> VideoFrame:
    frame = VideoFrame(width, height, "yuv420p")
    grey, *colours = frame.planes
    step = 0 if luma <= 16 else 20
    rest = grey.line_size - width // 2
    top = bytes([min(235, luma + 2 * step)]) * (width // 2) + bytes([luma]) * rest
    bottom = bytes([min(235, luma + step)]) * (width // 2) + bytes([luma]) * rest
    grey.update(top * (height // 2) + bottom * (height - height // 2))
    for plane in colours:
        plane.update(b"\x80" * plane.buffer_size)
    frame.pts = number
    return frame


def _write_silence(container: OutputContainer, stream: AudioStream, seconds: float) -> None:
    for number in range(int(seconds * AUDIO_RATE / 1024)):
        frame = AudioFrame(format="fltp", layout="mono", samples=1024)
        frame.planes[0].update(bytes(frame.planes[0].buffer_size))
        frame.sample_rate, frame.time_base, frame.pts = AUDIO_RATE, Fraction(1, AUDIO_RATE), number * 1024
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
