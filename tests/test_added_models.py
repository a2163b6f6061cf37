"""A model added to a known dialect is one entry of a file and nothing else: it runs to a stored video."""

import tempfile
from pathlib import Path

from django.test import TestCase, override_settings

from generations.catalog import catalog, configure
from generations.gateways import DIALECTS
from generations.lifecycle import submit
from generations.models import Generation, Status
from tests.factories import alice, clip, make_gateway
from tests.lifecycle.base import UpstreamCase
from tests.native_upstream import data_uri
from tests.pages import picture
from tests.upstream import FakeUpstream

ENTRY = """
[[model]]
key = "acme/{dialect}"
label = "Acme {dialect}"
maker = "Acme"
dialect = "{dialect}"
upstream_id = "acme-{dialect}-1"
status = "active"
source = "Acme, Videos, read 2026-11"
description = "Makes videos."
sources = ["video_url"]

[[model.option]]
name = "length"
label = "Length"
kind = "integer"
role = "seconds"
path = "shape.length"
type = "integer"
low = 1
high = 9
unit = "s"
default = 3
"""


REFERENCES = """
[[model.option]]
name = "references"
label = "References"
kind = "images"
path = "images"
encoding = "data_uri"
most = 3
"""


class AddedModelTests(UpstreamCase, TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        (folder / "acme.toml").write_text(
            "".join(ENTRY.format(dialect=name) + REFERENCES * (name == "newapi") for name in DIALECTS)
        )
        self.addCleanup(configure)
        configure(folder)
        self.other = self.enterContext(FakeUpstream(video=clip(), models=lambda create: []))
        self.enterContext(override_settings(PRIVATE_HOSTS=frozenset({self.other.host_port})))
        make_gateway("acme", upstream=self.other, offers=["acme"])
        self.client.force_login(alice())

    def test_one_entry_in_each_dialect_is_shown_sent_and_stored(self):
        for name in DIALECTS:
            with self.subTest(name):
                key = f"acme/{name}"
                self.assertContains(self.client.get("/", {"model": key}), f"Acme {name}")
                self.assertContains(self.client.get("/models/"), f"Acme {name}")
                answer = self.client.post("/", {"model": key, "prompt": "A fox", "length": "7"})
                self.assertEqual(answer.status_code, 302)
                generation = Generation.objects.get(model_key=key)
                submit.submit(generation.pk)
                create = self.other.creates[-1]
                self.assertEqual((create.dialect, create.model), (name, f"acme-{name}-1"))
                self.assertEqual(str(create.fields["shape.length"]), "7")
                done = self.finished(generation)
                self.assertEqual((done.status, done.detail), (Status.COMPLETED, ""))
                self.assertEqual(done.asked_seconds, 7)

    def test_several_references_go_as_a_list_of_data_uris_where_the_entry_says_so(self):
        given = [picture("red"), picture("blue")]
        self.client.post("/", {"model": "acme/newapi", "prompt": "A fox", "references": given})
        submit.submit(Generation.objects.get().pk)
        sent = self.other.creates[-1].fields["images"]
        self.assertEqual([data_uri(one) for one in sent], [True, True])
        self.assertNotEqual(*sent)

    def test_a_value_outside_the_entry_is_refused(self):
        answer = self.client.post("/", {"model": "acme/xai", "prompt": "A fox", "length": "10"})
        self.assertContains(answer, "Length can be a whole number from 1 to 9 s, not 10.", status_code=422)
        self.assertEqual(len([model for model in catalog().models if model.family == "acme"]), len(DIALECTS))
