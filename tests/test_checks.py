"""System checks: what is wrong with the catalogue, the queue or a setting is said before anything starts."""

import copy
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

from django.conf import settings
from django.core.checks import CheckMessage, run_checks
from django.test import TestCase, override_settings

from generations import catalog
from tests.settings import belongs_to_the_contract

MODEL = """
[[model]]
key = "demo/one"
label = "One"
maker = "Demo"
dialect = "newapi"
upstream_id = "one"
status = "active"
source = "made up"
description = "Made up."
"""
OPTION = """
[[model.option]]
name = "{name}"
label = "An option"
kind = "flag"
default = true
"""


def ours(*, deploy: bool = False) -> list[CheckMessage]:
    found = run_checks(include_deployment_checks=deploy)
    return [message for message in found if str(message.id).startswith("generations.")]


class CheckTestCase(TestCase):
    """Some of Django's own checks ask the database."""

    def assert_found(self, identifier: str, *words: str, deploy: bool = False) -> None:
        [message] = ours(deploy=deploy)
        self.assertEqual(message.id, f"generations.{identifier}")
        for word in words:
            self.assertIn(word, message.msg)

    def use_models(self, text: str) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        (Path(folder.name) / "demo.toml").write_text(text)
        self.addCleanup(catalog.configure)
        catalog.configure(folder.name)


class UsualTests(CheckTestCase):
    def test_the_studio_as_it_is_passes(self):
        self.assertEqual(ours(deploy=True), [])

    def test_a_deployment_with_https_passes_every_check_there_is(self):
        clean = {name: value for name, value in os.environ.items() if not belongs_to_the_contract(name)}
        with tempfile.TemporaryDirectory() as folder:
            variables = clean | {"STUDIO_DATA_DIR": folder, "STUDIO_URL": "https://studio.example.com"}
            variables["DJANGO_SETTINGS_MODULE"] = "videostudio.settings"
            command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
            result = subprocess.run(
                command, cwd=settings.BASE_DIR, env=variables, capture_output=True, text=True, timeout=60
            )
        self.assertEqual(result.returncode, 0, result.stderr)


class CatalogueTests(CheckTestCase):
    def assert_refused(self, words: str, folder: str) -> None:
        """The command ends with a sentence, not with a trace, before anything is made from the catalogue."""
        variables = os.environ | {"STUDIO_CATALOG_DIR": folder, "DJANGO_SETTINGS_MODULE": "videostudio.settings"}
        with tempfile.TemporaryDirectory() as data:
            result = subprocess.run(
                [sys.executable, "manage.py", "check"],
                **{"cwd": settings.BASE_DIR, "env": variables | {"STUDIO_DATA_DIR": data}},
                **{"capture_output": True, "text": True, "timeout": 60},
            )
        self.assertEqual(result.returncode, 1)
        self.assertTrue(result.stderr.startswith(f"The catalogue is refused: {words}"), result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1)

    def test_a_wrong_file_is_refused_with_file_key_and_reason(self):
        for text, words in (
            (MODEL.replace('label = "One"', 'label = ""'), "demo.toml, demo/one, label is missing"),
            ("nonsense", "demo.toml, cannot be read: "),
        ):
            with self.subTest(words), tempfile.TemporaryDirectory() as folder:
                (Path(folder) / "demo.toml").write_text(text)
                self.assert_refused(words, folder)

    def test_a_folder_that_is_not_there_is_refused(self):
        self.assert_refused("/nowhere/models, is not a folder", "/nowhere/models")

    def test_a_dialect_that_nobody_speaks_is_refused(self):
        spoken = {"openai_videos": None}
        with mock.patch("generations.checks.DIALECTS", spoken):
            found = ours()
        self.assertEqual({message.id for message in found}, {"generations.E002"})
        self.assertIn("wan/wan2.6-t2v speaks newapi, which is no dialect of ours.", [message.msg for message in found])

    def test_a_remix_where_the_dialect_knows_none_is_refused(self):
        """It would be sent, and paid, as a video of its own."""
        remix = (
            '[[model.option]]\nname = "remix_of"\nlabel = "Remix of"\nkind = "text"\nrole = "remix"\nmax_length = 64\n'
        )
        for dialect in ("newapi", "openai_json"):
            with self.subTest(dialect):
                self.use_models(MODEL.replace("newapi", dialect) + remix)
                self.assert_found("E009", "demo/one: remix_of cannot ask for a remix")
        self.use_models(MODEL.replace("newapi", "openai_videos") + remix.replace('"remix_of"', '"again"'))
        self.assert_found("E009", "demo/one: again cannot ask for a remix")
        self.use_models(MODEL.replace("newapi", "openai_videos") + remix)
        self.assertEqual(ours(), [])

    def test_an_option_called_like_something_of_the_form_is_refused(self):
        for name in ("parent", "form_token", "was", "undo", "remove", "submit", "id"):
            with self.subTest(name):
                self.use_models(MODEL + OPTION.format(name=name))
                self.assert_found("E005", f"demo/one: an option cannot be called {name}")

    def test_any_other_name_will_do(self):
        self.use_models(MODEL + OPTION.format(name="loop"))
        self.assertEqual(ours(), [])


