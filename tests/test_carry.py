"""Carrying options to another model: what is legal stays, the rest moves to the nearest, and every change is named."""

import uuid

from django.test import SimpleTestCase
from hypothesis import given
from hypothesis import strategies as st

from generations.carry import Change, carry
from generations.catalog import BUILT_IN, load
from generations.specs import Choice, Flag, ImageFile, ImageFiles, IntRange, Option, Size, Text, Url, VideoModel

MODELS = load(BUILT_IN).models
NAMES = sorted({option.name for model in MODELS for option in model.options})
VEO, WAN26, WAN27 = "veo/veo3.1", "wan/wan2.6", "wan/wan2.7"
WAN26_JSON, WAN25_JSON, OMNI = "wan/wan2.6-t2v", "wan/wan2.5-t2v-preview", "omni/omni-fast"


def model(key: str) -> VideoModel:
    return next(model for model in MODELS if model.key == key)


def make_model(label: str, *options: Option) -> VideoModel:
    facts = {"maker": "Acme", "dialect": "newapi", "status": "active", "source": "Acme", "description": "Makes videos."}
    return VideoModel(key=f"acme/{label.lower()}", label=label, upstream_id=label, options=options, **facts)


class CarryTestCase(SimpleTestCase):
    def assert_carried(
        self, old: str | None, new: str, values: dict, expected: dict, sentences: list[str] | None = None
    ):
        """Compare the options named in `expected`, and all sentences, in order."""
        with self.subTest(old=old, new=new, **values):
            carried = carry(model(old) if old else None, model(new), values)
            self.assertEqual({name: carried.values.get(name) for name in expected}, expected)
            self.assertEqual([change.sentence for change in carried.changes], sentences or [])


class Durations(CarryTestCase):
    def test_a_legal_duration_stays_whatever_it_is_called(self):
        self.assert_carried(WAN26, WAN26_JSON, {"seconds": "15"}, {"duration": 15})
        self.assert_carried(WAN25_JSON, WAN27, {"duration": 10}, {"seconds": 10})
        self.assert_carried(WAN27, VEO, {"seconds": "6"}, {"seconds": 6})

    def test_another_becomes_the_nearest_and_is_named(self):
        says = "{} s is not offered by Veo 3.1: set to {} s".format
        for raw, near in {"10": 8, "15": 8, "2": 4, "3": 4}.items():
            self.assert_carried(WAN27, VEO, {"seconds": raw}, {"seconds": near}, [says(raw, near)])

    def test_ties_go_down(self):
        self.assert_carried(WAN27, VEO, {"seconds": "5"}, {"seconds": 4}, ["5 s is not offered by Veo 3.1: set to 4 s"])
        self.assert_carried(WAN27, VEO, {"seconds": "7"}, {"seconds": 6}, ["7 s is not offered by Veo 3.1: set to 6 s"])

    def test_a_range_takes_the_nearer_end(self):
        self.assert_carried(
            None, WAN27, {"seconds": 99}, {"seconds": 15}, ["99 s is not offered by Wan 2.7: set to 15 s"]
        )

    def test_an_endless_number_is_not_near_anything(self):
        sentences = ["a huge number s is not offered by Wan 2.7: set to 5 s"]
        self.assert_carried(None, WAN27, {"seconds": 10**20}, {"seconds": 5}, sentences)

    def test_a_change_says_what_it_was_and_is(self):
        carried = carry(model(WAN26), model(VEO), {"seconds": "10"})
        sentence = "10 s is not offered by Veo 3.1: set to 8 s"
        change = Change(option="seconds", label="Duration", before="10 s", after="8 s", sentence=sentence)
        self.assertEqual(carried.changes, (change,))


