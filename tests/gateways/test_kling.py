from typing import Any

from django.test import SimpleTestCase

from generations.gateways import FilePart, GatewayProtocolError, Kling, VideoRequest

from .contract import DialectContract

FIELDS = {"duration": "5", "aspect_ratio": "16:9", "mode": "std"}


class KlingTests(DialectContract, SimpleTestCase):
    dialect = Kling()
    request = VideoRequest("kling-v2-master", "A robot", FIELDS)
    id_place = ("data", "task_id")
    running_word = "processing"
    progress = (None, None, None)

    def failed_at_once(self) -> dict[str, Any]:
        body = self.sample("create")
        body["data"] |= {"task_status": "failed", "task_status_msg": "no"}
        return body

    def test_text_goes_to_one_path(self):
        message = self.dialect.create(self.request)
        self.assertEqual((message.method, message.path), ("POST", "/kling/v1/videos/text2video"))
        self.assertEqual(message.json, {"model_name": "kling-v2-master", "prompt": "A robot", **FIELDS})

    def test_an_image_goes_to_another(self):
        request = VideoRequest(
            "kling-v2-master", "A robot", {"duration": "5", "image": "aGVsbG8=", "image_tail": "eA=="}
        )
        message = self.dialect.create(request)
        self.assertEqual(message.path, "/kling/v1/videos/image2video")
        self.assertEqual((message.json["image"], message.json["image_tail"]), ("aGVsbG8=", "eA=="))

    def test_a_task_is_asked_about_where_it_was_created(self):
        for request, action in (
            (self.request, "text2video"),
            (VideoRequest("m", "p", {"image": "aGVsbG8="}), "image2video"),
        ):
            state = dict(self.dialect.create(request).state)
            message = self.dialect.retrieve("2032273942220931072", state)
            self.assertEqual(message.path, f"/kling/v1/videos/{action}/2032273942220931072")

    def test_the_state_is_no_part_of_what_is_sent(self):
        message = self.dialect.create(self.request)
        self.assertNotIn("action", message.json)

    def test_an_error_that_comes_with_200_gives_no_task(self):
        with self.assertRaisesMessage(GatewayProtocolError, "model_name is not supported"):
            self.dialect.read_create(self.answer(200, self.sample("rejected")))

    def test_a_failure_says_why(self):
        task = self.dialect.read_task(self.answer(200, self.sample("failed")))
        self.assertEqual(task.error, "Failure to pass the risk control system")

    def test_it_carries_no_files_and_has_no_content_route(self):
        with self.assertRaises(ValueError):
            self.dialect.create(VideoRequest("m", "p", {}, {"image": (FilePart("a", "image/png", b"x"),)}))
        self.assertIsNone(self.dialect.content("task", {}))
