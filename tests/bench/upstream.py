"""A simulated gateway for the engine's rows: every poll is answered after 100 ms, over kept connections.

Run as `python -m tests.bench.upstream PORT...` it listens on each port. It keeps no tasks: an id says all there is to
know, `<kind>-<number>-<when it is done, in milliseconds since 1970>`. Progress of a task of kind `p` rises with every
second, that of kind `n` stays where it is. `GET /seen` is what it has seen so far.
"""

import asyncio
import json
import re
import sys
import time
from collections.abc import Iterable

LATENCY = 0.1
NEVER = 9_999_999_999_999
TASK = re.compile(rb"GET /v1/videos/([np])-(\d+)-(\d+) ")
MARK = re.compile(rb"bench-\d+")
TYPICAL_RENDER_SECONDS = 100

polls = 0
creates: dict[str, float] = {}


def task_id(kind: str, number: int, done_at: float | None = None) -> str:
    """Return the id of a task that is done at `done_at`, in seconds since 1970, or never."""
    return f"{kind}-{number}-{NEVER if done_at is None else round(done_at * 1000)}"


class Connection(asyncio.Protocol):
    """One kept connection. A head and its body arrive in few pieces; requests are not pipelined."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.received = transport, b""
        self.loop = asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end or len(body) < content_length(head):
            return
        self.received = b""
        if task := TASK.match(head):
            global polls
            polls += 1
            self.loop.call_later(LATENCY, self.answer, polled(*task.groups()))
        elif head.startswith(b"POST /v1/videos "):
            creates.update((mark.decode(), time.time()) for mark in MARK.findall(body))
            self.answer(polled(b"n", b"%d" % len(creates), b"%d" % NEVER))
        else:
            self.answer(json.dumps({"polls": polls, "creates": creates, "cpu": time.process_time()}).encode())

    def answer(self, body: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nServer: bench\r\nContent-Length: %d\r\n\r\n"
        self.transport.write(head % len(body) + body)


def content_length(head: bytes) -> int:
    found = re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
    return int(found[1]) if found else 0


def polled(kind: bytes, number: bytes, done_at: bytes) -> bytes:
    """Return the job as CometAPI's documents show it."""
    now = time.time()
    state = b'"status":"completed","progress":100,"video_url":"https://files.invalid/1.mp4"'
    if now * 1000 < int(done_at):
        progress = int(now + int(number)) % TYPICAL_RENDER_SECONDS if kind == b"p" else 30
        state = b'"status":"in_progress","progress":%d' % progress
    name = b"%s-%s-%s" % (kind, number, done_at)
    return b'{"id":"%s","task_id":"%s","object":"video","model":"wan2.6",%s,"created_at":1779938152}' % (
        name,
        name,
        state,
    )


async def serve(ports: Iterable[int]) -> None:
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(Connection, "127.0.0.1", port, backlog=2048) for port in ports]
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(serve(map(int, sys.argv[1:])))
