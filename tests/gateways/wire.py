"""Bare socket servers for what no well-behaved server does: closing, resetting, cutting, dripping."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from typing import Self

Play = Callable[[socket.socket, "RawServer"], None]


class RawServer:
    """Accepts connections on loopback and plays each one; `requests` holds what was read, byte for byte."""

    def __init__(self, play: Play, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self.closing = threading.Event()
        self._play = play
        self._tls = tls
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.host_port = f"127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.closing.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while not self.closing.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            self.requests.append(read_request(connection))
            self._play(connection, self)
        except OSError:
            pass  # the client left, which is often what the test is about
        finally:
            connection.close()


def read_request(connection: socket.socket) -> bytes:
    """Return one whole request, head and body by its Content-Length."""
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            return data
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    sizes = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
    while sizes and len(body) < int(sizes[0]):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def answers(raw: bytes) -> Play:
    """Send exactly these bytes, then close."""
    return lambda connection, server: connection.sendall(raw)


def http(status: int, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Whatever", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def resets(connection: socket.socket, server: RawServer) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def stays_silent(connection: socket.socket, server: RawServer) -> None:
    server.closing.wait(20)


def drips(head: bytes, drop: bytes = b" ", every: float = 0.05) -> Play:
    """Send the head at once and then a drop at a time, for ever."""

    def play(connection: socket.socket, server: RawServer) -> None:
        connection.sendall(head)
        while not server.closing.wait(every):
            connection.sendall(drop)

    return play


def closed_port() -> int:
    """Return a port nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