class Sizes(CarryTestCase):
    def test_the_same_frame_in_another_spelling_is_no_change(self):
        self.assert_carried(WAN26, WAN26_JSON, {"size": "1088x832"}, {"size": "1088*832"})
        self.assert_carried(WAN25_JSON, VEO, {"size": "1920*1080"}, {"size": "1920x1080"})

    def test_the_same_ratio_goes_before_the_nearer_area(self):
        for old, new, before, after in [
            (VEO, WAN26, "3840x2160", "1920x1080"),
            (WAN25_JSON, WAN26, "960*960", "1440x1440"),
            (WAN25_JSON, WAN26_JSON, "480*832", "720*1280"),
            (WAN25_JSON, WAN26_JSON, "624*624", "960*960"),
            (WAN27, VEO, "1080x1920", "720x1280"),
        ]:
            words = f"{before.replace('*', 'x')} is not offered by {model(new).label}: set to {after.replace('*', 'x')}"
            self.assert_carried(old, new, {"size": before}, {"size": after}, [words])

    def test_without_the_ratio_the_nearest_area_wins_and_then_the_nearest_shape(self):
        for before, after in {"1088x832": "1280x720", "832x1088": "720x1280", "1632x1248": "1920x1080"}.items():
            sentences = [f"{before} is not offered by Veo 3.1: set to {after}"]
            self.assert_carried(WAN26, VEO, {"size": before}, {"size": after}, sentences)

    def test_a_size_becomes_its_ratio_and_tier(self):
        for old, before, (ratio, tier) in [
            (VEO, "1280x720", ("16:9", "720p")),
            (VEO, "1920x1080", ("16:9", "1080p")),
            (WAN26, "1080x1920", ("9:16", "1080p")),
        ]:
            self.assert_carried(old, OMNI, {"size": before, "seconds": 4}, {"aspect_ratio": ratio, "resolution": tier})

    def test_a_size_that_means_another_frame_is_named_once(self):
        for old, before, after in [
            (WAN25_JSON, "960*960", ("1:1", "720p")),
            (WAN26, "1088x832", ("1:1", "720p")),
            (VEO, "3840x2160", ("16:9", "1080p")),
            (WAN25_JSON, "480*832", ("9:16", "720p")),
        ]:
            sentences = [f"{before.replace('*', 'x')} is not offered by Omni Fast: set to {after[0]}, {after[1]}"]
            expected = {"aspect_ratio": after[0], "resolution": after[1]}
            self.assert_carried(old, OMNI, {"size": before}, expected, sentences)

    def test_a_ratio_and_a_tier_become_a_size(self):
        for ratio, tier, size in [
            ("16:9", "720p", "1280*720"),
            ("9:16", "720p", "720*1280"),
            ("16:9", "1080p", "1920*1080"),
        ]:
            self.assert_carried(OMNI, WAN25_JSON, {"aspect_ratio": ratio, "resolution": tier}, {"size": size})

    def test_the_tier_goes_before_the_nearer_area(self):
        sentences = ["1:1, 720p is not offered by Wan 2.5 T2V (preview): set to 960x960"]
        self.assert_carried(
            OMNI, WAN25_JSON, {"aspect_ratio": "1:1", "resolution": "720p"}, {"size": "960*960"}, sentences
        )

    def test_the_half_that_was_not_given_is_the_old_default(self):
        self.assert_carried(OMNI, WAN26, {"resolution": "720p"}, {"size": "1280x720"})
        self.assert_carried(OMNI, WAN26, {"aspect_ratio": "9:16"}, {"size": "720x1280"})

    def test_a_frame_nobody_can_read_is_named(self):
        self.assert_carried(
            VEO, OMNI, {"size": "wide"}, {"aspect_ratio": "16:9", "resolution": "720p"},
            ["wide is not offered by Omni Fast: set to 16:9, 720p"],
        )  # fmt: skip
        self.assert_carried(
            OMNI, WAN26, {"aspect_ratio": "wide", "resolution": "1080p"}, {"size": "1920x1080"},
            ["wide, 1080p is not offered by Wan 2.6: set to 1920x1080"],
        )  # fmt: skip

    def test_between_ratios_and_between_tiers_the_nearest_is_taken(self):
        wide = make_model(
            "Wide",
            Choice(name="ratio", label="Ratio", role="ratio", values=("21:9", "4:3", "9:16"), default="4:3"),
            Choice(name="tier", label="Tier", role="tier", values=("480p", "4K"), default="480p"),
        )
        carried = carry(model(OMNI), wide, {"aspect_ratio": "16:9", "resolution": "1080p"})
        self.assertEqual(carried.values, {"ratio": "21:9", "tier": "480p"})
        self.assertEqual([change.before for change in carried.changes], ["16:9", "1080p"])

    def test_a_ratio_alone_and_a_tier_alone_are_kept_by_what_they_say(self):
        ratio = make_model(
            "Ratio", Choice(name="r", label="Ratio", role="ratio", values=("1:1", "16:9"), default="1:1")
        )
        tier = make_model("Tier", Choice(name="t", label="Tier", role="tier", values=("720p", "4K"), default="720p"))
        for new, expected in {ratio: {"r": "16:9"}, tier: {"t": "4K"}}.items():
            with self.subTest(new=new.label):
                carried = carry(model(VEO), new, {"size": "3840x2160"})
                self.assertEqual((carried.values, carried.changes), (expected, ()))
        self.assertEqual(carry(ratio, model(VEO), {"r": "16:9"}).values["size"], "1280x720")
        back = carry(tier, model(VEO), {"t": "4K"})
        self.assertEqual((back.values["size"], back.changes), ("3840x2160", ()))


