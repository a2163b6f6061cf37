"""manage.py generate: the form's way from a terminal, its exit codes, its file, and Ctrl-C."""

import json
import re
import shutil
import tempfile
from datetime import timedelta
from io import StringIO
from pathlib import Path
from unittest import mock

from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import TestCase, override_settings
from django.utils import timezone
from django_q.models import OrmQ

from generations.management.commands import generate
from generations.models import Gateway, Generation, PollerSlot, Status, User
from generations.terminal import Bar
from tests.factories import alice, bob, clip, make_gateway, make_price, take
from tests.pages import picture

PAGE = (settings.BASE_DIR / "docs" / "command-line.md").read_text(encoding="utf-8")
SAME = (
    *("team", "created_by", "prompt", "options", "model_key", "dialect", "upstream_model", "gateway", "status"),
    *("asked_width", "asked_height", "asked_seconds", "quote_amount", "quote_currency", "quote_source", "relation"),
)


class GenerateCase(TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="videostudio-case-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.enterContext(override_settings(MEDIA_ROOT=self.folder / "media"))
        make_gateway()
        alice()

    def run_it(self, *arguments: str, steps: tuple[str, ...] = (), ends: BaseException | None = None):
        """Return (exit code, standard output, standard error); at each look the row takes the next of `steps`."""
        out, err, left = StringIO(), StringIO(), list(steps)

        def step(seconds: float) -> None:
            if left:
                take(Generation.objects.get(), left.pop(0))
            else:
                raise ends or AssertionError("it waits for ever")

        code = 0
        with mock.patch.object(generate.time, "sleep", side_effect=step):
            try:
                call_command("generate", *arguments, stdout=out, stderr=err)
            except CommandError as error:
                code = error.returncode
                err.write(str(error))
            except SystemExit as error:
                code = error.code
        return code, out.getvalue(), err.getvalue()


class AskingTests(GenerateCase):
    def test_it_makes_what_the_form_makes(self):
        make_price()
        self.client.force_login(alice())
        form = {"model": "wan/wan2.6", "prompt": " A fox\r\nat dusk ", "seconds": "10", "form_token": "one"}
        self.client.post("/", form)
        code, output, _ = self.run_it(" A fox\r\nat dusk ", "--model", "wan/wan2.6", "--option", "seconds=10")
        by_form, by_command = Generation.objects.order_by("pk")
        self.assertEqual(code, 0)
        for name in SAME:
            self.assertEqual(getattr(by_command, name), getattr(by_form, name), name)
        self.assertEqual((by_form.origin, by_command.origin), ("browser", "command"))
        told = [list(row.events.values_list("after", "actor", "reason")) for row in (by_form, by_command)]
        self.assertEqual(told[0], told[1])
        money = [list(row.ledger.values_list("kind", "held")) for row in (by_form, by_command)]
        self.assertEqual(money[0], money[1])
        self.assertEqual(OrmQ.objects.count(), 2)
        self.assertEqual(output, f"{settings.STUDIO_URL}{by_command.get_absolute_url()}\n")

    def test_an_image_is_handed_over(self):
        path = self.folder / "still.png"
        path.write_bytes(picture().read())
        code, _, _ = self.run_it("A fox", "--model", "veo/veo3.1", "--option", f"input_reference=@{path}")
        self.assertEqual(code, 0)
        self.assertEqual(Generation.objects.get().inputs.get().upload.person, alice())

    def test_what_is_refused_makes_nothing_and_says_why(self):
        there = self.folder / "there.mp4"
        there.touch()
        for arguments, words in (
            (["", "--model", "wan/wan2.6"], "Write what the video"),
            (["x", "--model", "wan"], "There is no model"),
            (["x", "--model", "wan/wan2.6", "--option", "seconds=7"], "5, 10 or 15"),
            (["x", "--model", "wan/wan2.6", "--option", "nonsense=1"], "It has: seconds, size."),
            (["x", "--model", "wan/wan2.6", "--option", "seconds"], "NAME=VALUE"),
            (["x", "--model", "wan/wan2.6", "--option", "seconds=5", "--option", "seconds=10"], "came 2 times"),
            (["x", "--model", "veo/veo3.1", "--option", "input_reference=@/nowhere.png"], "cannot be read"),
            (["x", "--model", "wan/wan2.6", "--user", "nobody"], "no active account nobody"),
            (["x", "--model", "wan/wan2.6", "--out", str(there)], "nothing is overwritten"),
            (["x", "--model", "wan/wan2.6", "--out", str(self.folder / "no" / "x.mp4")], "Nothing can be written"),
        ):
            with self.subTest(words):
                code, output, errors = self.run_it(*arguments)
                self.assertEqual((code, output), (2, ""))
                self.assertIn(words, errors)
        self.assertFalse(Generation.objects.exists())

    def test_nobody_offers_the_model(self):
        Gateway.objects.update(enabled=False)
        code, _, errors = self.run_it("x", "--model", "wan/wan2.6")
        self.assertEqual(code, 2)
        self.assertIn("No gateway", errors)

    def test_with_several_accounts_one_is_named(self):
        bob()
        self.assertEqual(self.run_it("x", "--model", "wan/wan2.6")[0], 2)
        self.assertEqual(self.run_it("x", "--model", "wan/wan2.6", "--user", "bob")[0], 0)
        self.assertEqual(Generation.objects.get().created_by, bob())
        User.objects.filter(username="bob").update(is_active=False)
        self.assertEqual(self.run_it("x", "--model", "wan/wan2.6", "--user", "bob")[0], 2)
        self.assertEqual(self.run_it("x", "--model", "wan/wan2.6")[0], 0)  # alice is the only one left


class WaitingTests(GenerateCase):
    DONE = (Status.SUBMITTING, Status.IN_PROGRESS, Status.DOWNLOADING, Status.COMPLETED)

    def test_it_waits_and_stores_the_file(self):
        out = self.folder / "fox.mp4"
        code, output, errors = self.run_it(
            "A fox", "--model", "wan/wan2.6", "--out", str(out), "--json", steps=self.DONE
        )
        self.assertEqual(code, 0)
        self.assertEqual(out.read_bytes(), clip())
        record = json.loads(output)
        self.assertEqual((record["status"], record["prompt"]), ("completed", "A fox"))
        self.assertEqual(errors.splitlines(), ["Waiting", "Sending", "Generating", "Saving"])
        self.assertEqual([path.name for path in self.folder.iterdir() if path.is_file()], ["fox.mp4"])

    def test_what_goes_wrong_has_its_exit_code(self):
        for steps, code, words in (
            ((Status.SUBMITTING, Status.IN_PROGRESS, Status.FAILED), 1, "It did not work out."),
            ((Status.CANCELLED,), 1, "Cancelled"),
            ((Status.SUBMITTING, Status.UNKNOWN), 3, "An operator looks it up"),
        ):
            with self.subTest(code=code, steps=steps):
                found, output, errors = self.run_it("A fox", "--model", "wan/wan2.6", "--wait", steps=steps)
                self.assertEqual(found, code)
                self.assertIn(words, errors)
                self.assertIn(str(Generation.objects.get().uuid), output)
                Generation.objects.all().delete()

    def test_a_file_that_cannot_be_written_leaves_the_video_where_it_is(self):
        out = self.folder / "fox.mp4"
        with mock.patch.object(generate.shutil, "copyfile", side_effect=OSError(28, "No space left on device")):
            code, _, errors = self.run_it("A fox", "--model", "wan/wan2.6", "--out", str(out), steps=self.DONE)
        self.assertEqual(code, 4)
        self.assertIn("No space left on device", errors)
        self.assertEqual([path.name for path in self.folder.iterdir() if path.is_file()], [])

    def test_a_file_that_came_meanwhile_is_not_overwritten(self):
        out = self.folder / "fox.mp4"
        with mock.patch.object(generate, "refuse_unless_writable"):
            out.write_text("mine")
            self.assertEqual(self.run_it("A fox", "--model", "wan/wan2.6", "--out", str(out), steps=self.DONE)[0], 4)
        self.assertEqual(out.read_text(), "mine")

    def test_ctrl_c_leaves_it_going_and_says_where(self):
        code, _, errors = self.run_it(
            "A fox", "--model", "wan/wan2.6", "--wait", steps=self.DONE[:2], ends=KeyboardInterrupt()
        )
        row = Generation.objects.get()
        self.assertEqual((code, row.status), (130, Status.IN_PROGRESS))
        self.assertIn(f"It goes on without you: {settings.STUDIO_URL}{row.get_absolute_url()}", errors)

    def test_a_studio_that_does_not_run_is_said_once(self):
        with mock.patch.object(generate, "SILENT_SECONDS", -1):
            _, _, errors = self.run_it("A fox", "--model", "wan/wan2.6", "--wait", steps=self.DONE)
        self.assertEqual(errors.count("does not seem to run"), 1)
        Generation.objects.all().update(deleted_at=timezone.now())
        PollerSlot.objects.create(name="p0", owner="x", until=timezone.now() + timedelta(seconds=60))
        Generation.objects.all().delete()
        with mock.patch.object(generate, "SILENT_SECONDS", -1):
            _, _, errors = self.run_it("A fox", "--model", "wan/wan2.6", "--wait", steps=self.DONE)
        self.assertNotIn("does not seem to run", errors)

    def test_a_database_that_is_away_for_a_moment_is_waited_for(self):
        real, calls = Generation.refresh_from_db, []

        def refresh(self, *args, **kwargs):
            calls.append(1)
            if len(calls) == 1:
                raise OperationalError("away")
            return real(self, *args, **kwargs)

        closing = mock.patch.object(generate, "close_old_connections")  # a test has only the one
        with mock.patch.object(Generation, "refresh_from_db", refresh), closing:
            code, _, errors = self.run_it("A fox", "--model", "wan/wan2.6", "--wait", steps=self.DONE)
        self.assertEqual(code, 0)
        self.assertIn("The database is away", errors)


class BarTests(TestCase):
    def test_a_terminal_gets_one_line_that_moves_and_is_left_clean(self):
        said: list[str] = []
        bar = Bar(said.append, is_live=True, since=timezone.now())
        bar.show(50, "Generating", "")
        bar.end()
        self.assertEqual(said[0], "\r\x1b[K[############------------]  50 %  0 s  Generating")
        self.assertEqual(said[1], "\r\x1b[K")
        bar.show(99, "Generating", "x" * 500)
        self.assertLess(len(said[2]), 84)


class DocumentedTests(TestCase):
    def test_the_page_names_every_argument_and_every_exit_code(self):
        parser = generate.Command().create_parser("manage.py", "generate")
        known = {name for action in parser._actions for name in action.option_strings if name.startswith("--")}
        ours = known - {name for name in known if name in EVERY_COMMAND}
        self.assertEqual(set(re.findall(r"^\| `(--[a-z]+)", PAGE, re.MULTILINE)), ours)
        codes = {0, generate.FAILED, generate.REFUSED, generate.UNKNOWN, generate.NOT_WRITTEN, generate.INTERRUPTED}
        self.assertEqual({int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)}, codes)


EVERY_COMMAND = {
    *("--help", "--version", "--verbosity", "--settings", "--pythonpath", "--traceback", "--no-color"),
    *("--force-color", "--skip-checks"),
}
