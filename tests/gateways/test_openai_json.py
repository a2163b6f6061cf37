from django.test import SimpleTestCase

from generations.gateways import FilePart, OpenAIJSON, TaskStatus, VideoRequest
from generations.gateways.http import Endpoint, send_once
from tests.upstream import FakeUpstream

from .contract import DialectContract

IMAGE = FilePart("first frame.png", "image/png", b"\x89PNG\r\n\x1a\n\x00\xff")


class OpenAIJSONTests(DialectContract, SimpleTestCase):
    dialect = OpenAIJSON()
    request = VideoRequest("wan2.2-t2v", "A robot", {"seconds": 4, "size": "1280x720"})

    def test_text_to_video_is_json_with_its_types(self):
        message = self.dialect.create(VideoRequest("m", "p", {"seconds": 4, "extra_body.seed": 7, "sound": True}))
        self.assertEqual((message.path, message.parts), ("/v1/videos", ()))
        body = {"model": "m", "prompt": "p", "seconds": 4, "extra_body": {"seed": 7}, "sound": True}
        self.assertEqual(message.json, body)

    def test_an_image_makes_it_a_form(self):
        message = self.dialect.create(VideoRequest("m", "p", {"seconds": 4}, {"input_reference": (IMAGE,)}))
        self.assertIsNone(message.json)
        self.assertEqual(dict(message.parts)["seconds"], (None, "4", None))
        self.assertEqual(dict(message.parts)["input_reference"], (IMAGE.name, IMAGE.content, IMAGE.content_type))

    def test_it_arrives_as_the_document_says(self):
        with FakeUpstream() as upstream:
            endpoint = Endpoint(upstream.base_url, upstream.key, frozenset({upstream.host_port}))
            self.dialect.read_create(send_once(endpoint, self.dialect.create(self.request)))
        self.assertEqual((upstream.violations, upstream.creates[0].fields), ([], {"seconds": 4, "size": "1280x720"}))

    def test_the_extras_of_self_hosted_servers_are_no_news(self):
        body = self.sample("processing") | {"media_type": "video/mp4", "peak_memory_mb": 20480, "expires_at": None}
        self.assertEqual(self.dialect.read_task(self.answer(200, body)).status, TaskStatus.RUNNING)
        for word, status in (("cancelling", TaskStatus.RUNNING), ("deleted", TaskStatus.CANCELLED)):
            with self.subTest(word):
                body = self.sample("processing") | {"status": word}
                self.assertEqual(self.dialect.read_task(self.answer(200, body)).status, status)

    def test_a_failure_without_a_code_and_an_error_of_another_shape_are_read(self):
        body = self.sample("processing") | {"status": "failed", "error": {"message": "CUDA out of memory"}}
        self.assertEqual(self.dialect.read_task(self.answer(200, body)).error, "CUDA out of memory")
        with self.assertRaisesMessage(Exception, "seconds: not an integer"):
            self.dialect.read_create(self.answer(422, {"detail": [{"msg": "seconds: not an integer"}]}))

    def test_a_finished_task_may_have_no_link_but_the_content_route(self):
        body = self.sample("success")
        del body["video_url"]
        task = self.dialect.read_task(self.answer(200, body))
        self.assertEqual((task.status, task.urls), (TaskStatus.COMPLETED, ()))
        self.assertEqual(self.dialect.content("video_a/b+c==", {}).path, "/v1/videos/video_a%2Fb%2Bc%3D%3D/content")