class OtherOptions(CarryTestCase):
    def test_the_same_option_keeps_what_was_chosen(self):
        values = {"audio": "off", "seed": "42", "negative_prompt": "trees", "watermark": "on", "prompt_extend": "off"}
        expected = {"audio": False, "seed": 42, "negative_prompt": "trees", "watermark": True, "prompt_extend": False}
        self.assert_carried(WAN26_JSON, WAN25_JSON, values, expected)
        self.assert_carried(VEO, "veo/veo3.1-fast", {"input_reference": "0b1c"}, {"input_reference": "0b1c"})

    def test_roles_match_under_any_name(self):
        muted = make_model("Muted", Flag(name="sound", label="Sound", role="audio", default=True))
        self.assertEqual(carry(model(WAN26_JSON), muted, {"audio": "off"}).values, {"sound": False})

    def test_one_name_with_two_meanings_is_not_carried(self):
        old = make_model("Old", IntRange(name="n", label="N", role="seed", type="integer", low=0, high=9))
        new = make_model("New", Choice(name="n", label="Length", role="seconds", values=(4, 8), default=4))
        carried = carry(old, new, {"n": "8"})
        self.assertEqual(carried.values, {"n": 4})
        self.assertEqual([change.sentence for change in carried.changes], ["New has no n: left out"])

    def test_what_the_new_model_lacks_is_named(self):
        for values, sentence in [
            ({"negative_prompt": "trees"}, "Veo 3.1 has no negative prompt: left out"),
            ({"audio": "off"}, "Veo 3.1 has no sound setting: left out"),
            ({"audio_url": "https://example.com/a"}, "Veo 3.1 has no audio link: left out"),
            ({"shot_type": "multi"}, "Veo 3.1 has no shot type: left out"),
            ({"seed": 0}, "Veo 3.1 has no seed: left out"),
            ({"seed": "garbage"}, "Veo 3.1 has no seed: left out"),
        ]:
            self.assert_carried(WAN26_JSON, VEO, values, {}, [sentence])
        self.assert_carried(VEO, WAN26, {"input_reference": "0b1c"}, {}, ["Wan 2.6 has no first frame: left out"])

    def test_a_default_goes_without_a_word(self):
        values = {"audio": "on", "watermark": "false", "prompt_extend": True, "shot_type": "single", "seed": ""}
        self.assert_carried(WAN26_JSON, VEO, values, {"audio": None, "seed": None})

    def test_text_that_is_too_long_is_cut_and_said(self):
        short = make_model("Short", Text(name="words", label="Negative prompt", role="negative", max_length=10))
        carried = carry(model(WAN26_JSON), short, {"negative_prompt": "tall trees and more"})
        self.assertEqual(carried.values, {"words": "tall trees"})
        self.assertEqual(
            [change.sentence for change in carried.changes],
            ["Negative prompt can have at most 10 characters; this has 19. Cut to that length."],
        )

    def test_text_and_links_that_cannot_be_mended_are_left_out_and_said(self):
        for values, sentence in [
            ({"audio_url": "http://example.com/a"}, "Audio link must begin with https://. Left out."),
            ({"negative_prompt": "a\0b"}, "Negative prompt contains characters that cannot be sent. Left out."),
        ]:
            self.assert_carried(WAN26_JSON, WAN25_JSON, values, dict.fromkeys(values), [sentence])

    def test_a_value_nobody_offers_becomes_the_default_and_is_said(self):
        sentences = ["maybe is not offered by Wan 2.6 T2V: set to on"]
        self.assert_carried(WAN25_JSON, WAN26_JSON, {"audio": "maybe"}, {"audio": True}, sentences)
        sentences = ["triple is not offered by Wan 2.6 T2V: set to Single shot"]
        self.assert_carried(None, WAN26_JSON, {"shot_type": "triple"}, {"shot_type": "single"}, sentences)

    def test_names_of_neither_model_are_ignored(self):
        self.assert_carried(WAN26, VEO, {"model": "x", "csrfmiddlewaretoken": "y", "motion": "1"}, {"seconds": 4})

    def test_what_is_taken_together_only_is_left_out_alone_and_named(self):
        last = ImageFile(name="last", label="Last frame", role="last_frame")
        first = ImageFile(name="first", label="First frame", role="first_frame")
        old = make_model("Old", last)
        new = make_model("New", first, ImageFile(name="end", label="Last frame", role="last_frame", needs=("first",)))
        carried = carry(old, new, {"last": "0b1c"})
        self.assertEqual(carried.values, {})
        [change] = carried.changes
        self.assertEqual(change.sentence, "New takes Last frame only together with First frame: left out")

    def test_several_images_that_go_nowhere_are_counted(self):
        old = make_model("Old", ImageFiles(name="refs", label="Reference images", role="references", most=9))
        [change] = carry(old, model(WAN26), {"refs": ["0b1c", "0b1d"]}).changes
        self.assertEqual((change.before, change.after), ("2 images", ""))

    def test_what_must_be_given_and_was_not_stays_missing(self):
        needy = make_model("Needy", ImageFile(name="frame", label="First frame", role="first_frame", required=True))
        carried = carry(model(WAN26), needy, {"seconds": 5})
        self.assertEqual((carried.values, carried.changes), ({}, ()))


