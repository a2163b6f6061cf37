"""Processes leave when the one above them is gone; one that is shielded ends its work first."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

from django.conf import settings
from django.test import SimpleTestCase

from tests.processes import is_running, wait_for
from videostudio import lifeline

PROGRAM = """
import os, sys, time
from contextlib import nullcontext
from pathlib import Path
from videostudio import lifeline

place, kind = Path(sys.argv[1]), sys.argv[2]

def write(name, text=""):
    (place / "new").write_text(text)
    os.rename(place / "new", place / name)

if os.fork() == 0:
    with lifeline.shielded() if kind == "shielded" else nullcontext():
        write("child", str(os.getpid()))
        while not (place / "go").exists():
            time.sleep(0.02)
        write("ended", str(lifeline.is_leaving()))
    write("after")
time.sleep(60)
"""


class LifelineTests(SimpleTestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.place = Path(scratch.name)
        (self.place / "program.py").write_text(PROGRAM)

    def start(self, kind: str) -> tuple[subprocess.Popen, int]:
        """Start the program, tied to this process. Returns it and the pid of what it forked."""
        tied_to = str(os.getpid())
        command = [sys.executable, "-m", "videostudio.lifeline", tied_to, str(self.place / "program.py")]
        program = subprocess.Popen([*command, str(self.place), kind], cwd=settings.BASE_DIR, start_new_session=True)
        self.addCleanup(self.end, program)
        wait_for((self.place / "child").exists)
        return program, int((self.place / "child").read_text())

    def end(self, program: subprocess.Popen) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        program.wait()

    def test_a_program_is_not_run_for_a_parent_that_is_gone(self):
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        command = [sys.executable, "-m", "videostudio.lifeline", str(gone.pid), str(self.place / "program.py")]
        program = subprocess.run([*command, str(self.place), "plain"], cwd=settings.BASE_DIR, timeout=20)
        self.assertEqual(program.returncode, 1)
        self.assertFalse((self.place / "child").exists())

    def test_a_module_runs_as_python_would_run_it(self):
        command = [sys.executable, "-m", "videostudio.lifeline", str(os.getpid()), "-m", "json.tool", "--compact"]
        program = subprocess.run(command, cwd=settings.BASE_DIR, input=b"[1, 2]", capture_output=True, timeout=20)
        self.assertEqual(program.stdout, b"[1,2]\n")

    if sys.platform == "linux":

        def test_what_a_killed_process_forked_dies_with_it(self):
            program, child = self.start("plain")
            program.kill()
            program.wait()
            wait_for(lambda: not is_running(child), seconds=2)
            self.assertFalse((self.place / "ended").exists())

        def test_a_shielded_process_ends_its_work_then_leaves(self):
            program, child = self.start("shielded")
            program.kill()
            program.wait()
            self.assertTrue(is_running(child))
            (self.place / "go").touch()
            wait_for(lambda: not is_running(child), seconds=2)
            self.assertEqual((self.place / "ended").read_text(), "True")
            self.assertFalse((self.place / "after").exists())


class LineTests(SimpleTestCase):
    def test_nothing_new_begins_once_the_supervisor_has_cut_the_line(self):
        ours, theirs = os.pipe()
        self.addCleanup(os.close, ours)
        self.addCleanup(os.environ.pop, lifeline.FD_VARIABLE, None)
        os.environ[lifeline.FD_VARIABLE] = str(ours)
        self.assertFalse(lifeline.is_leaving())
        os.close(theirs)
        self.assertTrue(lifeline.is_leaving())

    def test_a_process_started_by_hand_is_never_leaving(self):
        self.assertNotIn(lifeline.FD_VARIABLE, os.environ)
        self.assertFalse(lifeline.is_leaving())

    def test_a_shield_changes_nothing_for_a_process_that_is_not_tied(self):
        with lifeline.shielded():
            self.assertFalse(lifeline.is_leaving())


class WireTests(SimpleTestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.lock = Path(scratch.name) / "wire.lock"

    def test_a_paid_request_is_announced_as_long_as_it_lasts(self):
        self.assertFalse(lifeline.is_announced(self.lock))
        with mock.patch.dict(os.environ, {lifeline.WIRE_VARIABLE: str(self.lock)}):
            with lifeline.announced(), lifeline.announced():
                self.assertTrue(lifeline.is_announced(self.lock))
            self.assertFalse(lifeline.is_announced(self.lock))

    def test_without_a_supervisor_nobody_is_told(self):
        with lifeline.announced():
            self.assertFalse(lifeline.is_announced(self.lock))

    def test_the_announcement_of_a_killed_process_goes_with_it(self):
        work = "with lifeline.announced(): print(flush=True); time.sleep(60)"
        code = f"import time; from videostudio import lifeline\n{work}"
        environment = {**os.environ, lifeline.WIRE_VARIABLE: str(self.lock)}
        process = subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=-1, cwd=settings.BASE_DIR)
        self.addCleanup(process.stdout.close)
        process.stdout.readline()
        self.assertTrue(lifeline.is_announced(self.lock))
        process.kill()
        process.wait()
        self.assertFalse(lifeline.is_announced(self.lock))
