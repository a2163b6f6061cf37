"""Specs: raw input becomes a typed value or one sentence, and a model decides what is stored and sent."""

import uuid

from django.test import SimpleTestCase
from hypothesis import given
from hypothesis import strategies as st

from generations.specs import (
    Asked,
    Choice,
    Flag,
    ImageFile,
    ImageFiles,
    IntRange,
    Observed,
    Option,
    OptionError,
    OptionErrors,
    Size,
    Text,
    Url,
    VideoModel,
    is_public_host,
    listed,
    nominal_frame,
    parse_integer,
    quoted,
)

DURATION = Choice(
    name="duration", label="Duration", type="integer", role="seconds", values=(5, 10), unit="s", default=5
)
SIZE = Size(
    name="size",
    label="Size",
    role="size",
    tiers={"720p": ("1280x720", "720x1280", "1088x832"), "1080p": ("1920x1080",), "4K": ("3840x2160",)},
    default="1280x720",
)
REWRITE = Flag(name="rewrite", label="Rewriting", default=True)
SHOTS = Choice(
    name="shots", label="Shot type", values=("single", "multi"), default="single", requires={"rewrite": True}
)
AUDIO = Flag(name="audio", label="Sound", default=True, overridden_by=("audio_url",))
AUDIO_URL = Url(name="audio_url", label="Audio link", path="input.audio_url", role="audio_url")
SEED = IntRange(name="seed", label="Seed", type="integer", role="seed", low=0, high=2147483647)
FRAME = ImageFile(name="frame", label="First frame", role="first_frame")
OPTIONS = (DURATION, SIZE, REWRITE, SHOTS, AUDIO, AUDIO_URL, SEED, FRAME)


def make_model(*options: Option, **fields) -> VideoModel:
    facts = {"key": "acme/one", "label": "Acme One", "maker": "Acme", "dialect": "newapi", "upstream_id": "one"}
    facts |= {"status": "active", "source": "Acme, Videos, read 2026-11", "description": "Makes videos."}
    return VideoModel(**facts | fields, options=options or OPTIONS)


def make_flag(name: str, **fields) -> Flag:
    return Flag(name=name, label=name, default=True, **fields)


class Garbage:
    """Something no form and no JSON holds."""


class SpecTestCase(SimpleTestCase):
    def assert_refused(self, option: Option, raw: object, sentence: str):
        with self.subTest(option=option.name, raw=raw), self.assertRaises(OptionError) as caught:
            option.clean(raw)
        self.assertEqual(caught.exception.sentence, sentence)

    def assert_clean(self, option: Option, raw: object, value: object):
        with self.subTest(option=option.name, raw=raw):
            cleaned = option.clean(raw)
            self.assertEqual((type(cleaned), cleaned), (type(value), value))

    def assert_impossible(self, reason: str, kind: type, **fields):
        with self.subTest(**fields), self.assertRaises(ValueError) as caught:
            kind(**{"name": "x", "label": "X"} | fields)
        self.assertIn(reason, str(caught.exception))


class ReadingTests(SpecTestCase):
    def test_an_integer_is_spelled_as_one(self):
        for raw, number in {"5": 5, " 15 ": 15, "-3": -3, "0": 0, 7: 7, -1: -1}.items():
            with self.subTest(raw=raw):
                self.assertEqual(parse_integer(raw), number)

    def test_nothing_else_is_an_integer(self):
        for raw in ["5.0", "", "+5", "05", "5 s", "٥", "1e3", "0x5", "5\n6", "-0.5", 5.0, True, False, None, [5], b"5"]:
            with self.subTest(raw=raw):
                self.assertIsNone(parse_integer(raw))

    def test_endless_digits_are_no_integer_and_cost_nothing(self):
        self.assertIsNone(parse_integer("9" * 100_000))
        self.assertIsNone(parse_integer(10**5000))
        self.assertEqual(quoted(10**5000), "a huge number")

    def test_the_tier_is_the_short_side(self):
        for (ratio, tier), frame in {
            ("16:9", "720p"): (1280, 720),
            ("9:16", "720p"): (720, 1280),
            ("1:1", "720p"): (720, 720),
            ("16:9", "1080p"): (1920, 1080),
            ("4:3", "480P"): (640, 480),
            ("16:9", "480P"): (854, 480),
            ("16:9", "4K"): (3840, 2160),
            ("16/9", "720p"): None,
            ("16:9", "big"): None,
            (None, "720p"): None,
            ("0:9", "720p"): None,
        }.items():
            with self.subTest(ratio=ratio, tier=tier):
                self.assertEqual(nominal_frame(ratio, tier), frame)

    def test_lists_read_as_a_sentence(self):
        self.assertEqual(listed(["a"]), "a")
        self.assertEqual(listed(["a", "b"]), "a or b")
        self.assertEqual(listed(["a", "b", "c"]), "a, b or c")

    def test_what_is_quoted_is_short_and_printable(self):
        self.assertEqual(quoted("x" * 50), "x" * 40 + "…")
        self.assertEqual(quoted("a\0b\u202ec"), "a?b?c")
        self.assertEqual(quoted(Garbage()), "Garbage")


