"""Sentences of the engine in the reader's language: each in the list is one that the code still writes."""

import ast
import re

from django.conf import settings
from django.test import SimpleTestCase
from django.utils import translation

from generations.models import told

CODE = settings.BASE_DIR / "generations"


def literals() -> set[str]:
    """Return every text in the code, the parts of f-strings included, but for the list's own."""
    found = set()
    for path in CODE.rglob("*.py"):
        if path.name != "told.py" and "migrations" not in path.parts:
            nodes = ast.walk(ast.parse(path.read_text()))
            found |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return found


class ToldTests(SimpleTestCase):
    def test_every_sentence_of_the_list_is_written_somewhere(self):
        written = literals()
        for sentence in told.SENTENCES:
            for part in re.split(r"\{\w+\}|; the last time ", sentence):
                self.assertTrue(any(part.strip(" .:()") in text for text in written), f"nobody writes “{sentence}”")

    def test_each_part_of_the_engine_that_signs_is_known(self):
        signed = set()
        for path in CODE.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Assign) and [ast.unparse(name) for name in node.targets] == ["ACTOR"]:
                    signed.add(ast.literal_eval(node.value))
        self.assertEqual(signed, set(told.ACTORS))

    def test_facts_stay_and_what_is_not_in_the_list_is_shown_as_it_is(self):
        sentence = "The file could not be fetched yet. The disk is full. It goes on by itself when there is room."
        with translation.override("zh-hans"):
            self.assertEqual(told.told("no such luck"), "no such luck")
            said = told.told(sentence)
            self.assertIn(told.told("The disk is full. It goes on by itself when there is room."), said)
        self.assertNotRegex(said, "[a-z]")
        self.assertEqual(told.told(sentence), sentence)
