"""The catalogue: every documented combination is accepted and sent as documented; every wrong file is refused.

The tables here are retyped from the providers' documents, not from the catalogue, so that either can catch the other.
"""

import tempfile
from itertools import product
from pathlib import Path

from django.test import SimpleTestCase

from generations import catalog as catalog_module
from generations.catalog import (
    BUILT_IN,
    AmbiguousModel,
    Catalog,
    CatalogError,
    UnknownModel,
    catalog,
    configure,
    load,
    model_choices,
)
from generations.gateways import DIALECTS as SPOKEN
from generations.specs import ImageFile, VideoModel

WAN_720 = "1280x720 720x1280 1088x832 832x1088"
WAN_1080 = "1920x1080 1080x1920 1440x1440 1632x1248 1248x1632"
VEO = "1280x720 720x1280 1920x1080 3840x2160"
SEEDANCE_480 = "864x496 752x560 640x640 560x752 496x864 992x432"
SEEDANCE_720 = "1280x720 1112x834 960x960 834x1112 720x1280 1470x630"
SEEDANCE_1080 = "1920x1080 1664x1248 1440x1440 1248x1664 1080x1920"
SEEDANCE = f"{SEEDANCE_480} {SEEDANCE_720} {SEEDANCE_1080}"
SEEDANCE_10_480 = "864x480 736x544 640x640 544x736 480x864 960x416"
SEEDANCE_10_720 = "1248x704 1120x832 960x960 832x1120 704x1248 1504x640"
SEEDANCE_10_1080 = "1920x1088 1664x1248 1440x1440 1248x1664 1088x1920"
VIDU = "640x352 960x528 1280x720 1920x1080"
SORA = "720x1280 1280x720 1024x1792 1792x1024"


def numbers(low: int, high: int) -> str:
    return " ".join(str(number) for number in range(low, high + 1))


# CometAPI's form dialect: every scalar is a form field at the top level, so text.
FORM = {
    "wan2.6": {"seconds": "5 10 15", "size": f"{WAN_720} {WAN_1080}"},
    "wan2.7": {
        "seconds": "2 3 4 5 6 7 8 9 10 11 12 13 14 15",
        "size": "1280x720 720x1280 1920x1080 1080x1920 1440x1440",
    },
    "happyhorse-1.0": {"seconds": numbers(3, 15), "size": "1280x720 720x1280 1920x1080 1080x1920 1440x1440"},
    "viduq3": {"seconds": numbers(1, 16), "size": VIDU},
    "viduq3-turbo": {"seconds": numbers(1, 16), "size": VIDU},
    "doubao-seedance-2-0": {"seconds": numbers(4, 15), "size": SEEDANCE},
    "doubao-seedance-2-0-fast": {"seconds": numbers(4, 15), "size": f"{SEEDANCE_480} {SEEDANCE_720}"},
    "doubao-seedance-1-5-pro": {"seconds": numbers(4, 12), "size": SEEDANCE},
    "doubao-seedance-1-0-pro": {
        "seconds": numbers(2, 10),
        "size": f"{SEEDANCE_10_480} {SEEDANCE_10_720} {SEEDANCE_10_1080}",
    },
    "sora-2": {"seconds": "4 8 12", "size": SORA},
    "sora-2-pro": {"seconds": "4 8 12", "size": SORA},
    "veo3.1-fast": {"seconds": "4 6 8", "size": VEO},
    "veo3.1": {"seconds": "4 6 8", "size": VEO},
    "omni-fast": {"seconds": "4", "aspect_ratio": "16:9 9:16 1:1", "resolution": "720p 1080p"},
}
FORM_DEFAULTS = {
    "wan2.6": {"seconds": "5", "size": "1920x1080"},
    "wan2.7": {"seconds": "5", "size": "1920x1080"},
    "happyhorse-1.0": {"seconds": "5", "size": "1920x1080"},
    "viduq3": {"seconds": "5", "size": "1280x720"},
    "viduq3-turbo": {"seconds": "5", "size": "1280x720"},
    "veo3.1-fast": {"seconds": "4", "size": "1280x720"},
    "veo3.1": {"seconds": "4", "size": "1280x720"},
    "omni-fast": {"seconds": "4", "aspect_ratio": "16:9", "resolution": "720p"},
}