class ChoiceTests(SpecTestCase):
    def test_text_and_integers_become_the_value(self):
        for raw in ["10", " 10 ", 10]:
            self.assert_clean(DURATION, raw, 10)
        self.assert_clean(SHOTS, "multi", "multi")
        self.assert_clean(Choice(name="x", label="X", values=("4", "8")), 8, "8")

    def test_nothing_given_is_the_default(self):
        for raw in ["", "  ", None]:
            self.assert_clean(DURATION, raw, 5)
        self.assert_clean(Choice(name="x", label="X", values=("a", "b")), "", None)

    def test_anything_else_is_refused_with_what_is_allowed(self):
        for raw, shown in {"7": "7", 7: "7", "5.0": "5.0", 5.0: "5.0", True: "True", "5\0": "5?"}.items():
            self.assert_refused(DURATION, raw, f"Duration can be 5 or 10 s, not {shown}.")
        self.assert_refused(SHOTS, "Multi", "Shot type can be single or multi, not Multi.")
        self.assert_refused(SHOTS, Garbage(), "Shot type can be single or multi, not Garbage.")
        self.assert_refused(SHOTS, ["multi"], "Shot type can be single or multi, not list.")

    def test_words_carry_the_unit_or_the_label(self):
        self.assertEqual(DURATION.words(5), "5 s")
        self.assertEqual(Choice(name="x", label="X", values=("a",), labels={"a": "Alpha"}).words("a"), "Alpha")

    def test_a_choice_that_contradicts_itself_is_impossible(self):
        self.assert_impossible("values are missing or doubled", Choice, values=())
        self.assert_impossible("values are missing or doubled", Choice, values=("a", "a"))
        self.assert_impossible("neither all text nor all integers", Choice, values=("a", 1))
        self.assert_impossible("neither all text nor all integers", Choice, values=(True, False))
        self.assert_impossible("type 'integer' does not suit", Choice, values=("a",), type="integer")
        self.assert_impossible("default b is not among its values", Choice, values=("a",), default="b")
        self.assert_impossible("default 5 is not among its values", Choice, values=(5, 10), default="5")
        self.assert_impossible("labels name b", Choice, values=("a",), labels={"b": "B"})
        self.assert_impossible("cannot be read as ratio", Choice, values=("wide",), role="ratio")
        self.assert_impossible("cannot be read as tier", Choice, values=("big",), role="tier")
        self.assert_impossible("cannot be read as seconds", Choice, values=("5",), role="seconds")
        self.assert_impossible("role 'seed' does not suit kind 'choice'", Choice, values=("a",), role="seed")


