"""manage.py purge_trash: remove the files of what has been in the trash for 30 days."""

from django.core.management.base import BaseCommand
from django.template.defaultfilters import filesizeformat

from generations.lifecycle import trash
from generations.models import Generation


class Command(BaseCommand):
    help = "Removes the files of what was deleted 30 days ago; rows stay, pinned videos too. The studio does it daily."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")

    def handle(self, *args, dry_run: bool = False, **options) -> None:
        if dry_run:
            rows = trash.due()
            count, size = rows.count(), sum(rows.values_list("bytes", flat=True).exclude(bytes=None))
            self.stdout.write(f"{count} would be purged, {filesizeformat(size)}. Nothing was removed.")
            return
        count, size = trash.purge()
        left = Generation.objects.exclude(deleted_at=None).filter(purged_at=None).count()
        self.stdout.write(f"{count} purged, {filesizeformat(size)} freed. {left} are still in the trash.")
