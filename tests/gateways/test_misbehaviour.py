"""What no well-behaved server sends, over real sockets, by all three ways: a create, a poll, a file.

Each ends in its class of error, in bounded time and memory, and nobody else's words get into the log.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
import time
import tracemalloc
from collections.abc import Callable
from urllib.parse import unquote

from django.test import SimpleTestCase

from generations.gateways import (
    DIALECTS,
    Answer,
    GatewayError,
    GatewayProtocolError,
    GatewayRejected,
    GatewayUnclear,
    Message,
    VideoRequest,
    VideoTask,
)
from generations.gateways.base import plain, retry_after
from generations.gateways.http import Endpoint, Times, open_download, send_once
from generations.gateways.polls import AsyncSender

from . import wire

KEY = "sk-very-secret-key-0123456789"
TIMES = Times(connect=1, write=1, read=0.5, overall=0.7)
FORM, ENVELOPE = DIALECTS["openai_videos"], DIALECTS["newapi"]
GOOD = b'{"id": "task_1", "status": "processing", "progress": 30}'
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
BLOCK = b" " * 65536


def endpoint_of(server: wire.RawServer) -> Endpoint:
    return Endpoint(f"http://{server.host_port}", KEY, frozenset({server.host_port}))


def create(endpoint: Endpoint, dialect=FORM) -> VideoTask:
    request = VideoRequest("a-model", "A robot", {})
    return dialect.read_create(send_once(endpoint, dialect.create(request), times=TIMES))


def poll(endpoint: Endpoint, dialect=FORM, upstream_id: str = "task_1") -> VideoTask:
    async def ask() -> Answer:
        async with AsyncSender(times=TIMES) as sender:
            return await sender.send(endpoint, dialect.retrieve(upstream_id, {}))

    return dialect.read_task(asyncio.run(ask()))


def fetch(endpoint: Endpoint) -> int:
    limits = {"first_byte": 0.6, "overall": 0.8, "window": 0.5, "most_bytes": 20_000_000}
    with open_download(endpoint, Message("GET", "/file"), **limits) as download:
        return sum(len(chunk) for chunk in download.chunks())


def endless(head: bytes, block: bytes) -> wire.Play:
    """Send the head, then blocks for as long as somebody reads them."""

    def play(connection, server) -> None:
        connection.sendall(head)
        while not server.closing.is_set():
            connection.sendall(block)

    return play


def says(body: bytes, *headers: str, status: int = 200) -> wire.Play:
    return wire.answers(wire.http(status, body, *headers))


# What is no HTTP, or breaks off: no whole answer came back, whoever asked.
BROKEN: dict[str, wire.Play] = {
    "headers without end": endless(OK, b"X-A: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n" * 1500),
    "a header without end": endless(OK + b"X-A: ", b"y" * 65536),
    "interim answers without end": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 2000),
    "trailers without end": endless(CHUNKED + b"2\r\n{}\r\n0\r\n", b"X-T: yyyyyyyyyyyyyy\r\n" * 2000),
    "one byte at a time": endless(CHUNKED, b"1\r\n{\r\n" * 10_000),
    "pieces without an end": wire.answers(CHUNKED + b"2\r\n{}\r\n"),
    "a piece of no size": wire.answers(CHUNKED + b"zz\r\n"),
    "less than it says": wire.answers(OK + b"Content-Length: 900\r\n\r\n" + GOOD),
    "a negative length": wire.answers(OK + b"Content-Length: -5\r\n\r\n" + GOOD),
    "two lengths": wire.answers(OK + b"Content-Length: 5\r\nContent-Length: 9\r\n\r\n" + GOOD),
    "a length of thirty digits": wire.answers(OK + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n" + GOOD),
    "no head at all": wire.answers(GOOD),
    "a status of two digits": wire.answers(b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"),
    "NUL in a header": says(GOOD, "X-A: a\0b"),
    "another protocol": wire.answers(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
}
# What is HTTP, but not an answer that can be read.
UNREADABLE: dict[str, wire.Play] = {
    "more than it says": wire.answers(OK + b"Content-Length: 10\r\nConnection: close\r\n\r\n" + GOOD),
    "nothing": wire.answers(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "a page": says(b"<html>Sign in</html>"),
    "deeper than a program can follow": says(
        b'{"id": "task_1", "u": "\\u0041", "x": ' + b"[" * 5000 + b"]" * 5000 + b"}"
    ),
    "a number of 5,000 digits": says(b'{"id": "task_1", "x": ' + b"9" * 5000 + b"}"),
}
# Odd, but plain enough.
READABLE: dict[str, wire.Play] = {
    "HTTP/1.0": wire.answers(b"HTTP/1.0 200 OK\r\n\r\n" + GOOD),
    "an interim answer first": wire.answers(b"HTTP/1.1 103 Hints\r\n\r\n" + wire.http(200, GOOD)),
    "a part, unasked": says(GOOD, "Content-Range: bytes 0-9/20", status=206),
    "a byte order mark": says(b"\xef\xbb\xbf" + GOOD),
    "UTF-16": says(GOOD.decode().encode("utf-16")),
    "Latin-1 in its words": says(GOOD[:-1] + ', "note": "é"}'.encode("latin-1")),
    "no numbers": says(GOOD[:-1] + b', "a": NaN, "b": -Infinity, "c": 1e999}'),
    "a number of 4,000 digits": says(GOOD[:-1] + b', "a": ' + b"9" * 4000 + b"}"),
    "a fraction of a mebibyte": says(GOOD[:-1] + b', "a": ' + b"9" * 900_000 + b".5}"),
    "a key given twice": says(b'{"id": "task_0", ' + GOOD[1:]),
    "compressed, unasked": says(gzip.compress(GOOD), "Content-Encoding: gzip"),
    "letters in a header": wire.answers(OK + "X-A: 日本\r\n".encode() + b"Connection: close\r\n\r\n" + GOOD),
}


class MisbehaviourTests(SimpleTestCase):
    def meets(self, play: wire.Play, ask: Callable[[Endpoint], object]) -> GatewayError:
        """The error that asking a server of this play ends in: soon, in readable words, and without our key."""
        began = time.monotonic()
        with (
            self.assertNoLogs(level="WARNING"),
            wire.RawServer(play) as server,
            self.assertRaises(GatewayError) as caught,
        ):
            ask(endpoint_of(server))
        self.assertLess(time.monotonic() - began, 4)
        sentence = str(caught.exception)
        self.assertTrue(sentence.isprintable() and sentence.endswith(".") and len(sentence) < 700, sentence)
        self.assertNotIn(KEY, sentence + caught.exception.evidence)
        return caught.exception

    def test_what_breaks_off_or_is_no_http_is_unclear_by_every_way(self):
        for name, play in BROKEN.items():
            for ask in (create, poll, fetch):
                with self.subTest(name, way=ask.__name__):
                    self.assertIs(type(self.meets(play, ask)), GatewayUnclear)

    def test_an_answer_that_cannot_be_read_is_a_protocol_error_in_both_dialects(self):
        for name, play in UNREADABLE.items():
            for ask in (create, poll):
                for dialect in (FORM, ENVELOPE):
                    with self.subTest(name, way=ask.__name__, dialect=dialect.name):
                        kind = type(self.meets(play, lambda endpoint, ask=ask, to=dialect: ask(endpoint, to)))
                        self.assertTrue(issubclass(kind, GatewayUnclear))
                        if name != "more than it says" or ask is create:
                            self.assertIs(kind, GatewayProtocolError)

    def test_an_odd_answer_that_is_plain_enough_is_taken(self):
        for name, play in READABLE.items():
            for ask in (create, poll):
                with self.subTest(name, way=ask.__name__), wire.RawServer(play) as server:
                    task = ask(endpoint_of(server))
                    self.assertEqual((task.upstream_id, task.progress), ("task_1", 30))
                    json.dumps(task.raw, allow_nan=False).encode()

    def test_ids_arrive_as_they_are_whichever_client_asks(self):
        upstream_id = "a/b?c#d%2e+e=&f;~@:"
        with wire.RawServer(says(GOOD)) as server:
            endpoint = endpoint_of(server)
            poll(endpoint, upstream_id=upstream_id)
            send_once(endpoint, FORM.retrieve(upstream_id, {}), times=TIMES)
        for request in server.requests:
            path = request.split(b" ")[1].decode()
            self.assertEqual([unquote(step) for step in path.split("/")], ["", "v1", "videos", upstream_id])


class KeptConnectionTests(SimpleTestCase):
    def test_what_was_said_too_late_is_no_answer_to_the_next_question(self):
        released = threading.Event()

        def play(connection, server) -> None:
            connection.sendall(wire.http(200, b'{"id": "right", "status": "processing"}'))
            released.wait(5)
            connection.sendall(wire.http(200, b'{"id": "wrong", "status": "failed"}'))
            server.closing.wait(5)

        async def ask_twice(endpoint: Endpoint) -> list[str]:
            async with AsyncSender(times=TIMES) as sender:
                first = await sender.send(endpoint, FORM.retrieve("right", {}))
                released.set()
                for _ in range(200):
                    if late(sender):
                        break
                    await asyncio.sleep(0.01)
                again = await sender.send(endpoint, FORM.retrieve("another", {}))
                return [FORM.read_task(answer).upstream_id for answer in (first, again)]

        def late(sender: AsyncSender) -> bool:
            session = sender._session
            return any(proto.should_close for kept in session.connector._conns.values() for proto, _ in kept)

        with wire.RawServer(play) as server:
            self.assertEqual(asyncio.run(ask_twice(endpoint_of(server))), ["right", "right"])
        self.assertEqual(len(server.requests), 2)  # a connection of its own each


class BoundedTests(SimpleTestCase):
    """A gigabyte costs no more than a mebibyte does."""

    def peak(self, play: wire.Play, ask: Callable[[Endpoint], object], kind: type[GatewayError]) -> int:
        with wire.RawServer(play) as server:
            tracemalloc.start()
            try:
                with self.assertRaises(kind):
                    ask(endpoint_of(server))
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    def test_memory_does_not_grow_with_the_answer(self):
        gigabyte = b"Content-Length: 1073741824\r\n\r\n{"
        bomb = gzip.compress(b" " * 200_000_000, 6)  # 200 KB on the wire
        plays = {
            "by its length": endless(OK + gigabyte, BLOCK),
            "without a length": endless(OK + b"\r\n{", BLOCK),
            "in pieces": endless(CHUNKED, b"10000\r\n" + BLOCK + b"\r\n"),
            "compressed": says(bomb, "Content-Encoding: gzip"),
            "a refusal": endless(b"HTTP/1.1 400 No\r\n" + gigabyte, BLOCK),
        }
        for name, play in plays.items():
            for ask in (create, poll):
                with self.subTest(name, way=ask.__name__):
                    self.assertLess(self.peak(play, ask, GatewayUnclear), 8 * 1024 * 1024)
        for name in ("without a length", "in pieces"):
            with self.subTest(name, way="fetch"):
                self.assertLess(self.peak(plays[name], fetch, GatewayRejected), 2 * 1024 * 1024)

    def test_of_a_long_answer_only_its_short_facts_are_kept(self):
        facts = {"id": "task_1", "model": "wan", "status": "queued", "x": [{}] * 300_000, "note": "n" * 300}
        for read in (FORM.read_create, FORM.read_task):
            task = read(Answer(200, {}, json.dumps(facts, separators=(",", ":")).encode()))
            self.assertEqual(task.raw, {"id": "task_1", "model": "wan", "status": "queued"})
        many = json.dumps({"id": "task_1"} | {str(number): number for number in range(20_000)}).encode()
        self.assertEqual(len(FORM.read_task(Answer(200, {}, many)).raw), 50)

    def test_words_made_to_be_slow_are_read_once(self):
        for unit in ("http://", "http://a?", " ", "\x00", "https://a#"):
            words = unit * (1_000_000 // len(unit))
            began = time.monotonic()
            with self.subTest(unit):
                body = json.dumps({"error": {"message": words}}).encode()
                with self.assertRaises(GatewayRejected) as caught:
                    FORM.read_create(Answer(400, {}, body))
                self.assertLess(len(str(caught.exception)) + len(plain(words)), 1200)
                self.assertLess(time.monotonic() - began, 1)

    def test_evidence_has_no_queries_whatever_surrounds_them(self):
        body = b'see https://a.example/x?sig=1 and https://b.example/y#k=2, or https://c.example/z? "https://d/?q=3"'
        self.assertEqual(
            Answer(500, {}, body).evidence,
            'see https://a.example/x?… and https://b.example/y?… or https://c.example/z? "https://d/?…"',
        )

    def test_dates_of_every_spelling_are_utc(self):
        date = {"date": "Sun, 06 Nov 1994 08:49:00 GMT"}
        for spelled in (
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 06 Nov 1994 08:49:37 -0000",
            "Sun, 06 Nov 1994 09:49:37 +0100",
        ):
            with self.subTest(spelled):
                self.assertEqual(retry_after(date | {"retry-after": spelled}), 37)
