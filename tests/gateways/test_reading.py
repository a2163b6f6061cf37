"""Shapes that gateways answer in, each as a real one was seen or documented to."""

import json
import math

from django.test import SimpleTestCase

from generations.gateways import Answer, GatewayProtocolError, TaskStatus
from generations.gateways.base import plain, retry_after
from generations.gateways.reading import created_task, polled_task, progress_of, status_of

CDN = "https://cdn.example.com/a.mp4"


def answer(body: object) -> Answer:
    return Answer(200, {}, json.dumps(body).encode())


class StatusTests(SimpleTestCase):
    def test_words_are_folded(self):
        words = {
            " In-Progress ": TaskStatus.RUNNING,
            "not start": TaskStatus.WAITING,
            "SUCCEEDED": TaskStatus.COMPLETED,
            "succeed": TaskStatus.COMPLETED,
            "Failure": TaskStatus.FAILED,
            "error": TaskStatus.FAILED,
            "canceled": TaskStatus.CANCELLED,
            "expired": TaskStatus.EXPIRED,
            "cancelling": TaskStatus.RUNNING,
            "": TaskStatus.WAITING,
            "unknown": TaskStatus.UNKNOWN,
            "not completed": TaskStatus.UNKNOWN,
        }
        self.assertEqual({word: status_of(word) for word in words}, words)

    def test_only_four_are_verdicts(self):
        verdicts = {status for status in TaskStatus if status.is_verdict}
        self.assertEqual(verdicts, {"completed", "failed", "cancelled", "expired"})

    def test_the_outer_word_is_trusted_unless_missing(self):
        body = {"code": 0, "data": {"task_id": "t", "status": "IN_PROGRESS", "data": {"status": "succeeded"}}}
        self.assertIs(polled_task(answer(body)).status, TaskStatus.RUNNING)
        del body["data"]["status"]
        self.assertIs(polled_task(answer(body)).status, TaskStatus.COMPLETED)

    def test_no_word_at_all_is_waiting(self):
        self.assertIs(polled_task(answer({"request_id": "r"})).status, TaskStatus.WAITING)

    def test_an_error_dressed_as_success_is_no_answer(self):
        for body in (
            {"error": "boom"},
            {"code": 500, "message": "boom"},
            {"code": "fail", "message": "boom", "data": None},
        ):
            with self.subTest(body=body), self.assertRaisesRegex(GatewayProtocolError, "boom"):
                polled_task(answer(body))


class ProgressTests(SimpleTestCase):
    def test_every_spelling(self):
        spelled = [("30%", 30), (30, 30), (30.7, 30), ("30", 30), (" 30.9 % ", 30), (0.29, 29), ("0.5%", 0), (1, 1)]
        spelled += [(-5, 0), (250, 100), ("100%", 100), (0, 0), ("0%", 0), (0.0, 0)]
        for value, expected in spelled:
            with self.subTest(value=value):
                self.assertEqual(progress_of(value), expected)

    def test_what_is_no_progress_is_ignored(self):
        for value in ("", "soon", None, True, False, [30], {"a": 1}, math.nan, math.inf, "nan", "inf%", 10**400):
            with self.subTest(value=value):
                self.assertIsNone(progress_of(value))


