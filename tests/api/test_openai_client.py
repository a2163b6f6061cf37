"""OpenAI's official Python client, unchanged, against a studio on a socket."""

import warnings
from base64 import b64encode

from generations.models import Generation
from tests.api.live import LiveCase
from tests.pages import picture

ASKED = {"model": "wan/wan2.6", "prompt": "A red fox in the snow", "seconds": "5", "size": "1280x720"}


class OpenAIClientTests(LiveCase):
    def setUp(self) -> None:
        super().setUp()
        self.enterContext(warnings.catch_warnings(action="ignore", category=DeprecationWarning))
        import openai  # takes a second to load, and every worker reads this file

        self.library = openai
        self.openai = openai.OpenAI(base_url=f"{self.url}/v1", api_key=self.token)
        self.addCleanup(self.openai.close)

    def test_create_poll_download_list_remix_delete(self):
        video = self.openai.videos.create_and_poll(**ASKED, poll_interval_ms=200)
        self.assertEqual((video.status, video.progress, video.model), ("completed", 100, "wan/wan2.6"), video)
        self.assertEqual((video.seconds, video.size, video.object), ("5", "1280x720", "video"))
        self.assertEqual(self.openai.videos.retrieve(video.id).id, video.id)
        content = self.openai.videos.download_content(video.id).read()
        self.assertEqual(content, self.stored(video.id))
        thumbnail = self.openai.videos.download_content(video.id, variant="thumbnail").read()
        sheet = self.openai.videos.download_content(video.id, variant="spritesheet").read()
        self.assertEqual((thumbnail[8:12], sheet[8:12]), (b"WEBP", b"WEBP"))

        remix = self.openai.videos.remix(video.id, prompt="A wolf in the snow")
        self.assertEqual(remix.remixed_from_video_id, video.id)
        remix = self.openai.videos.poll(remix.id, poll_interval_ms=200)
        self.assertEqual((remix.status, remix.prompt), ("completed", "A wolf in the snow"))
        listed = [one.id for one in self.openai.videos.list(limit=1)]  # the client turns the pages itself
        self.assertEqual(listed, [remix.id, video.id])

        deleted = self.openai.videos.delete(video.id)
        self.assertTrue(deleted.deleted)
        with self.assertRaises(self.library.NotFoundError):
            self.openai.videos.retrieve(video.id)
        self.assertEqual([one.id for one in self.openai.videos.list()], [remix.id])
        self.assertEqual([create.prompt for create in self.upstream.creates], [ASKED["prompt"], "A wolf in the snow"])

    def test_a_first_frame_as_a_file_and_as_an_object(self):
        image = picture(width=1280, height=720).read()
        uploads = set()
        for sent in (
            {"input_reference": ("frame.png", image, "image/png")},
            {"extra_body": {"input_reference": {"image_url": data_uri(image)}}},
        ):
            video = self.openai.videos.create(model="veo/veo3.1", prompt="A fox", **sent)
            uploads.add(Generation.objects.get(uuid=video.id).inputs.get().upload_id)
        self.assertEqual(len(uploads), 1)

    def test_options_of_a_model_go_along_in_extra_body(self):
        video = self.openai.videos.create(
            model="wan/wan2.6-t2v", prompt="A fox", seconds="10", extra_body={"negative_prompt": "blur", "audio": False}
        )
        options = Generation.objects.get(uuid=video.id).options
        self.assertEqual((options["duration"], options["negative_prompt"], options["audio"]), (10, "blur", False))

    def test_a_failed_video_comes_back_with_its_reason(self):
        self.upstream.answers_status(400, {"error": {"message": "no foxes"}})
        video = self.openai.videos.create_and_poll(**ASKED, poll_interval_ms=200)
        self.assertEqual((video.status, video.error.code), ("failed", "rejected"))
        self.assertIn("no foxes", video.error.message)

    def test_refusals_are_the_clients_own_exceptions(self):
        with self.assertRaises(self.library.UnprocessableEntityError) as refused:
            self.openai.videos.create(**ASKED | {"seconds": "7"})
        self.assertEqual((refused.exception.param, refused.exception.code), ("seconds", "invalid_option"))
        self.assertTrue(refused.exception.request_id.startswith("req_"))
        with self.assertRaises(self.library.AuthenticationError):
            self.library.OpenAI(base_url=f"{self.url}/v1", api_key="vs_wrong").videos.list()

    def test_models_are_listed(self):
        keys = {model.id for model in self.openai.models.list()}
        self.assertIn("wan/wan2.6", keys)
        self.assertEqual(self.openai.models.retrieve("wan/wan2.6").owned_by, "Alibaba")


def data_uri(image: bytes) -> str:
    return "data:image/png;base64," + b64encode(image).decode()