class SizeTests(SpecTestCase):
    def test_values_come_tier_by_tier(self):
        self.assertEqual(SIZE.values, ("1280x720", "720x1280", "1088x832", "1920x1080", "3840x2160"))

    def test_a_size_knows_its_frame_tier_and_ratio(self):
        for value, (frame, tier, ratio) in {
            "1280x720": ((1280, 720), "720p", "16:9"),
            "720x1280": ((720, 1280), "720p", "9:16"),
            "1088x832": ((1088, 832), "720p", "4:3"),
            "3840x2160": ((3840, 2160), "4K", "16:9"),
        }.items():
            with self.subTest(value=value):
                self.assertEqual((SIZE.frame(value), SIZE.tier_of(value), SIZE.ratio_of(value)), (frame, tier, ratio))

    def test_every_documented_frame_has_the_ratio_its_document_says(self):
        for ratio, values in {
            "16:9": ["832*480", "1280*720", "1920*1080", "3840*2160"],
            "9:16": ["480*832", "720*1280", "1080*1920"],
            "1:1": ["624*624", "960*960", "1440*1440"],
            "4:3": ["1088*832", "1632*1248"],
            "3:4": ["832*1088", "1248*1632"],
        }.items():
            for value in values:
                with self.subTest(value=value):
                    self.assertEqual(SIZE.ratio_of(value), ratio)

    def test_the_spelling_is_the_document_s(self):
        self.assert_clean(SIZE, " 1920x1080 ", "1920x1080")
        allowed = "Size can be 1280x720, 720x1280, 1088x832, 1920x1080 or 3840x2160"
        for raw in ["1280*720", "1280X720", "1x1", "720p"]:
            self.assert_refused(SIZE, raw, f"{allowed}, not {raw}.")
        self.assert_refused(SIZE, 1280, f"{allowed}, not 1280.")

    def test_asking_for_what_is_no_size_is_an_error(self):
        with self.assertRaisesMessage(ValueError, "'wide' is not a frame"):
            SIZE.frame("wide")
        with self.assertRaisesMessage(ValueError, "'1x1' is in no tier of size"):
            SIZE.tier_of("1x1")

    def test_words_are_pixels(self):
        self.assertEqual(SIZE.words("1280*720"), "1280x720")
        self.assertEqual(SIZE.words("wide"), "wide")

    def test_a_size_that_contradicts_itself_is_impossible(self):
        self.assert_impossible("a tier is empty or missing", Size, tiers={})
        self.assert_impossible("a tier is empty or missing", Size, tiers={"720p": ("1280x720",), "1080p": ()})
        self.assert_impossible("tier big is not spelled", Size, tiers={"big": ("1280x720",)})
        self.assert_impossible("size 1280 is not spelled", Size, tiers={"720p": ("1280",)})
        self.assert_impossible("values are doubled", Size, tiers={"720p": ("1280x720", "1280*720")})
        self.assert_impossible("default 1x1 is not among", Size, tiers={"720p": ("1280x720",)}, default="1x1")
        self.assert_impossible("a size is sent as a string", Size, tiers={"720p": ("1280x720",)}, type="integer")


class IntRangeTests(SpecTestCase):
    def test_both_ends_are_included(self):
        for raw, value in {"0": 0, 0: 0, "2147483647": 2147483647}.items():
            self.assert_clean(SEED, raw, value)
        self.assert_clean(SEED, "", None)

    def test_anything_else_is_refused_with_the_range(self):
        for raw, shown in {"-1": "-1", 2147483648: "2147483648", "5.0": "5.0", True: "True", "x": "x"}.items():
            self.assert_refused(SEED, raw, f"Seed can be a whole number from 0 to 2147483647, not {shown}.")
        seconds = IntRange(name="seconds", label="Duration", role="seconds", low=2, high=15, unit="s")
        self.assert_refused(seconds, "16", "Duration can be a whole number from 2 to 15 s, not 16.")

    def test_a_range_that_contradicts_itself_is_impossible(self):
        self.assert_impossible("low 5 is not below high 5", IntRange, low=5, high=5)
        self.assert_impossible("default 9 is not an integer within", IntRange, low=1, high=5, default=9)
        self.assert_impossible("not sent as a boolean", IntRange, low=1, high=5, type="boolean")
        self.assert_impossible("at least one second", IntRange, low=0, high=5, role="seconds")


class TextTests(SpecTestCase):
    def setUp(self):
        self.line = Text(name="words", label="Words", max_length=10)
        self.lines = Text(name="words", label="Words", max_length=10, multiline=True)

    def test_space_around_goes_and_line_ends_are_one(self):
        self.assert_clean(self.line, "  tall trees ", "tall trees")
        self.assert_clean(self.lines, "a\r\nb\rc\n", "a\nb\nc")
        self.assert_clean(self.lines, " \r\n ", None)

    def test_what_cannot_be_sent_is_refused(self):
        for raw in ["a\0b", "a\ud800"]:
            self.assert_refused(self.line, raw, "Words contains characters that cannot be sent.")
        self.assert_refused(self.line, "a\nb", "Words must be a single line.")
        self.assert_refused(self.line, "x" * 11, "Words can have at most 10 characters; this has 11.")
        self.assert_refused(self.line, 5, "Words must be text, not 5.")

    def test_a_text_that_contradicts_itself_is_impossible(self):
        self.assert_impossible("max_length is below 1", Text, max_length=0)
        self.assert_impossible("text is sent as a string", Text, max_length=5, type="integer")
        self.assert_impossible("default toolong is not text of its length", Text, max_length=5, default="toolong")


