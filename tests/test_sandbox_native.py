"""The sandbox in every dialect: each model of the catalogue goes from its create to a link that gives a clip."""

import io
import json
from base64 import b64encode

from PIL import Image

from generations.catalog import catalog
from generations.gateways import DIALECTS, Answer, GatewayMissing, Message, TaskStatus, VideoRequest
from generations.specs import ImageFile, Url
from tests.test_sandbox import SandboxTestCase
from videostudio.sandbox import tasks

TEXT, IMAGE = "/sandbox/kling/v1/videos/text2video", "/sandbox/kling/v1/videos/image2video"
RUNWAY, RUNWAY_TASKS = "/sandbox/runwayml/v1/image_to_video", "/sandbox/runwayml/v1/tasks"
GROK = "/sandbox/grok/v1/videos/generations"
LINK = "https://example.com/still.jpg"
VERSION = {"X-Runway-Version": "2024-11-06"}


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (300, 300), "teal").save(file, "PNG")
    return file.getvalue()


PICTURE = b64encode(picture()).decode()


class EveryModelTests(SandboxTestCase):
    def ask(self, message: Message) -> Answer:
        """Deliver a message as its gateway client would, without a socket."""
        path, headers = f"/sandbox{message.path}", dict(message.headers)
        if message.json is not None:
            response = self.client.post(path, message.json, content_type="application/json", headers=headers)
        elif message.parts:
            response = self.client.post(path, {name: content for name, (_, content, _) in message.parts})
        else:
            response = self.client.get(path, headers=headers)
        return Answer(response.status_code, {}, response.content)

    def request(self, model, prompt: str) -> VideoRequest:
        given = {option.name: option.default for option in model.options if option.default is not None}
        fields = dict(model.sent(given))
        for option in model.options:
            if isinstance(option, Url) and option.required:
                fields[option.path] = LINK
            if isinstance(option, ImageFile) and option.required:
                fields[option.path] = f"data:image/png;base64,{PICTURE}"
        return VideoRequest(model.upstream_id, prompt, fields)

    def test_each_is_served_from_create_to_link(self):
        for model in catalog().choosable():
            dialect = DIALECTS[model.dialect]
            with self.subTest(model.key):
                message = dialect.create(self.request(model, "A kite"))
                task = dialect.read_create(self.ask(message))
                poll = dialect.retrieve(task.upstream_id, dict(message.state))
                self.assertEqual(dialect.read_task(self.ask(poll)).status, TaskStatus.WAITING)
                self.clock.shift(tasks.QUEUED_SECONDS + 1)
                self.assertEqual(dialect.read_task(self.ask(poll)).status, TaskStatus.RUNNING)
                self.clock.shift(tasks.TOTAL_SECONDS)
                done = dialect.read_task(self.ask(poll))
                self.assertEqual((done.status, len(done.urls)), (TaskStatus.COMPLETED, 1))
                asked = model.asked({option.name: option.default for option in model.options})
                if asked.width:
                    made = tasks.find(task.upstream_id)
                    self.assertEqual(
                        (made.width, made.height, made.seconds), (asked.width, asked.height, asked.seconds)
                    )

    def test_each_can_fail_and_says_why(self):
        for model in catalog().choosable():
            dialect = DIALECTS[model.dialect]
            with self.subTest(model.key):
                message = dialect.create(self.request(model, "A kite [fail]"))
                task = dialect.read_create(self.ask(message))
                self.clock.shift(tasks.TOTAL_SECONDS + 1)
                over = dialect.read_task(self.ask(dialect.retrieve(task.upstream_id, dict(message.state))))
                self.assertEqual(over.status, TaskStatus.FAILED)
                self.assertIn("The sandbox failed this task", over.error)

    def test_a_strange_id_is_missing_in_each_dialect(self):
        for name, dialect in DIALECTS.items():
            with self.subTest(name), self.assertRaises(GatewayMissing):
                dialect.read_task(self.ask(dialect.retrieve("sbx_nonsense", {})))


