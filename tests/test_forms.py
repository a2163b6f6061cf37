"""The composer's form: derived from the catalogue, impossible to set wrong, and what it judges, carries and keeps."""

import tempfile
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import QueryDict
from django.test import RequestFactory, TestCase
from django.utils import timezone

from generations import catalog as catalogue
from generations.catalog import catalog
from generations.forms import GenerationForm, LibraryForm, NoGateway
from generations.forms.composer import CANNOT_BE_SENT, NO_GATEWAY
from generations.forms.images import GONE_IMAGE
from generations.lifecycle.files import path_of
from generations.models import Gateway, Generation, Membership, Upload, User
from generations.specs import Choice, Flag, ImageFile, IntRange, Option, Size, Text, Url
from tests.factories import alice, bob, carol, defaults_of, make_gateway, make_generation, needed_options
from tests.pages import picture

WAN, WAN_JSON, VEO, VEO_FAST = "wan/wan2.6", "wan/wan2.6-t2v", "veo/veo3.1", "veo/veo3.1-fast"
FAMILY = """
[[model]]
key = "demo/paused"
label = "Paused one"
maker = "Demo"
dialect = "newapi"
upstream_id = "paused-one"
status = "paused"
source = "made up"
description = "Switched off for a while."

[[model]]
key = "demo/twin"
label = "Twin"
maker = "Demo"
dialect = "newapi"
upstream_id = "wan2.6"
status = "active"
source = "made up"
description = "Called like another."
"""


def posted(user: User | None = None, **fields: Any) -> GenerationForm:
    """Return the form of a POST; lists are several values of one name."""
    request = RequestFactory().post("/", {"prompt": "A fox", "model": WAN, **fields})
    request.user = user or alice()
    return GenerationForm.posted(request)


def switched(user: User | None = None, **fields: Any) -> GenerationForm:
    request = RequestFactory().post("/", {"prompt": "A fox", "model": WAN, "switch": "1", **fields})
    request.user = user or alice()
    return GenerationForm.switched(request)


def prefilled(query: str = "", user: User | None = None) -> GenerationForm:
    return GenerationForm.prefilled(QueryDict(query), user=user or alice())