class UrlTests(SpecTestCase):
    def test_a_public_https_link_stays_as_it_is(self):
        for raw in [
            "https://example.com/a.mp3?x=1&y=%20",
            "https://EXAMPLE.com:8443/",
            "https://8.8.8.8/a",
            "https://[2606:4700::1111]/a",
            "https://xn--bcher-kva.example.org/a",
            "https://1e100.net/a",
        ]:
            self.assert_clean(AUDIO_URL, raw, raw)
        self.assert_clean(AUDIO_URL, " https://example.com/a ", "https://example.com/a")

    def test_other_schemes_are_refused(self):
        for raw in [
            "http://example.com/a",
            "ftp://example.com/a",
            "//example.com/a",
            "https:example.com",
            "https:///a",
        ]:
            self.assert_refused(AUDIO_URL, raw, "Audio link must begin with https://.")

    def test_credentials_are_refused(self):
        for raw in ["https://alice@example.com/", "https://alice:pw@example.com/", "https://@example.com/"]:
            self.assert_refused(AUDIO_URL, raw, "Audio link must not contain a user name or a password.")

    def test_private_hosts_are_refused(self):
        for host in [
            "localhost",
            "LOCALHOST.",
            "printer",
            "nas.local",
            "db.internal",
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "0",
            "10.0.0.1",
            "192.168.1.1.",
            "172.16.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "224.0.0.1",
            "[::1]",
            "[::]",
            "[fe80::1]",
            "[fd00::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:a9fe:a9fe]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[2001:0:7f00:1::]",
            "a%2eb.example.com",
            "1.2.3.4.5",
        ]:
            self.assert_refused(
                AUDIO_URL, f"https://{host}/a", "Audio link must be on a public host that the gateway can reach."
            )

    def test_an_address_of_a_public_host_inside_ipv6_is_public(self):
        for host in ["::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::"]:
            with self.subTest(host=host):
                self.assertTrue(is_public_host(host))

    def test_what_parsers_disagree_about_is_refused(self):
        wrong = "Audio link must be a link such as https://example.com/sound.mp3, without spaces."
        for raw in ["https://example.com/a b", "https://example.com\\@evil.example/", "https://１２７.0.0.1/", "a\0"]:
            self.assert_refused(AUDIO_URL, raw, wrong)
        self.assert_refused(AUDIO_URL, 5, wrong)
        for raw in ["https://example.com:99999/", "https://[::1/", "https://[oops]/"]:
            self.assert_refused(AUDIO_URL, raw, "Audio link is not a link that can be read.")

    def test_length_is_bounded(self):
        raw = "https://example.com/".ljust(2049, "a")
        self.assert_clean(AUDIO_URL, raw[:-1], raw[:-1])
        self.assert_refused(AUDIO_URL, raw, "Audio link can have at most 2048 characters; this has 2049.")


class FlagTests(SpecTestCase):
    def test_the_words_of_forms_and_programs(self):
        for raw in [True, "true", "on", "1", "yes", "True", " ON ", 1]:
            self.assert_clean(AUDIO, raw, True)
        for raw in [False, "false", "off", "0", "no", "No", 0]:
            self.assert_clean(AUDIO, raw, False)

    def test_nothing_given_is_the_default(self):
        self.assert_clean(AUDIO, "", True)
        self.assert_clean(Flag(name="x", label="X", default=False), None, False)

    def test_anything_else_is_refused(self):
        for raw, shown in {"maybe": "maybe", 2: "2", 1.0: "1.0"}.items():
            self.assert_refused(AUDIO, raw, f"Sound can be true or false, not {shown}.")

    def test_a_flag_always_has_a_value(self):
        self.assert_impossible("default None is not true or false", Flag, default=None)
        self.assert_impossible("default 1 is not true or false", Flag, default=1)
        self.assert_impossible("default None is not true or false", Flag)

    def test_a_flag_on_a_form_is_sent_as_a_word(self):
        self.assertEqual(Flag(name="x", label="X", default=True, type="string").wire(False), "false")


