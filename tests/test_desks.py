"""Who is at work, told by locked files: exactly the processes that live and are inside of a step."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

from django.test import SimpleTestCase

from tests.processes import wait_for
from videostudio import desks

STEP = "import time; from videostudio.desks import at_work\nwith at_work(): print('in', flush=True); time.sleep(60)"


class DeskTests(SimpleTestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = desks.make(Path(scratch.name) / "desks" / "submit")
        self.enterContext(mock.patch.dict(os.environ, {desks.FOLDER_VARIABLE: str(self.folder)}))

    def at_a_step(self) -> subprocess.Popen:
        process = subprocess.Popen([sys.executable, "-c", STEP], stdout=subprocess.PIPE)
        self.addCleanup(process.wait)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), b"in\n")
        return process

    def test_whoever_is_at_a_step_is_counted_until_it_ends(self):
        self.assertEqual(desks.count(self.folder), 0)
        with desks.at_work():
            other = self.at_a_step()
            self.assertEqual(desks.count(self.folder), 2)
        self.assertEqual(desks.count(self.folder), 1)
        other.kill()
        wait_for(lambda: desks.count(self.folder) == 0, seconds=5, why="it is counted although it was killed")

    def test_looking_moves_nothing_and_a_step_that_begins_or_ends_does(self):
        self.at_a_step().kill()
        for moment in (0, 100):
            os.utime(self.folder, (moment, moment))
            desks.count(self.folder)
            self.assertTrue(desks.is_still(self.folder, 60))
        with desks.at_work():
            self.assertFalse(desks.is_still(self.folder, 60))
            os.utime(self.folder, (0, 0))
        self.assertFalse(desks.is_still(self.folder, 60))

    def test_what_dead_processes_left_goes_when_a_studio_starts_and_nothing_else(self):
        living, dead = self.at_a_step(), self.at_a_step()
        dead.kill()
        dead.wait()
        desks.make(self.folder)
        self.assertEqual([path.name for path in self.folder.iterdir()], [str(living.pid)])

    def test_a_step_runs_without_a_desk_when_there_is_no_room_for_one(self):
        full = mock.patch.object(os, "open", side_effect=OSError(28, "No space left on device"))
        with full, self.assertLogs("videostudio.desks", "WARNING"), desks.at_work():
            self.assertEqual(list(self.folder.iterdir()), [])
