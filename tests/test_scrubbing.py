"""Secrets are taken out of text, sentences are left as they were, and nothing takes long."""

import json
import logging
import re
import time

from django.test import SimpleTestCase

from generations.lifecycle.invariants import SECRET_LOOKING
from videostudio.scrubbing import ScrubFilter, scrub, scrub_json

SECRET = "s3cr3tValue-0123456789"
BESIDES = "Signature=abcdef&Expires=1"


class SecretTests(SimpleTestCase):
    """Each of these holds SECRET, and none does afterwards."""

    TEXTS = (
        f"Authorization: Bearer {SECRET}",
        f"authorization: bearer {SECRET}",
        f"Proxy-Authorization: Basic {SECRET}==",
        f"Authorization: {SECRET}",
        f"{{'authorization': 'Bearer {SECRET}'}}",
        f'{{"Authorization": "Bearer {SECRET}", "model": "x"}}',
        f"Headers([(b'Authorization', b'Bearer {SECRET}')])",
        f"curl -H 'Authorization: Bearer {SECRET}' https://gateway.invalid",
        f"x-api-key: {SECRET}",
        f"API_KEY={SECRET}",
        f'"apiKey" : "{SECRET}"',
        f"?api_key={SECRET}&model=x",
        f'{{"token": "{SECRET}"}}',
        f"access_token={SECRET}",
        f"Invalid token {SECRET}",
        f"password: {SECRET}",
        f"client_secret='{SECRET}'",
        f"csrfmiddlewaretoken={SECRET}",
        f"Cookie: studio={SECRET}; csrftoken={SECRET}\nAccept: */*",
        f"Set-Cookie: studio={SECRET}; Path=/; HttpOnly",
        f'{{"cookie": "studio={SECRET}"}}',
        f"{{'set-cookie': 'studio={SECRET}'}}",
        f"postgres://studio:{SECRET}@127.0.0.1:5432/studio",
        f"smtp+tls://user:{SECRET}@mail.example.com:587",
        f"https://{SECRET}@gateway.invalid/v1",
        f"https://cdn.invalid/v.mp4?Expires=1&Signature={SECRET}",
        f"https://cdn.invalid/v.mp4?Expires=1&Signature={SECRET}, then",
        f'{{"url": "https://cdn.invalid/v.mp4?Expires=1\\u0026Signature={SECRET}"}}',
        f'{{"url": "https:\\/\\/cdn.invalid\\/v.mp4?Signature={SECRET}"}}',
        f'"{{\\"url\\": \\"https://cdn.invalid/v.mp4?a={SECRET}\\"}}"',
        f"/v.mp4?Expires=1&X-Amz-Signature={SECRET}&X-Amz-Security-Token={SECRET}",
        f"key sk-{SECRET} and vs_{SECRET} and key-{SECRET}",
        f"eyJhbGciOi{SECRET}.eyJzdWIiOi{SECRET}.{SECRET}",
    )

    def test_no_secret_stays(self):
        for text in self.TEXTS:
            with self.subTest(text):
                found = scrub(text)
                self.assertNotIn(SECRET, found)
                self.assertNotIn(SECRET[:12], found)
                self.assertTrue(re.search(r"\[(key|cookie|signed)\]", found), found)

    def test_what_is_left_is_no_violation_of_the_invariant(self):
        for text in self.TEXTS:
            with self.subTest(text):
                self.assertIsNone(re.search(SECRET_LOOKING, scrub(text), re.IGNORECASE))
                self.assertIsNone(re.search(SECRET_LOOKING, json.dumps({"a": scrub(text)}), re.IGNORECASE))

    def test_scrubbing_twice_changes_nothing(self):
        for text in self.TEXTS:
            with self.subTest(text):
                self.assertEqual(scrub(scrub(text)), scrub(text))

    def test_given_secrets_go_wherever_they_stand(self):
        self.assertEqual(scrub("xplainx plain", "plain"), "x[key]x [key]")
        self.assertEqual(scrub("plain", ""), "plain")

    def test_pictures_in_text_go(self):
        self.assertEqual(scrub(f"data:image/png;base64,{'iVBO' * 200}=="), "[base64]")
        self.assertEqual(scrub("A" * 399), "A" * 399)


