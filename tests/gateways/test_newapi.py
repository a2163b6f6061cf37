from django.test import SimpleTestCase

from generations.gateways import FilePart, NewAPI, TaskStatus, VideoRequest
from generations.gateways.http import Endpoint, send_once
from tests.upstream import FakeUpstream

from .contract import DialectContract

FIELDS = {
    "metadata.input.negative_prompt": "trees",
    "metadata.parameters.size": "1280*720",
    "metadata.parameters.duration": 15,
    "metadata.parameters.prompt_extend": False,
    "metadata.parameters.audio": True,
}


class NewAPITests(DialectContract, SimpleTestCase):
    dialect = NewAPI()
    request = VideoRequest("wan2.6-t2v", "A statue", FIELDS)
    running_word = "IN_PROGRESS"

    def test_dotted_paths_become_objects_and_types_are_kept(self):
        message = self.dialect.create(self.request)
        self.assertEqual(
            message.json,
            {
                "model": "wan2.6-t2v",
                "prompt": "A statue",
                "metadata": {
                    "input": {"negative_prompt": "trees"},
                    "parameters": {"size": "1280*720", "duration": 15, "prompt_extend": False, "audio": True},
                },
            },
        )

    def test_it_arrives_as_the_document_says(self):
        with FakeUpstream() as upstream:
            endpoint = Endpoint(upstream.base_url, upstream.key, frozenset({upstream.host_port}))
            self.dialect.read_create(send_once(endpoint, self.dialect.create(self.request)))
        self.assertEqual((upstream.violations, upstream.creates[0].fields), ([], FIELDS))

    def test_every_version_s_answer_is_read(self):
        for name in ("result_url", "gemini", "flat_old", "flat_new", "videos_route"):
            with self.subTest(name):
                task = self.dialect.read_task(self.answer(200, self.sample(f"version_{name}")))
                self.assertEqual((task.status, task.upstream_id), (TaskStatus.COMPLETED, "task_example"))
                self.assertEqual((task.urls, task.error), (("https://cdn.example.com/generated-video.mp4",), ""))

    def test_what_has_not_begun_or_is_unknown_goes_on(self):
        for word, status in (
            ("NOT_START", TaskStatus.WAITING),
            ("SUBMITTED", TaskStatus.WAITING),
            ("UNKNOWN", TaskStatus.UNKNOWN),
            ("", TaskStatus.WAITING),
        ):
            with self.subTest(word):
                body = self.sample("processing")
                body["data"] |= {"status": word, "data": None}
                self.assertEqual(self.dialect.read_task(self.answer(200, body)).status, status)

    def test_the_rewritten_prompt_is_kept(self):
        task = self.dialect.read_task(self.answer(200, self.sample("success")))
        self.assertEqual(task.rewritten_prompt, "A statue, rewritten.")

    def test_the_link_of_a_success_may_be_where_reasons_go(self):
        body = self.sample("success")
        del body["data"]["data"]["output"]["video_url"]
        body["data"]["fail_reason"] = "https://cdn.example.com/old.mp4"
        self.assertEqual(self.dialect.read_task(self.answer(200, body)).urls, ("https://cdn.example.com/old.mp4",))

    def test_a_reason_is_never_a_link(self):
        body = self.sample("failed")
        body["data"]["fail_reason"] = "https://cdn.example.com/why.html"
        task = self.dialect.read_task(self.answer(200, body))
        self.assertEqual((task.urls, task.error), ((), "https://cdn.example.com/why.html"))
        body = self.sample("success")
        del body["data"]["data"]["output"]["video_url"]
        body["data"]["fail_reason"] = "all went well"
        self.assertEqual(self.dialect.read_task(self.answer(200, body)).urls, ())

    def test_it_carries_no_files_and_has_no_content_route(self):
        with self.assertRaises(ValueError):
            self.dialect.create(VideoRequest("m", "p", {}, {"image": (FilePart("a", "image/png", b"x"),)}))
        self.assertIsNone(self.dialect.content("task", {}))

    def test_a_path_through_a_value_is_refused(self):
        with self.assertRaisesRegex(ValueError, "no object"):
            self.dialect.create(VideoRequest("m", "p", {"metadata": "x", "metadata.size": "y"}))
