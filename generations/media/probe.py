"""What a file really is: the bytes decide, never its name or the content type it came with.

A downloaded file counts as a video only when it begins like an MP4, MOV or WebM, is all there, opens, and gives up one
picture. What is measured here stands on the row beside what was asked.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, NoReturn

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

Kind = Literal["mp4", "webm", "json", "html", "text", "unknown"]

MAX_SIDE = 16_384
# The largest picture any level of H.264, HEVC, VP9 or AV1 allows; a decoder takes a few bytes per pixel, several times.
MAX_PIXELS = 16_384 * 8_704
# Far above what any encoder puts before the first picture, far below what would keep a worker busy.
MAX_PACKETS_BEFORE_PICTURE = 2_000
# A day of 60 fps: only a file that states no length is counted, and counting reads without decoding.
MAX_PACKETS_COUNTED = 5_184_000
MAX_BOXES = 200_000
STEP_SECONDS = 30
HEAD_BYTES = 4_096

_EBML = b"\x1a\x45\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"
_WEBM_DOCTYPE = re.compile(rb"\x42\x82[\x80-\x8f]webm")
# Still pictures share the MP4 container; a picture is not the video that was paid for.
_PICTURE_BRANDS = frozenset({b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1"})
_BOX_TYPE = re.compile(rb"[ -~\xa9]{4}\Z")


class NotAVideo(Exception):
    """The file is no whole, readable video; the message is a sentence for people."""


@dataclass(frozen=True)
class Measured:
    """A video as it is. `width` and `height` are pixels as shown (after rotation), `fps` pictures per second (None
    when the file does not say), `bytes` the size on disk, `codec` as FFmpeg names it."""

    width: int
    height: int
    seconds: float
    fps: float | None
    has_audio: bool
    bytes: int
    codec: str


def content_kind(head: bytes) -> Kind:
    """Says what the first bytes of a body look like (4 KB are plenty). 'mp4' stands for MOV too."""
    if head[4:8] == b"ftyp":
        return "unknown" if head[8:12] in _PICTURE_BRANDS else "mp4"
    if head.startswith(_EBML):
        return "webm" if _WEBM_DOCTYPE.search(head[:HEAD_BYTES]) else "unknown"
    return _text_kind(head[:HEAD_BYTES])


def video_kind(head: bytes, size: int | None = None) -> Literal["mp4", "webm"]:
    """Says what a video that begins with `head` is. Raises NotAVideo when no video begins like that."""
    kind = content_kind(head)
    if kind in ("mp4", "webm"):
        return kind
    if not head:
        raise NotAVideo("The file is empty.")
    names = {"json": "a JSON answer", "html": "a web page", "text": "plain text"}
    length = "" if size is None else f" ({size} bytes)"
    raise NotAVideo(f"The file is {names.get(kind, 'neither an MP4, a MOV nor a WebM')}, not a video{length}.")


def measure(path: str | os.PathLike[str]) -> Measured:
    """Opens the file at `path`, decodes its first picture, and measures it.

    Raises NotAVideo when it is anything but a whole video, OSError when it cannot be read.
    """
    with open_video(path) as (container, stream):
        frame = next(pictures(container, stream))
        _check_size(frame.width, frame.height)
        turned = frame.rotation % 180 == 90
        fps = _fps(stream)
        return Measured(
            width=frame.height if turned else frame.width,
            height=frame.width if turned else frame.height,
            seconds=_seconds(container, stream, fps),
            fps=fps,
            has_audio=bool(container.streams.audio),
            bytes=Path(path).stat().st_size,
            codec=stream.codec_context.name,
        )


@contextmanager
def open_video(path: str | os.PathLike[str]) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Opens a video for reading, as (container, its video stream). Raises NotAVideo, also for errors of the body's
    decoding. Only this one file is read: nothing inside it can name another file or an address."""
    with open(path, "rb") as file:
        kind = _checked_kind(file)
        try:
            with av.open(
                file,
                mode="r",
                format="mov" if kind == "mp4" else "matroska",
                timeout=STEP_SECONDS,
                io_open=_refuse_reference,
            ) as container:
                yield container, _video_stream(container)
        except FFmpegError as error:
            raise NotAVideo(f"The file begins like a video but cannot be read: {error.strerror or error}.") from error


