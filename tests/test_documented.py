"""Every documented combination, from the composer's form to a strict stand-in for the documents.

The grids and the expected wire are retyped from the provider documents, not taken from the catalogue. Where a grid
is large it is sampled (`covering`): each value of each option, the frame's options in all their combinations. All
of every grid is sent in tests/test_catalog.py, without a wire.
"""

import base64
import hashlib
import io
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import cycle, product

from django.test import TestCase
from django.utils import timezone
from django.utils.html import escape
from PIL import Image, ImageColor

from generations.lifecycle import submit
from generations.lifecycle.again import CannotRepeat, order_again, quote_of
from generations.lifecycle.begin import NoGateway, begin
from generations.lifecycle.files import path_of
from generations.models import Failure, Gateway, Generation, ModelSwitch, Status
from tests.factories import alice, carol, clip, make_gateway, make_generation, make_price
from tests.lifecycle.base import UpstreamCase
from tests.pages import read

PROMPT = "A paper kite floats above a field.\nThe wind is soft."

FORM_SIZES = {
    "wan2.6": [
        "1280x720",
        "720x1280",
        "1088x832",
        "832x1088",
        "1920x1080",
        "1080x1920",
        "1440x1440",
        "1632x1248",
        "1248x1632",
    ],
    "wan2.7": ["1280x720", "720x1280", "1920x1080", "1080x1920", "1440x1440"],
    "veo3.1": ["1280x720", "720x1280", "1920x1080", "3840x2160"],
    "veo3.1-fast": ["1280x720", "720x1280", "1920x1080", "3840x2160"],
    "sora-2": ["720x1280", "1280x720", "1024x1792", "1792x1024"],
    "sora-2-pro": ["720x1280", "1280x720", "1024x1792", "1792x1024"],
}
FORM_SECONDS = {
    "wan2.6": ["5", "10", "15"],
    "wan2.7": [str(seconds) for seconds in range(2, 16)],
    "veo3.1": ["4", "6", "8"],
    "veo3.1-fast": ["4", "6", "8"],
    "sora-2": ["4", "8", "12"],
    "sora-2-pro": ["4", "8", "12"],
}
ENVELOPE_SIZES = [
    *("1280*720", "720*1280", "960*960", "1088*832", "832*1088"),
    *("1920*1080", "1080*1920", "1440*1440", "1632*1248", "1248*1632"),
]
SMALL_SIZES = ["832*480", "480*832", "624*624"]

SEEDANCE_720P = [
    *("864x496", "752x560", "640x640", "560x752", "496x864", "992x432"),
    *("1280x720", "1112x834", "960x960", "834x1112", "720x1280", "1470x630"),
]
SEEDANCE = [*SEEDANCE_720P, "1920x1080", "1664x1248", "1440x1440", "1248x1664", "1080x1920"]
SEEDANCE_10 = [
    *("864x480", "736x544", "640x640", "544x736", "480x864", "960x416"),
    *("1248x704", "1120x832", "960x960", "832x1120", "704x1248", "1504x640"),
    *("1920x1088", "1664x1248", "1440x1440", "1248x1664", "1088x1920"),
]
VIDU = ["640x352", "960x528", "1280x720", "1920x1080"]
RATIOS = ["16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3"]
RUNWAY_RATIOS = ["1280:720", "720:1280", "1104:832", "832:1104", "960:960", "1584:672", "1280:768", "768:1280"]
LINK = "https://example.com/still.jpg"

type Case = tuple[dict[str, str], dict[str, object]]  # what is posted, what must be on the wire


def flat(model: str) -> Iterator[Case]:
    for seconds, size in product(FORM_SECONDS[model], FORM_SIZES[model]):
        yield {"seconds": seconds, "size": size}, {"seconds": seconds, "size": size}


def omni() -> Iterator[Case]:
    for ratio, tier in product(["16:9", "9:16", "1:1"], ["720p", "1080p"]):
        chosen = {"seconds": "4", "aspect_ratio": ratio, "resolution": tier}
        yield chosen, dict(chosen)


def envelope(sizes: list[str], lengths: list[int], shots: list[str]) -> Iterator[Case]:
    flags = list(product([True, False], repeat=3))
    for size, length, (extend, mark, audio), shot in product(sizes, lengths, flags, shots):
        posted = {"size": size, "duration": str(length)}
        posted |= {"prompt_extend": str(extend).lower(), "watermark": str(mark).lower(), "audio": str(audio).lower()}
        wire = {"size": size, "duration": length, "prompt_extend": extend, "watermark": mark, "audio": audio}
        if shot:
            posted["shot_type"] = shot
            wire |= {"shot_type": shot} if extend else {}
        yield posted, {f"metadata.parameters.{name}": value for name, value in wire.items()}


