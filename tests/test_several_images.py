"""Several images in an order that matters, and the limits of an image: from the form to the row."""

import io

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import TestCase
from PIL import Image

from generations.forms.images import GONE_IMAGE
from generations.models import Generation, Upload
from tests.factories import alice, make_gateway
from tests.pages import picture, read

SEEDANCE, VEO, KLING, WAN = "seedance/doubao-seedance-2-0", "veo/veo3.1", "kling/kling-v2-master", "wan/wan2.6"
NAME = "input_reference"


class ImagesTestCase(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        make_gateway()

    def setUp(self) -> None:
        self.client.force_login(alice())

    def post(self, model: str = SEEDANCE, **fields):
        return self.client.post("/", {"model": model, "prompt": "[Image 1] walks to [Image 2]", **fields})

    def sent(self, response) -> dict[str, list[str]]:
        return read(response).one("form", id_="composer").controls()

    def colours(self, generation: Generation) -> list[tuple[int, int, int]]:
        """The colour of each image of a generation, in its order."""
        found = []
        for item in generation.inputs.all():
            with Image.open(item.upload.file.path) as image:
                found.append(image.getpixel((0, 0)))
        return found


RED, GREEN, BLUE = (255, 0, 0), (0, 128, 0), (0, 0, 255)


class SeveralTests(ImagesTestCase):
    def test_they_keep_their_order(self):
        files = [picture(colour) for colour in ("blue", "red", "green")]
        self.assertEqual(self.post(**{NAME: files}).status_code, 302)
        generation = Generation.objects.get()
        self.assertEqual(self.colours(generation), [BLUE, RED, GREEN])
        self.assertEqual([item.position for item in generation.inputs.all()], [0, 1, 2])
        ids = [str(item.upload.uuid) for item in generation.inputs.all()]
        self.assertEqual(generation.options[NAME], ids)

    def test_a_refused_form_keeps_them_and_more_come_behind_them(self):
        response = self.post(prompt="", **{NAME: [picture("blue"), picture("red")]})
        self.assertEqual(response.status_code, 422)
        sent = self.sent(response)
        self.assertEqual(len(sent[NAME]), 2)
        again = self.client.post("/", sent | {"prompt": ["A fox"], NAME: [*sent[NAME], picture("green")]})
        self.assertEqual(again.status_code, 302)
        self.assertEqual(self.colours(Generation.objects.get()), [BLUE, RED, GREEN])

    def test_one_of_them_can_be_removed(self):
        response = self.post(prompt="", **{NAME: [picture("blue"), picture("red"), picture("green")]})
        sent = self.sent(response)
        buttons = read(response).one("form", id_="composer").all("button", name="discard")
        self.assertEqual([button["value"] for button in buttons], [f"{NAME}:{given}" for given in sent[NAME]])
        after = self.client.post("/", sent | {"discard": [buttons[1]["value"]]})
        self.assertEqual(self.sent(after)[NAME], [sent[NAME][0], sent[NAME][2]])

    def test_the_last_one_can_be_removed(self):
        sent = self.sent(self.post(prompt="", **{NAME: picture("blue")}))
        after = self.client.post("/", sent | {"discard": [f"{NAME}:{sent[NAME][0]}"]})
        self.assertNotIn(NAME, self.sent(after))

    def test_used_again_they_are_all_there(self):
        self.post(**{NAME: [picture("blue"), picture("red")]})
        made = Generation.objects.get()
        sent = self.sent(self.client.get("/", {"from": str(made.uuid)}))
        self.assertEqual(sent[NAME], made.options[NAME])
        self.assertEqual(self.client.post("/", sent).status_code, 302)
        self.assertEqual(made.children.get().relation, Generation.Relation.RERUN)
        self.assertEqual(self.colours(made.children.get()), [BLUE, RED])

    def test_the_same_form_twice_is_one_generation_and_another_order_is_another(self):
        for colours in (("blue", "red"), ("blue", "red"), ("red", "blue")):
            response = self.post(form_token="once", **{NAME: [picture(colour) for colour in colours]})
            self.assertEqual(response.status_code, 302)
        self.assertEqual(Generation.objects.count(), 2)

    def test_one_bad_file_is_said_and_the_others_stay(self):
        bad = SimpleUploadedFile("a.gif", b"GIF89a", "image/gif")
        response = self.post(**{NAME: [picture("blue"), bad]})
        self.assertContains(response, "a GIF", status_code=422)
        self.assertEqual(len(self.sent(response)[NAME]), 1)

    def test_a_tenth_is_refused_and_none_is_lost(self):
        files = [picture(width=32 + number) for number in range(10)]
        response = self.post(**{NAME: files})
        self.assertContains(response, "Reference images can be at most 9 images, not 10.", status_code=422)
        self.assertEqual(len(self.sent(response)[NAME]), 10)

    def test_another_model_that_takes_none_says_so_and_undo_brings_them_back(self):
        sent = self.sent(self.post(prompt="", **{NAME: [picture("blue"), picture("red")]}))
        switched = self.client.post("/", sent | {"model": [WAN], "switch": ["1"]})
        self.assertContains(switched, "Wan 2.6 has no reference images: left out")
        undo = read(switched).one("button", name="undo")["value"]
        back = self.client.post("/", self.sent(switched) | {"undo": [undo]})
        self.assertEqual(self.sent(back)[NAME], sent[NAME])

    def test_an_image_of_one_meaning_is_not_taken_for_another(self):
        sent = self.sent(self.post(VEO, prompt="", **{NAME: picture("blue")}))
        switched = self.client.post("/", sent | {"model": [SEEDANCE], "switch": ["1"]})
        self.assertContains(switched, "Seedance 2.0 has no first frame: left out")
        self.assertNotIn(NAME, self.sent(switched))

    def test_one_that_is_gone_is_said(self):
        response = self.post(**{NAME: ["0b1c8e9a-0000-4000-8000-000000000000", picture("blue")]})
        self.assertContains(response, GONE_IMAGE, status_code=422)
        self.assertEqual(len(self.sent(response)[NAME]), 1)


class LimitTests(ImagesTestCase):
    """What one model takes, another may not: looked at when an image is given and when it is carried along."""

    def webp(self) -> SimpleUploadedFile:
        file = io.BytesIO()
        Image.new("RGB", (400, 400), "teal").save(file, "WEBP")
        return SimpleUploadedFile("frame.webp", file.getvalue(), "image/webp")

    def test_a_type_that_is_not_taken_is_refused_before_it_is_kept(self):
        response = self.post(KLING, image=self.webp())
        self.assertContains(response, "this is a 400x400 WEBP of 1 KB.", status_code=422)
        self.assertFalse(Upload.objects.exists())

    def test_one_that_is_too_small_is_refused_with_its_size(self):
        response = self.post(KLING, image=picture(width=299, height=300))
        self.assertContains(response, "at least 300 pixels wide and high; this is a 299x300 PNG", status_code=422)

    def test_an_upload_made_for_another_model_is_judged_by_this_one(self):
        self.post(VEO, prompt="", input_reference=self.webp())
        kept = str(Upload.objects.get().uuid)
        response = self.post(KLING, image=kept)
        self.assertContains(response, "First frame can be a JPEG or PNG image", status_code=422)
        self.assertFalse(Generation.objects.exists())

    def test_carried_along_it_stays_in_sight_with_what_is_wrong(self):
        sent = self.sent(self.post(VEO, prompt="", input_reference=self.webp()))
        switched = self.client.post("/", sent | {"model": [KLING], "switch": ["1"]})
        self.assertContains(switched, "First frame can be a JPEG or PNG image")
        self.assertEqual(self.sent(switched)["image"], sent[NAME])