def pictures(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Decodes pictures from the current position on. Raises NotAVideo when the first does not come soon or at all."""
    shown = False
    for count, packet in enumerate(container.demux(container.streams.video, container.streams.audio)):
        if not shown and count >= MAX_PACKETS_BEFORE_PICTURE:
            break
        if packet.stream is stream:
            for frame in stream.decode(packet):
                shown = True
                yield frame
    if not shown:
        raise NotAVideo("The file has a video track, but no picture can be decoded from it.")


def _text_kind(head: bytes) -> Kind:
    body = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not body or b"\0" in body:
        return "unknown"
    if body[:1] in (b"{", b"["):
        return "json"
    if re.match(rb"<(!doctype|!--|html|head|body|title|script|\?xml|svg)", body, re.IGNORECASE):
        return "html"
    printable = sum(byte >= 32 or byte in b"\t\n\r" for byte in body)
    try:
        # A cut in the middle of a character at the end of the head is no reason to call it binary.
        body[: max(1, len(body) - 3)].decode()
    except UnicodeDecodeError:
        return "unknown"
    return "text" if printable == len(body) else "unknown"


def _checked_kind(file: BinaryIO) -> Literal["mp4", "webm"]:
    """Refuses what is no video by its first bytes, and what is cut off; leaves the file at its beginning."""
    head = file.read(HEAD_BYTES)
    size = os.fstat(file.fileno()).st_size
    kind = video_kind(head, size)
    if kind == "mp4":
        _check_boxes(file, size)
    else:
        _check_segment(head, size)
    file.seek(0)
    return kind


def _check_boxes(file: BinaryIO, size: int) -> None:
    """Walks the outermost boxes of an MP4. With its index in front a cut-off file still opens and shows its first
    picture, so only the stated sizes tell that the end is missing."""
    offset = 0
    for _ in range(MAX_BOXES):
        file.seek(offset)
        head = file.read(16)
        if len(head) < 8 or not _BOX_TYPE.match(head[4:8]):
            return  # the end, or padding after it
        length = int.from_bytes(head[:4])
        if length == 0:
            return  # this box reaches to the end, whatever that is
        if length == 1:
            length = int.from_bytes(head[8:16])
        if length < 8:
            raise NotAVideo("The file begins like an MP4 but its structure is broken.")
        offset += length
        if offset > size:
            raise NotAVideo(f"The video is cut off: it should have at least {offset} bytes and has {size}.")
    raise NotAVideo("The file begins like an MP4 but is split into too many pieces.")


def _check_segment(head: bytes, size: int) -> None:
    """The same for WebM: one segment holds everything, and says how long it is unless it was streamed."""
    start = head.find(_SEGMENT) + len(_SEGMENT)
    if start < len(_SEGMENT) or start >= len(head):
        raise NotAVideo("The file begins like a WebM but its structure is broken.")
    width = 9 - head[start].bit_length()  # the position of the first set bit is the length of the number
    value = int.from_bytes(head[start : start + width]) - (1 << 7 * width)
    is_unknown = value == (1 << 7 * width) - 1
    if not is_unknown and start + width + value > size:
        raise NotAVideo(f"The video is cut off: it should have {start + width + value} bytes and has {size}.")


def _refuse_reference(url: str, flags: int, options: dict[str, str]) -> NoReturn:
    raise NotAVideo("The video refers to another file, and those are never followed.")


def _video_stream(container: InputContainer) -> VideoStream:
    """The first moving picture (covers of audio files are video streams too), ready for careful decoding."""
    stream = next((s for s in container.streams.video if not s.disposition & Disposition.attached_pic), None)
    if stream is None:
        raise NotAVideo("The file has no video track.")
    _check_size(stream.width, stream.height)
    # One thread: pictures in flight are memory, and the workers share few cores.
    stream.codec_context.thread_count = 1
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
    return stream


def _check_size(width: int, height: int) -> None:
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise NotAVideo(f"The video states a frame of {width}x{height} pixels, more than can be shown.")


def _fps(stream: VideoStream) -> float | None:
    rate = stream.average_rate or stream.guessed_rate
    return float(rate) if rate else None


def _seconds(container: InputContainer, stream: VideoStream, fps: float | None) -> float:
    """The length the track states, else the container, else what counting its packets gives."""
    if stream.duration and stream.duration > 0:
        return float(stream.duration * stream.time_base)
    if container.duration and container.duration > 0:
        return container.duration / av.time_base
    return _counted_seconds(container, stream, fps)


def _counted_seconds(container: InputContainer, stream: VideoStream, fps: float | None) -> float:
    container.seek(0)
    first = last = None
    count = 0
    for packet in container.demux(stream):
        if packet.size:
            count += 1
        if packet.pts is not None:
            first = packet.pts if first is None else min(first, packet.pts)
            last = max(last or 0, packet.pts + (packet.duration or 0))
        if count > MAX_PACKETS_COUNTED:
            raise NotAVideo("The video states no length and goes on for more than a day.")
    stated = float((last - first) * stream.time_base) if first is not None and last is not None else 0.0
    return max(stated, count / fps if fps else 0.0)
