"""Real MP4s without a model: H.264 and AAC, rendered once to a file that every process of the site shares."""

import array
import fcntl
import hashlib
import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.filter import Graph
from av.filter.context import FilterContext
from django.conf import settings
from PIL import Image

from videostudio.sandbox.drawing import Backdrop, Titles

KEEP_SECONDS = 7 * 24 * 3600
KEEP_BYTES = 2 * 1024**3
SAMPLE_RATE = 48_000

_ENCODER: dict[str, object] = {
    "preset": "ultrafast",
    "crf": "21",
    "color_primaries": "bt709",
    "color_trc": "bt709",
    "colorspace": "bt709",
    "color_range": "tv",
}
_LOOK = 1  # raise it when the same spec should look different: file names depend on it


@dataclass(frozen=True)
class ClipSpec:
    """What a clip shows. Sides in pixels, made even; variation 0-255 moves the light."""

    prompt: str
    model: str
    width: int
    height: int
    seconds: int
    audio: bool
    variation: int = 0

    @property
    def frame(self) -> tuple[int, int]:
        """Width and height of the file: H.264 in 4:2:0 has even sides only."""
        return self.width // 2 * 2, self.height // 2 * 2

    @property
    def fps(self) -> int:
        """Frames a second: fewer for large frames, so that a clip takes seconds, not minutes."""
        pixels = self.width * self.height
        return 24 if pixels <= 1_100_000 else 12 if pixels <= 2_400_000 else 6

    @property
    def name(self) -> str:
        return hashlib.sha256(f"{_LOOK} {self!r}".encode()).hexdigest()[:32] + ".mp4"


def render(spec: ClipSpec) -> Path:
    """The MP4 of a spec in settings.SANDBOX_DIR, made now unless it is there already.

    One clip at a time is encoded, across threads and processes: a crowd of players must not take every core.
    """
    directory = Path(settings.SANDBOX_DIR)
    path = directory / spec.name
    if _is_there(path):
        return path
    directory.mkdir(parents=True, exist_ok=True)
    with _lock(directory / "lock"):
        if not _is_there(path):  # somebody else may have made it while this one waited
            prune(directory)
            unfinished = path.with_suffix(".tmp")
            encode(spec, unfinished)
            unfinished.replace(path)
    return path


def prune(directory: Path) -> None:
    """Remove what a killed process left, clips unused for KEEP_SECONDS, and the oldest beyond KEEP_BYTES."""
    for leftover in directory.glob("*.tmp"):  # nobody else is rendering: the caller holds the lock
        leftover.unlink()
    total, oldest = 0, time.time() - KEEP_SECONDS
    clips = [(path.stat(), path) for path in directory.glob("*.mp4")]
    for stat, path in sorted(clips, key=lambda clip: clip[0].st_mtime, reverse=True):
        total += stat.st_size
        if total > KEEP_BYTES or stat.st_mtime < oldest:
            path.unlink()


def encode(spec: ClipSpec, path: Path) -> None:
    """Write the MP4 of a spec to a path, index first, with a keyframe every second."""
    width, height = spec.frame
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        video = container.add_stream("libx264", rate=spec.fps)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.options = _ENCODER
        video.gop_size = spec.fps
        sound = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono") if spec.audio else None
        if sound:
            sound.bit_rate = 96_000
        chord = _chord(spec.prompt)
        frames = _frames(spec)
        for second in range(spec.seconds):
            for _ in range(spec.fps):
                container.mux(video.encode(next(frames)))
            if sound:
                container.mux(sound.encode(_samples(chord, second)))
        container.mux(video.encode(None))
        if sound:
            container.mux(sound.encode(None))


def _frames(spec: ClipSpec) -> Iterator[av.VideoFrame]:
    """Every frame of a clip, composed by libavfilter: enlarged background, words, and a line that grows along."""
    width, height = spec.frame
    backdrop = Backdrop(spec.prompt, width, height, spec.variation)
    titles = Titles(spec.prompt, spec.model, width, height, spec.seconds)
    count = spec.fps * spec.seconds
    stage = Stage(spec, backdrop.size)
    stage.line.push(_overlay(Image.new("RGBA", _line_size(spec), (255, 255, 255, 200)), 0, spec.fps))
    stage.line.push(None)
    stage.words.push(_overlay(titles.at(0), 0, spec.fps))
    for number in range(count):
        second, rest = divmod(number, spec.fps)
        if rest == 0:
            # The filter holds frames back until it knows when the words change next.
            is_last = second + 1 == spec.seconds
            stage.words.push(None if is_last else _overlay(titles.at(second + 1), number + spec.fps, spec.fps))
        stage.ground.push(_timed(av.VideoFrame.from_image(backdrop.frame(number / count)), number, spec.fps))
        yield from stage.ready()
    stage.ground.push(None)
    yield from stage.ready()