# ComputeVault's JSON dialect: integers and booleans are themselves, below metadata.
TIER_480 = "832*480 480*832 624*624"
TIER_720 = "1280*720 720*1280 960*960 1088*832 832*1088"
TIER_1080 = "1920*1080 1080*1920 1440*1440 1632*1248 1248*1632"
JSON = {
    "wan2.5-t2v-preview": {"durations": [5, 10], "sizes": f"{TIER_480} {TIER_720} {TIER_1080}", "shots": [None]},
    "wan2.6-t2v": {"durations": [5, 10, 15], "sizes": f"{TIER_720} {TIER_1080}", "shots": ["single", "multi"]},
}
TRACK = "https://example.com/track.mp3"

# The providers' own dialects: texts and integers as each wants them.
RATIOS = ["16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3"]
NATIVE = {
    "kling-v2-master": {"duration": ["5", "10"], "aspect_ratio": RATIOS, "mode": ["std", "pro"]},
    "gen3a_turbo": {
        "duration": [5, 10],
        "ratio": ["1280:720", "720:1280", "1104:832", "832:1104", "960:960", "1584:672", "1280:768", "768:1280"],
        "watermark": [True, False],
    },
    "grok-imagine-video": {"duration": list(range(1, 16)), "aspect_ratio": RATIOS, "resolution": ["480p", "720p"]},
    "grok-imagine-video-1.5": {
        "duration": list(range(1, 16)),
        "aspect_ratio": RATIOS,
        "resolution": ["480p", "720p", "1080p"],
    },
}
STILL, FRAME = "https://example.com/still.jpg", "0b1c8e9a-0000-4000-8000-000000000000"
GIVEN = {"gen3a_turbo": {"prompt_image": STILL}, "grok-imagine-video-1.5": {"image": FRAME}}


def only(upstream_id: str) -> VideoModel:
    return catalog().find(upstream_id)


