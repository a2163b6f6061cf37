"""The examples of /docs/api/: the very files that the page shows, run against a studio on a socket."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from django.conf import settings

from generations.models import Generation, Status
from generations.views.api_docs import CHECKS, EXAMPLES
from tests.api.live import LiveCase
from tests.factories import alice
from tests.pages import read

PROGRAMS = {"curl.sh": "sh", "python_client.py": sys.executable, "fetch.mjs": "node"}


class ExampleTests(LiveCase):
    def run_example(self, file: str) -> None:
        needed = ["curl", "sh"] if file == "curl.sh" else [PROGRAMS[file]]
        for program in needed:
            self.assertTrue(shutil.which(program), f"this test needs {program}: install it, or put it on the PATH")
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [PROGRAMS[file], settings.BASE_DIR / "docs" / "api" / file],
                cwd=folder,
                env={"PATH": os.environ["PATH"], "STUDIO_URL": self.url, "STUDIO_TOKEN": self.token},
                capture_output=True,
                text=True,
                timeout=60,
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            uuid, status = done.stdout.split()
            self.assertEqual(status, "completed")
            self.assertEqual((Path(folder) / "fox.mp4").read_bytes(), self.stored(uuid))
        self.assertEqual(Generation.objects.get().status, Status.COMPLETED)

    def test_curl(self):
        self.run_example("curl.sh")

    def test_openais_python_client(self):
        self.run_example("python_client.py")

    def test_javascript_fetch(self):
        self.run_example("fetch.mjs")

    def test_a_refusal_ends_an_example_with_its_words(self):
        self.token = "vs_wrong"
        with self.assertRaises(AssertionError) as failed:
            self.run_example("fetch.mjs")
        self.assertIn("unknown, expired or revoked", str(failed.exception))

    def test_the_page_shows_these_files(self):
        self.client.force_login(alice())
        page = read(self.client.get("/docs/api/"))
        self.assertEqual(EXAMPLES.keys(), PROGRAMS.keys())
        for file in EXAMPLES:
            text = (settings.BASE_DIR / "docs" / "api" / file).read_text()
            self.assertEqual(page.one("pre", id_=f"text-{file.partition('.')[0]}").raw_text.strip(), text.strip())
        for language in CHECKS:
            wanted = read_markdown_block(language)
            self.assertEqual(page.one("pre", id_=f"text-check-{language}").raw_text.strip(), wanted.strip())


def read_markdown_block(language: str) -> str:
    text = (settings.BASE_DIR / "docs" / "webhooks.md").read_text()
    return text.partition(f"```{language}\n")[2].partition("```")[0]
