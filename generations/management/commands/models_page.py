"""Writes docs/models.md from the catalogue."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from generations.catalog import BUILT_IN, load
from generations.catalog.reference import models_page

PAGE = settings.BASE_DIR / "docs" / "models.md"


class Command(BaseCommand):
    help = "Write docs/models.md from the built-in catalogue; with --check only say whether it is up to date."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--check", action="store_true", help="Change nothing; fail when the page is out of date.")

    def handle(self, *, check: bool, **options) -> None:
        page = models_page(load(BUILT_IN).models)
        is_same = PAGE.exists() and PAGE.read_text(encoding="utf-8") == page
        if check and not is_same:
            raise CommandError("docs/models.md is not what the catalogue says. Run manage.py models_page.")
        if not is_same:
            PAGE.write_text(page, encoding="utf-8")
        self.stdout.write("docs/models.md is up to date." if is_same else "docs/models.md is written.")
