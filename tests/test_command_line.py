"""`manage.py`: what a person can mend is said in one line, without a trace and without a password."""

import os
import subprocess
import sys
import tempfile

from django.conf import settings
from django.db import OperationalError, ProgrammingError
from django.test import SimpleTestCase

from tests.settings import belongs_to_the_contract
from videostudio.command_line import words_of


class SentenceTests(SimpleTestCase):
    def refused(self, command: str, **variables: str) -> str:
        """Return all that a command which cannot run says."""
        clean = {name: value for name, value in os.environ.items() if not belongs_to_the_contract(name)}
        with tempfile.TemporaryDirectory() as folder:
            environment = clean | {"DJANGO_SETTINGS_MODULE": "videostudio.settings", "STUDIO_DATA_DIR": folder}
            ended = subprocess.run(
                [sys.executable, "manage.py", command],
                cwd=settings.BASE_DIR,
                env=environment | variables,
                capture_output=True,
                text=True,
                timeout=60,
            )
        self.assertEqual((ended.returncode, ended.stdout), (1, ""), ended.stderr)
        [line] = ended.stderr.splitlines()
        return line

    def test_a_bad_setting(self):
        self.assertEqual(
            self.refused("check_invariants", PORT="abc"), "PORT is 'abc'; it takes a number from 1 to 65535."
        )

    def test_a_database_that_nobody_answers_for(self):
        line = self.refused("check_invariants", DATABASE_URL="postgres://studio:hidden@127.0.0.1:1/studio")
        self.assertTrue(line.startswith("The database cannot be used ("), line)
        self.assertIn("DATABASE_URL says where it is", line)
        self.assertNotIn("hidden", line)

    def test_a_database_without_tables(self):
        sentence = words_of(OperationalError("no such table: generations_user"))
        self.assertIn("Run manage.py prepare, or start the studio once.", sentence)

    def test_what_is_the_studio_s_own_fault_keeps_its_trace(self):
        self.assertEqual(words_of(ProgrammingError('syntax error at or near "SELEC"')), "")