class NativeTests(SandboxTestCase):
    def post(self, path: str, body: dict, **headers: str):
        return self.client.post(path, body, content_type="application/json", headers=headers or None)

    def refusal(self, path: str, body: dict, **headers: str) -> str:
        answer = self.post(path, body, **headers)
        self.assertEqual(answer.status_code, 400, answer.content)
        said = answer.json()
        return said.get("message") or said["error"]

    def test_kling_s_tasks_are_known_under_the_action_that_made_them_only(self):
        body = {"model_name": "kling-v2-master", "prompt": "A kite", "image": PICTURE}
        task_id = self.post(IMAGE, body).json()["data"]["task_id"]
        self.assertEqual(self.client.get(f"{IMAGE}/{task_id}").json()["data"]["task_status"], "submitted")
        self.assertEqual(self.client.get(f"{TEXT}/{task_id}").json()["message"], "task_not_exist")

    def test_kling_s_times_are_milliseconds(self):
        data = self.post(TEXT, {"model_name": "kling-v2-master", "prompt": "A kite"}).json()["data"]
        self.assertGreater(data["created_at"], 10**12)

    def test_kling_is_strict(self):
        body = {"model_name": "kling-v2-master", "prompt": "A kite"}
        for path, more, words in (
            (TEXT, {"image": PICTURE}, "belongs to image2video"),
            (TEXT, {"duration": 5}, "duration must be a string"),
            (TEXT, {"mode": "fast"}, "mode must be std or pro"),
            (IMAGE, {}, "image is required"),
            (IMAGE, {"image": f"data:image/png;base64,{PICTURE}"}, "image must be base64"),
            (IMAGE, {"image": b64encode(b"GIF89a").decode()}, "image must be a JPEG, PNG or WebP image"),
        ):
            with self.subTest(words):
                self.assertIn(words, self.refusal(path, body | more))

    def test_an_image_may_be_larger_than_a_form_of_text(self):
        noise = Image.effect_noise((1800, 1800), 100)
        file = io.BytesIO()
        noise.save(file, "PNG")
        self.assertGreater(len(file.getvalue()), 2_500_000)
        body = {"model_name": "kling-v2-master", "prompt": "A kite", "image": b64encode(file.getvalue()).decode()}
        self.assertEqual(self.post(IMAGE, body).status_code, 200)

    def test_runway_wants_its_version_and_an_https_link(self):
        body = {"model": "gen3a_turbo", "promptText": "A kite", "promptImage": LINK}
        self.assertIn("X-Runway-Version", self.refusal(RUNWAY, body))
        self.assertIn("https", self.refusal(RUNWAY, body | {"promptImage": "http://a.example"}, **VERSION))
        self.assertIn("colon", self.refusal(RUNWAY, body | {"ratio": "1280x720"}, **VERSION))
        task_id = self.post(RUNWAY, body, **VERSION).json()["id"]
        self.assertEqual(self.client.get(f"{RUNWAY_TASKS}/{task_id}").status_code, 400)
        self.assertEqual(self.client.get(f"{RUNWAY_TASKS}/{task_id}", headers=VERSION).json()["status"], "PENDING")

    def test_xai_says_no_status_while_a_task_waits_and_what_it_cost_at_the_end(self):
        answer = self.post(GROK, {"model": "grok-imagine-video", "prompt": "A kite", "duration": 2}).json()
        self.assertEqual(list(answer), ["request_id"])
        path = f"/sandbox/grok/v1/videos/{answer['request_id']}"
        self.assertEqual(list(self.client.get(path).json()), ["request_id"])
        self.clock.shift(tasks.TOTAL_SECONDS + 1)
        done = json.loads(self.client.get(path).content)
        self.assertEqual((done["status"], done["usage"]), ("done", {"cost_in_usd_ticks": 1_000_000_000}))

    def test_xai_takes_a_data_uri_of_an_image(self):
        body = {"model": "grok-imagine-video", "prompt": "A kite"}
        good = {"image": {"url": f"data:image/png;base64,{PICTURE}"}}
        self.assertEqual(self.post(GROK, body | good).status_code, 200)
        bad = {"image": {"url": "data:image/png;base64,AAAA"}}
        self.assertIn("JPEG, PNG or WebP", self.refusal(GROK, body | bad))
        self.assertIn("data URI", self.refusal(GROK, body | {"image": {"url": "file:///etc/passwd"}}))