class SettingTests(CheckTestCase):
    def test_a_sandbox_switched_on_is_a_warning_where_people_work(self):
        with override_settings(STUDIO_SANDBOX="on"):
            self.assert_found("W001", "sandbox clips", deploy=True)

    def test_a_key_that_no_header_can_carry_is_said_and_not_shown(self):
        for name in ("COMETAPI", "COMPUTEVAULT"):
            for key in ("sk-two words", "sk-line\nbreak", "sk-ключ", "sk-\x00"):
                with (
                    self.subTest(f"{name} {key!r}"),
                    override_settings(**{name: {"key": key, "base_url": "https://x.invalid"}}),
                ):
                    self.assert_found("E006", f"{name}_KEY has characters that no key has.")
                    self.assertNotIn("sk-", ours()[0].msg)

    def test_a_key_that_could_be_guessed_is_said_and_used(self):
        with override_settings(FIELD_KEYS=["secret"]):
            self.assert_found("W002", "The first key of STUDIO_FIELD_KEY has fewer than 16 characters")
            self.assertNotIn("secret", ours()[0].msg)
        with override_settings(FIELD_KEYS=["x" * 32, "secret"]):
            self.assertEqual(ours(), [])

    def test_private_hosts(self):
        for good in ("127.0.0.1:8000", "gateway.lan:80", "[::1]:443"):
            with self.subTest(good), override_settings(PRIVATE_HOSTS=frozenset({good})):
                self.assertEqual(ours(), [])
        for bad in (
            "127.0.0.1",
            "http://127.0.0.1:80",
            "gateway.lan:",
            "gateway.lan:x",
            "gateway.lan:99999",
            "::1:80",
            "a:b@c:80",
            "a:80/x",
            ":80",
            "[",
        ):
            with self.subTest(bad), override_settings(PRIVATE_HOSTS=frozenset({bad})):
                self.assert_found("E007", bad)

    def test_an_address_below_a_path(self):
        with override_settings(STUDIO_URL="https://example.com/studio"):
            self.assert_found("E008", "https://example.com/studio", "root of a host")


class QueueTests(CheckTestCase):
    """A message that is handed out again while its task may still run would pay twice."""

    def test_each_cluster_s_times_must_fit(self):
        for cluster in ("submit", *settings.Q_CLUSTER["ALT_CLUSTERS"]):
            changed = copy.deepcopy(settings.Q_CLUSTER)
            conf = changed if cluster == "submit" else changed["ALT_CLUSTERS"][cluster]
            conf["retry"] = conf["timeout"] * 3 + 29
            with self.subTest(cluster), override_settings(Q_CLUSTER=changed):
                self.assert_found("E004", f"Queue {cluster}: retry must be at least {conf['timeout'] * 3 + 30} s")

    def test_a_longer_line_before_the_workers_takes_a_longer_retry(self):
        changed = copy.deepcopy(settings.Q_CLUSTER) | {"queue_limit": 40}
        with override_settings(Q_CLUSTER=changed):
            self.assert_found("E004", "Queue submit: retry must be at least")