class SentenceTests(SimpleTestCase):
    """What tells people what happened stays as it was."""

    def test_sentences_stay(self):
        for text in (
            "",
            "Invalid token provided",
            "The token expired yesterday.",
            "tokenization failed",
            "max_tokens: 10000, total_tokens=5000",
            "bearer of news",
            "side-by-vs-measured, key_provider_name, a-key-that-fits",
            "duration must be 5, 10 or 15",
            "See https://gateway.invalid/docs/errors#codes for more.",
            "Have you seen https://gateway.invalid/docs?",
            "task_id: 3f2a9c, status=processing, seed: 123456",
            "Größe 1280x720 · 日本語",
            "half \ud800 a letter",
        ):
            with self.subTest(ascii(text)):
                self.assertEqual(scrub(text), text)

    def test_what_stands_around_a_secret_stays(self):
        self.assertEqual(
            scrub(f"wrong key: sk-{SECRET}, see https://gateway.invalid/pay?{BESIDES} or ask"),
            "wrong key: [key], see https://gateway.invalid/pay?[signed] or ask",
        )
        self.assertEqual(scrub(f"Cookie: a={SECRET}\nAccept: */*"), "[cookie]\nAccept: */*")
        self.assertEqual(scrub(f'{{"token": "{SECRET}", "n": 1}}'), '{"token": "[key]", "n": 1}')
        self.assertEqual(scrub(f"Authorization: Bearer {SECRET}"), "Authorization: [key]")


class SlownessTests(SimpleTestCase):
    def test_text_made_to_be_slow_is_not(self):
        for piece in (
            "https://",
            "https://a",
            "https://a@",
            "a:",
            "ab://",
            "a://b",
            "sk-",
            "key-",
            "vs_",
            "eyJaaaaaaaa.",
            "x-",
            "cookie",
            "cookie=",
            "authorization: ",
            "bearer ",
            "token ",
            "token=",
            "data:",
            "data:a;base64,",
            "A",
            "'",
            " ",
            "\\",
        ):
            with self.subTest(piece):
                began = time.process_time()
                scrub(piece * (50_000 // len(piece)))
                self.assertLess(time.process_time() - began, 1)


class JsonTests(SimpleTestCase):
    def test_every_text_in_it_is_scrubbed_and_the_rest_stays(self):
        value = {
            "id": "task_1",
            "n": [1, 2.5, True, None, {"url": f"https://cdn.invalid/v.mp4?{BESIDES}"}],
            f"sk-{SECRET}": "x",
        }
        self.assertEqual(
            scrub_json(value),
            {"id": "task_1", "n": [1, 2.5, True, None, {"url": "https://cdn.invalid/v.mp4?[signed]"}], "[key]": "x"},
        )

    def test_the_name_alone_tells_a_secret(self):
        value = {"token": "plain", "Authorization": "plain words", "api_key": "abc", "password": "", "secret": 5}
        self.assertEqual(
            scrub_json(value),
            {"token": "[key]", "Authorization": "[key]", "api_key": "[key]", "password": "", "secret": 5},
        )

    def test_account_data_and_cookies_are_left_out(self):
        value = {"data": {"user_id": 1, "quota": 5, "status": "x", "Cookie": "a=b", "set-cookie": ["a=b"]}}
        self.assertEqual(scrub_json(value), {"data": {"status": "x"}})

    def test_given_secrets_go(self):
        self.assertEqual(scrub_json({"a": ["x plain"]}, "plain"), {"a": ["x [key]"]})

    def test_what_is_nested_too_deep_is_cut(self):
        value: list = []
        for _ in range(900):
            value = [value]
        self.assertIn("[too deep]", json.dumps(scrub_json(value)))


class FilterTests(SimpleTestCase):
    def logged(self, message: object, *args: object, **extra: object) -> str:
        """Return the line that a handler with the filter writes."""
        record = logging.LogRecord("generations", logging.ERROR, __file__, 1, message, args, extra.get("exc_info"))
        record.stack_info = extra.get("stack_info")
        self.assertTrue(ScrubFilter().filter(record))
        return logging.Formatter("%(message)s").format(record)

    def test_message_and_arguments(self):
        self.assertEqual(self.logged("%s said %d", f"Bearer {SECRET}", 5), "Bearer [key] said 5")

    def test_traceback_and_stack(self):
        try:
            raise ValueError(f"https://cdn.invalid/v.mp4?{BESIDES}")
        except ValueError as error:
            text = self.logged("it failed", exc_info=(type(error), error, error.__traceback__))
        self.assertIn("ValueError: https://cdn.invalid/v.mp4?[signed]", text)
        self.assertIn("Traceback", text)
        self.assertIn("token=[key]", self.logged("x", stack_info=f"token={SECRET}"))

    def test_a_line_that_does_not_fit_its_arguments_breaks_nobody(self):
        self.assertEqual(self.logged("%s %s", f"sk-{SECRET}"), "%s %s (its arguments do not fit)")
        self.assertEqual(self.logged(f"sk-{SECRET} %d", "x"), "[key] %d (its arguments do not fit)")
        self.assertEqual(self.logged(5), "5")