class DocumentedCombinations(SimpleTestCase):
    def test_the_catalogue_is_what_the_documents_name(self):
        self.assertEqual({model.upstream_id for model in catalog().models}, {*FORM, *JSON, *NATIVE})
        self.assertEqual(
            {model.key: model.dialect for model in catalog().models},
            {
                "wan/wan2.6": "openai_videos",
                "wan/wan2.7": "openai_videos",
                "veo/veo3.1": "openai_videos",
                "veo/veo3.1-fast": "openai_videos",
                "omni/omni-fast": "openai_videos",
                "happyhorse/happyhorse-1.0": "openai_videos",
                "vidu/viduq3": "openai_videos",
                "vidu/viduq3-turbo": "openai_videos",
                "seedance/doubao-seedance-2-0": "openai_videos",
                "seedance/doubao-seedance-2-0-fast": "openai_videos",
                "seedance/doubao-seedance-1-5-pro": "openai_videos",
                "seedance/doubao-seedance-1-0-pro": "openai_videos",
                "sora/sora-2": "openai_videos",
                "sora/sora-2-pro": "openai_videos",
                "kling/kling-v2-master": "kling",
                "runway/gen3a_turbo": "runway",
                "grok/grok-imagine-video": "xai",
                "grok/grok-imagine-video-1.5": "xai",
                "wan/wan2.5-t2v-preview": "newapi",
                "wan/wan2.6-t2v": "newapi",
            },
        )

    def test_every_combination_of_the_providers_own_dialects_is_sent_as_documented(self):
        for upstream_id, table in NATIVE.items():
            model = only(upstream_id)
            for values in product(*table.values()):
                chosen = dict(zip(table, values, strict=True))
                with self.subTest(model=upstream_id, **chosen):
                    raw = {name: str(value) for name, value in chosen.items()} | GIVEN.get(upstream_id, {})
                    sent = model.sent(model.clean(raw))
                    self.assertEqual(sent, chosen | ({"promptImage": STILL} if "prompt_image" in raw else {}))
                    self.assertEqual({type(sent[name]) for name in chosen}, {type(value) for value in values})

    def test_kling_keeps_the_frame_of_its_image(self):
        model = only("kling-v2-master")
        self.assertNotIn("aspect_ratio", model.sent(model.clean({"image": FRAME})))
        with self.assertRaisesMessage(ValueError, "Last frame is only taken together with First frame."):
            model.clean({"image_tail": FRAME})
        self.assertEqual(model.clean({"image": FRAME, "image_tail": FRAME})["image_tail"], FRAME)

    def test_sora_is_retired_with_its_date_and_what_takes_over(self):
        for upstream_id, successor in {"sora-2": "veo/veo3.1-fast", "sora-2-pro": "veo/veo3.1"}.items():
            model = only(upstream_id)
            self.assertEqual((model.status, model.retired_on), ("retired", "2026-09-24"))
            self.assertEqual(model.successor, successor)
            self.assertFalse(model.is_choosable)

    def test_every_combination_of_the_form_dialect_is_sent_as_chosen(self):
        for upstream_id, table in FORM.items():
            model = only(upstream_id)
            for values in product(*(values.split() for values in table.values())):
                chosen = dict(zip(table, values, strict=True))
                with self.subTest(model=upstream_id, **chosen):
                    self.assertEqual(model.sent(model.clean(chosen)), chosen)

    def test_the_form_dialect_s_defaults_are_the_documents(self):
        for upstream_id, defaults in FORM_DEFAULTS.items():
            with self.subTest(model=upstream_id):
                model = only(upstream_id)
                self.assertEqual(model.sent(model.clean({})), defaults)

    def test_every_combination_of_the_json_dialect_is_sent_as_documented(self):
        flags = ("on", "off")
        for upstream_id, table in JSON.items():
            model = only(upstream_id)
            for duration, size, rewrite, shot, audio, link in product(
                table["durations"], table["sizes"].split(), flags, table["shots"], flags, ("", TRACK)
            ):
                chosen = {"duration": str(duration), "size": size, "prompt_extend": rewrite, "audio": audio}
                chosen |= {"audio_url": link, **({"shot_type": shot} if shot else {})}
                expected = {
                    "metadata.parameters.duration": duration,
                    "metadata.parameters.size": size,
                    "metadata.parameters.prompt_extend": rewrite == "on",
                    "metadata.parameters.watermark": False,
                }
                if link:
                    expected["metadata.input.audio_url"] = link
                else:
                    expected["metadata.parameters.audio"] = audio == "on"
                if shot and rewrite == "on":
                    expected["metadata.parameters.shot_type"] = shot
                with self.subTest(model=upstream_id, **chosen):
                    sent = model.sent(model.clean(chosen))
                    self.assertEqual(sent, expected)
                    self.assertEqual({p: type(v) for p, v in sent.items()}, {p: type(v) for p, v in expected.items()})

    def test_the_rest_of_the_json_dialect_is_sent_when_given(self):
        for upstream_id in JSON:
            model = only(upstream_id)
            for raw, seed in {"0": 0, "42": 42, "2147483647": 2147483647}.items():
                chosen = {"negative_prompt": " trees,\r\nanimals ", "seed": raw, "watermark": "on"}
                sent = model.sent(model.clean(chosen))
                with self.subTest(model=upstream_id, seed=raw):
                    self.assertEqual(sent["metadata.input.negative_prompt"], "trees,\nanimals")
                    self.assertEqual(sent["metadata.parameters.seed"], seed)
                    self.assertIs(sent["metadata.parameters.watermark"], True)

    def test_what_was_not_chosen_is_not_sent(self):
        for upstream_id in JSON:
            sent = only(upstream_id).sent(only(upstream_id).clean({}))
            with self.subTest(model=upstream_id):
                self.assertLessEqual({"metadata.parameters.audio"}, set(sent))
                for path in ("input.negative_prompt", "input.audio_url", "parameters.seed"):
                    self.assertNotIn(f"metadata.{path}", sent)

    def test_what_is_documented_for_one_is_refused_for_the_other(self):
        for upstream_id, chosen in [
            ("wan2.5-t2v-preview", {"duration": 15}),
            ("wan2.5-t2v-preview", {"shot_type": "single"}),
            ("wan2.6-t2v", {"size": "832*480"}),
            ("wan2.6-t2v", {"size": "1280x720"}),
            ("wan2.6", {"size": "960x960"}),
            ("wan2.6", {"seconds": 6}),
            ("wan2.7", {"size": "1088x832"}),
            ("wan2.7", {"seconds": 16}),
            ("veo3.1", {"size": "1080x1920"}),
            ("veo3.1", {"seconds": 5}),
            ("omni-fast", {"seconds": 8}),
            ("omni-fast", {"size": "1280x720"}),
            ("omni-fast", {"aspect_ratio": "4:3"}),
            ("wan2.7", {"input_reference": "0b1c"}),
        ]:
            with self.subTest(model=upstream_id, **chosen), self.assertRaises(ValueError):
                only(upstream_id).clean(chosen)

    def test_images_are_taken_as_each_document_says(self):
        kinds = {"first_frame": [], "last_frame": [], "references": []}
        for role, found in kinds.items():
            found += [model.upstream_id for model in catalog().models if model.option_with_role(role)]
        self.assertEqual(
            set(kinds["first_frame"]),
            {
                *("veo3.1", "veo3.1-fast", "sora-2", "sora-2-pro"),
                *("kling-v2-master", "grok-imagine-video", "grok-imagine-video-1.5"),
            },
        )
        self.assertEqual(kinds["last_frame"], ["kling-v2-master"])
        self.assertEqual(set(kinds["references"]), {"doubao-seedance-2-0", "doubao-seedance-2-0-fast"})
        self.assertEqual(only("doubao-seedance-2-0").option("input_reference").most, 9)
        kling = only("kling-v2-master").option("image")
        self.assertEqual(
            (kling.encoding, kling.types, kling.max_bytes, kling.min_side),
            ("base64", ("image/jpeg", "image/png"), 10 * 1024 * 1024, 300),
        )
        self.assertEqual(only("grok-imagine-video").option("image").encoding, "data_uri")
        option = only("veo3.1").option("input_reference")
        self.assertIsInstance(option, ImageFile)
        self.assertFalse(option.required)

    def test_asked_is_the_frame_and_length_chosen(self):
        for upstream_id, values, frame in [
            ("wan2.6", {"seconds": 15, "size": "1088x832"}, (1088, 832, 15)),
            ("wan2.6-t2v", {"duration": 10, "size": "832*1088"}, (832, 1088, 10)),
            ("omni-fast", {"aspect_ratio": "1:1", "resolution": "720p"}, (720, 720, 4)),
            ("omni-fast", {"aspect_ratio": "9:16", "resolution": "1080p"}, (1080, 1920, 4)),
        ]:
            with self.subTest(model=upstream_id, **values):
                asked = only(upstream_id).asked(only(upstream_id).clean(values))
                self.assertEqual((asked.width, asked.height, asked.seconds), frame)

    def test_omni_s_ratio_and_tier_are_preferences_with_what_was_observed(self):
        model = only("omni-fast")
        preferences = {option.name for option in model.options if option.preference}
        self.assertEqual(preferences, {"aspect_ratio", "resolution"})
        self.assertEqual(
            {(seen.asked["resolution"], seen.asked["aspect_ratio"]): seen.frame for seen in model.observed},
            {
                ("720p", "16:9"): "1280x720",
                ("720p", "9:16"): "720x1280",
                ("720p", "1:1"): "1280x720",
                ("1080p", "16:9"): "1280x720",
            },
        )
        others = [
            option.name
            for entry in catalog().models
            if entry is not model
            for option in entry.options
            if option.preference
        ]
        self.assertEqual(others, [])

    def test_tiers_are_the_documents(self):
        for upstream_id, tiers in {
            "wan2.7": {"720p": "1280x720 720x1280", "1080p": "1920x1080 1080x1920 1440x1440"},
            "doubao-seedance-2-0": {"480p": SEEDANCE_480, "720p": SEEDANCE_720, "1080p": SEEDANCE_1080},
            "doubao-seedance-1-0-pro": {"480p": SEEDANCE_10_480, "720p": SEEDANCE_10_720, "1080p": SEEDANCE_10_1080},
            "wan2.6": {"720p": WAN_720, "1080p": WAN_1080},
            "veo3.1": {"720p": "1280x720 720x1280", "1080p": "1920x1080", "4K": "3840x2160"},
            "wan2.6-t2v": {"720P": TIER_720, "1080P": TIER_1080},
            "wan2.5-t2v-preview": {"480P": TIER_480, "720P": TIER_720, "1080P": TIER_1080},
        }.items():
            found = only(upstream_id).option_with_role("size").tiers
            with self.subTest(model=upstream_id):
                self.assertEqual({tier: " ".join(values) for tier, values in found.items()}, tiers)


