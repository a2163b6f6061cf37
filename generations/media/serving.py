"""Stored files over HTTP: byte ranges for players, whole files for downloads, and never all threads at once.

A player that pauses stops reading, and the thread that feeds it waits. So the player's URL answers in pieces small
enough to be handed over at once, and whatever is longer is streamed by a limited number of threads.
"""

import os
import re
import threading
import unicodedata
from collections.abc import Iterator
from datetime import datetime
from typing import Final
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import http_date, parse_http_date_safe, quote_etag

OPEN_CAP: Final = 1024 * 1024
CLOSED_CAP: Final = 8 * 1024 * 1024
# At most this much is read into memory as one piece; longer bodies are streamed.
PIECE: Final = 8 * 1024 * 1024
CHUNK: Final = 256 * 1024
STREAMS: Final = 8
RETRY_AFTER_SECONDS: Final = 2
IMMUTABLE: Final = "private, max-age=31536000, immutable"

_RANGE = re.compile(
    r"bytes[ \t]*=[ \t]*(?:(?P<first>[0-9]{1,100})-(?P<last>[0-9]{0,100})|-(?P<suffix>[0-9]{1,100}))", re.I
)


class StreamSlots:
    """How many threads may stream at the same time; half of the web server's, so that pages always find one."""

    def __init__(self, limit: int = STREAMS) -> None:
        self._slots = threading.BoundedSemaphore(limit)

    def acquire(self) -> bool:
        """Takes a slot without waiting; False when all are taken."""
        return self._slots.acquire(blocking=False)

    def release(self) -> None:
        """Gives a slot back; more releases than slots are a ValueError."""
        self._slots.release()


STREAM_SLOTS: Final = StreamSlots()


class FileStream(Iterator[bytes]):
    """Bytes `start` to `start + length` of an open file in chunks. Holds a descriptor of its own and a taken slot,
    and gives both back once: at the end, on close(), on an error, or when it is dropped unfinished."""

    def __init__(self, descriptor: int, start: int, length: int, slots: StreamSlots) -> None:
        self._slots: StreamSlots | None = slots
        self._descriptor = -1
        self._offset = start
        self._left = length
        self._descriptor = os.dup(descriptor)

    def __next__(self) -> bytes:
        if self._slots is None or not self._left:
            self.close()
            raise StopIteration
        try:
            chunk = _read_exactly(self._descriptor, self._offset, min(CHUNK, self._left))
        except OSError:
            self.close()
            raise
        self._offset += len(chunk)
        self._left -= len(chunk)
        return chunk

    def close(self) -> None:
        """Closes the file and frees the slot; further calls do nothing."""
        slots, self._slots = self._slots, None
        if slots is not None:
            slots.release()
            if self._descriptor >= 0:  # duplicating it may have failed
                os.close(self._descriptor)

    def __del__(self) -> None:
        self.close()


def serve_file(
    request: HttpRequest,
    path: str | os.PathLike[str],
    *,
    content_type: str,
    etag: str,
    last_modified: float | datetime | None,
    filename: str,
    download: bool = False,
    open_cap: int = OPEN_CAP,
    closed_cap: int = CLOSED_CAP,
    full: bool = False,
    cache_control: str = IMMUTABLE,
    slots: StreamSlots = STREAM_SLOTS,
) -> HttpResponseBase:
    """Answers a GET or HEAD for the file at `path`; whether the person may see it was decided before.

    `etag` with or without quotes; `last_modified` in seconds since 1970 or aware. An open-ended range is answered
    with at most `open_cap` bytes and any other with at most `closed_cap`, as 206 with the true Content-Range: the
    player asks on. With `download` or `full`, and without a range, everything asked for is sent; what is longer than
    8 MiB needs a slot, and without one the answer is 503 with Retry-After. Several ranges, unknown units and
    malformed ranges are ignored, as RFC 9110 allows, and so is a range on HEAD. Raises FileNotFoundError, OSError.
    """
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    modified = _timestamp(last_modified)
    disposition = _disposition(filename, attachment=download)
    headers = _headers(content_type, disposition, quote_etag(etag), modified, cache_control)
    bare = HttpResponse(headers=headers)
    settled = get_conditional_response(request, etag=headers["ETag"], last_modified=modified, response=bare) or bare
    if settled is not bare:
        return settled
    with open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        caps = (size, size) if download or full else (open_cap, closed_cap)
        asked = _asked_range(request, size, caps) if _range_counts(request, headers["ETag"], modified) else None
        return _answer(request, file.fileno(), headers, asked, size, slots)


