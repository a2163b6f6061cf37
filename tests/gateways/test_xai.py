from decimal import Decimal

from django.test import SimpleTestCase

from generations.gateways import XAI, GatewayProtocolError, TaskStatus, VideoRequest

from .contract import DialectContract

FIELDS = {"duration": 5, "aspect_ratio": "16:9", "resolution": "480p"}
PICTURE = "data:image/png;base64,aGVsbG8="


class XAITests(DialectContract, SimpleTestCase):
    dialect = XAI()
    request = VideoRequest("grok-imagine-video", "A candle", FIELDS)
    id_place = ("request_id",)
    running_word = "processing"
    progress = (None, 30, 100)

    def test_the_body_is_xai_s_own(self):
        message = self.dialect.create(VideoRequest("grok-imagine-video", "A candle", FIELDS | {"image.url": PICTURE}))
        self.assertEqual((message.method, message.path), ("POST", "/grok/v1/videos/generations"))
        self.assertEqual(
            message.json,
            {"model": "grok-imagine-video", "prompt": "A candle", "image": {"url": PICTURE}, **FIELDS},
        )

    def test_another_video_is_edited_at_an_address_of_its_own(self):
        link = "https://example.com/clip.mp4"
        message = self.dialect.create(VideoRequest("grok-imagine-video", "Make it night", {"video.url": link}))
        self.assertEqual((message.method, message.path), ("POST", "/grok/v1/videos/edits"))
        self.assertEqual(
            message.json, {"model": "grok-imagine-video", "prompt": "Make it night", "video": {"url": link}}
        )

    def test_an_answer_without_a_status_is_a_task_that_waits(self):
        task = self.dialect.read_task(self.answer(200, self.sample("waiting")))
        self.assertEqual((task.upstream_id, task.status, task.word), ("task_example", TaskStatus.WAITING, ""))

    def test_the_older_answer_comes_in_an_envelope(self):
        task = self.dialect.read_task(self.answer(200, self.sample("enveloped_success")))
        self.assertEqual((task.status, task.upstream_id), (TaskStatus.COMPLETED, "task_example"))
        self.assertEqual(task.urls, ("https://cdn.example.com/generated-video.mp4",))
        self.assertEqual(task.cost_usd, Decimal("0.05"))

    def test_the_request_id_of_a_refusal_that_came_as_a_200_is_no_task(self):
        body = {"code": 1303, "message": "parallel task over resource pack limit", "request_id": "trace-1"}
        with self.assertRaises(GatewayProtocolError) as caught:
            self.dialect.read_create(self.answer(200, body))
        self.assertIn("parallel task", str(caught.exception))
        self.assertIn("trace-1", caught.exception.evidence)
        kept = self.dialect.read_create(self.answer(200, body | {"id": "task_1"}))
        self.assertEqual(kept.upstream_id, "task_1")

    def test_ticks_are_dollars(self):
        task = self.dialect.read_task(self.answer(200, self.sample("success")))
        self.assertEqual(task.cost_usd, Decimal("0.05"))
        for ticks, cost in (
            (1, Decimal("1e-10")),
            (0, Decimal(0)),
            (-1, None),
            (True, None),
            ("5", None),
            (None, None),
        ):
            with self.subTest(ticks=ticks):
                body = self.sample("success") | {"usage": {"cost_in_usd_ticks": ticks}}
                self.assertEqual(self.dialect.read_task(self.answer(200, body)).cost_usd, cost)

    def test_a_video_that_moderation_held_back_is_a_failure_that_says_so(self):
        body = self.sample("success") | {"video": {"duration": 1, "respect_moderation": False}}
        task = self.dialect.read_task(self.answer(200, body))
        self.assertEqual((task.status, task.urls), (TaskStatus.FAILED, ()))
        self.assertIn("moderation", task.error)

    def test_a_link_is_taken_whatever_moderation_says(self):
        body = self.sample("success")
        body["video"]["respect_moderation"] = False
        self.assertEqual(self.dialect.read_task(self.answer(200, body)).status, TaskStatus.COMPLETED)

    def test_a_failure_says_why_and_has_no_link(self):
        task = self.dialect.read_task(self.answer(200, self.sample("failed")))
        self.assertEqual((task.error, task.urls), ("The image could not be read.", ()))

    def test_expired_is_a_verdict_of_its_own(self):
        task = self.dialect.read_task(self.answer(200, self.sample("waiting") | {"status": "expired"}))
        self.assertEqual(task.status, TaskStatus.EXPIRED)

    def test_there_is_no_content_route(self):
        self.assertIsNone(self.dialect.content("task", {}))
