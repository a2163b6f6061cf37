import contextlib
import time

from django.test import SimpleTestCase

from generations.gateways import (
    GatewayBusy,
    GatewayError,
    GatewayMissing,
    GatewayNotSent,
    GatewayRejected,
    GatewayUnclear,
    Message,
    VideoRequest,
    dialect,
)
from generations.gateways.http import Endpoint, open_download, send_once
from tests.upstream import FakeUpstream

from . import wire

KEY = "sk-very-secret-key-0123456789"
CONTENT = Message("GET", "/v1/videos/task/content")


def endpoint_of(*servers, private: bool = True) -> Endpoint:
    hosts = frozenset(server.host_port for server in servers) if private else frozenset()
    return Endpoint(f"http://{servers[0].host_port}/base", KEY, hosts)


def fetch(endpoint, target, **options) -> bytes:
    with open_download(endpoint, target, **options) as download:
        return b"".join(download.chunks())


class DownloadTests(SimpleTestCase):
    def test_a_root_relative_link_is_on_the_gateways_origin_and_gets_the_key(self):
        with (
            wire.RawServer(wire.answers(wire.http(200, b"bytes", 'ETag: "one"'))) as server,
            open_download(endpoint_of(server), "/files/a.mp4") as download,
        ):
            self.assertEqual((download.status, download.total, download.start), (200, 5, 0))
            self.assertEqual((download.etag, download.content_type), ('"one"', "application/json"))
            self.assertEqual((download.url_host, b"".join(download.chunks())), ("127.0.0.1", b"bytes"))
        self.assertTrue(server.requests[0].startswith(b"GET /files/a.mp4 "))
        self.assertIn(f"Bearer {KEY}".encode(), server.requests[0])

    def test_a_content_message_is_under_the_base_path(self):
        with wire.RawServer(wire.answers(wire.http(200, b"x"))) as server:
            self.assertEqual(fetch(endpoint_of(server), CONTENT), b"x")
        self.assertTrue(server.requests[0].startswith(b"GET /base/v1/videos/task/content "))

    def test_the_key_never_leaves_the_origin(self):
        with wire.RawServer(wire.answers(wire.http(200, b"x"))) as cdn:
            redirect = wire.answers(wire.http(302, b"", f"Location: http://{cdn.host_port}/a.mp4"))
            with wire.RawServer(redirect) as gateway:
                endpoint = endpoint_of(gateway, cdn)
                self.assertEqual(fetch(endpoint, f"http://{cdn.host_port}/a.mp4"), b"x")
                self.assertEqual(fetch(endpoint, CONTENT), b"x")
        self.assertEqual([b"Bearer" in request for request in cdn.requests], [False, False])
        self.assertEqual([b"Bearer" in request for request in gateway.requests], [True])

    def test_another_port_name_or_scheme_is_another_origin(self):
        with wire.RawServer(wire.answers(wire.http(200, b"x"))) as server:
            endpoint = Endpoint(f"http://localhost:{server.port}", KEY, frozenset({server.host_port}))
            self.assertEqual(fetch(endpoint, f"http://127.0.0.1:{server.port}/a"), b"x")
        self.assertNotIn(b"Authorization", server.requests[0])

    def test_links_that_may_not_be_followed(self):
        with wire.RawServer(wire.answers(wire.http(200, b"x"))) as server:
            endpoint = Endpoint("https://gateway.example", KEY)
            for link in (
                "http://cdn.example/a",
                f"https://{server.host_port}/a",
                "https://169.254.169.254/latest",
                "https://user:word@cdn.example/a",
                "file:///etc/passwd",
                "https://[::ffff:127.0.0.1]/a",
                "https://exa mple/",
            ):
                with self.subTest(link=link), self.assertRaises(GatewayRejected) as caught:
                    fetch(endpoint, link)
                self.assertIsNone(caught.exception.status)
        self.assertEqual(server.requests, [])

    def test_a_redirect_to_an_inner_address_is_not_followed(self):
        for place in ("http://169.254.169.254/latest/meta-data", "https://127.0.0.1:1/", "ftp://a/b", "http://[::1]/"):
            with wire.RawServer(wire.answers(wire.http(302, b"", f"Location: {place}"))) as server:
                with self.subTest(place=place), self.assertRaises(GatewayRejected):
                    fetch(endpoint_of(server), CONTENT)
                self.assertEqual(len(server.requests), 1)

    def test_redirects_end_after_three(self):
        again = wire.answers(wire.http(307, b"", "Location: /again"))
        with wire.RawServer(again) as server, self.assertRaisesRegex(GatewayRejected, "on and on"):
            fetch(endpoint_of(server), CONTENT)
        self.assertEqual(len(server.requests), 4)

    def test_a_redirect_to_nowhere_is_rejected(self):
        with wire.RawServer(wire.answers(wire.http(302, b""))) as server, self.assertRaises(GatewayRejected):
            fetch(endpoint_of(server), CONTENT)

    def test_every_status_has_its_error(self):
        expected = {400: GatewayRejected, 401: GatewayRejected, 403: GatewayRejected, 404: GatewayMissing}
        expected |= {
            204: GatewayMissing,
            202: GatewayUnclear,
            410: GatewayMissing,
            429: GatewayBusy,
            416: GatewayUnclear,
            500: GatewayUnclear,
            304: GatewayRejected,
        }
        for status, kind in expected.items():
            with self.subTest(status=status), wire.RawServer(wire.answers(wire.http(status, b""))) as server:
                with self.assertRaises(kind) as caught:
                    fetch(endpoint_of(server), CONTENT)
                self.assertEqual((type(caught.exception), caught.exception.status), (kind, status))

    def test_a_refused_connection_was_not_sent(self):
        place = f"127.0.0.1:{wire.closed_port()}"
        with self.assertRaises(GatewayNotSent):
            fetch(Endpoint(f"http://{place}", KEY, frozenset({place})), CONTENT)

    def test_the_callers_own_errors_stay_his(self):
        play = wire.answers(wire.http(200, b"x"))
        with (
            wire.RawServer(play) as server,
            self.assertRaises(IsADirectoryError),
            open_download(endpoint_of(server), CONTENT),
        ):
            raise IsADirectoryError("disk trouble")


