"""The catalogues of translations: whole, with every placeholder, as compiled, and up to what the sources say."""

import re
import shutil
from gettext import GNUTranslations
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import SimpleTestCase

from generations.management.commands.messages import LOCALE, WORDS, catalog_words

FOLDER = settings.BASE_DIR / "locale" / LOCALE / "LC_MESSAGES"
DOMAINS = ("django", "djangojs")
FACT = re.compile(r"%\(\w+\)[a-z]|\{\w+\}|<[^>]+>")
LINE = re.compile(r'(msgctxt|msgid_plural|msgid|msgstr)(?:\[\d\])? "(.*)"')


def entries(text: str) -> list[dict[str, str]]:
    """Return what a .po file holds, its head apart: msgid, msgstr and, where there are, msgctxt and msgid_plural."""
    found = []
    for block in text.split("\n\n"):
        entry: dict[str, str] = {"flags": "".join(line for line in block.splitlines() if line.startswith("#,"))}
        name = ""
        for line in block.splitlines():
            if match := LINE.fullmatch(line):
                name = match[1]
                entry[name] = match[2]
            elif line.startswith('"') and name:
                entry[name] += line[1:-1]
        if entry.get("msgid"):
            found.append(entry)
    return found


def read(domain: str, folder: Path = FOLDER) -> list[dict[str, str]]:
    return entries((folder / f"{domain}.po").read_text())


def facts(text: str) -> list[str]:
    return sorted(FACT.findall(text))


class CatalogueTests(SimpleTestCase):
    def test_every_sentence_is_translated_and_none_is_a_guess(self):
        for domain in DOMAINS:
            found = read(domain)
            self.assertGreater(len(found), 20)
            self.assertEqual([entry["msgid"] for entry in found if not entry["msgstr"]], [])
            self.assertEqual([entry["msgid"] for entry in found if "fuzzy" in entry["flags"]], [])

    def test_every_placeholder_and_element_is_kept(self):
        for domain in DOMAINS:
            for entry in read(domain):
                with self.subTest(entry["msgid"]):
                    asked = facts(entry.get("msgid_plural", entry["msgid"]))
                    self.assertEqual(facts(entry["msgstr"]), asked)

    def test_what_is_compiled_is_what_is_written(self):
        for domain in DOMAINS:
            with (FOLDER / f"{domain}.mo").open("rb") as file:
                compiled = GNUTranslations(file)
            for entry in read(domain):
                msgid, plural = unescaped(entry["msgid"]), unescaped(entry.get("msgid_plural", ""))
                if context := entry.get("msgctxt"):
                    said = compiled.pgettext(context, msgid)
                else:
                    said = compiled.ngettext(msgid, plural, 2) if plural else compiled.gettext(msgid)
                self.assertEqual(said, unescaped(entry["msgstr"]))

    def test_the_words_of_the_models_are_those_of_the_catalogue(self):
        self.assertEqual(WORDS.read_text(), catalog_words())


def unescaped(text: str) -> str:
    return text.replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\")


@pytest.mark.skipif(not shutil.which("xgettext"), reason="needs GNU gettext, which .ci/run installs")
class CollectingTests(SimpleTestCase):
    def test_collecting_again_finds_nothing_new(self):
        before = {domain: (FOLDER / f"{domain}.po").read_text() for domain in DOMAINS}
        compiled = {domain: (FOLDER / f"{domain}.mo").read_bytes() for domain in DOMAINS}
        try:
            call_command("messages", verbosity=0)
            after = {domain: read(domain) for domain in DOMAINS}
        finally:
            for domain in DOMAINS:
                (FOLDER / f"{domain}.po").write_text(before[domain])
                (FOLDER / f"{domain}.mo").write_bytes(compiled[domain])
        for domain in DOMAINS:
            ours = {(entry["msgid"], entry["msgstr"]) for entry in entries(before[domain])}
            self.assertEqual({(entry["msgid"], entry["msgstr"]) for entry in after[domain]}, ours)
