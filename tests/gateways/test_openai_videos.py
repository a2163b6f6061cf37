from django.test import SimpleTestCase

from generations.gateways import DIALECTS, FilePart, GatewayRejected, OpenAIVideos, VideoRequest, dialect
from generations.gateways.http import Endpoint, send_once
from tests.upstream import FakeUpstream

from .contract import DialectContract

IMAGE = FilePart('a "first" frame.png', "image/png", b"\x89PNG\r\n\x1a\n\x00\xff\r\n--")


class OpenAIVideosTests(DialectContract, SimpleTestCase):
    dialect = OpenAIVideos()
    request = VideoRequest("wan2.6", "A robot, “walking”\nthrough a greenhouse", {"seconds": 5, "size": "1280x720"})

    def test_it_is_found_by_name(self):
        self.assertIs(dialect("openai_videos"), DIALECTS["openai_videos"])
        with self.assertRaisesRegex(KeyError, "newapi, openai_json, openai_videos"):
            dialect("sora")

    def test_scalars_travel_as_plain_parts(self):
        with FakeUpstream() as upstream:
            endpoint = Endpoint(upstream.base_url, upstream.key, frozenset({upstream.host_port}), "VideoStudio/1")
            task = self.dialect.read_create(send_once(endpoint, self.dialect.create(self.request)))
        self.assertEqual(upstream.violations, [])
        [create] = upstream.creates
        self.assertEqual((create.model, create.prompt), (self.request.model, self.request.prompt))
        self.assertEqual(create.fields, {"seconds": "5", "size": "1280x720"})
        self.assertEqual((create.upstream_id, create.headers["user-agent"]), (task.upstream_id, "VideoStudio/1"))
        self.assertEqual((create.headers["connection"], create.headers["accept"]), ("close", "application/json"))

    def test_an_image_arrives_byte_for_byte(self):
        request = VideoRequest("veo3.1", "A kite", {"seconds": "8"}, {"input_reference": (IMAGE,)})
        with FakeUpstream() as upstream:
            endpoint = Endpoint(upstream.base_url, upstream.key, frozenset({upstream.host_port}))
            self.dialect.read_create(send_once(endpoint, self.dialect.create(request)))
        [file] = upstream.creates[0].files["input_reference"]
        self.assertEqual((file.content, file.content_type), (IMAGE.content, IMAGE.content_type))

    def test_what_the_document_lacks_is_refused_and_noticed(self):
        request = VideoRequest("wan2.6", "A robot", {"seconds": 7, "fps": 24})
        with FakeUpstream() as upstream:
            endpoint = Endpoint(upstream.base_url, upstream.key, frozenset({upstream.host_port}))
            with self.assertRaises(GatewayRejected):
                self.dialect.read_create(send_once(endpoint, self.dialect.create(request)))
        self.assertEqual(len(upstream.violations), 2)

    def test_booleans_are_spelled_in_lower_case(self):
        message = self.dialect.create(VideoRequest("m", "p", {"on": True, "off": False}))
        self.assertEqual(dict(message.parts)["on"], (None, "true", None))
        self.assertEqual(dict(message.parts)["off"], (None, "false", None))

    def test_a_remix_is_the_prompt_for_a_finished_video_and_nothing_else(self):
        message = self.dialect.create(VideoRequest("sora-2", "A kite", {"remix_of": "video/1"}))
        self.assertEqual((message.method, message.path), ("POST", "/v1/videos/video%2F1/remix"))
        self.assertEqual((message.json, message.parts), ({"prompt": "A kite"}, ()))
        with self.assertRaisesRegex(ValueError, "nothing else"):
            self.dialect.create(VideoRequest("sora-2", "A kite", {"remix_of": "video_1", "seconds": "4"}))

    def test_the_content_route_belongs_to_the_task(self):
        message = self.dialect.content("task/1", {})
        self.assertEqual((message.method, message.path), ("GET", "/v1/videos/task%2F1/content"))
