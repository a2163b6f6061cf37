"""docs/webhooks.md is true: its examples check messages that were really sent, its tables are those of the code."""

import json
import os
import re
import shutil
import subprocess
import time

from django.conf import settings
from django.test import TestCase, override_settings

from generations.lifecycle import webhooks
from generations.lifecycle.webhook_messages import signatures
from generations.models import Delivery, Status
from generations.models.webhooks import TEST, Kind, new_secret
from tests.factories import make_generation
from tests.lifecycle.test_webhooks import make_webhook
from tests.receiver import Receiver, Told

PAGE = (settings.BASE_DIR / "docs" / "webhooks.md").read_text(encoding="utf-8")


def example(language: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(found) == 1, f"{len(found)} examples in {language}"
    return found[0]


class WebhookDocumentTests(TestCase):
    def told(self) -> tuple[str, Told]:
        """Return the secret of a webhook, and what it was told of a video that is ready."""
        with Receiver() as receiver, override_settings(PRIVATE_HOSTS=frozenset({receiver.host_port})):
            webhook = make_webhook(receiver.url, kinds=[Kind.COMPLETED])
            make_generation(Status.COMPLETED, prompt="一只红色的狐狸")
            webhooks.deliver()
        return webhook.secret, receiver.told[0]

    def test_the_python_example_tells_genuine_messages_from_others(self):
        place: dict = {}
        exec(example("python"), place)  # noqa: S102
        is_genuine = place["is_genuine"]
        secret, told = self.told()
        self.assertTrue(is_genuine(secret, told.headers, told.body))
        self.assertTrue(is_genuine(secret, self.signed_twice(told), told.body))
        self.assertFalse(is_genuine(new_secret(), told.headers, told.body))
        self.assertFalse(is_genuine(secret, told.headers, told.body + b" "))
        self.assertFalse(is_genuine(secret, told.headers | {"webhook-id": "msg_other"}, told.body))
        self.assertFalse(is_genuine(secret, self.signed_long_ago(told, secret), told.body))

    def test_the_javascript_example_tells_the_same(self):
        self.assertTrue(shutil.which("node"), "this test needs node: install it, or put it on the PATH")
        secret, told = self.told()
        cases = [
            (secret, told.headers, told.body, True),
            (secret, self.signed_twice(told), told.body, True),
            (new_secret(), told.headers, told.body, False),
            (secret, told.headers, told.body + b" ", False),
            (secret, told.headers | {"webhook-id": "msg_other"}, told.body, False),
            (secret, self.signed_long_ago(told, secret), told.body, False),
            (secret, told.headers | {"webhook-signature": "v1,short"}, told.body, False),
        ]
        given = [[secret, headers, body.decode()] for secret, headers, body, _ in cases]
        asking = (
            "const given = JSON.parse(process.env.GIVEN);"
            "console.log(JSON.stringify(given.map(([key, head, text]) => isGenuine(key, head, Buffer.from(text)))));"
        )
        done = subprocess.run(
            ["node", "--input-type=module", "--eval", example("javascript") + asking],
            env={"PATH": os.environ["PATH"], "GIVEN": json.dumps(given)},
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout), [expected for *_, expected in cases])

    def signed_long_ago(self, told: Told, secret: str) -> dict[str, str]:
        """Return the headers of a message that is genuine, and was so 301 seconds ago."""
        stamp = int(time.time()) - 301
        signature = signatures([secret], told.message_id, stamp, told.body)
        return told.headers | {"webhook-timestamp": str(stamp), "webhook-signature": signature}

    def signed_twice(self, told: Told) -> dict[str, str]:
        return told.headers | {"webhook-signature": f"v1,{'A' * 43}= {told.headers['webhook-signature']}"}

    def test_the_sample_has_the_fields_that_are_sent(self):
        _, told = self.told()
        sample = json.loads(example("json"))
        self.assertEqual(sample.keys(), told.json.keys())
        self.assertEqual(sample["data"].keys(), told.json["data"].keys())
        self.assertEqual(sample["data"]["measured"].keys(), told.json["data"]["measured"].keys())

    def test_every_type_and_header_stands_in_its_table(self):
        _, told = self.told()
        types = set(re.findall(r"^\| `([a-z]+\.[a-z]+)` \|", PAGE, re.MULTILINE))
        self.assertEqual(types, {*Kind.values, TEST})
        headers = set(re.findall(r"^\| `(webhook-[a-z]+)` \|", PAGE, re.MULTILINE))
        self.assertEqual(headers, {name for name in told.headers if name.startswith("webhook-")})

    def test_the_pauses_are_those_of_the_code(self):
        words = {"s": 1, "min": 60, "h": 3600}
        sentence = re.search(r"tried again after (.*?) \(", PAGE, re.DOTALL)[1]
        pauses = [int(count) * words[unit] for count, unit in re.findall(r"(\d+) (s|min|h)\b", sentence)]
        self.assertEqual(pauses[:-1], list(webhooks.BACKOFF[:-1]))
        self.assertAlmostEqual(pauses[-1] / webhooks.BACKOFF[-1], 1, delta=0.05)
        self.assertIn(f"within {webhooks.TIMES.overall} seconds", PAGE)
        self.assertIn(f"kept for {webhooks.KEPT_FOR.days} days", PAGE)
        self.assertEqual(Delivery._meta.get_field("answer").max_length, 500)
