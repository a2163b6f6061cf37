"""manage.py verify_media: is every stored file there, whole, decodable and known?"""

from collections import Counter

from django.core.management.base import BaseCommand, CommandError

from generations.lifecycle.inventory import findings


class Command(BaseCommand):
    help = "Compares the stored files with the rows that name them; exits with 1 when something is wrong."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--quick", action="store_true", help="compare sizes only: no hashing, no decoding")

    def handle(self, *args, quick: bool = False, **options) -> None:
        counts: Counter[str] = Counter()
        for finding in findings(quick=quick):
            counts[finding.kind] += 1
            self.stdout.write(f"{finding.kind}: {finding.name}: {finding.words}")
        if counts:
            raise CommandError(", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())))
        self.stdout.write("Every file is as it was stored.")