def legal_values(option: Option) -> list[object]:
    """A legal value of each kind an option knows; all of them where they are few."""
    match option:
        case Choice() | Size():
            return list(option.values)
        case IntRange(low=low, high=high):
            return [low, (low + high) // 2, high]
        case Flag():
            return [True, False]
        case Text():
            return ["no people"]
        case Url():
            return ["https://example.com/sound.mp3"]
    return []


def illegal_value(option: Option) -> str:
    match option:
        case IntRange(high=high):
            return str(high + 1)
        case Text(max_length=length):
            return "x" * (length + 1)
        case Url():
            return "http://example.com/sound.mp3"
        case ImageFile():
            return str(uuid.uuid4())
    return "nonsense"


def add_demo_models(case: TestCase) -> None:
    """Let the catalogue have one that is switched off, and one called like another."""
    folder = tempfile.TemporaryDirectory()
    case.addCleanup(folder.cleanup)
    (Path(folder.name) / "demo.toml").write_text(FAMILY)
    case.addCleanup(catalogue.configure)
    catalogue.configure(folder.name)


class OfferedTestCase(TestCase):
    """With a gateway that offers every model."""

    @classmethod
    def setUpTestData(cls) -> None:
        cls.gateway = make_gateway()


class CatalogueTests(OfferedTestCase):
    """The walk over every model that the catalogue has."""

    def each(self, models=None):
        for model in models or catalog().choosable():
            with self.subTest(model.key):
                yield model

    def posted(self, model, **fields: Any) -> GenerationForm:
        """Return the form of a POST that gives what the model cannot do without."""
        return posted(model=model.key, **needed_options(model) | fields)

    def test_each_model_has_a_field_for_each_option_and_no_other(self):
        for model in self.each(catalog().models):
            form = prefilled(f"model={model.key}")
            self.assertEqual([field.name for field in form.option_fields], [option.name for option in model.options])
            self.assertEqual(
                [field.name for field in form.advanced_fields], [o.name for o in model.options if o.advanced]
            )
            self.assertEqual(bool(form.problems), not model.is_choosable)

    def test_each_default_is_shown_and_taken(self):
        for model in self.each():
            shown = {field.name: field.value() for field in prefilled(f"model={model.key}").option_fields}
            self.assertEqual(shown, {option.name: option.default for option in model.options})
            form = self.posted(model, **{name: value for name, value in shown.items() if value is not None})
            self.assertTrue(form.is_valid(), form.errors)
            self.assertEqual(form.cleaned_data["options"] | defaults_of(model), form.cleaned_data["options"])
            self.assertEqual(form.cleaned_data["options"].keys(), (defaults_of(model) | needed_options(model)).keys())

    def test_what_is_left_out_is_taken_as_its_default(self):
        for model in self.each():
            form = self.posted(model)
            self.assertTrue(form.is_valid(), form.errors)
            self.assertEqual(form.cleaned_data["options"] | defaults_of(model), form.cleaned_data["options"])
            self.assertEqual(form.cleaned_data["options"].keys(), (defaults_of(model) | needed_options(model)).keys())

    def test_each_value_of_each_option_is_taken_as_it_is(self):
        for model in self.each():
            for option in model.options:
                for value in legal_values(option):
                    text = str(value).lower() if isinstance(value, bool) else str(value)
                    form = self.posted(model, **{option.name: text})
                    self.assertTrue(form.is_valid(), form.errors)
                    self.assertEqual(form.cleaned_data["options"][option.name], value)

    def test_each_option_refuses_what_it_does_not_offer_at_its_field(self):
        for model in self.each():
            for option in model.options:
                form = self.posted(model, **{option.name: illegal_value(option)})
                self.assertFalse(form.is_valid(), option.name)
                self.assertEqual(list(form.errors), [option.name])
                [sentence] = form.errors[option.name]
                self.assertTrue(sentence.endswith("."), sentence)

    def test_an_option_of_another_model_is_refused_with_a_sentence(self):
        names = {option.name: option for model in catalog().models for option in model.options}
        for model in self.each():
            own = {option.name for option in model.options}
            for name in names.keys() - own:
                form = self.posted(model, **{name: "5"})
                self.assertEqual(form.non_field_errors(), [f"{model.label} has no option '{name}'."])

    def test_a_value_of_another_model_is_refused_with_what_is_allowed(self):
        form = posted(model=VEO, seconds="5")
        self.assertEqual(form.errors, {"seconds": ["Duration can be 4, 6 or 8 s, not 5."]})
        form = posted(model=WAN, size="3840x2160")
        self.assertIn("not 3840x2160", form.errors["size"][0])

    def test_a_flag_is_false_or_also_true(self):
        off = posted(model=WAN_JSON, prompt_extend=["false"], audio=["false"])
        on = posted(model=WAN_JSON, prompt_extend=["false", "true"], watermark=["false", "true"])
        self.assertTrue(off.is_valid() and on.is_valid())
        self.assertEqual(
            (off.cleaned_data["options"]["prompt_extend"], off.cleaned_data["options"]["audio"]), (False, False)
        )
        self.assertEqual(
            (on.cleaned_data["options"]["prompt_extend"], on.cleaned_data["options"]["watermark"]), (True, True)
        )


class ModelTests(OfferedTestCase):
    """Which model is meant: the one that is named, never another."""

    def sentence(self, **fields: Any) -> str:
        form = posted(**fields)
        self.assertFalse(form.is_valid())
        [sentence] = form.errors["model"]
        return sentence

    def test_the_upstream_name_will_do_where_it_is_one_model_s(self):
        form = posted(model=" wan2.6-t2v ")
        self.assertTrue(form.is_valid(), form.errors)
        self.assertEqual(form.video_model.key, WAN_JSON)

    def test_missing_and_unknown_models_are_refused_with_the_choices(self):
        for given, problem in {
            "": "No model was chosen.",
            "nonsense": "There is no model 'nonsense'.",
            "WAN/WAN2.6": "There is no model 'WAN/WAN2.6'.",
            "wan\0": "There is no model 'wan?'.",
            "x" * 1_000_000: f"There is no model '{'x' * 40}…'.",
            "<b>wan</b>": "There is no model '<b>wan</b>'.",
        }.items():
            with self.subTest(given[:20]):
                sentence = self.sentence(model=given)
                self.assertTrue(sentence.startswith(problem), sentence)
                for key in (WAN, WAN_JSON, VEO):
                    self.assertIn(key, sentence)

    def test_an_ambiguous_name_is_refused_with_the_models_it_could_be(self):
        add_demo_models(self)
        sentence = self.sentence(model="wan2.6")
        self.assertEqual(sentence, "Several models are called 'wan2.6'. Choose wan/wan2.6 or demo/twin.")

    def test_a_model_switched_off_is_refused_with_a_sentence(self):
        add_demo_models(self)
        sentence = self.sentence(model="demo/paused")
        self.assertEqual(sentence, "Paused one is paused. Choose another model.")

    def test_a_model_no_gateway_offers_is_refused_with_a_sentence(self):
        Gateway.objects.update(offers=["veo"])
        form = posted(model=WAN)
        self.assertTrue(form.is_valid(), form.errors)
        with self.assertRaises(NoGateway) as caught:
            form.save()
        sentence = "No gateway offers Wan 2.6 at the moment. Choose another model."
        self.assertEqual(str(caught.exception), sentence)
        self.assertEqual(self.sentence(model=WAN, prompt=""), sentence)  # beside another error it is said at once

    def test_without_any_gateway_that_is_said(self):
        Gateway.objects.update(enabled=False)
        with self.settings(STUDIO_SANDBOX="off"):
            form = prefilled()
            self.assertEqual((form.video_model, form.problems), (None, [NO_GATEWAY]))
            self.assertIn("No gateway is set up", self.sentence(model=WAN, prompt=""))

    def test_the_model_used_last_is_the_one_to_begin_with(self):
        self.assertEqual(prefilled().video_model.key, VEO_FAST)  # the usual one
        make_generation(model=VEO)
        make_generation(model=WAN_JSON)
        make_generation(model=VEO_FAST, user=bob())
        self.assertEqual(prefilled().video_model.key, WAN_JSON)
        self.assertEqual(prefilled(user=bob()).video_model.key, VEO_FAST)
        Gateway.objects.update(offers=["veo"])
        self.assertEqual(prefilled().video_model.key, VEO_FAST)  # what cannot be chosen is not begun with
        Gateway.objects.update(offers=["kling", "wan"])
        self.assertEqual(prefilled(user=bob()).video_model.key, "kling/kling-v2-master")  # else the first there is


class PromptTests(OfferedTestCase):
    def test_what_cannot_be_a_prompt_is_refused_with_a_sentence(self):
        for given, sentence in {
            "": "Write what the video should show.",
            " \r\n\t ": "Write what the video should show.",
            "a\0fox": CANNOT_BE_SENT,
            "\a\x1b": "Write what the video should show.",
            "\u200b\u200d \u202e\u3164": "Nothing of this prompt can be seen. Write what the video should show.",
            "x" * 5001: "The prompt can have at most 5000 characters; this has 5001.",
            "x" * 1_000_000: "The prompt can have at most 5000 characters; this has 1000000.",
        }.items():
            with self.subTest(given[:10]):
                form = posted(prompt=given)
                self.assertEqual(form.errors, {"prompt": [sentence]})
                self.assertEqual(form["prompt"].value(), given)

    def test_a_lone_surrogate_is_refused_with_a_sentence(self):
        data = QueryDict(mutable=True)
        data.update({"model": WAN, "prompt": "a \ud800 fox"})
        form = GenerationForm(data, user=alice(), video_model=catalog().get(WAN))
        self.assertEqual(form.errors, {"prompt": [CANNOT_BE_SENT]})

    def test_line_ends_become_one_kind_and_nothing_else_changes(self):
        form = posted(prompt="  A fox,\r\n<b>bold</b> & “quoted”\r🦊 \n")
        self.assertTrue(form.is_valid(), form.errors)
        self.assertEqual(form.cleaned_data["prompt"], "A fox,\n<b>bold</b> & “quoted”\n🦊")

    def test_controls_are_left_out_and_what_text_is_made_of_stays(self):
        for given, stored in {
            "\ufeffa\x1b[31m red\x07 fox\x0bat dusk": "a[31m red fox\nat dusk",
            "a\tb": "a\tb",
            "👩\u200d🚀 ❤\ufe0f": "👩\u200d🚀 ❤\ufe0f",
            "\u200fשועל\u200e fox": "\u200fשועל\u200e fox",
        }.items():
            with self.subTest(given):
                form = posted(prompt=given)
                self.assertTrue(form.is_valid(), form.errors)
                self.assertEqual(form.cleaned_data["prompt"], stored)

    def test_length_counts_what_is_stored(self):
        self.assertTrue(posted(prompt="\r\n" + "é\r\n" * 2500).is_valid())
        self.assertFalse(posted(prompt="\r\n" + "é\r\n" * 2500 + "éé").is_valid())


class DoubtfulTests(OfferedTestCase):
    """What came in a way that leaves open what was meant is never guessed: a guess is paid for."""

    def test_an_option_given_twice_is_refused(self):
        form = posted(seconds=["5", "10"])
        self.assertEqual(form.errors, {"seconds": ["Duration came 2 times. Choose one."]})

    def test_the_same_value_twice_or_beside_an_empty_one_is_one_value(self):
        for given in (["10", "10"], ["10", ""], ["", "10"]):
            form = posted(seconds=given)
            self.assertTrue(form.is_valid(), form.errors)
            self.assertEqual(form.cleaned_data["options"]["seconds"], 10)

    def test_a_file_where_a_value_belongs_is_refused(self):
        form = posted(seconds=SimpleUploadedFile("seconds", b"10"))
        self.assertEqual(form.errors, {"seconds": ["Duration is not a file."]})

    def test_an_image_for_a_model_that_takes_none_is_refused(self):
        form = posted(input_reference=picture())
        self.assertEqual(form.non_field_errors(), ["Wan 2.6 takes no file as 'input_reference'."])

    def test_a_file_under_a_name_that_nobody_knows_is_refused(self):
        form = posted(model=VEO, image=picture())
        self.assertEqual(form.non_field_errors(), ["Veo 3.1 takes no file as 'image'."])

    def test_numbers_are_taken_as_they_are_written_or_refused(self):
        for given in ("5.0", "5e0", "٥", "0x5", "05", "+5", "5 s", "1" * 5000, "-5", "NaN", "true"):
            with self.subTest(given[:10]):
                self.assertIn("Duration can be 5, 10 or 15 s", posted(seconds=given).errors["seconds"][0])
        for given in ("1" * 5000, "2147483648", "-1", "1.5", "٣"):
            with self.subTest(seed=given[:10]):
                self.assertIn("Seed can be", posted(model=WAN_JSON, seed=given).errors["seed"][0])

    def test_hostile_texts_are_refused_with_a_sentence(self):
        for name, given, words in (
            ("negative_prompt", "a\0b", "cannot be sent"),
            ("negative_prompt", "x" * 1_000_000, "at most 5000 characters"),
            ("audio_url", "javascript:alert(1)", "must begin with https://"),
            ("audio_url", "https://127.0.0.1/a.mp3", "public host"),
            ("audio_url", "https://example.com/\r\nX-Evil: 1", "without spaces"),
            ("audio_url", "https://user:pass@example.com/a.mp3", "must not contain a user name"),
            ("shot_type", "<script>", "can be single or multi, not <script>."),
        ):
            with self.subTest(f"{name}={given[:20]}"):
                self.assertIn(words, posted(model=WAN_JSON, **{name: given}).errors[name][0])


class ImageTests(OfferedTestCase):
    def test_an_image_becomes_an_upload_and_an_input(self):
        form = posted(model=VEO, input_reference=picture())
        self.assertTrue(form.is_valid(), form.errors)
        upload = Upload.objects.get()
        self.assertEqual((upload.team, upload.person, upload.kind), (alice().team, alice(), "image/png"))
        self.assertTrue(path_of(upload.file.name).is_file())
        generation, _ = form.save()
        self.assertEqual(generation.options["input_reference"], str(upload.uuid))
        item = generation.inputs.get()
        self.assertEqual((item.option, item.position, item.upload), ("input_reference", 0, upload))

    def test_a_refused_form_keeps_its_image(self):
        form = posted(model=VEO, prompt="", input_reference=picture())
        self.assertFalse(form.is_valid())
        self.assertEqual(form["input_reference"].upload, Upload.objects.get())

    def test_the_id_of_an_upload_stands_for_it(self):
        kept = posted(model=VEO, prompt="", input_reference=picture())
        kept.is_valid()
        again = posted(model=VEO, input_reference=str(Upload.objects.get().uuid))
        self.assertTrue(again.is_valid(), again.errors)
        self.assertEqual(again.uploads, {"input_reference": [Upload.objects.get()]})

    def test_a_colleague_s_upload_may_be_used_and_another_team_s_may_not(self):
        posted(model=VEO, prompt="", input_reference=picture()).is_valid()
        given = str(Upload.objects.get().uuid)
        self.assertTrue(posted(bob(), model=VEO, input_reference=given).is_valid())
        form = posted(carol(), model=VEO, input_reference=given)
        self.assertEqual(form.errors, {"input_reference": [GONE_IMAGE]})

    def test_the_same_image_again_is_the_same_upload_and_as_fresh_as_new(self):
        posted(model=VEO, input_reference=picture()).is_valid()
        Upload.objects.update(created_at=timezone.now() - timedelta(days=2))
        posted(model=VEO, input_reference=picture(name="copy.png")).is_valid()
        self.assertGreater(Upload.objects.get().created_at, timezone.now() - timedelta(minutes=1))
        posted(bob(), model=VEO, input_reference=picture()).is_valid()
        self.assertEqual(Upload.objects.count(), 2)

    def test_what_is_no_image_is_refused_at_the_field_and_not_kept(self):
        for content, words in (
            (b"", "empty"),
            (b"GIF89a", "a GIF"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG"),
            (b"\x89PNG\r\n\x1a\n broken", "damaged"),
        ):
            with self.subTest(words):
                form = posted(model=VEO, input_reference=SimpleUploadedFile("a.png", content, "image/png"))
                [sentence] = form.errors["input_reference"]
                self.assertIn(words, sentence)
        self.assertFalse(Upload.objects.exists())

    def test_a_refused_image_leaves_the_one_before_it_in_place(self):
        posted(model=VEO, prompt="", input_reference=picture()).is_valid()
        kept = Upload.objects.get()
        form = posted(model=VEO, input_reference=[str(kept.uuid), SimpleUploadedFile("a.gif", b"GIF89a")])
        self.assertIn("a GIF", form.errors["input_reference"][0])
        self.assertEqual(form["input_reference"].upload, kept)

    def test_a_new_image_takes_the_place_of_the_one_before(self):
        posted(model=VEO, prompt="", input_reference=picture()).is_valid()
        first = Upload.objects.get()
        form = posted(model=VEO, input_reference=[str(first.uuid), picture("blue")])
        self.assertTrue(form.is_valid(), form.errors)
        self.assertNotEqual(form["input_reference"].upload, first)

    def test_two_images_for_one_place_are_refused(self):
        form = posted(model=VEO, input_reference=[picture(), picture("blue")])
        self.assertEqual(form.errors, {"input_reference": ["First frame can be one image, not 2."]})

    def test_an_image_that_is_gone_is_asked_for_again(self):
        for given in (str(uuid.uuid4()), "not-an-id", "../../etc/passwd", "x" * 100_000):
            with self.subTest(given[:20]):
                form = posted(model=VEO, input_reference=given)
                self.assertEqual(form.errors, {"input_reference": [GONE_IMAGE]})

    def test_an_unknown_model_keeps_options_and_image_until_one_is_chosen(self):
        form = posted(model="nonsense", seconds="8", input_reference=picture())
        self.assertFalse(form.is_valid())
        kept = str(Upload.objects.get().uuid)
        self.assertEqual(form.waiting_values, {"seconds": ["8"], "input_reference": [kept]})
        chosen = prefilled(f"model={VEO}&was=&seconds=8&input_reference={kept}")
        self.assertEqual(chosen["seconds"].value(), 8)
        self.assertEqual(str(chosen["input_reference"].upload.uuid), kept)


class TeamTests(OfferedTestCase):
    def test_without_a_team_there_is_a_sentence_and_no_trace(self):
        loner = alice()
        Membership.objects.filter(user=loner).delete()
        form = posted(loner, model=VEO, input_reference=picture())
        self.assertEqual(
            form.non_field_errors(), ["You are not a member of a team yet. Ask an operator to add you to one."]
        )
        self.assertFalse(Upload.objects.exists())

    def test_a_generation_belongs_to_the_team_joined_first(self):
        Membership.objects.create(user=carol(), team=alice().team)
        form = posted(carol())
        self.assertTrue(form.is_valid(), form.errors)
        generation, _ = form.save()
        self.assertEqual(generation.team.name, "Elsewhere")


class TokenTests(OfferedTestCase):
    def save(self, **fields: Any) -> tuple[Generation, bool, bool]:
        form = posted(**fields)
        self.assertTrue(form.is_valid(), form.errors)
        generation, is_new = form.save()
        return generation, is_new, form.was_used_before

    def test_the_same_token_and_content_is_the_same_generation(self):
        first, is_new, used = self.save(form_token="once")
        self.assertEqual((is_new, used), (True, False))
        second, is_new, used = self.save(form_token="once")
        self.assertEqual((second, is_new, used), (first, False, True))

    def test_the_same_token_with_other_content_is_another_and_knows_it(self):
        first, _, _ = self.save(form_token="once")
        second, is_new, used = self.save(form_token="once", seconds="10")
        self.assertNotEqual(second, first)
        self.assertEqual((is_new, used), (True, True))

    def test_without_a_token_each_is_new(self):
        first, _, _ = self.save()
        second, is_new, used = self.save()
        self.assertNotEqual(first, second)
        self.assertEqual((is_new, used), (True, False))

    def test_a_colleague_s_token_is_another(self):
        first, _, _ = self.save(form_token="once")
        second, is_new, used = self.save(user=bob(), form_token="once")
        self.assertNotEqual(first, second)
        self.assertEqual((is_new, used), (True, False))

    def test_a_damaged_token_is_refused_and_a_fresh_one_comes_with_the_page(self):
        for given in ("x" * 65, "a\0b", "a\nb", "x" * 1_000_000):
            with self.subTest(given[:5]):
                form = posted(form_token=given)
                self.assertEqual(len(form.non_field_errors()), 1)
                self.assertIn("nothing was sent", form.non_field_errors()[0])
                self.assertRegex(form.token, r"^[\w-]{10,64}$")

    def test_a_refused_form_keeps_its_token_and_a_sent_one_gets_another(self):
        self.assertEqual(posted(form_token="once", prompt="").token, "once")
        self.assertEqual(switched(form_token="once").token, "once")
        form = posted(form_token="once")
        form.is_valid()
        made, _ = form.save()
        self.assertNotEqual(form.afresh(made).token, "once")
        self.assertNotEqual(prefilled().token, prefilled().token)


class FamilyTests(OfferedTestCase):
    """A generation made from another names it."""

    def save(self, **fields: Any) -> Generation:
        form = posted(**fields)
        self.assertTrue(form.is_valid(), form.errors)
        return form.save()[0]

    def test_the_same_again_is_a_rerun_and_something_else_a_remix(self):
        first = self.save()
        rerun = self.save(parent=str(first.uuid))
        remix = self.save(parent=str(first.uuid), seconds="10")
        self.assertEqual((rerun.parent, rerun.relation), (first, "rerun"))
        self.assertEqual((remix.parent, remix.relation), (first, "remix"))
        self.assertEqual((first.parent, first.relation), (None, ""))

    def test_a_parent_nobody_may_see_is_none(self):
        theirs = make_generation(user=carol())
        for given in (str(theirs.uuid), str(uuid.uuid4()), "nonsense", "\0", "x" * 100_000):
            with self.subTest(given[:10]):
                self.assertIsNone(self.save(parent=given).parent)


class PrefilledTests(OfferedTestCase):
    """GET: the model switch without JavaScript, links that bring values, "use again"."""

    def test_a_switch_keeps_what_is_legal_and_names_each_change(self):
        form = prefilled(f"model={VEO}&was={WAN}&seconds=10&size=1920x1080")
        self.assertEqual((form["seconds"].value(), form["size"].value()), (8, "1920x1080"))
        self.assertEqual([change.sentence for change in form.changes], ["10 s is not offered by Veo 3.1: set to 8 s"])

    def test_a_change_can_be_undone(self):
        form = prefilled(f"model={VEO}&was={WAN}&seconds=10&size=1088x832&prompt=a+%26+b")
        before = prefilled(form.undo_url.partition("?")[2])
        self.assertEqual(before.video_model.key, WAN)
        self.assertEqual((before["seconds"].value(), before["size"].value()), (10, "1088x832"))
        self.assertEqual(before["prompt"].value(), "a & b")
        self.assertEqual((before.changes, before.undo), ((), ""))

    def test_without_a_change_there_is_nothing_to_undo(self):
        form = prefilled(f"model={VEO_FAST}&was={VEO}&seconds=8")
        self.assertEqual((form.changes, form.undo), ((), ""))

    def test_values_without_a_model_are_taken_for_the_usual_one(self):
        make_generation(model=WAN)
        form = prefilled("seconds=15")
        self.assertEqual((form.video_model.key, form["seconds"].value()), (WAN, 15))

    def test_nonsense_in_the_query_becomes_what_is_legal_and_is_named(self):
        form = prefilled(f"model={WAN}&seconds=<b>99&size=%00&was=nonsense&seed=1")
        self.assertEqual((form["seconds"].value(), form["size"].value()), (5, "1920x1080"))
        self.assertEqual([change.option for change in form.changes], ["seconds", "size"])

    def test_an_unknown_model_is_said_and_no_other_takes_its_place(self):
        for query, problem in (("model=nonsense", "There is no model 'nonsense'."), ("model=", "No model was chosen.")):
            form = prefilled(f"{query}&prompt=a+fox&seconds=8")
            self.assertIsNone(form.video_model)
            self.assertIn(problem, form.problems[0])
            self.assertEqual(form["prompt"].value(), "a fox")
            self.assertEqual(form.waiting_values, {"seconds": ["8"]})

    def test_a_model_that_cannot_be_chosen_is_said(self):
        Gateway.objects.update(offers=["veo"])
        form = prefilled(f"model={WAN}&prompt=a+fox")
        self.assertFalse(form.is_model_choosable)
        self.assertIn("No gateway offers Wan 2.6", form.problems[0])
        self.assertEqual(form["prompt"].value(), "a fox")

    def test_a_prompt_by_its_number(self):
        prompt = make_generation(prompt="A fox & a hen").prompt
        theirs = make_generation(prompt="Secret", user=carol()).prompt
        self.assertEqual(prefilled(f"prompt_id={prompt.pk}")["prompt"].value(), "A fox & a hen")
        for given in (str(theirs.pk), "0", "-1", "²", "9" * 18, "9" * 30, "9" * 5000, "nonsense", "%00", ""):
            with self.subTest(given[:10]):
                form = prefilled(f"prompt_id={given}")
                self.assertEqual(form["prompt"].value(), "")
                self.assertEqual(form.problems, ["The prompt to begin from was not found."])

    def test_after_another_everything_is_as_it_was(self):
        posted(model=VEO, prompt="x", input_reference=picture()).is_valid()
        form = posted(model=VEO, prompt="A fox", seconds="8", input_reference=str(Upload.objects.get().uuid))
        form.is_valid()
        source, _ = form.save()
        form = prefilled(f"from={source.uuid}", user=bob())
        self.assertEqual(form.video_model.key, VEO)
        self.assertEqual((form["prompt"].value(), form["seconds"].value()), ("A fox", 8))
        self.assertEqual(form["input_reference"].upload, Upload.objects.get())
        self.assertEqual(form["parent"].value(), str(source.uuid))
        self.assertEqual((form.problems, form.changes, form.undo), ([], (), ""))

    def test_after_one_whose_model_cannot_be_chosen_that_is_said(self):
        source = make_generation(model=WAN, options={"seconds": 10})
        Gateway.objects.update(offers=["veo"])
        form = prefilled(f"from={source.uuid}")
        self.assertEqual(form.problems, ["Wan 2.6 cannot be chosen any more: Veo 3.1 Fast takes its place."])
        self.assertEqual([change.option for change in form.changes], ["seconds"])
        Generation.objects.filter(pk=source.pk).update(model_key="gone/model", options={"seconds": 4, "magic": "x"})
        form = prefilled(f"from={source.uuid}")
        self.assertIn("cannot be chosen any more", form.problems[0])
        self.assertEqual(form["seconds"].value(), 4)

    def test_after_one_whose_image_is_gone_that_is_said(self):
        source = make_generation(model=VEO, options={"input_reference": str(uuid.uuid4())})
        form = prefilled(f"from={source.uuid}")
        self.assertEqual(form.errors, {"input_reference": [GONE_IMAGE]})
        self.assertIsNone(form["input_reference"].upload)

    def test_one_of_another_team_is_as_one_that_never_was(self):
        theirs = make_generation(user=carol(), prompt="Secret")
        for given in (str(theirs.uuid), str(uuid.uuid4()), "nonsense", "%00", "x" * 10_000):
            with self.subTest(given[:10]):
                form = prefilled(f"from={given}&prompt=mine")
                self.assertEqual(form.problems, ["The video to begin from was not found."])
                self.assertEqual((form["prompt"].value(), form["parent"].value()), ("mine", ""))


class SwitchedTests(OfferedTestCase):
    """POST: the buttons that ask for no video, all there is without JavaScript."""

    def test_a_switch_keeps_everything_typed(self):
        form = switched(model=VEO, was=WAN, seconds="10", prompt=" A fox,\r\nrunning", form_token="once")
        self.assertEqual((form.video_model.key, form["seconds"].value()), (VEO, 8))
        self.assertEqual([change.sentence for change in form.changes], ["10 s is not offered by Veo 3.1: set to 8 s"])
        self.assertEqual((form["prompt"].value(), form.token), (" A fox,\r\nrunning", "once"))

    def test_it_can_be_undone_with_everything_typed(self):
        form = switched(model=VEO, was=WAN, seconds="10", prompt="A fox")
        before = switched(model=VEO, was=VEO, seconds="8", prompt="A fox, now red", undo=form.undo)
        self.assertEqual((before.video_model.key, before["seconds"].value()), (WAN, 10))
        self.assertEqual(before["prompt"].value(), "A fox, now red")
        self.assertEqual((before.changes, before.undo), ((), ""))

    def test_an_image_that_comes_along_is_kept(self):
        form = switched(model=VEO_FAST, was=VEO, input_reference=picture())
        self.assertEqual(form["input_reference"].upload, Upload.objects.get())

    def test_an_image_the_new_model_does_not_take_is_named_and_comes_back_with_undo(self):
        form = switched(model=WAN, was=VEO, input_reference=picture())
        self.assertEqual([change.sentence for change in form.changes], ["Wan 2.6 has no first frame: left out"])
        before = switched(model=WAN, was=WAN, undo=form.undo)
        self.assertEqual(before["input_reference"].upload, Upload.objects.get())

    def test_an_image_can_be_removed_and_everything_else_stays(self):
        switched(model=VEO, was=VEO, input_reference=picture())
        kept = str(Upload.objects.get().uuid)
        form = switched(model=VEO, was=VEO, seconds="8", input_reference=kept, discard="input_reference")
        self.assertIsNone(form["input_reference"].upload)
        self.assertEqual((form["seconds"].value(), form.changes, form.problems), (8, (), []))

    def test_a_bad_image_is_said_at_its_field(self):
        form = switched(model=VEO, was=VEO, input_reference=SimpleUploadedFile("a.gif", b"GIF89a"))
        self.assertIn("a GIF", form.errors["input_reference"][0])
        form = switched(model=WAN, was=VEO, input_reference=SimpleUploadedFile("a.gif", b"GIF89a"))
        self.assertIn("a GIF", form.problems[0])

    def test_an_unknown_model_is_said_and_nothing_is_lost(self):
        form = switched(model="nonsense", was=VEO, seconds="8", prompt="A fox", input_reference=picture())
        self.assertIsNone(form.video_model)
        self.assertIn("There is no model 'nonsense'.", form.problems[0])
        self.assertEqual(form["prompt"].value(), "A fox")
        self.assertEqual(form.waiting_values.keys(), {"seconds", "input_reference"})

    def test_nothing_is_asked_for(self):
        switched(model=VEO, was=WAN)
        self.assertFalse(Generation.objects.exists())


class StrayTests(OfferedTestCase):
    """A value that is not offered stays in sight: were it gone, the next press would take a default for it."""

    def test_an_illegal_choice_stays(self):
        form = posted(model=VEO, seconds="5", size="1x1")
        self.assertEqual((form["seconds"].stray, form["size"].stray), ("5", "1x1"))

    def test_a_legal_one_is_none(self):
        form = posted(model=VEO, prompt="", seconds="8")
        self.assertEqual((form["seconds"].stray, form["size"].stray, form["input_reference"].stray), ("", "", ""))

    def test_what_was_left_out_shows_what_it_means(self):
        self.assertEqual(posted(model=VEO, prompt="")["seconds"].value(), 4)


class LibraryFormTests(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        make_gateway()
        alice(), bob(), carol()

    def chosen(self, query: str) -> dict[str, str]:
        return LibraryForm(QueryDict(query), user=alice()).chosen

    def test_what_makes_sense_filters(self):
        self.assertEqual(
            self.chosen(f"q=+fox+&status=failed&model={WAN}&person=bob"),
            {"q": "fox", "status": "failed", "model": WAN, "person": "bob"},
        )

    def test_what_makes_none_filters_nothing(self):
        self.assertEqual(self.chosen("status=nonsense&model=%00&person=carol&q=%00+"), {})
        self.assertEqual(self.chosen("status=&status=&unknown=1"), {})

    def test_long_words_are_cut_and_not_forgotten(self):
        self.assertEqual(self.chosen(f"q={'x' * 100_000}"), {"q": "x" * 500})

    def test_people_are_those_of_one_s_teams(self):
        form = LibraryForm(QueryDict(""), user=alice())
        self.assertEqual([name for name, _ in form.fields["person"].choices], ["", "alice", "bob"])

    def test_signs_of_like_stand_for_no_other_signs(self):
        make_generation(prompt="wool")
        make_generation(prompt="羊毛毛衣")  # written without spaces between words, it is looked for in another way
        for words in ("w%25l", "wo_l", "羊%25衣", "羊_毛衣"):
            found = LibraryForm(QueryDict(f"q={words}"), user=alice()).apply(Generation.objects.all())
            with self.subTest(words):
                self.assertEqual(list(found), [])