class LinkTests(SimpleTestCase):
    def links(self, body: dict) -> tuple[str, ...]:
        return polled_task(answer({"status": "completed"} | body)).urls

    def test_every_known_place(self):
        bodies = [
            {"video_url": CDN},
            {"video": {"url": CDN}},
            {"output": [CDN]},
            {"output": {"video_url": CDN}},
            {"url": CDN},
            {"metadata": {"url": CDN}},
            {"content": {"video_url": CDN}},
            {"creations": [{"url": CDN}]},
            {"unsigned_urls": [CDN]},
            {"fail_reason": CDN},
            {"code": "success", "data": {"status": "SUCCESS", "result_url": CDN}},
            {"code": "success", "data": {"status": "SUCCESS", "fail_reason": CDN}},
            {"code": "success", "data": {"status": "SUCCESS", "data": {"video": {"url": CDN}}}},
            {"code": "success", "data": {"status": "SUCCESS", "data": {"url": CDN}}},
            {"code": "success", "data": {"status": "SUCCESS", "data": {"output": [CDN]}}},
            {"code": 0, "data": {"task_status": "succeed", "task_result": {"videos": [{"url": CDN}]}}},
        ]
        for body in bodies:
            with self.subTest(body=body):
                self.assertEqual(self.links(body), (CDN,))

    def test_all_places_in_order_and_each_once(self):
        body = {"url": "https://b.example/2", "video_url": CDN, "video": {"url": CDN}}
        self.assertEqual(self.links(body), (CDN, "https://b.example/2"))

    def test_only_web_links_and_root_relative_ones(self):
        for link in ("/files/a.mp4?sig=1", "HTTP://cdn.example.com/a", " https://cdn.example.com/a "):
            self.assertEqual(self.links({"url": link}), (link.strip(),))
        bad = [
            "file:///etc/passwd",
            "ftp://a/b",
            "//evil.example/a",
            "/\\evil",
            "javascript:alert(1)",
            "https://",
            "a.mp4",
        ]
        bad += [
            "http://a b/",
            "https://a\nb/",
            "",
            "/",
            7,
            None,
            ["https://a.example"],
            "https://a/" + "x" * 9000,
            "https://[::",
        ]
        for link in bad:
            with self.subTest(link=link):
                self.assertEqual(self.links({"url": link, "fail_reason": link}), ())

    def test_no_link_before_the_end(self):
        self.assertEqual(polled_task(answer({"status": "processing", "video_url": CDN})).urls, ())


class ErrorTests(SimpleTestCase):
    def test_every_known_place(self):
        bodies = [
            {"error": {"message": "why", "code": 7}},
            {"error": "why"},
            {"error": {"code": "why"}},
            {"fail_reason": "why"},
            {"task_status_msg": "why"},
            {"failure": "why"},
            {"err_code": "why"},
            {"output": {"message": "why"}},
            {"message": "why"},
            {"detail": [{"msg": "why", "loc": []}]},
        ]
        for body in bodies:
            with self.subTest(body=body):
                self.assertEqual(polled_task(answer({"status": "failed"} | body)).error, "why")

    def test_words_lose_signatures_and_control_characters(self):
        said = plain("see\n https://a.example/x?sig=secret \x1b[31mnow\u202e")
        self.assertEqual(said, "see https://a.example/x?… [31mnow")
        self.assertEqual(len(plain("x" * 9000)), 500)


class BodyTests(SimpleTestCase):
    def test_every_body_can_be_stored(self):
        raw = rb'{"id": "t", "a": NaN, "b": 1e999, "c": "x\u0000y", "d": ["\ud800"], "e": -Infinity}'
        body = created_task(Answer(200, {}, raw)).raw
        self.assertEqual(body, {"id": "t", "a": None, "b": None, "c": "x\ufffdy", "d": ["?"], "e": None})
        json.dumps(body, allow_nan=False).encode()

    def test_the_first_id_counts_and_a_bad_one_is_not_skipped(self):
        self.assertEqual(created_task(answer({"id": "", "task_id": "t"})).upstream_id, "t")
        self.assertEqual(created_task(answer({"code": "success", "data": {"task_id": "t"}})).upstream_id, "t")
        self.assertEqual(created_task(answer({"output": {"task_id": "t"}, "request_id": "r"})).upstream_id, "t")
        for body in ({"id": ["x"], "task_id": "t"}, {"request_id": "trace", "code": 1, "message": "boom"}):
            with self.subTest(body=body), self.assertRaises(GatewayProtocolError):
                created_task(answer(body))

    def test_retry_after_takes_no_nonsense(self):
        for value in ("", "-", "1e9", "Wed, 99 Foo 2020", "NaN", "²"):
            with self.subTest(value=value):
                self.assertIsNone(retry_after({"retry-after": value}))
        self.assertEqual(retry_after({"retry-after": "-5"}), 1)
        self.assertEqual(retry_after({"retry-after": "2.5"}), 2.5)