def covering(low: int, high: int, frames: list) -> Iterator[tuple[int, object]]:
    """Yield each whole number of seconds and each frame at least once, the shorter list as often as it takes."""
    lengths = list(range(low, high + 1))
    several = zip(lengths, cycle(frames)) if len(lengths) > len(frames) else zip(cycle(lengths), frames)
    yield from several


def sampled(low: int, high: int, sizes: list[str]) -> Iterator[Case]:
    for seconds, size in covering(low, high, sizes):
        yield {"seconds": str(seconds), "size": size}, {"seconds": str(seconds), "size": size}


def grok(tiers: list[str]) -> Iterator[Case]:
    for seconds, (ratio, tier) in covering(1, 15, list(product(RATIOS, tiers))):
        posted = {"duration": str(seconds), "aspect_ratio": ratio, "resolution": tier}
        yield posted, posted | {"duration": seconds}


def kling() -> Iterator[Case]:
    for seconds, ratio, mode in product(["5", "10"], RATIOS, ["std", "pro"]):
        chosen = {"duration": seconds, "aspect_ratio": ratio, "mode": mode}
        yield chosen, dict(chosen)


def runway() -> Iterator[Case]:
    for seconds, ratio, mark in product([5, 10], RUNWAY_RATIOS, [True, False]):
        posted = {"duration": str(seconds), "ratio": ratio, "watermark": str(mark).lower(), "prompt_image": LINK}
        yield posted, {"duration": seconds, "ratio": ratio, "watermark": mark, "promptImage": LINK}


CASES = {
    "happyhorse-1.0": lambda: sampled(3, 15, FORM_SIZES["wan2.7"]),
    "viduq3": lambda: sampled(1, 16, VIDU),
    "viduq3-turbo": lambda: sampled(1, 16, VIDU),
    "doubao-seedance-2-0": lambda: sampled(4, 15, SEEDANCE),
    "doubao-seedance-2-0-fast": lambda: sampled(4, 15, SEEDANCE_720P),
    "doubao-seedance-1-5-pro": lambda: sampled(4, 12, SEEDANCE),
    "doubao-seedance-1-0-pro": lambda: sampled(2, 10, SEEDANCE_10),
    "kling-v2-master": kling,
    "gen3a_turbo": runway,
    "grok-imagine-video": lambda: grok(["480p", "720p"]),
    "grok-imagine-video-1.5": lambda: grok(["480p", "720p", "1080p"]),
    "wan2.6": lambda: flat("wan2.6"),
    "wan2.7": lambda: flat("wan2.7"),
    "veo3.1": lambda: flat("veo3.1"),
    "veo3.1-fast": lambda: flat("veo3.1-fast"),
    "sora-2": lambda: flat("sora-2"),
    "sora-2-pro": lambda: flat("sora-2-pro"),
    "omni-fast": omni,
    "wan2.5-t2v-preview": lambda: envelope(SMALL_SIZES + ENVELOPE_SIZES, [5, 10], [""]),
    "wan2.6-t2v": lambda: envelope(ENVELOPE_SIZES, [5, 10, 15], ["single", "multi"]),
}
COUNTS = {"wan2.6": 27, "wan2.7": 70, "veo3.1": 12, "veo3.1-fast": 12, "omni-fast": 6, "sora-2": 12, "sora-2-pro": 12}
COUNTS |= {"wan2.5-t2v-preview": 208, "wan2.6-t2v": 480}
COUNTS |= {"happyhorse-1.0": 13, "viduq3": 16, "viduq3-turbo": 16, "doubao-seedance-2-0": 17}
COUNTS |= {"doubao-seedance-2-0-fast": 12, "doubao-seedance-1-5-pro": 17, "doubao-seedance-1-0-pro": 17}
COUNTS |= {"kling-v2-master": 28, "gen3a_turbo": 32, "grok-imagine-video": 15, "grok-imagine-video-1.5": 21}
ENVELOPES = ("wan2.5-t2v-preview", "wan2.6-t2v")
RETIRED = ("sora/sora-2", "sora/sora-2-pro")
NATIVES = ("kling-v2-master", "gen3a_turbo", "grok-imagine-video", "grok-imagine-video-1.5")