class EveryEntry(SimpleTestCase):
    def test_says_where_it_comes_from_and_what_it_is(self):
        for model in catalog().models:
            with self.subTest(model=model.key):
                self.assertRegex(model.source, r"^(CometAPI|ComputeVault), .+, read 2026-11$")
                self.assertTrue(model.description.endswith("."))
                self.assertIn(model.dialect, SPOKEN)

    def test_asks_for_duration_and_frame_first_and_folds_the_rest(self):
        for model in catalog().models:
            with self.subTest(model=model.key):
                self.assertEqual(model.options[0].role, "seconds")
                self.assertIn(model.options[1].role, {"size", "ratio"})
                folded = {"negative_prompt", "audio_url", "prompt_extend", "watermark", "seed", "shot_type", "video"}
                folded |= {"remix_of", "image_link", "cfg_scale"}
                self.assertEqual(
                    {option.name for option in model.options if option.advanced},
                    folded & {option.name for option in model.options},
                )

    def test_takes_its_result_from_the_documented_places(self):
        for model in catalog().models:
            expected = ("video_url", "content") if model.dialect == "openai_videos" else ("video_url",)
            expected = {"seedance": ("video_url",), "sora": ("content",)}.get(model.family, expected)
            with self.subTest(model=model.key):
                self.assertEqual(model.sources, expected)


