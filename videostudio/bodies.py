"""Bodies that end before they are whole: what a broken connection cut off must not be taken for what was asked.

A web server tells its application no difference between the end of a body and the end of a connection, and a form that
was cut short still reads as a form: half a prompt would be paid for.
"""

import io
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO

type Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class WholeBody(io.RawIOBase):
    """A request's body of a known length, in bytes. Reading raises OSError where the bytes end before it does."""

    def __init__(self, stream: BinaryIO, length: int) -> None:
        self._stream, self._left = stream, length

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Return `size` bytes, or as many as the body still has."""
        wanted = self._left if size is None or size < 0 else min(size, self._left)
        found = b""
        while len(found) < wanted:
            found += self._some(self._stream.read(wanted - len(found)))
        return found

    def readline(self, size: int | None = -1) -> bytes:
        limit = self._left if size is None or size < 0 else min(size, self._left)
        return self._some(self._stream.readline(limit)) if limit else b""

    def _some(self, chunk: bytes) -> bytes:
        if not chunk:
            raise OSError("The connection ended before the body was whole.")
        self._left -= len(chunk)
        return chunk


def whole_bodies(application: Application) -> Application:
    """Return a WSGI application that is given its bodies whole, or an OSError when it reads them."""

    def wrapped(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        length = environ.get("CONTENT_LENGTH") or ""
        if length.isascii() and length.isdecimal() and int(length):
            environ["wsgi.input"] = WholeBody(environ["wsgi.input"], int(length))
        return application(environ, start_response)

    return wrapped