class ImageFileTests(SpecTestCase):
    def test_the_value_is_the_id_of_an_upload(self):
        upload = uuid.uuid4()
        self.assert_clean(FRAME, str(upload), str(upload))
        self.assert_clean(FRAME, upload, str(upload))
        self.assert_clean(FRAME, "", None)

    def test_bytes_and_paths_are_refused_with_the_limits(self):
        sentence = "First frame must be a JPEG, PNG or WEBP image of at most 20 MB and 40 megapixels."
        for raw in [b"\x89PNG", "../../secret", "x" * 65, 5, Garbage()]:
            self.assert_refused(FRAME, raw, sentence)

    def test_an_image_that_contradicts_itself_is_impossible(self):
        self.assert_impossible("types are not image types", ImageFile, types=("video/mp4",))
        self.assert_impossible("must be above 0", ImageFile, max_bytes=0)
        self.assert_impossible("a file has none", ImageFile, default="x")

    def test_it_says_why_an_image_does_not_fit(self):
        small = ImageFile(
            name="x", label="X", types=("image/png",), max_bytes=1024 * 1024, max_pixels=1_000_000, min_side=300
        )
        allowed = "X can be a PNG image of at most 1 MB and 1 megapixels, at least 300 pixels wide and high"
        self.assertEqual(small.misfit("image/png", 1024 * 1024, 1000, 1000), "")
        for facts, shown in (
            (("image/webp", 10, 400, 400), "400x400 WEBP of 1 KB"),
            (("image/png", 1024 * 1024 + 1, 400, 400), "400x400 PNG of 1.0 MB"),
            (("image/png", 10, 1001, 1000), "1001x1000 PNG of 1 KB"),
            (("image/png", 10, 299, 400), "299x400 PNG of 1 KB"),
        ):
            with self.subTest(shown):
                self.assertEqual(small.misfit(*facts), f"{allowed}; this is a {shown}.")

    def test_how_it_is_carried_is_one_of_three(self):
        for encoding in ("file", "data_uri", "base64"):
            self.assertEqual(ImageFile(name="x", label="X", encoding=encoding).encoding, encoding)
        self.assert_impossible("encoding 'hex' is not one of file, data_uri, base64", ImageFile, encoding="hex")
        self.assert_impossible("min_side must be above 0", ImageFile, min_side=0)


class ImageFilesTests(SpecTestCase):
    SOME = ImageFiles(name="refs", label="References", role="references", most=3)

    def test_the_value_is_a_list_of_ids_in_their_order(self):
        ids = [str(uuid.uuid4()) for _ in range(3)]
        self.assert_clean(self.SOME, ids, ids)
        self.assert_clean(self.SOME, ids[0], ids[:1])
        self.assert_clean(self.SOME, [], None)

    def test_too_many_and_what_is_no_id_are_refused(self):
        ids = [str(uuid.uuid4()) for _ in range(4)]
        self.assert_refused(self.SOME, ids, "References can be at most 3 images, not 4.")
        limits = "up to 3 images, each a JPEG, PNG or WEBP image of at most 20 MB and 40 megapixels"
        self.assert_refused(self.SOME, [ids[0], b"\x89PNG"], f"References must be {limits}.")

    def test_it_contradicts_itself_with_one(self):
        self.assert_impossible("most is below 2", ImageFiles, most=1)


class NeedsTests(SimpleTestCase):
    def model(self) -> VideoModel:
        return make_model(FRAME, ImageFile(name="last", label="Last frame", role="last_frame", needs=("frame",)))

    def test_what_needs_another_is_refused_without_it(self):
        with self.assertRaisesMessage(OptionErrors, "Last frame is only taken together with First frame."):
            self.model().clean({"last": "0b1c"})
        self.assertEqual(self.model().clean({"frame": "0b1d", "last": "0b1c"}), {"frame": "0b1d", "last": "0b1c"})
        self.assertEqual(self.model().clean({}), {})

    def test_it_names_another_option(self):
        with self.assertRaisesMessage(ValueError, "option last: needs names magic, which is no other option"):
            make_model(ImageFile(name="last", label="Last frame", needs=("magic",)))