GOOD = """
[[model]]
key = "acme/one"
label = "Acme One"
maker = "Acme"
dialect = "openai_videos"
upstream_id = "one"
status = "active"
source = "Acme, Videos, read 2026-11"
description = "Makes videos."

[[model.option]]
name = "size"
label = "Size"
kind = "size"
role = "size"
default = "1280x720"
[model.option.tiers]
720p = ["1280x720", "720x1280"]

[[model.option]]
name = "shots"
label = "Shots"
kind = "choice"
values = ["single", "multi"]
"""


class CatalogFolders(SimpleTestCase):
    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def write(self, text: str, name: str = "acme.toml") -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def assert_wrong(self, text: str, sentence: str, name: str = "acme.toml"):
        path = self.write(text, name)
        with self.subTest(sentence=sentence), self.assertRaises(CatalogError) as caught:
            load(self.folder)
        self.assertEqual(str(caught.exception), sentence)
        self.assertEqual(caught.exception.file, name)
        path.unlink()

    def assert_wrong_entry(self, old: str, new: str, reason: str):
        self.assertIn(old, GOOD)
        self.assert_wrong(GOOD.replace(old, new, 1), f"acme.toml, acme/one, {reason}")


KINDS = "choice, size, integer, text, url, flag, image, images"


class WrongFiles(CatalogFolders):
    def test_the_example_is_right(self):
        self.write(GOOD)
        self.assertEqual([model.key for model in load(self.folder).models], ["acme/one"])

    def test_keys_that_do_not_fit(self):
        for new, sentence in {
            'key = "other/one"': "other/one, key is not of the family 'acme' that the file is named after",
            'key = "one"': "one, key 'one' is not spelled like family/model",
            "key = 5": "key is not text",
            "": "key is missing",
        }.items():
            self.assert_wrong(GOOD.replace('key = "acme/one"', new), f"acme.toml, {sentence}")

    def test_values_that_contradict_each_other(self):
        for old, new, reason in [
            ('default = "1280x720"', 'default = "1x1"', "option size: default 1x1 is not among its values"),
            ('720p = ["1280x720"', '720p = ["wide"', "option size: size wide is not spelled like 1280x720"),
            ('role = "size"', 'role = "seed"', "option size: role 'seed' does not suit kind 'size'"),
            ('role = "size"', 'role = "shape"', "option size: role 'shape' does not suit kind 'size'"),
            ('kind = "choice"', 'kind = "dropdown"', f"option shots: kind 'dropdown' is not one of {KINDS}"),
            ('kind = "choice"', "kind = [1]", f"option shots: kind [1] is not one of {KINDS}"),
            ('kind = "choice"', "", f"option shots: kind None is not one of {KINDS}"),
            ('status = "active"', 'status = "new"', "status 'new' is not one of active, beta, paused, retired"),
            ('source = "Acme, Videos, read 2026-11"', "", "source is missing"),
            ('source = "Acme, Videos, read 2026-11"', 'source = ""', "source is missing"),
            (
                '"single", "multi"]',
                '"single"]\nrequires = { magic = true }',
                "option shots: requires names magic, which is no other option",
            ),
            (
                '"single", "multi"]',
                '"single"]\noverridden_by = ["magic"]',
                "option shots: overridden_by names magic, which is no other option",
            ),
            (
                '"single", "multi"]',
                '"single"]\nrequires = { size = "1x1" }',
                "option shots: requires size to be 1x1, which it cannot be",
            ),
            ('name = "shots"', 'name = "size"', "option size is given twice"),
        ]:
            self.assert_wrong_entry(old, new, reason)

    def test_values_of_the_wrong_shape(self):
        for old, new, reason in [
            ('label = "Acme One"', "label = 5", "label is not text"),
            (
                'values = ["single", "multi"]',
                'values = "single"',
                "option shots: values is not a list of text or integers",
            ),
            (
                'values = ["single", "multi"]',
                "values = [1.5]",
                "option shots: values is not a list of text or integers",
            ),
            (
                'values = ["single", "multi"]',
                'values = ["a"]\nadvanced = "yes"',
                "option shots: advanced is not true or false",
            ),
            ('values = ["single", "multi"]', "", "option shots: values is missing"),
            (
                'values = ["single", "multi"]',
                'values = ["a"]\nrequires = ["size"]',
                "option shots: requires is not a table of values",
            ),
            (
                'values = ["single", "multi"]',
                'values = ["a"]\ndefault = 1.5',
                "option shots: default is not text, an integer, true or false",
            ),
            (
                '720p = ["1280x720", "720x1280"]',
                '720p = "1280x720"',
                "option size: tiers is not a table of lists of text",
            ),
            ('status = "active"', 'status = "active"\nprompt_max = true', "prompt_max is not an integer"),
            ('status = "active"', 'status = "active"\nsources = "content"', "sources is not a list of text"),
        ]:
            self.assert_wrong_entry(old, new, reason)

    def test_names_that_mean_nothing(self):
        self.assert_wrong(
            GOOD.replace("status =", "colour = 5\nstatus ="), "acme.toml, acme/one, colour is not known here"
        )
        self.assert_wrong(
            GOOD.replace('kind = "choice"', 'kind = "choice"\nlow = 1'),
            "acme.toml, acme/one, option shots: low is not known here",
        )
        self.assert_wrong("version = 1\n" + GOOD, "acme.toml, version is not known here")
        self.assert_wrong(
            GOOD + '\n[[model.observed]]\nasked = { size = "1280x720" }\nframe = "1280x720"\nnote = "x"\n',
            "acme.toml, acme/one, note is not known here",
        )

    def test_files_that_hold_no_models(self):
        self.assert_wrong("", "acme.toml, holds no model")
        self.assert_wrong('model = "one"', "acme.toml, model is not written as [[model]]")
        with self.assertRaisesMessage(CatalogError, "acme.toml, cannot be read: "):
            self.write("[[model]")
            load(self.folder)
        (self.folder / "acme.toml").write_bytes(b"\xff\xfe")
        with self.assertRaisesMessage(CatalogError, "acme.toml, cannot be read: "):
            load(self.folder)

    def test_doubles_across_files_and_folders(self):
        other = GOOD.replace('"acme/one"', '"acme/two"').replace('"Acme One"', '"Acme Two"')
        self.assert_wrong(GOOD + GOOD, "acme.toml, acme/one, key is given twice")
        self.assert_wrong(GOOD + other, "acme.toml, acme/two, upstream_id one is also that of acme/one")
        other = other.replace('upstream_id = "one"', 'upstream_id = "two"')
        self.assert_wrong(
            GOOD + other.replace("Acme Two", "Acme One"),
            "acme.toml, acme/two, label Acme One is also that of acme/one: nobody could choose",
        )
        veo = GOOD.replace('"acme/one"', '"veo/veo3.1"')
        self.write(veo, "veo.toml")
        with self.assertRaisesMessage(CatalogError, "veo.toml, veo/veo3.1, key is given twice"):
            load(BUILT_IN, self.folder)

    def test_a_successor_that_does_not_exist(self):
        retired = GOOD.replace(
            'status = "active"', 'status = "retired"\nretired_on = "2026-09-24"\nsuccessor = "acme/two"'
        )
        self.assert_wrong(retired, "acme.toml, acme/one, successor acme/two is not in the catalogue")

    def test_a_folder_that_does_not_exist(self):
        with self.assertRaisesMessage(CatalogError, "is not a folder"):
            load(self.folder / "missing")