class Stage:
    """The filter graph of a clip: three inputs (ground, words, line), and whole frames out of ready()."""

    def __init__(self, spec: ClipSpec, small: tuple[int, int]):
        width, height = spec.frame
        graph = self.graph = Graph()  # kept here: its filters hold it only weakly
        self.ground = _input(graph, small, "rgb24", spec.fps)
        self.words = _input(graph, spec.frame, "yuva420p", spec.fps)
        self.line = _input(graph, _line_size(spec), "yuva420p", spec.fps)
        enlarged = graph.add("scale", f"w={width}:h={height}:flags=bicubic:out_color_matrix=bt709:out_range=tv")
        planar = graph.add("format", "pix_fmts=yuv420p")
        titled = graph.add("overlay", "eof_action=repeat:format=yuv420")
        x = f"-w+W*(t+1/{spec.fps})/{spec.seconds}"
        marked = graph.add("overlay", f"x={x}:y=H-h:eof_action=repeat:format=yuv420")
        self.sink = graph.add("buffersink")
        graph.link_nodes(self.ground, enlarged, planar, titled, marked, self.sink)
        self.words.link_to(titled, 0, 1)
        self.line.link_to(marked, 0, 1)
        graph.configure()

    def ready(self) -> Iterator[av.VideoFrame]:
        """The frames that are finished by now."""
        while True:
            try:
                frame = self.sink.pull()
            except (BlockingIOError, EOFError):  # wants more input; has given everything
                return
            yield cast(av.VideoFrame, frame)


def _input(graph: Graph, size: tuple[int, int], pixels: str, fps: int) -> FilterContext:
    return graph.add("buffer", f"video_size={size[0]}x{size[1]}:pix_fmt={pixels}:time_base=1/{fps}:pixel_aspect=1/1")


def _line_size(spec: ClipSpec) -> tuple[int, int]:
    width, height = spec.frame
    return width, max(min(width, height) // 240 * 2, 2)


def _overlay(image: Image.Image, number: int, fps: int) -> av.VideoFrame:
    frame = av.VideoFrame.from_bytes(image.tobytes(), image.width, image.height, "rgba")
    return _timed(frame.reformat(format="yuva420p"), number, fps)


def _timed(frame: av.VideoFrame, number: int, fps: int) -> av.VideoFrame:
    frame.pts, frame.time_base = number, Fraction(1, fps)
    return frame


def _chord(prompt: str) -> bytes:
    """One second of a quiet major chord, 16-bit mono; whole frequencies make it loop without a click."""
    root = (196, 220, 247, 262)[hashlib.sha256(prompt.encode()).digest()[1] % 4]
    tones = [(root, 0.05), (round(root * 5 / 4), 0.035), (round(root * 3 / 2), 0.035)]

    def level(sample: int) -> int:
        turn = math.tau * sample / SAMPLE_RATE
        swell = 0.75 - 0.25 * math.cos(turn)
        return round(32767 * swell * sum(loud * math.sin(turn * tone) for tone, loud in tones))

    return array.array("h", map(level, range(SAMPLE_RATE))).tobytes()


def _samples(chord: bytes, second: int) -> av.AudioFrame:
    frame = av.AudioFrame(format="s16", layout="mono", samples=SAMPLE_RATE)
    frame.planes[0].update(chord)
    frame.sample_rate, frame.time_base = SAMPLE_RATE, Fraction(1, SAMPLE_RATE)
    frame.pts = second * SAMPLE_RATE
    return frame


def _is_there(path: Path) -> bool:
    """Whether a clip is rendered already; if so it counts as used just now, so that nobody prunes it."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Wait for, and hold, the lock file: each holder opens it anew, so it also parts the threads of one process."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