class OptionTests(SpecTestCase):
    def test_the_path_is_the_name_unless_said(self):
        self.assertEqual(DURATION.path, "duration")
        self.assertEqual(AUDIO_URL.path, "input.audio_url")

    def test_required_without_a_default_must_be_given(self):
        option = Text(name="words", label="Words", max_length=5, required=True)
        self.assert_refused(option, " ", "Words is needed.")
        self.assert_clean(option, "a", "a")

    def test_an_option_that_could_never_work_is_impossible(self):
        self.assert_impossible("not a name of its own", Flag, default=True, name="prompt")
        self.assert_impossible("not a name of its own", Flag, default=True, name="Mixed Case")
        self.assert_impossible("not a free place in the request", Flag, default=True, path="model")
        self.assert_impossible("not a free place in the request", Flag, default=True, path="a..b")
        self.assert_impossible("label is empty", Flag, default=True, label=" ")
        self.assert_impossible("type 'float' is not one of", Flag, default=True, type="float")

    @given(raw=st.none() | st.text() | st.integers() | st.floats() | st.booleans() | st.binary() | st.lists(st.text()))
    def test_no_raw_value_breaks_an_option(self, raw):
        for option in OPTIONS:
            try:
                value = option.clean(raw)
            except OptionError as error:
                self.assertTrue(error.sentence.endswith("."))
            else:
                self.assertEqual(option.clean(value), value)