RAW = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=5)
    | st.lists(st.integers(), max_size=2)
    | st.sampled_from(
        ["1x1", "1280*720", "99999x1", "1:1", "999:1", "480P", "8k", "0", "-5", "on", "https://a.example/"]
    )
)
GARBAGE = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), RAW, max_size=12)


@st.composite
def choices(draw: st.DrawFn) -> tuple[VideoModel, dict]:
    """A model and legal values for some of its options."""
    chosen = draw(st.sampled_from(MODELS))
    values = {}
    for option in chosen.options:
        match option:
            case Choice() | Size():
                legal = st.sampled_from(option.values)
            case IntRange():
                legal = st.integers(option.low, option.high)
            case Flag():
                legal = st.booleans()
            case Text(multiline=multiline):
                legal = st.sampled_from(["trees", "a\nb" if multiline else "a b"])
            case Url():
                legal = st.just("https://example.com/a")
            case ImageFiles(most=most):
                legal = st.lists(st.uuids().map(str), min_size=1, max_size=most)
            case ImageFile():
                legal = st.uuids().map(str)
        if option.required or (draw(st.booleans()) and all(name in values for name in option.needs)):
            values[option.name] = draw(legal)
    return chosen, values


def what_must_be_given(model: VideoModel) -> dict[str, str]:
    """Return a value for each option that has no default and is needed."""
    given: dict[str, str] = {"image": str(uuid.uuid4()), "url": "https://example.com/a"}
    return {option.name: given[option.kind] for option in model.options if option.required and option.default is None}


class Properties(SimpleTestCase):
    @given(old=st.none() | st.sampled_from(MODELS), new=st.sampled_from(MODELS), values=GARBAGE)
    def test_whatever_comes_in_what_comes_out_is_clean(self, old, new, values):
        carried = carry(old, new, values)
        whole = what_must_be_given(new) | carried.values
        self.assertEqual(new.clean(whole), whole)
        for change in carried.changes:
            self.assertTrue(new.label in change.sentence or change.sentence.startswith(change.label))
            self.assertTrue(change.option)
            self.assertTrue(change.before)

    @given(choice=choices())
    def test_the_same_model_changes_nothing(self, choice):
        same, values = choice
        carried = carry(same, same, values)
        self.assertEqual(carried.values, same.clean(values))
        self.assertEqual(carried.changes, ())

    @given(choice=choices(), new=st.sampled_from(MODELS))
    def test_a_value_that_went_elsewhere_was_named(self, choice, new):
        old, values = choice
        carried = carry(old, new, values)
        asked, got = old.asked(values), new.asked(carried.values)
        named = {change.option for change in carried.changes}
        if asked.seconds not in {None, got.seconds}:
            self.assertTrue(named & {"seconds", "duration"})
        # A ratio alone, as Kling's, names no frame.
        if None not in (asked.width, got.width) and (asked.width, asked.height) != (got.width, got.height):
            self.assertTrue(named & {"size", "aspect_ratio", "resolution", "ratio"})

    @given(choice=choices(), new=st.sampled_from(MODELS))
    def test_nothing_is_named_that_stayed(self, choice, new):
        old, values = choice
        for change in carry(old, new, values).changes:
            self.assertNotEqual(change.before, change.after)

    @given(choice=choices(), new=st.sampled_from(MODELS))
    def test_carrying_twice_is_carrying_once(self, choice, new):
        old, values = choice
        once = carry(old, new, values)
        again = carry(new, new, once.values)
        self.assertEqual((again.values, again.changes), (once.values, ()))
