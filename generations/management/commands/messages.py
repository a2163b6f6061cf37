"""Bring the catalogues of translations up to the sources: `make messages`. Needs GNU gettext.

The catalogue of models is data, which gettext does not read: its words for people are written into a module of
marked texts first. What is new is then translated by hand in locale/, and this is run once more.
"""

import json
from collections.abc import Iterator

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from generations.catalog import catalog
from generations.specs import Choice, VideoModel

LOCALE = "zh_Hans"
IGNORED = ["tests/*", "data/*", "assets/*", "docs/*", ".venv/*", "static/vendor/*"]
WORDS = settings.BASE_DIR / "generations" / "catalog" / "words.py"
HEAD = '''# ruff: noqa: E501
# fmt: off
"""The words of the catalogue that people read, for gettext. Made by `make messages`: change the TOML."""

from django.utils.translation import gettext_noop

WORDS = (
'''


def words_of(model: VideoModel) -> Iterator[str]:
    """Yield what forms and pages show of a model in sentences and names of options; its own name is data."""
    yield from (model.description, model.status.capitalize())
    for option in model.options:
        yield from (option.label, option.help, getattr(option, "unit", ""))
        if isinstance(option, Choice):
            yield from option.labels.values()


def catalog_words() -> str:
    """Return the module of the catalogue's words as it should be now."""
    found = sorted({text for model in catalog().models for text in words_of(model) if text})
    lines = "".join(f"    gettext_noop({json.dumps(text, ensure_ascii=False)}),\n" for text in found)
    return f"{HEAD}{lines})\n"


class Command(BaseCommand):
    help = "Collect what is said to people into locale/, and compile it."
    requires_system_checks = []

    def handle(self, *args, **options) -> None:
        WORDS.write_text(catalog_words())
        for domain in ("django", "djangojs"):
            call_command(
                "makemessages",
                locale=[LOCALE],
                domain=domain,
                ignore_patterns=IGNORED,
                no_wrap=True,
                no_obsolete=True,
                add_location="file",
            )
        call_command("compilemessages", locale=[LOCALE], ignore_patterns=IGNORED)
