"""Every documented combination, from the composer's form to a strict stand-in for the documents.

The grids and the expected wire are retyped from the provider documents, not taken from the catalogue.
"""

import hashlib
import io
from collections.abc import Iterator
from itertools import product

from django.test import TestCase
from PIL import Image

from generations.lifecycle import download, submit
from generations.lifecycle.files import path_of
from generations.models import Generation, Status
from tests.factories import alice, clip
from tests.lifecycle.base import UpstreamCase, make_due, run_queue

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
}
FORM_SECONDS = {
    "wan2.6": ["5", "10", "15"],
    "wan2.7": [str(seconds) for seconds in range(2, 16)],
    "veo3.1": ["4", "6", "8"],
    "veo3.1-fast": ["4", "6", "8"],
}
ENVELOPE_SIZES = [
    *("1280*720", "720*1280", "960*960", "1088*832", "832*1088"),
    *("1920*1080", "1080*1920", "1440*1440", "1632*1248", "1248*1632"),
]
SMALL_SIZES = ["832*480", "480*832", "624*624"]

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


CASES = {
    "wan2.6": lambda: flat("wan2.6"),
    "wan2.7": lambda: flat("wan2.7"),
    "veo3.1": lambda: flat("veo3.1"),
    "veo3.1-fast": lambda: flat("veo3.1-fast"),
    "omni-fast": omni,
    "wan2.5-t2v-preview": lambda: envelope(SMALL_SIZES + ENVELOPE_SIZES, [5, 10], [""]),
    "wan2.6-t2v": lambda: envelope(ENVELOPE_SIZES, [5, 10, 15], ["single", "multi"]),
}
COUNTS = {"wan2.6": 27, "wan2.7": 70, "veo3.1": 12, "veo3.1-fast": 12, "omni-fast": 6}
COUNTS |= {"wan2.5-t2v-preview": 208, "wan2.6-t2v": 480}


def picture() -> io.BytesIO:
    file = io.BytesIO()
    Image.new("RGB", (64, 36), "teal").save(file, "PNG")
    file.name = "first frame.png"
    file.seek(0)
    return file


class DocumentedTests(UpstreamCase, TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.gateway.offers = ["omni", "veo", "wan"]
        self.gateway.max_active = 10_000
        self.gateway.save()
        self.client.force_login(alice())

    def post(self, model: str, posted: dict[str, object]) -> Generation:
        """Press Generate, let the submitter run, and return the row."""
        answer = self.client.post("/", {"model": model, "prompt": PROMPT, **posted})
        self.assertEqual(answer.status_code, 302, answer.content[:2000])
        generation = Generation.objects.newest().first()
        submit.submit(generation.pk)
        return generation

    def test_every_documented_combination_reaches_the_wire_as_it_was_chosen(self):
        for model, cases in CASES.items():
            with self.subTest(model):
                count = 0
                for posted, wire in cases():
                    self.post(model, posted)
                    create = self.upstream.creates[-1]
                    self.assertEqual((create.model, create.prompt, create.fields), (model, PROMPT, wire))
                    count += 1
                self.assertEqual(count, COUNTS[model])
        self.assertEqual(self.upstream.violations, [])
        self.assertEqual(len(self.upstream.creates), sum(COUNTS.values()))

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

    def test_veo_takes_a_first_frame(self):
        for model in ("veo3.1", "veo3.1-fast"):
            with self.subTest(model):
                self.post(model, {"input_reference": picture()})
                (file,) = self.upstream.creates[-1].files["input_reference"]
                self.assertEqual(file.content_type, "image/png")
                with Image.open(io.BytesIO(file.content)) as sent:
                    self.assertEqual(sent.size, (64, 36))
        self.assertEqual(self.upstream.violations, [])

    def test_the_stored_file_is_the_delivered_one_byte_for_byte(self):
        for model in CASES:
            with self.subTest(model):
                generation = self.post(model, {})
                generation.refresh_from_db()
                generation.move_to(Status.DOWNLOADING, actor="poller", reason="finished upstream")
                for _ in range(3):  # the stand-in needs a poll or two until it is done
                    make_due(generation)
                    download.download(generation.pk)
                run_queue()
                generation.refresh_from_db()
                self.assertEqual(generation.status, Status.COMPLETED, generation.detail)
                stored = path_of(generation.file).read_bytes()
                self.assertEqual(stored, clip())
                self.assertEqual(generation.sha256, hashlib.sha256(stored).hexdigest())
