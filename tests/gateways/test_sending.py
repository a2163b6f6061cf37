"""Keys, base URLs and the asynchronous sender."""

import asyncio
import gzip
import time
from unittest.mock import patch

from django.test import SimpleTestCase

from generations.gateways import GatewayNotSent, GatewayUnclear, Message
from generations.gateways.http import Endpoint, Times, send_once
from generations.gateways.polls import AsyncSender
from tests.upstream import FakeUpstream

from . import wire

KEY = "sk-very-secret-key-0123456789"
TIMES = Times(connect=1, write=1, read=0.5, overall=0.8)
GET = Message("GET", "/v1/videos/task")


def endpoint_of(server, key: str = KEY) -> Endpoint:
    return Endpoint(f"http://{server.host_port}", key, frozenset({server.host_port}))


async def poll(endpoint: Endpoint, message: Message = GET):
    async with AsyncSender(times=TIMES) as sender:
        return await sender.send(endpoint, message)


class EndpointTests(SimpleTestCase):
    def test_a_key_is_never_shown(self):
        self.assertNotIn(KEY, repr(Endpoint("https://a.example", KEY)))

    def test_an_unusable_key_is_said_plainly_and_sends_nothing(self):
        with wire.RawServer(wire.answers(wire.http(200, b"{}"))) as server:
            for key in ("", " ", "sk-a b", "sk-a\n", "sk-ä", "sk-a\x00"):
                with self.subTest(key=key):
                    with self.assertRaisesRegex(GatewayNotSent, "key") as caught:
                        send_once(endpoint_of(server, key), GET)
                    self.assertNotIn("sk-", str(caught.exception))
                    with self.assertRaises(GatewayNotSent):
                        asyncio.run(poll(endpoint_of(server, key)))
            self.assertEqual(server.requests, [])

    def test_an_unusable_base_url_sends_nothing(self):
        for base in ("", "gateway", "ftp://a.example", "https://", "https://u:p@a.example", "https://a.example/?x=1"):
            with self.subTest(base=base), self.assertRaisesRegex(GatewayNotSent, "base URL"):
                send_once(Endpoint(base, KEY), GET)

    def test_proxies_of_the_environment_are_not_used(self):
        with wire.RawServer(wire.answers(wire.http(200, b"{}"))) as server:
            proxy = f"http://127.0.0.1:{wire.closed_port()}"
            with patch.dict("os.environ", {"HTTP_PROXY": proxy, "http_proxy": proxy, "ALL_PROXY": proxy}):
                self.assertEqual(send_once(endpoint_of(server), GET).status, 200)
                self.assertEqual(asyncio.run(poll(endpoint_of(server))).status, 200)

    def test_cookies_are_neither_kept_nor_shown(self):
        with wire.RawServer(wire.answers(wire.http(200, b"{}", "Set-Cookie: a=b", "X-One: 1"))) as server:
            endpoint = endpoint_of(server)

            async def twice():
                async with AsyncSender(times=TIMES) as sender:
                    return [await sender.send(endpoint, GET) for _ in range(2)]

            answers = asyncio.run(twice())
        self.assertEqual(
            [("set-cookie" in answer.headers, answer.headers["x-one"]) for answer in answers], [(False, "1")] * 2
        )
        self.assertFalse(any(b"cookie" in request.lower() for request in server.requests))

    def test_an_unasked_compression_is_undone_within_the_limit(self):
        bomb = gzip.compress(b" " * 50_000_000)
        for packed, cut in ((gzip.compress(b'{"id": 1}'), False), (bomb, True)):
            with wire.RawServer(wire.answers(wire.http(200, packed, "Content-Encoding: gzip"))) as server:
                for answer in (send_once(endpoint_of(server), GET), asyncio.run(poll(endpoint_of(server)))):
                    self.assertEqual((answer.truncated, len(answer.body)), (cut, 1024 * 1024 if cut else 9))
        with wire.RawServer(wire.answers(wire.http(200, bomb[:-9], "Content-Encoding: gzip"))) as server:
            self.assertTrue(send_once(endpoint_of(server), GET).truncated)
        half = gzip.compress(b'{"id": 1}')[:-9]
        play = wire.answers(wire.http(200, half, "Content-Encoding: gzip"))
        with wire.RawServer(play) as server, self.assertRaises(GatewayUnclear):
            send_once(endpoint_of(server), GET)


class AsyncSenderTests(SimpleTestCase):
    def test_any_trouble_is_unclear(self):
        plays = {
            "closed": wire.answers(b""),
            "reset": wire.resets,
            "cut head": wire.answers(b"HTTP/1.1 200 OK\r\nContent"),
            "cut body": wire.answers(wire.http(200, b"{}" * 9)[:-5]),
            "not HTTP": wire.answers(b"SSH-2.0\r\n"),
            "silence": wire.stays_silent,
            "drips": wire.drips(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"),
        }
        for name, play in plays.items():
            began = time.monotonic()
            with self.subTest(name), wire.RawServer(play) as server, self.assertRaises(GatewayUnclear) as caught:
                asyncio.run(poll(endpoint_of(server)))
            self.assertNotIn("CancelledError", str(caught.exception))
            self.assertLess(time.monotonic() - began, 3)
        closed = f"127.0.0.1:{wire.closed_port()}"
        with self.assertRaises(GatewayUnclear):
            asyncio.run(poll(Endpoint(f"http://{closed}", KEY, frozenset({closed}))))

    def test_a_long_answer_is_cut(self):
        with wire.RawServer(wire.answers(wire.http(200, b"x" * 3_000_000))) as server:
            answer = asyncio.run(poll(endpoint_of(server)))
        self.assertEqual((answer.truncated, len(answer.body)), (True, 1024 * 1024))

    def test_redirects_are_answers(self):
        with wire.RawServer(wire.answers(wire.http(302, b"", "Location: http://127.0.0.1:1/"))) as server:
            self.assertEqual(asyncio.run(poll(endpoint_of(server))).status, 302)

    def test_creates_are_not_for_it(self):
        with self.assertRaises(ValueError):
            asyncio.run(poll(Endpoint("https://a.example", KEY), Message("POST", "/v1/videos")))
        with self.assertRaises(ValueError):
            asyncio.run(AsyncSender().send(Endpoint("https://a.example", KEY), GET))

    def test_many_polls_share_few_connections(self):
        with FakeUpstream() as upstream:
            endpoint = Endpoint(upstream.base_url, upstream.key, frozenset({upstream.host_port}))

            async def many():
                async with AsyncSender(connections=4) as sender:
                    return await asyncio.gather(*(sender.send(endpoint, GET) for _ in range(60)))

            answers = asyncio.run(many())
        self.assertEqual({answer.status for answer in answers}, {400})
        self.assertEqual(len(upstream.polls), 60)