class FindingModels(SimpleTestCase):
    def test_by_key(self):
        self.assertEqual(catalog().get("veo/veo3.1").label, "Veo 3.1")
        self.assertIs(catalog().find("veo/veo3.1"), catalog().get("veo/veo3.1"))
        with self.assertRaises(KeyError):
            catalog().get("veo3.1")

    def test_by_upstream_id(self):
        for model in catalog().models:
            with self.subTest(model=model.key):
                self.assertIs(catalog().find(model.upstream_id), model)

    def test_nothing_falls_back_to_another_model(self):
        choices = tuple(model.key for model in catalog().choosable())
        for text, begins in {"": "No model was chosen. ", "wan": "There is no model 'wan'. "}.items():
            with self.subTest(text=text), self.assertRaises(UnknownModel) as caught:
                catalog().find(text)
            self.assertEqual(caught.exception.choices, choices)
            self.assertTrue(caught.exception.sentence.startswith(f"{begins}Choose {choices[0]}, "))

    def test_an_upstream_id_of_two_models_names_both(self):
        two = Catalog([make_entry("acme/one", "newapi"), make_entry("acme/two", "openai_videos")])
        with self.assertRaises(AmbiguousModel) as caught:
            two.find("shared")
        self.assertEqual(caught.exception.choices, ("acme/one", "acme/two"))
        self.assertEqual(caught.exception.sentence, "Several models are called 'shared'. Choose acme/one or acme/two.")

    def test_what_can_be_chosen_goes_before_what_is_retired(self):
        gone = make_entry("acme/one", "newapi", status="retired", retired_on="2026-09-24")
        here = make_entry("acme/two", "openai_videos")
        self.assertIs(Catalog([gone, here]).find("shared"), here)
        self.assertIs(Catalog([gone]).find("shared"), gone)
        self.assertEqual(Catalog([gone, here]).choosable(), (here,))

    def test_an_empty_catalogue_says_so(self):
        with self.assertRaisesMessage(UnknownModel, "There is no model 'x'. There is none to choose from."):
            Catalog([]).find("x")

    def test_models_in_use_come_first_in_the_order_of_their_files(self):
        self.assertEqual(
            [model.key for model in catalog().models if model.family in {"omni", "sora", "veo", "wan"}],
            [
                "veo/veo3.1-fast",
                "veo/veo3.1",
                "wan/wan2.7",
                "wan/wan2.6",
                "wan/wan2.6-t2v",
                "omni/omni-fast",
                "wan/wan2.5-t2v-preview",
                "sora/sora-2",
                "sora/sora-2-pro",
            ],
        )

    def test_choices_are_keys_and_labels_that_differ(self):
        choices = model_choices()
        self.assertIn(("wan/wan2.7", "Wan 2.7"), choices)
        self.assertEqual(len(dict(choices)), len({label for _, label in choices}))


class Configuring(CatalogFolders):
    def setUp(self):
        super().setUp()
        before = catalog_module._directories[1:]
        self.addCleanup(configure, *before)

    def test_an_extra_folder_adds_models(self):
        self.write(GOOD)
        configure(self.folder)
        self.assertEqual(catalog().get("acme/one").maker, "Acme")
        self.assertEqual(catalog().get("veo/veo3.1").maker, "Google")

    def test_no_folder_is_none(self):
        configure("")
        self.assertEqual({model.upstream_id for model in catalog().models}, {*FORM, *JSON, *NATIVE})

    def test_a_wrong_folder_is_said_when_asked(self):
        configure(self.folder / "missing")
        with self.assertRaises(CatalogError):
            catalog()

    def test_the_catalogue_is_read_once(self):
        self.assertIs(catalog(), catalog())


def make_entry(key: str, dialect: str, **fields) -> VideoModel:
    facts = {"label": key, "maker": "Acme", "upstream_id": "shared", "status": "active", "description": "Makes videos."}
    return VideoModel(key=key, dialect=dialect, source="Acme, Videos, read 2026-11", **facts | fields)