class ResumeTests(SimpleTestCase):
    def test_a_broken_file_is_resumed_and_whole(self):
        with FakeUpstream(video=bytes(range(256)) * 400).truncated_file() as upstream:
            endpoint = Endpoint(upstream.base_url, upstream.key, frozenset({upstream.host_port}))
            got = bytearray()
            target = finished(upstream, endpoint)
            with contextlib.suppress(GatewayUnclear), open_download(endpoint, target) as first:
                for chunk in first.chunks():
                    got += chunk
            self.assertEqual(len(got), len(upstream.video) // 2)
            with open_download(endpoint, target, start=len(got), etag=first.etag) as rest:
                self.assertEqual((rest.status, rest.start, rest.total), (206, len(got), len(upstream.video)))
                for chunk in rest.chunks():
                    got += chunk
        self.assertEqual(bytes(got), upstream.video)

    def test_a_broken_file_says_so(self):
        with FakeUpstream().truncated_file() as upstream:
            endpoint = Endpoint(upstream.base_url, upstream.key, frozenset({upstream.host_port}))
            with self.assertRaisesRegex(GatewayUnclear, f"broke off after {len(upstream.video) // 2} bytes"):
                fetch(endpoint, finished(upstream, endpoint))

    def test_a_changed_file_begins_anew(self):
        with FakeUpstream() as upstream:
            endpoint = Endpoint(upstream.base_url, upstream.key, frozenset({upstream.host_port}))
            target = finished(upstream, endpoint)
            for etag in ('"another"', "", 'W/"weak"'):
                with open_download(endpoint, target, start=100, etag=etag) as download:
                    self.assertEqual((download.start, b"".join(download.chunks())), (0, upstream.video))
        self.assertEqual([fetched.range for fetched in upstream.fetches], ["bytes=100-", "", ""])

    def test_another_part_than_asked_for_is_unclear(self):
        for header in ("Content-Range: bytes 0-4/10", "Content-Range: bytes 6-9/10", "X-None: 1"):
            with self.subTest(header=header), wire.RawServer(wire.answers(wire.http(206, b"xxxxx", header))) as server:
                with self.assertRaises(GatewayUnclear):
                    fetch(endpoint_of(server), CONTENT, start=5, etag='"one"')
                with self.assertRaises(GatewayUnclear):
                    fetch(endpoint_of(server), CONTENT)

    def test_a_part_of_a_file_that_has_changed_is_unclear(self):
        for etag, words in (('"two"', "has changed"), ("", "")):
            raw = wire.http(206, b"xxxxx", "Content-Range: bytes 5-9/10", *[f"ETag: {etag}"] * bool(etag))
            with self.subTest(etag=etag), wire.RawServer(wire.answers(raw)) as server:
                if not words:
                    self.assertEqual(fetch(endpoint_of(server), CONTENT, start=5, etag='"one"'), b"xxxxx")
                    continue
                with self.assertRaisesRegex(GatewayUnclear, words):
                    fetch(endpoint_of(server), CONTENT, start=5, etag='"one"')

    def test_a_part_that_ends_early_is_unclear(self):
        raw = wire.http(206, b"xxx", "Content-Range: bytes 5-7/10")
        with wire.RawServer(wire.answers(raw)) as server, self.assertRaisesRegex(GatewayUnclear, "8 of 10"):
            fetch(endpoint_of(server), CONTENT, start=5, etag='"one"')


class LimitTests(SimpleTestCase):
    def assert_stops(self, play, words: str, kind: type[GatewayError] = GatewayUnclear, **options):
        began = time.monotonic()
        with wire.RawServer(play) as server, self.assertRaisesRegex(kind, words):
            fetch(endpoint_of(server), CONTENT, **options)
        self.assertLess(time.monotonic() - began, 3)

    def test_too_large_by_its_own_word(self):
        play = wire.answers(wire.http(200, b"x" * 100))
        self.assert_stops(play, "has 100 bytes; 99", GatewayRejected, most_bytes=99)

    def test_too_large_without_a_word(self):
        raw = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100
        self.assert_stops(wire.answers(raw), "larger than 99", GatewayRejected, most_bytes=99)

    def test_too_slow(self):
        drips = wire.drips(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n")
        self.assert_stops(drips, "slower than 8192", window=0.3)

    def test_too_long(self):
        drips = wire.drips(b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n")
        self.assert_stops(drips, "longer than", overall=0.4)

    def test_silence_in_the_middle(self):
        def play(connection, server):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\nxxx")
            server.closing.wait(10)

        self.assert_stops(play, "broke off after 3 bytes", window=0.3)

    def test_no_head_in_time(self):
        self.assert_stops(wire.stays_silent, "did not answer", first_byte=0.3)
        self.assert_stops(wire.drips(b"HTTP/1.1 200 OK\r\nX: ", b"y"), "did not answer", first_byte=0.3)

    def test_a_compressed_file_is_not_taken(self):
        play = wire.answers(wire.http(200, b"x", "Content-Encoding: gzip"))
        self.assert_stops(play, "compressed", GatewayRejected)

    def test_a_dripping_error_page_is_not_waited_for_like_a_file(self):
        drips = wire.drips(b"HTTP/1.1 403 No\r\nContent-Length: 9000\r\n\r\n")
        self.assert_stops(drips, "answered 403", GatewayRejected, first_byte=0.4)


def finished(upstream: FakeUpstream, endpoint: Endpoint) -> str:
    """Have the upstream make a video and return its link."""
    form = dialect("openai_videos")
    made = form.read_create(send_once(endpoint, form.create(VideoRequest("wan2.6", "A robot", {"seconds": 5}))))
    for _ in range(2):
        task = form.read_task(send_once(endpoint, form.retrieve(made.upstream_id, {})))
    return task.urls[0]