def picture(colour: str = "teal", *, size: tuple[int, int] = (64, 36), kind: str = "PNG") -> io.BytesIO:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, kind)
    file.name = f"first frame.{kind.lower()}"
    file.seek(0)
    return file


# What must be given beside the options of a case.
NEEDED: dict[str, Callable[[], dict[str, object]]] = {
    "grok-imagine-video-1.5": lambda: {"image": picture()},
    "gen3a_turbo": lambda: {"prompt_image": LINK},
}


class DocumentedTests(UpstreamCase, TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.gateway.max_active = 10_000
        self.gateway.save()
        self.client.force_login(alice())
        for key in RETIRED:  # an operator's gateway still serves it
            ModelSwitch.objects.create(model_key=key, position=ModelSwitch.Position.ON)

    def post(self, model: str, posted: dict[str, object]) -> Generation:
        """Press Generate, let the submitter run, and return the row."""
        needed = NEEDED.get(model, dict)()
        answer = self.client.post("/", {"model": model, "prompt": PROMPT, **needed, **posted})
        self.assertEqual(answer.status_code, 302, answer.content[:2000])
        generation = Generation.objects.newest().first()
        submit.submit(generation.pk)
        return generation

    def test_every_documented_combination_of_the_form_dialect_reaches_the_wire_as_it_was_chosen(self):
        self.assert_sent(COUNTS.keys() - {*ENVELOPES, *NATIVES})

    def test_every_documented_combination_of_the_envelope_reaches_the_wire_as_it_was_chosen(self):
        self.assert_sent(ENVELOPES)

    def test_every_documented_combination_of_the_providers_own_reaches_the_wire_as_it_was_chosen(self):
        self.assert_sent(NATIVES)

    def assert_sent(self, models: Iterable[str]) -> None:
        for model in models:
            with self.subTest(model):
                count = 0
                for posted, wire in CASES[model]():
                    self.post(model, posted)
                    create = self.upstream.creates[-1]
                    fields = {name: value for name, value in create.fields.items() if name != "image.url"}
                    self.assertEqual((create.model, create.prompt, fields), (model, PROMPT, wire))
                    count += 1
                self.assertEqual(count, COUNTS[model])
        self.assertEqual(self.upstream.violations, [])
        self.assertEqual(len(self.upstream.creates), sum(COUNTS[model] for model in models))

    def test_optional_texts_are_sent_only_when_they_are_there(self):
        for model in ("wan2.5-t2v-preview", "wan2.6-t2v"):
            with self.subTest(model):
                audio_url = "https://example.com/rain.mp3"
                self.post(model, {"negative_prompt": "trees", "audio_url": audio_url, "seed": "7", "audio": "true"})
                fields = self.upstream.creates[-1].fields
                self.assertEqual(fields["metadata.input.negative_prompt"], "trees")
                self.assertEqual(fields["metadata.input.audio_url"], audio_url)
                self.assertEqual(fields["metadata.parameters.seed"], 7)
                self.assertNotIn("metadata.parameters.audio", fields)
                self.post(model, {"negative_prompt": "", "audio_url": "", "seed": ""})
                names = {name.rpartition(".")[2] for name in self.upstream.creates[-1].fields}
                self.assertEqual(names & {"negative_prompt", "audio_url", "seed"}, set())
                self.assertIn("audio", names)
        self.assertEqual(self.upstream.violations, [])

    def test_veo_and_sora_take_a_first_frame(self):
        for model in ("veo3.1", "veo3.1-fast", "sora-2", "sora-2-pro"):
            with self.subTest(model):
                self.post(model, {"input_reference": picture()})
                (file,) = self.upstream.creates[-1].files["input_reference"]
                self.assertEqual(file.content_type, "image/png")
                with Image.open(io.BytesIO(file.content)) as sent:
                    self.assertEqual(sent.size, (64, 36))
        self.assertEqual(self.upstream.violations, [])

    def test_seedance_2_takes_up_to_nine_references_in_their_order(self):
        colours = ["red", "green", "blue", "white", "black", "teal", "navy", "olive", "gray"]
        for model in ("doubao-seedance-2-0", "doubao-seedance-2-0-fast"):
            for count in (1, 9):
                with self.subTest(model, count=count):
                    self.post(model, {"input_reference": [picture(colour) for colour in colours[:count]]})
                    files = self.upstream.creates[-1].files["input_reference"]
                    sent = [Image.open(io.BytesIO(file.content)).getpixel((0, 0)) for file in files]
                    self.assertEqual(sent, [ImageColor.getrgb(colour) for colour in colours[:count]])
        self.assertEqual(self.upstream.violations, [])

    def test_kling_takes_a_first_and_a_last_frame_as_bare_base64_and_no_ratio_beside_them(self):
        first, last = {"image": picture(size=(300, 300))}, {"image_tail": picture("navy", size=(300, 300), kind="JPEG")}
        for given in (first, {"image": picture(size=(300, 300))} | last):
            with self.subTest(sorted(given)):
                self.post("kling-v2-master", given)
                create = self.upstream.creates[-1]
                self.assertEqual(create.path, "/kling/v1/videos/image2video")
                self.assertEqual(set(create.fields), {"duration", "mode", *given})
                for name in given:
                    with Image.open(io.BytesIO(base64.b64decode(create.fields[name]))) as sent:
                        self.assertEqual(sent.size, (300, 300))
        self.assertEqual(self.upstream.violations, [])

    def test_where_the_wire_takes_a_link_for_a_first_frame_it_goes_as_it_is_instead_of_a_file(self):
        link = "https://example.com/still.jpg"
        for model, path in (
            ("grok-imagine-video", "image.url"),
            ("grok-imagine-video-1.5", "image.url"),
            ("kling-v2-master", "image"),
        ):
            for given in ({}, {"image": picture(size=(300, 300))}):
                with self.subTest(model, given=sorted(given)):
                    self.post(model, {"image": "", "image_link": link, **given})
                    self.assertEqual(self.upstream.creates[-1].fields[path], link)
        self.assertEqual(self.upstream.creates[-1].path, "/kling/v1/videos/image2video")
        self.assertNotIn("aspect_ratio", self.upstream.creates[-1].fields)
        self.assertEqual(self.upstream.violations, [])

    def test_kling_takes_how_close_it_keeps_to_the_prompt_as_a_number(self):
        for given, sent in ((" 0.50 ", 0.5), ("1", 1.0), ("", None)):
            self.post("kling-v2-master", {"cfg_scale": given})
            self.assertEqual(self.upstream.creates[-1].fields.get("cfg_scale"), sent)
        for given in ("1.1", "0.55", "1e9", "nan"):
            answer = self.client.post("/", {"model": "kling-v2-master", "prompt": PROMPT, "cfg_scale": given})
            self.assertContains(answer, "Closeness to the prompt can be 0, 0.1", status_code=422)
        self.assertEqual(self.upstream.violations, [])

    def test_grok_takes_a_first_frame_as_a_data_uri(self):
        for model in ("grok-imagine-video", "grok-imagine-video-1.5"):
            with self.subTest(model):
                self.post(model, {"image": picture()})
                head, _, text = self.upstream.creates[-1].fields["image.url"].partition(",")
                self.assertEqual(head, "data:image/png;base64")
                with Image.open(io.BytesIO(base64.b64decode(text))) as sent:
                    self.assertEqual(sent.size, (64, 36))
        self.assertEqual(self.upstream.violations, [])

    def test_grok_edits_a_video_by_its_link_and_sends_nothing_else_along(self):
        link = "https://example.com/clip.mp4"
        generation = self.post("grok-imagine-video", {"video": link, "duration": "9", "image": picture()})
        create = self.upstream.creates[-1]
        self.assertEqual((create.path, create.fields), ("/grok/v1/videos/edits", {"video.url": link}))
        self.assertEqual((generation.asked_seconds, generation.asked_width), (None, None))  # the video's own
        edited = self.finished(generation)
        self.assertEqual((edited.status, edited.differs), (Status.COMPLETED, []))
        player = read(self.client.get(edited.get_absolute_url())).one("video")
        self.assertEqual(self.client.get(player["src"]).getvalue(), clip())
        self.assertEqual(self.upstream.violations, [])

    def test_sora_remixes_a_finished_video_by_its_id_and_sends_nothing_else_along(self):
        for model in ("sora-2", "sora-2-pro"):
            with self.subTest(model):
                source = self.finished(self.post(model, {"seconds": "8"}))
                chosen = {"remix_of": source.upstream_id, "seconds": "12", "input_reference": picture()}
                remix = self.post(model, chosen)
                create = self.upstream.creates[-1]
                self.assertEqual(create.path, f"/v1/videos/{source.upstream_id}/remix")
                self.assertEqual((create.model, create.prompt, create.fields, create.files), (model, PROMPT, {}, {}))
                self.assertEqual((remix.asked_seconds, remix.asked_width), (None, None))  # the source's own
                self.assertEqual((remix.parent, remix.relation), (source, "remix"))
                self.assertEqual([value for _, value in remix.chosen], [source.upstream_id])
                self.assertEqual(self.finished(remix).status, Status.COMPLETED)
        self.assertEqual(self.upstream.violations, [])

    def test_only_a_finished_video_of_the_own_team_is_remixed(self):
        source = self.finished(self.post("sora-2", {}))
        foreign = make_generation(
            Status.COMPLETED,
            user=carol(),
            gateway=self.gateway,
            upstream_id="video_of_others",
            model="sora/sora-2",
        )
        running = self.refreshed(self.post("sora-2", {}))
        other = self.finished(self.post("sora-2-pro", {}))
        count = len(self.upstream.creates)
        for upstream_id in (foreign.upstream_id, running.upstream_id, other.upstream_id, "nobody's", f"../{source.pk}"):
            with self.subTest(upstream_id):
                posted = {"model": "sora-2", "prompt": PROMPT, "remix_of": upstream_id}
                sentence = f"No finished Sora 2 video of your team has the upstream id “{upstream_id}”."
                self.assertContains(self.client.post("/", posted), escape(sentence), status_code=422)
        self.assertEqual(len(self.upstream.creates), count)

    def test_a_remix_goes_to_the_gateway_that_has_its_source_or_is_not_made(self):
        source = self.finished(self.post("sora-2", {}))
        make_gateway("first", upstream=self.upstream, priority=1)
        posted = {"model": "sora-2", "prompt": PROMPT, "remix_of": source.upstream_id}
        self.assertEqual(self.post("sora-2", {}).gateway.name, "first")
        remix = self.post("sora-2", posted)
        self.assertEqual((remix.gateway, remix.parent), (source.gateway, source))
        self.assertContains(self.client.get(remix.get_absolute_url()), "as the video it is made from")
        self.assertEqual(quote_of(order_again(self.finished(remix), alice(), token="t")), (None, False))

        Gateway.objects.filter(pk=source.gateway_id).update(enabled=False)
        count = Generation.objects.count()
        sentence = "fake made this video, so only fake can remix it, and it does not offer Sora 2 now."
        self.assertContains(self.client.post("/", posted), sentence, status_code=422)
        with self.assertRaisesMessage(CannotRepeat, sentence):
            quote_of(order_again(remix, alice(), token="t"))
        with self.assertRaisesMessage(NoGateway, sentence):
            begin(order_again(remix, alice(), token="t"))
        self.assertEqual(Generation.objects.count(), count)

    def test_a_remix_says_its_price_before_the_click_by_the_length_of_its_source(self):
        source = self.finished(self.post("sora-2", {"seconds": "8"}))
        chosen = {"model": "sora/sora-2", "remix_of": source.upstream_id}
        page, button = source.get_absolute_url(), f"/?remix={source.uuid}"
        self.assertContains(self.client.get(page), "Remix this, price unknown")
        self.assertContains(self.client.get("/price/", chosen), "price unknown")

        make_price("0.10", model="sora/sora-2")
        self.assertContains(self.client.get("/price/", chosen), "about 0.80 USD")
        self.assertContains(self.client.get("/price/", chosen | {"remix_of": "nobody's"}), "price unknown")
        self.assertContains(self.client.get(page), "Remix this, about 0.80 USD")
        composer = read(self.client.get(button))
        self.assertEqual(composer.one("input", name="remix_of")["value"], source.upstream_id)
        self.assertEqual(
            (composer.one("textarea", name="prompt").text, composer.one(id="price").text), ("", ", about 0.80 USD")
        )
        self.assertIn("The gateway remixes “A paper kite", composer.one(id="options").text)
        remix = self.post("sora-2", {"remix_of": source.upstream_id, "shown_price": "0.80 USD"})
        self.assertEqual(remix.quote_amount, Decimal("0.80"))
        again = self.client.get("/price/", chosen | {"remix_of": self.finished(remix).upstream_id})
        self.assertContains(again, "about 0.80 USD")  # the remix of a remix is as long as the first
        self.assertContains(self.client.get(remix.get_absolute_url()), "remixed by the gateway")

        make_price("0.50", model="sora/sora-2", per="request", option="remix_of", value="given")
        self.assertContains(self.client.get("/price/", chosen), "about 0.50 USD")
        self.assertContains(self.client.get("/price/", {"model": "sora/sora-2"}), "about 0.40 USD")
        ModelSwitch.objects.all().delete()
        self.assertNotContains(self.client.get(page), "Remix this")

    def test_an_edit_has_the_price_that_is_said_for_it_or_none(self):
        chosen = {"model": "grok/grok-imagine-video", "video": "https://example.com/clip.mp4"}
        make_price("0.05", model="grok/grok-imagine-video")
        self.assertContains(self.client.get("/price/", chosen), "price unknown")  # its length is the video's own
        make_price("0.30", model="grok/grok-imagine-video", per="request", option="video", value="given")
        self.assertContains(self.client.get("/price/", chosen), "about 0.30 USD")
        row = self.post("grok-imagine-video", {"video": chosen["video"], "shown_price": "0.30 USD"})
        self.assertEqual(row.quote_amount, Decimal("0.30"))
        self.assertContains(self.client.get(row.get_absolute_url()), "edited by the gateway from a link")

    def test_a_remix_whose_source_is_gone_or_elsewhere_when_it_is_sent_costs_nothing(self):
        source = self.finished(self.post("sora-2", {}))
        elsewhere = make_gateway("elsewhere", upstream=self.upstream)
        for change, sentence in (
            ({"gateway": elsewhere}, "elsewhere made the video to remix, and fake cannot see it."),
            ({"deleted_at": timezone.now()}, "No finished Sora 2 video of your team has the upstream id"),
        ):
            with self.subTest(sentence):
                self.client.post("/", {"model": "sora-2", "prompt": PROMPT, "remix_of": source.upstream_id})
                Generation.objects.filter(pk=source.pk).update(**change)
                count, remix = len(self.upstream.creates), Generation.objects.newest().first()
                submit.submit(remix.pk)
                remix = self.refreshed(remix)
                self.assertEqual((remix.status, remix.failure), (Status.FAILED, Failure.NOT_SENT))
                self.assertIn(sentence, remix.detail)
                self.assertEqual(len(self.upstream.creates), count)
                Generation.objects.filter(pk=source.pk).update(gateway=self.gateway, deleted_at=None)

    def test_what_the_documents_forbid_never_leaves(self):
        ModelSwitch.objects.all().delete()
        small, webp = picture(size=(299, 400)), picture(size=(300, 300), kind="WEBP")
        ten = [
            picture(colour)
            for colour in ("red", "green", "blue", "white", "black", "teal", "navy", "olive", "gray", "lime")
        ]
        for model, posted, sentence in (
            ("kling-v2-master", {"image": small}, "First frame can be a JPEG or PNG image"),
            ("kling-v2-master", {"image": webp}, "First frame can be a JPEG or PNG image"),
            (
                "kling-v2-master",
                {"image_tail": picture(size=(300, 300))},
                "Last frame is only taken together with First frame.",
            ),
            ("kling-v2-master", {"prompt": "x" * 501}, "The prompt can have at most 500 characters"),
            ("doubao-seedance-2-0", {"input_reference": ten}, "Reference images can be at most 9 images, not 10."),
            ("doubao-seedance-1-5-pro", {"input_reference": picture()}, "takes no file as"),
            ("gen3a_turbo", {}, "Image link is needed."),
            ("gen3a_turbo", {"prompt_image": "http://example.com/a.jpg"}, "Image link must begin with https://."),
            ("grok-imagine-video-1.5", {}, "First frame is needed."),
            ("sora-2", {}, "Sora 2 is retired since 2026-09-24."),
        ):
            with self.subTest(model, sentence=sentence):
                answer = self.client.post("/", {"model": model, "prompt": PROMPT, **posted})
                self.assertContains(answer, sentence, status_code=422)
        self.assertEqual((self.upstream.creates, Generation.objects.count()), ([], 0))

    def test_the_stored_file_is_the_delivered_one_byte_for_byte(self):
        for model in CASES:
            with self.subTest(model):
                generation = self.finished(self.post(model, {}))
                self.assertEqual(generation.status, Status.COMPLETED, generation.detail)
                stored = path_of(generation.file).read_bytes()
                self.assertEqual(stored, clip())
                self.assertEqual(generation.sha256, hashlib.sha256(stored).hexdigest())
