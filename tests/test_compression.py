"""What is compressed on its way to a browser, and what never is."""

import gzip

from django.test import TestCase

from generations.models import Status
from tests.factories import alice, make_gateway, make_generation

ACCEPTING = {"Accept-Encoding": "gzip"}


class CompressionTests(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        make_gateway()
        cls.alice = alice()

    def setUp(self) -> None:
        self.client.force_login(self.alice)

    def test_a_page_is_small_on_the_wire_and_the_same_when_unpacked(self):
        packed = self.client.get("/models/", headers=ACCEPTING)
        self.assertEqual(packed["Content-Encoding"], "gzip")
        self.assertIn("Accept-Encoding", packed["Vary"])
        page = gzip.decompress(packed.content)
        self.assertIn(b"Veo 3.1", page)
        self.assertLess(len(packed.content), len(page) / 3)

    def test_two_answers_differ_in_length_so_that_sizes_tell_no_secret(self):
        sizes = {len(self.client.get("/models/", headers=ACCEPTING).content) for _ in range(8)}
        self.assertGreater(len(sizes), 1)

    def test_the_record_of_one_is_compressed(self):
        row = make_generation(Status.IN_PROGRESS)
        answer = self.client.get(f"/generations/{row.uuid}.json", headers=ACCEPTING)
        self.assertEqual((answer["Content-Type"], answer["Content-Encoding"]), ("application/json", "gzip"))

    def test_a_program_that_does_not_ask_for_it_gets_it_plain(self):
        self.assertNotIn("Content-Encoding", self.client.get("/models/"))

    def test_a_video_is_never_compressed(self):
        row = make_generation(Status.COMPLETED)
        for query in ("", "?download=1"):
            answer = self.client.get(f"/generations/{row.uuid}/video/{query}", headers=ACCEPTING)
            self.assertNotIn("Content-Encoding", answer)
