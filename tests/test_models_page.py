"""docs/models.md: made from the catalogue, complete, and what the repository holds."""

import tempfile
from io import StringIO
from pathlib import Path
from unittest import mock

from django.core.management import CommandError, call_command
from django.test import SimpleTestCase

from generations.catalog import BUILT_IN, load
from generations.catalog.reference import models_page
from generations.management.commands import models_page as command

MODELS = load(BUILT_IN).models


class ModelsPageTests(SimpleTestCase):
    def test_the_page_in_the_repository_is_what_the_catalogue_says(self):
        self.assertEqual(command.PAGE.read_text(encoding="utf-8"), models_page(MODELS), "run manage.py models_page")

    def test_every_model_option_and_source_is_on_it(self):
        page = models_page(MODELS)
        sections = page.split("\n## ")[1:]
        self.assertEqual([section.partition("\n")[0] for section in sections], [model.label for model in MODELS])
        for model, section in zip(MODELS, sections, strict=True):
            with self.subTest(model.key):
                for words in (model.key, model.upstream_id, model.source, model.description):
                    self.assertIn(words, section)
                for option in model.options:
                    self.assertIn(f"| {option.label} | `{option.name}` |", section)
                    self.assertIn(f"`{option.path}`", section)

    def test_rules_and_limits_are_told(self):
        page = models_page(MODELS)
        for words in (
            "Only sent while Prompt rewriting is on.",
            "Not sent beside Audio link.",
            "Only together with First frame.",
            "up to 9 images, each a JPEG, PNG or WEBP image",
            "at least 300 pixels wide and high",
            "bare base64",
            "retired 2026-09-24, successor `veo/veo3.1-fast`",
            "Seen to deliver 1280x720 for ratio 1280:768.",
        ):
            with self.subTest(words):
                self.assertIn(words, page)

    def test_the_command_writes_the_page_and_the_check_only_looks(self):
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(command, "PAGE", Path(folder) / "models.md"):
            with self.assertRaises(CommandError):
                call_command("models_page", check=True)
            self.assertFalse(command.PAGE.exists())
            call_command("models_page", stdout=StringIO())
            self.assertEqual(command.PAGE.read_text(encoding="utf-8"), models_page(MODELS))
            call_command("models_page", check=True, stdout=StringIO())