class VideoModelTests(SpecTestCase):
    def assert_errors(self, values: dict, errors: dict):
        with self.assertRaises(OptionErrors) as caught:
            make_model().clean(values)
        self.assertEqual(caught.exception.errors, errors)

    def test_defaults_are_filled_in_and_nothing_is_invented(self):
        expected = {"duration": 5, "size": "1280x720", "rewrite": True, "shots": "single", "audio": True}
        self.assertEqual(make_model().clean({}), expected)

    def test_every_fault_is_said_at_once(self):
        self.assert_errors(
            {"duration": "7", "seed": "x", "motion": "1", "audio": "on"},
            {
                "duration": ["Duration can be 5 or 10 s, not 7."],
                "seed": ["Seed can be a whole number from 0 to 2147483647, not x."],
                "motion": ["Acme One has no option 'motion'."],
            },
        )

    def test_an_unknown_name_is_refused_even_when_empty(self):
        self.assert_errors({"motion": ""}, {"motion": ["Acme One has no option 'motion'."]})

    def test_clean_keeps_what_will_not_be_sent(self):
        cleaned = make_model().clean({"rewrite": "off", "shots": "multi", "audio_url": "https://example.com/a"})
        self.assertEqual((cleaned["shots"], cleaned["audio"]), ("multi", True))

    def test_shots_are_sent_only_with_rewriting(self):
        model = make_model()
        self.assertEqual(model.sent(model.clean({"shots": "multi"}))["shots"], "multi")
        self.assertNotIn("shots", model.sent(model.clean({"shots": "multi", "rewrite": "off"})))

    def test_an_audio_link_silences_the_flag(self):
        model = make_model()
        sent = model.sent(model.clean({"audio": "off", "audio_url": "https://example.com/a"}))
        self.assertEqual(sent["input.audio_url"], "https://example.com/a")
        self.assertNotIn("audio", sent)
        self.assertIs(model.sent(model.clean({"audio": "off"}))["audio"], False)

    def test_files_and_empty_values_are_never_sent(self):
        model = make_model()
        sent = model.sent(model.clean({"frame": str(uuid.uuid4()), "seed": "", "audio_url": " "}))
        self.assertEqual(set(sent), {"duration", "size", "rewrite", "shots", "audio"})

    def test_a_zero_and_a_false_are_values(self):
        sent = make_model().sent({"seed": 0, "rewrite": False})
        self.assertEqual(sent, {"seed": 0, "rewrite": False})

    def test_sent_fills_nothing_in(self):
        self.assertEqual(make_model().sent({}), {})

    def test_sent_refuses_what_the_catalogue_no_longer_allows(self):
        for values in [{"duration": 15}, {"motion": "1"}]:
            with self.subTest(values=values), self.assertRaises(OptionErrors):
                make_model().sent(values)

    def test_the_wire_type_is_the_option_s(self):
        as_text = Choice(name="seconds", label="Duration", values=(5, 10), type="string", default=5)
        self.assertEqual(make_model(as_text).sent({"seconds": 10}), {"seconds": "10"})
        self.assertEqual(make_model().sent({"duration": "10"}), {"duration": 10})

    def test_a_required_option_is_needed_only_where_it_is_sent(self):
        frame = ImageFile(name="frame", label="First frame", required=True, requires={"rewrite": True})
        model = make_model(REWRITE, frame)
        self.assertEqual(model.clean({"rewrite": "off"}), {"rewrite": False})
        with self.assertRaises(OptionErrors) as caught:
            model.clean({})
        self.assertEqual(caught.exception.errors, {"frame": ["First frame is needed."]})

    def test_asked_is_the_size_and_the_length(self):
        model = make_model()
        self.assertEqual(model.asked(model.clean({"size": "1088x832"})), Asked(width=1088, height=832, seconds=5))

    def test_asked_of_a_ratio_and_a_tier_is_the_nominal_frame(self):
        ratio = Choice(name="aspect", label="Ratio", role="ratio", values=("16:9", "1:1"), default="16:9")
        tier = Choice(name="tier", label="Tier", role="tier", values=("720p", "1080p"), default="720p")
        model = make_model(ratio, tier)
        self.assertEqual(model.asked({"aspect": "1:1", "tier": "720p"}), Asked(width=720, height=720, seconds=None))
        self.assertEqual(model.asked({"aspect": "1:1"}), Asked(width=None, height=None, seconds=None))
        self.assertEqual(make_model(SEED).asked({"seed": 1}), Asked(width=None, height=None, seconds=None))

    def test_options_are_found_by_name_and_by_role(self):
        model = make_model()
        self.assertIs(model.option("seed"), SEED)
        self.assertIs(model.option_with_role("seconds"), DURATION)
        self.assertIsNone(model.option("nothing"))
        self.assertIsNone(model.option_with_role("negative"))
        self.assertIsNone(model.option_with_role(""))

    def test_only_active_and_beta_can_be_chosen(self):
        for status, is_choosable in {"active": True, "beta": True, "paused": False, "retired": False}.items():
            with self.subTest(status=status):
                model = make_model(status=status, retired_on="2026-09-24")
                self.assertIs(model.is_choosable, is_choosable)

    def test_a_model_is_known_by_its_key(self):
        self.assertEqual(make_model().family, "acme")
        self.assertEqual(len({make_model(), make_model()}), 1)

    def test_a_model_that_contradicts_itself_is_impossible(self):
        other_seed = IntRange(name="other", label="Other", role="seed", low=0, high=9)
        for reason, options, fields in [
            ("key 'one' is not spelled like family/model", (), {"key": "one"}),
            ("source is missing", (), {"source": " "}),
            ("status 'new' is not one of", (), {"status": "new"}),
            ("retired_on is missing", (), {"status": "retired"}),
            ("sources are not some of", (), {"sources": ("ftp",)}),
            ("sources are not some of", (), {"sources": ()}),
            ("prompt_max is below 1", (), {"prompt_max": 0}),
            ("option seed is given twice", (SEED, SEED), {}),
            ("role seed is given twice", (SEED, other_seed), {}),
            (
                "path a is given twice",
                (make_flag("a"), Flag(name="b", label="B", path="a", default=True)),
                {},
            ),
            (
                "path a is also the folder",
                (make_flag("a"), Flag(name="b", label="B", path="a.b", default=True)),
                {},
            ),
            ("option shots: requires names rewrite", (SHOTS,), {}),
            ("option audio: overridden_by names audio_url", (AUDIO,), {}),
            ("option a: requires names a", (make_flag("a", requires={"a": True}),), {}),
            (
                "requires rewrite to be yes",
                (REWRITE, make_flag("a", requires={"rewrite": "yes"})),
                {},
            ),
            (
                "observed: size 1x1 cannot be asked for",
                (),
                {"observed": (Observed(asked={"size": "1x1"}, frame="1x1"),)},
            ),
            ("observed: wide is not a frame", (), {"observed": (Observed(asked={"size": "1280x720"}, frame="wide"),)}),
        ]:
            with self.subTest(reason=reason), self.assertRaises(ValueError) as caught:
                make_model(*options, **fields)
            self.assertIn(reason, str(caught.exception))
