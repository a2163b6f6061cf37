"""Setting up: make, the environment variables, preparing the data directory, and what the documents promise."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError
from django.db.migrations.recorder import MigrationRecorder
from django.test import SimpleTestCase, TestCase, override_settings

from generations import seeding
from generations.management.commands.studio import greeting, services
from tests.settings import belongs_to_the_contract
from videostudio import environment, first_run

ROOT: Path = settings.BASE_DIR


def variables_of(text: str) -> set[str]:
    return set(re.findall(r'\bread(?:_\w+)?\(\s*"([A-Z_]+)"', text))


def pins(name: str) -> dict[str, str]:
    found = re.findall(r"^([a-z][\w.-]*)==([^\s;]+)", (ROOT / name).read_text(), re.MULTILINE)
    return dict(found)


class ContractTests(SimpleTestCase):
    def setUp(self):
        self.variables = variables_of((ROOT / "videostudio" / "settings.py").read_text())
        self.assertIn("STUDIO_URL", self.variables)

    def test_the_example_names_exactly_the_variables_that_are_read(self):
        named = re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
        self.assertEqual(set(named), self.variables)
        self.assertEqual(len(named), len(set(named)))

    def test_the_readme_explains_every_variable(self):
        explained = set(re.findall(r"`([A-Z_]+)`", (ROOT / "README.md").read_text()))
        self.assertEqual(self.variables - explained, set())

    def test_the_test_settings_drop_every_variable_that_is_read(self):
        for name in self.variables:
            with self.subTest(name):
                self.assertTrue(belongs_to_the_contract(name))
                self.assertTrue(belongs_to_the_contract(f"{name}_FILE"))

    def test_the_example_as_it_stands_is_a_valid_configuration(self):
        variables = {name: value for name, value in os.environ.items() if not belongs_to_the_contract(name)}
        for line in (ROOT / ".env.example").read_text().splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.partition("=")
                variables[name] = value
        variables.pop("TEST_DATABASE_URL", None)  # a check of generated columns asks the database, and this has none
        with tempfile.TemporaryDirectory() as scratch:
            variables["STUDIO_DATA_DIR"] = scratch
            check = [sys.executable, "manage.py", "check"]
            result = subprocess.run(check, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_a_hostile_environment_does_not_reach_the_tests(self):
        hostile = {**os.environ, "STUDIO_URL": "nonsense", "PORT": "0", "COMETAPI_KEY_FILE": "/nowhere"}
        show = "from tests import settings; print(settings.STUDIO_URL, settings.COMETAPI['key'])"
        result = subprocess.run(
            [sys.executable, "-c", show], cwd=ROOT, env=hostile, capture_output=True, text=True, timeout=60
        )
        self.assertEqual(result.stdout.split(), ["http://127.0.0.1:8000"], result.stderr)


class EnvironmentTests(SimpleTestCase):
    def setUp(self):
        patch = mock.patch.dict(os.environ)
        patch.start()
        self.addCleanup(patch.stop)

    def test_an_empty_value_counts_as_absent(self):
        os.environ["PORT"] = "  "
        self.assertEqual(environment.read("PORT", "8000"), "8000")

    def test_a_file_may_hold_the_value(self):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("from a file\n")
            file.flush()
            os.environ["COMETAPI_KEY_FILE"] = file.name
            self.assertEqual(environment.read("COMETAPI_KEY"), "from a file")

    def test_a_file_that_is_missing_is_named(self):
        os.environ["COMETAPI_KEY_FILE"] = "/nowhere/key"
        with self.assertRaisesMessage(ImproperlyConfigured, "COMETAPI_KEY_FILE names /nowhere/key"):
            environment.read("COMETAPI_KEY")

    def test_bad_values_are_refused_with_their_name(self):
        for read, value in (
            (environment.read_flag, "perhaps"),
            (lambda name: environment.read_number(name, 5, 1, 60), "61"),
            (lambda name: environment.read_number(name, 5, 1, 60), "five"),
            (lambda name: environment.read_url(name, ""), "studio.example.com"),
        ):
            os.environ["STUDIO_TRIED"] = value
            with self.subTest(value), self.assertRaisesMessage(ImproperlyConfigured, f"STUDIO_TRIED is {value!r}"):
                read("STUDIO_TRIED")

    def test_a_kept_secret_is_made_once_for_its_owner_only(self):
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "data" / "secret-key"
            made = environment.kept_secret(path)
            self.assertGreaterEqual(len(made), 50)
            self.assertEqual(environment.kept_secret(path), made)
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)

    def test_a_mail_address_becomes_a_mailer(self):
        os.environ["EMAIL_URL"] = "smtp+tls://alice%40example.com:secret@mail.example.com:2525"
        options = environment.read_mailer("EMAIL_URL")["OPTIONS"]
        expected = {"host": "mail.example.com", "port": 2525, "username": "alice@example.com", "use_tls": True}
        self.assertLessEqual(expected.items(), options.items())


class RequirementsTests(SimpleTestCase):
    def test_requirements_name_no_host(self):
        for name in ("requirements.txt", "requirements-dev.txt"):
            text = (ROOT / name).read_text()
            with self.subTest(name):
                self.assertNotIn("://", text)
                self.assertNotIn("--index", text)

    def test_every_requirement_is_pinned_with_hashes(self):
        for name in ("requirements.txt", "requirements-dev.txt"):
            logical_lines = (ROOT / name).read_text().replace("\\\n", " ").splitlines()
            for line in filter(None, logical_lines):
                with self.subTest(line.split(" ")[0]):
                    self.assertRegex(line, r"^\S+==\S+.*--hash=sha256:[0-9a-f]{64}")

    def test_tests_run_on_the_versions_that_are_served(self):
        self.assertLessEqual(pins("requirements.txt").items(), pins("requirements-dev.txt").items())


class DocumentTests(SimpleTestCase):
    def test_links_between_documents_lead_somewhere(self):
        for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
            for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", document.read_text()):
                with self.subTest(document=document.name, target=target):
                    self.assertTrue((document.parent / target).exists())


class StaticFilesTests(SimpleTestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.place = Path(scratch.name)
        self.source = self.place / "source" / "app.css"
        self.source.parent.mkdir()
        self.source.write_text("body { color: black }")
        places = override_settings(
            DATA_DIR=self.place,
            STATIC_ROOT=self.place / "static",
            STATICFILES_DIRS=[self.source.parent],
            STATICFILES_FINDERS=["django.contrib.staticfiles.finders.FileSystemFinder"],
        )
        places.enable()
        self.addCleanup(places.disable)

    def collect(self) -> list[str]:
        said: list[str] = []
        first_run.collect_static(said.append)
        return said

    def test_static_files_are_collected_once(self):
        self.assertEqual(len(self.collect()), 1)
        self.assertTrue((self.place / "static" / "app.css").exists())
        self.assertEqual(self.collect(), [])

    def test_a_changed_source_is_collected_again_and_old_files_go(self):
        self.collect()
        self.source.rename(self.source.with_name("other.css"))
        self.assertEqual(len(self.collect()), 1)
        self.assertEqual([path.name for path in (self.place / "static").iterdir()], ["other.css"])

    def test_a_collection_that_broke_off_is_begun_again(self):
        self.collect()
        self.source.write_text("body { color: white; }")
        with (
            mock.patch("videostudio.first_run.call_command", side_effect=OSError("disk full")),
            self.assertRaises(OSError),
        ):
            self.collect()
        self.source.write_text("body { color: black }")
        self.assertEqual(len(self.collect()), 1)


class PrepareTests(TestCase):
    def test_a_database_that_is_up_to_date_is_left_alone(self):
        said: list[str] = []
        first_run.migrate(said.append)
        self.assertEqual(said, [])

    def test_a_database_of_a_newer_studio_is_refused(self):
        MigrationRecorder.Migration.objects.create(app="generations", name="9999_from_the_future")
        with self.assertRaisesMessage(CommandError, "made by a newer studio (it has 9999_from_the_future)"):
            first_run.migrate(self.fail)

    def test_the_greeting_says_how_to_sign_in_and_that_clips_are_drawn(self):
        seeding.prepare()
        self.addCleanup(settings.INITIAL_PASSWORD_FILE.unlink)
        text = "\n".join(greeting())
        self.assertIn("http://127.0.0.1:8000/", text)
        self.assertIn(f"Sign in as admin; the password is in {settings.INITIAL_PASSWORD_FILE}", text)
        self.assertIn("The sandbox is on", text)

    @override_settings(COMETAPI={"key": "sk-0123456789abcdef", "base_url": "https://api.example.com"})
    def test_with_a_key_the_greeting_names_the_gateway_and_not_its_key(self):
        seeding.prepare()
        self.addCleanup(settings.INITIAL_PASSWORD_FILE.unlink)
        text = "\n".join(greeting())
        self.assertIn("Gateways: cometapi. The sandbox is off.", text)
        self.assertNotIn("cdef", text)


class ServicesTests(SimpleTestCase):
    def test_a_studio_is_a_web_server_and_the_clusters_of_the_queue(self):
        found = services("127.0.0.1")
        self.assertEqual([service.cluster for service in found], ["", "submit", "download", "poll"])
        self.assertEqual([service.name for service in found if service.pays], ["submit cluster"])
        self.assertEqual(found[0].site, ("127.0.0.1", settings.PORT))

    def test_every_cluster_is_configured(self):
        known = {settings.Q_CLUSTER["cluster_name"], *settings.Q_CLUSTER["ALT_CLUSTERS"]}
        self.assertEqual({service.cluster for service in services("127.0.0.1")[1:]}, known)


@pytest.mark.services
@pytest.mark.timeout(600)
class MakeTests(SimpleTestCase):
    """`make setup` for real, with requirements that name nothing, so that no network is needed."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="a place with spaces ")
        self.addCleanup(scratch.cleanup)
        self.place = Path(scratch.name) / "studio"
        self.place.mkdir()
        shutil.copy(ROOT / "Makefile", self.place)
        (self.place / "requirements.txt").write_text("# nothing\n")

    def make(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
        # The suite may itself run under make, whose children would say where they are.
        environment = {**os.environ, "PYTHON": sys.executable, **variables}
        for name in ("MAKELEVEL", "MAKEFLAGS", "MFLAGS"):
            environment.pop(name, None)
        command = ["make", "setup", *arguments]
        return subprocess.run(command, cwd=self.place, env=environment, capture_output=True, text=True, timeout=300)

    def test_the_environment_is_made_once_and_anew_when_something_changed(self):
        first = self.make()
        self.assertIn("Making .venv", first.stdout, first.stderr)
        self.assertEqual(self.make().stdout, "")
        (self.place / ".venv" / "mine").touch()
        (self.place / ".venv" / ".installed-requirements.txt").unlink()
        self.assertIn("Installing", self.make().stdout)  # a broken-off installation is completed
        self.assertTrue((self.place / ".venv" / "mine").exists())
        self.place = self.place.rename(self.place.with_name("moved"))
        self.assertIn("Making .venv", self.make().stdout)
        (self.place / "requirements.txt").write_text("# nothing else\n")
        self.assertIn("Making .venv", self.make().stdout)
        (self.place / ".venv" / "bin" / "python").unlink()
        self.assertIn("Making .venv", self.make().stdout)

    def test_without_a_python_that_fits_one_line_says_what_to_do(self):
        tools = self.place / "tools"
        tools.mkdir()
        for tool in ("cat", "cksum", "make", "sh"):
            (tools / tool).symlink_to(shutil.which(tool) or self.fail(f"no {tool}"))
        too_old = tools / "python3"  # as a pyenv shim: there, and failing
        too_old.write_text("#!/bin/sh\nexit 127\n")
        too_old.chmod(0o755)
        result = self.make(PATH=str(tools), PYTHON="/nowhere/python3.13")
        self.assertNotEqual(result.returncode, 0)
        said = [line for line in result.stderr.splitlines() if not line.startswith("make")]
        self.assertEqual(len(said), 1, said)
        self.assertIn("needs Python 3.12 or 3.13 with its venv module", said[0])
        self.assertFalse((self.place / ".venv").exists())
