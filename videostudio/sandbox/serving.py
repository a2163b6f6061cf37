"""A file over HTTP with single byte ranges, streamed in blocks."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

BLOCK = 256 * 1024  # bytes

_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)


class NotSatisfiable(Exception):
    """The range starts beyond the end of the file."""


class Blocks:
    """Bytes of a file from a place on, closed by the response also when nobody reads them."""

    def __init__(self, file: BinaryIO, start: int, length: int):
        self.file, self.start, self.length = file, start, length

    def __iter__(self) -> Iterator[bytes]:
        self.file.seek(self.start)
        left = self.length
        while left and (block := self.file.read(min(BLOCK, left))):
            left -= len(block)
            yield block

    def close(self) -> None:
        self.file.close()


def read_range(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte a Range header asks for; None when all is to be sent: no range, several, or nonsense.

    Raises NotSatisfiable.
    """
    match = _RANGE.fullmatch(header.replace(" ", ""))
    if not match or match.group(0) == "bytes=-":
        return None
    if not match[1]:  # the last so many bytes
        if int(match[2]) == 0:
            raise NotSatisfiable
        return max(size - int(match[2]), 0), size - 1
    first, last = int(match[1]), int(match[2]) if match[2] else size - 1
    if last < first and match[2]:
        return None
    if first >= size:
        raise NotSatisfiable
    return first, min(last, size - 1)


def serve_video(request: HttpRequest, path: Path) -> HttpResponseBase:
    """Answer GET or HEAD with an MP4 or the part of it that was asked for: 200, 206 or 416."""
    stat = path.stat()
    size, etag = stat.st_size, f'"{stat.st_size:x}-{path.stem}"'
    headers = {"Accept-Ranges": "bytes", "ETag": etag, "Cache-Control": "private, max-age=3600"}
    try:
        # A condition on another file's tag asks for the whole of this one.
        is_other = request.headers.get("If-Range", etag) != etag
        part = None if is_other else read_range(request.headers.get("Range", ""), size)
    except NotSatisfiable:
        return HttpResponse(status=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    first, last = part or (0, size - 1)
    if part:
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    headers["Content-Length"] = str(last - first + 1)
    status = 206 if part else 200
    if request.method == "HEAD":
        return HttpResponse(status=status, headers=headers, content_type="video/mp4")
    blocks = Blocks(path.open("rb"), first, last - first + 1)
    return StreamingHttpResponse(blocks, status=status, headers=headers, content_type="video/mp4")
