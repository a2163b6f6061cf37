from django.test import SimpleTestCase

from generations.gateways import GatewayMissing, Runway, TaskStatus, VideoRequest

from .contract import DialectContract

LINK = "https://example.com/cat.jpg"


class RunwayTests(DialectContract, SimpleTestCase):
    dialect = Runway()
    request = VideoRequest("gen3a_turbo", "The cat yawns", {"promptImage": LINK, "duration": 5, "ratio": "1280:720"})
    running_word = "RUNNING"
    progress = (None, 30, 1)  # a fraction while it runs, which 1 cannot be told from

    def test_the_body_is_runway_s_own(self):
        message = self.dialect.create(self.request)
        self.assertEqual((message.method, message.path), ("POST", "/runwayml/v1/image_to_video"))
        self.assertEqual(
            message.json,
            {
                "model": "gen3a_turbo",
                "promptText": "The cat yawns",
                "promptImage": LINK,
                "duration": 5,
                "ratio": "1280:720",
            },
        )

    def test_every_request_names_the_version(self):
        for message in (self.dialect.create(self.request), self.dialect.retrieve("task", {})):
            self.assertEqual(message.headers, {"X-Runway-Version": "2024-11-06"})

    def test_a_task_that_was_just_created_may_not_be_known_yet(self):
        with self.assertRaises(GatewayMissing):
            self.dialect.read_task(self.answer(400, {"code": 400, "message": "task_not_exist"}))

    def test_the_older_answers_come_in_an_envelope(self):
        queued = self.dialect.read_task(self.answer(200, self.sample("enveloped_queued")))
        self.assertEqual((queued.status, queued.word, queued.progress), (TaskStatus.WAITING, "QUEUED", 0))
        done = self.dialect.read_task(self.answer(200, self.sample("enveloped_success")))
        self.assertEqual((done.status, done.progress), (TaskStatus.COMPLETED, 100))
        self.assertEqual(done.urls, ("https://cdn.example.com/generated-video.mp4",))

    def test_throttled_waits_and_is_no_failure(self):
        task = self.dialect.read_task(self.answer(200, self.sample("processing") | {"status": "THROTTLED"}))
        self.assertEqual(task.status, TaskStatus.WAITING)

    def test_a_failure_says_why(self):
        task = self.dialect.read_task(self.answer(200, self.sample("failed")))
        self.assertEqual(task.error, "The image could not be read.")

    def test_there_is_no_content_route(self):
        self.assertIsNone(self.dialect.content("task", {}))
