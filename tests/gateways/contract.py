"""What every dialect has to hold: the table of create answers, the rules for polls, by its own sample answers."""

from __future__ import annotations

import copy
import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, ClassVar

from generations.gateways import (
    Answer,
    Dialect,
    GatewayBusy,
    GatewayError,
    GatewayMissing,
    GatewayNotSent,
    GatewayProtocolError,
    GatewayRejected,
    GatewayUnclear,
    TaskStatus,
    VideoRequest,
    VideoTask,
)
from generations.gateways.http import Endpoint, Times, send_once

from . import wire

KEY = "sk-very-secret-key-0123456789"
TIMES = Times(connect=2, write=2, read=0.4, overall=1.0)


class DialectContract:
    """Mixed into a SimpleTestCase that sets `dialect` and `request`, and says where its samples are unlike the rest.

    `id_place` is where the answer to a create has the id, `running_word` what its sample of a poll under way says,
    `progress` what is read from the samples of a create, a poll under way and a success.
    """

    dialect: ClassVar[Dialect]
    request: ClassVar[VideoRequest]
    id_place: ClassVar[tuple[str, ...]] = ("id",)
    running_word: ClassVar[str] = "in_progress"
    progress: ClassVar[tuple[int | None, int | None, int | None]] = (0, 30, 100)

    def sample(self, name: str) -> dict[str, Any]:
        folder = Path(__file__).parent / "samples" / self.dialect.name
        return json.loads((folder / f"{name}.json").read_text())

    def answer(self, status: int, body: Any, **headers: str) -> Answer:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)

    def created(self, **changes: Any) -> dict[str, Any]:
        """Return the sample of a create without its id, or with `upstream_id` for it."""
        body = copy.deepcopy(self.sample("create"))
        inner = body
        for step in self.id_place[:-1]:
            inner = inner[step]
        for name in ("task_id", self.id_place[-1]):
            inner.pop(name, None)
        if "upstream_id" in changes:
            inner[self.id_place[-1]] = changes["upstream_id"]
        return body

    def failed_at_once(self) -> dict[str, Any]:
        """Return the sample of a create whose task is over already, because "no"."""
        return self.sample("create") | {"status": "failed", "error": {"message": "no"}}

    def create_over(self, play: wire.Play, times: Times = TIMES) -> VideoTask:
        """Send a create to a server that plays this, through the real client, and read what came back."""
        with wire.RawServer(play) as server:
            endpoint = Endpoint(f"http://{server.host_port}", KEY, frozenset({server.host_port}))
            try:
                return self.dialect.read_create(send_once(endpoint, self.dialect.create(self.request), times=times))
            finally:
                self.assertEqual(len(server.requests), 1)

    def assert_create(self, expected: type[GatewayError], play: wire.Play) -> GatewayError:
        with self.assertRaises(GatewayError) as caught:
            self.create_over(play)
        self.assertIs(type(caught.exception), expected, caught.exception)
        self.assertNotIn(KEY, f"{caught.exception} {caught.exception.evidence}")
        return caught.exception

    # The table of create answers, on the wire

    def test_a_good_create_gives_the_id(self):
        body = json.dumps(self.sample("create")).encode()
        task = self.create_over(wire.answers(wire.http(200, body)))
        expected = ("task_example", TaskStatus.WAITING, self.progress[0])
        self.assertEqual((task.upstream_id, task.status, task.progress), expected)

    def test_a_refused_connection_was_not_sent(self):
        host_port = f"127.0.0.1:{wire.closed_port()}"
        endpoint = Endpoint(f"http://{host_port}", KEY, frozenset({host_port}))
        with self.assertRaises(GatewayNotSent) as caught:
            send_once(endpoint, self.dialect.create(self.request), times=TIMES)
        self.assertIn("could not be reached", str(caught.exception))

    def test_the_listed_4xx_are_rejected(self):
        for status in (400, 401, 402, 403, 404, 405, 413, 415, 422):
            with self.subTest(status=status):
                body = json.dumps(self.sample("rejected")).encode()
                error = self.assert_create(GatewayRejected, wire.answers(wire.http(status, body)))
                self.assertEqual((error.status, error.is_account), (status, status in (401, 402, 403)))
                self.assertIn(f"({status}): ", str(error))

    def test_a_redirect_is_rejected_and_not_followed(self):
        for status in (301, 302, 307, 308):
            with self.subTest(status=status):
                raw = wire.http(status, b"", "Location: http://127.0.0.1:1/elsewhere")
                self.assertIn("base URL", str(self.assert_create(GatewayRejected, wire.answers(raw))))

    def test_429_is_busy_for_as_long_as_it_says(self):
        for value, seconds in (("7", 7), ("0", 1), ("999999", 3600), ("soon", None)):
            with self.subTest(value=value):
                raw = wire.http(429, b"{}", f"Retry-After: {value}")
                self.assertEqual(self.assert_create(GatewayBusy, wire.answers(raw)).retry_after, seconds)

    def test_429_with_a_date_is_told_by_the_gateways_clock(self):
        then = datetime(2020, 1, 1, tzinfo=UTC)
        dates = {
            "date": format_datetime(then, usegmt=True),
            "retry_after": format_datetime(then + timedelta(seconds=90)),
        }
        with self.assertRaises(GatewayBusy) as caught:
            self.dialect.read_create(self.answer(429, {}, **dates))
        self.assertEqual(caught.exception.retry_after, 90)

    def test_every_other_status_is_unclear(self):
        for status in (408, 409, 418, 425, 500, 502, 503, 504, 524, 599):
            with self.subTest(status=status):
                error = self.assert_create(GatewayUnclear, wire.answers(wire.http(status, b"<html>CDN</html>")))
                self.assertEqual((error.status, error.evidence), (status, "<html>CDN</html>"))

    def test_a_lost_answer_is_unclear(self):
        whole = wire.http(200, json.dumps(self.sample("create")).encode())
        plays = {
            "closed without a word": wire.answers(b""),
            "reset": wire.resets,
            "cut in the head": wire.answers(b"HTTP/1.1 200 OK\r\nContent-Le"),
            "cut in the body": wire.answers(whole[:-5]),
            "not HTTP": wire.answers(b"SSH-2.0-OpenSSH_9\r\n"),
            "silence": wire.stays_silent,
            "a reset in the middle of a 400": wire.answers(wire.http(400, b"x" * 99)[:-50]),
        }
        for name, play in plays.items():
            with self.subTest(name):
                self.assert_create(GatewayUnclear, play)

    def test_a_dripping_answer_ends_by_the_clock(self):
        heads = {"head": b"HTTP/1.1 200 OK\r\nX-A: ", "body": b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n"}
        for name, head in heads.items():
            with self.subTest(name):
                began = time.monotonic()
                self.assert_create(GatewayUnclear, wire.drips(head))
                self.assertLess(time.monotonic() - began, 3)

    def test_an_answer_beyond_a_mebibyte_is_unclear(self):
        body = json.dumps(self.sample("create") | {"pad": "x" * 1024 * 1024}).encode()
        self.assert_create(GatewayUnclear, wire.answers(wire.http(200, body)))

    def test_garbage_with_200_is_a_protocol_error(self):
        bodies = [b"", b"null", b"[]", b'"task_example"', b"<html>", b'{"id": "task_exam', b"\xff\xfe", b"[" * 200_000]
        for body in bodies:
            with self.subTest(body=body[:20]):
                self.assert_create(GatewayProtocolError, wire.answers(wire.http(200, body)))

    def test_an_unusable_id_is_a_protocol_error(self):
        bad = [None, "", " ", True, False, 1.5, [], {}, "a b", "a\nb", "a\x00b", "ünsafe", "x" * 513, "..", "."]
        for upstream_id in bad:
            with self.subTest(upstream_id=upstream_id):
                with self.assertRaises(GatewayProtocolError) as caught:
                    self.dialect.read_create(self.answer(200, self.created(upstream_id=upstream_id)))
                self.assertIn(self.id_place[-1], caught.exception.evidence)
        with self.assertRaises(GatewayProtocolError):
            self.dialect.read_create(self.answer(200, self.created()))

    def test_an_unusual_but_safe_id_is_taken_as_text(self):
        for upstream_id, text in ((42, "42"), ("x" * 512, "x" * 512), ("video_a/b+c==", "video_a/b+c==")):
            with self.subTest(upstream_id=upstream_id):
                body = self.created(upstream_id=upstream_id)
                self.assertEqual(self.dialect.read_create(self.answer(200, body)).upstream_id, text)

    def test_a_create_may_be_over_at_once(self):
        task = self.dialect.read_create(self.answer(200, self.failed_at_once()))
        self.assertEqual((task.status, task.error), (TaskStatus.FAILED, "no"))

    def test_a_key_repeated_by_the_gateway_is_not_shown(self):
        body = json.dumps({"error": {"message": f"Incorrect key: {KEY}"}}).encode()
        error = self.assert_create(GatewayRejected, wire.answers(wire.http(401, body)))
        self.assertIn("[key]", str(error))

    # Polls

    def test_the_documented_polls_are_read(self):
        read = {
            name: self.dialect.read_task(self.answer(200, self.sample(name)))
            for name in ("processing", "success", "failed")
        }
        self.assertEqual({task.upstream_id for task in read.values()}, {"task_example"})
        self.assertEqual(
            (read["processing"].status, read["processing"].progress), (TaskStatus.RUNNING, self.progress[1])
        )
        self.assertEqual((read["processing"].urls, read["processing"].error), ((), ""))
        self.assertEqual((read["success"].status, read["success"].progress), (TaskStatus.COMPLETED, self.progress[2]))
        self.assertEqual(read["success"].urls, ("https://cdn.example.com/generated-video.mp4",))
        self.assertEqual((read["success"].error, read["failed"].urls), ("", ()))
        self.assertEqual(read["failed"].status, TaskStatus.FAILED)
        self.assertTrue(read["failed"].error)

    def test_a_poll_that_fails_ends_nothing(self):
        expected = {
            401: GatewayRejected,
            403: GatewayRejected,
            404: GatewayMissing,
            429: GatewayBusy,
            500: GatewayUnclear,
            524: GatewayUnclear,
        }
        for status, kind in expected.items():
            with self.subTest(status=status), self.assertRaises(GatewayError) as caught:
                self.dialect.read_task(self.answer(status, b"<html>"))
            self.assertIs(type(caught.exception), kind)

    def test_a_task_that_does_not_exist_is_missing(self):
        body = {"code": "task_not_exist", "message": "task_not_exist", "data": None}
        with self.assertRaises(GatewayMissing):
            self.dialect.read_task(self.answer(400, body))
        with self.assertRaises(GatewayProtocolError):
            self.dialect.read_task(self.answer(200, body))

    def test_an_unknown_word_is_not_terminal(self):
        said = json.dumps(self.sample("processing"))
        self.assertIn(f'"{self.running_word}"', said)
        strange = said.replace(f'"{self.running_word}"', '"Reticulating Splines"')
        task = self.dialect.read_task(self.answer(200, strange.encode()))
        self.assertEqual((task.status, task.word), (TaskStatus.UNKNOWN, "Reticulating Splines"))
        self.assertFalse(task.status.is_verdict)

    # Messages

    def test_ids_are_quoted_in_paths(self):
        message = self.dialect.retrieve("a/b?c#d%2e", {})
        self.assertEqual((message.method, message.path.rsplit("/", 1)[1]), ("GET", "a%2Fb%3Fc%23d%252e"))

    def test_equal_requests_have_equal_digests_and_others_do_not(self):
        message = self.dialect.create(self.request)
        other = VideoRequest(self.request.model, "something else", self.request.fields, self.request.files)
        self.assertEqual(message.digest(), self.dialect.create(self.request).digest())
        self.assertNotEqual(message.digest(), self.dialect.create(other).digest())
        self.assertRegex(message.digest(), r"\A[0-9a-f]{64}\Z")