def _headers(
    content_type: str, disposition: str, etag: str, modified: int | None, cache_control: str
) -> dict[str, str]:
    headers = {
        "Content-Type": content_type,
        "Content-Disposition": disposition,
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": cache_control,
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
    if modified is not None:
        headers["Last-Modified"] = http_date(modified)
    return headers


def _answer(
    request: HttpRequest,
    descriptor: int,
    headers: dict[str, str],
    asked: range | None,
    size: int,
    slots: StreamSlots,
) -> HttpResponseBase:
    """200 with everything when no range is `asked`, 416 for an empty one, else 206 with those bytes."""
    if asked is not None and not asked:
        return _unsatisfiable(headers, size)
    sent = range(size) if asked is None else asked
    status = 200 if asked is None else 206
    headers["Content-Length"] = str(len(sent))
    if asked is not None:
        headers["Content-Range"] = f"bytes {sent.start}-{sent.stop - 1}/{size}"
    if request.method == "HEAD":
        return HttpResponse(headers=headers, status=status)
    if len(sent) <= PIECE:
        return HttpResponse(_read_exactly(descriptor, sent.start, len(sent)), headers=headers, status=status)
    if not slots.acquire():
        return _busy()
    return StreamingHttpResponse(FileStream(descriptor, sent.start, len(sent), slots), headers=headers, status=status)


def _timestamp(moment: float | datetime | None) -> int | None:
    """Whole seconds since 1970: HTTP dates know no smaller ones."""
    return int(moment.timestamp() if isinstance(moment, datetime) else moment) if moment is not None else None


def _disposition(filename: str, *, attachment: bool) -> str:
    """The header of RFC 6266: a plain name for every client, and the true one where they differ."""
    name = "".join(char for char in re.sub(r"[/\\]", "_", filename) if char.isprintable()).lstrip(". ") or "file"
    plain = re.sub(r'["%]', "_", unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode())
    if not plain or plain.startswith("."):
        plain = f"file{plain}"
    value = f'{"attachment" if attachment else "inline"}; filename="{plain}"'
    return value if plain == name else f"{value}; filename*=UTF-8''{quote(name, safe='')}"


def _range_counts(request: HttpRequest, etag: str, modified: int | None) -> bool:
    """Whether a Range header is to be read: on GET alone, and only while If-Range names this very file."""
    condition = request.headers.get("If-Range")
    if request.method != "GET":
        return False
    if condition is None:
        return True
    if condition.startswith(('"', "W/")):
        return condition == etag and not etag.startswith("W/")
    return modified is not None and parse_http_date_safe(condition) == modified


def _asked_range(request: HttpRequest, size: int, caps: tuple[int, int]) -> range | None:
    """The bytes to send of a file of `size`: None for all of them without a range, empty when it cannot be met."""
    match = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if match is None:
        return None
    open_cap, closed_cap = caps
    if match["suffix"]:
        start = max(0, size - int(match["suffix"]))
        return range(start, min(size, start + closed_cap))
    start = int(match["first"])
    if not match["last"]:
        return range(start, min(size, start + open_cap))
    last = int(match["last"])
    return range(start, min(size, last + 1, start + closed_cap)) if start <= last else None


def _read_exactly(descriptor: int, offset: int, length: int) -> bytes:
    """`length` bytes from `offset`; OSError when the file has become shorter than it was."""
    first = os.pread(descriptor, length, offset)
    if len(first) == length:
        return first
    pieces = [first]
    missing = length - len(first)
    while missing:
        piece = os.pread(descriptor, missing, offset + length - missing)
        if not piece:
            raise OSError(f"The file ended {missing} bytes early.")
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def _unsatisfiable(headers: dict[str, str], size: int) -> HttpResponse:
    kept = {name: headers[name] for name in ("Accept-Ranges", "ETag", "X-Content-Type-Options")}
    kept |= {"Content-Range": f"bytes */{size}", "Content-Type": "text/plain", "Cache-Control": "no-store"}
    return HttpResponse(status=416, headers=kept)


def _busy() -> HttpResponse:
    sentence = "Too many files are being sent at the moment. Try again in a few seconds.\n"
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS), "Cache-Control": "no-store"}
    return HttpResponse(sentence, status=503, content_type="text/plain; charset=utf-8", headers=headers)
