"""Answers that are not as documented are seen; those that are, are not."""

import json
from pathlib import Path

from django.test import SimpleTestCase

from generations.gateways import Answer, GatewayBusy, GatewayProtocolError, GatewayRejected, TaskStatus, VideoTask
from generations.gateways.drift import FIELD, SHAPE, WORD, oddities, oddity_of
from generations.gateways.reading import status_of, task_in

SAMPLES = Path(__file__).parent / "samples"


def found(body: dict) -> list[tuple[str, str]]:
    return list(oddities(task_in(body, "task_1", body)))


class OdditiesTests(SimpleTestCase):
    def test_every_documented_answer_is_as_documented(self):
        for path in sorted(SAMPLES.glob("*/*.json")):
            if path.stem == "rejected":
                continue
            with self.subTest(path.name):
                self.assertEqual(found(json.loads(path.read_text())), [])

    def test_a_word_that_nobody_knows(self):
        self.assertEqual(found({"id": "task_1", "status": "Warming Up"}), [(WORD, "Warming Up")])
        self.assertEqual(found({"code": "success", "data": {"status": "UNKNOWN"}}), [])  # new-api's own word for it
        for word in ("queued", "", "SUCCESS", "in-progress"):
            self.assertIsNot(status_of(word), TaskStatus.UNKNOWN)
            self.assertEqual(found({"id": "task_1", "status": word}), [])

    def test_new_fields_of_a_flat_job(self):
        body = {"id": "task_1", "status": "queued", "queue_position": 7, "model": {"inner": 1}}
        self.assertEqual(found(body), [(FIELD, "queue_position")])

    def test_new_fields_of_an_envelope_and_of_the_task_in_it(self):
        body = {"code": "success", "trace": "x", "data": {"status": "QUEUED", "shard": 3, "data": {"whatever": 1}}}
        self.assertEqual(found(body), [(FIELD, "trace"), (FIELD, "shard")])

    def test_names_are_short_and_plain(self):
        [(kind, what)] = found({"status": "queued", "x" * 500: 1})
        self.assertEqual((kind, len(what)), (FIELD, 100))
        self.assertEqual(found({"status": "queued", "\n": 1}), [(FIELD, "(blank)")])

    def test_a_shape_that_cannot_be_read(self):
        with self.assertRaises(GatewayProtocolError) as caught:
            Answer(200, {}, b"<html>").json_object()
        kind, what = oddity_of(caught.exception)
        self.assertEqual(kind, SHAPE)
        self.assertIn("not with a JSON object", what)
        error = GatewayProtocolError("The gateway gave no task but an error: token 12345 of alice")
        self.assertEqual(oddity_of(error), (SHAPE, "The gateway gave no task but an error"))

    def test_refusals_and_silence_are_no_drift(self):
        for error in (GatewayBusy("busy"), GatewayRejected("no", status=400)):
            self.assertIsNone(oddity_of(error))

    def test_a_task_without_any_answer(self):
        self.assertEqual(list(oddities(VideoTask("", TaskStatus.WAITING, "", None, (), ""))), [])
