"""manage.py check_invariants: does everything hold that must always hold?"""

from django.core.management.base import BaseCommand, CommandError

from generations.lifecycle.invariants import violations


class Command(BaseCommand):
    help = "Looks for rows that break an invariant (docs/architecture.md section 4); names them and exits with 1."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--files", action="store_true", help="hash and decode every stored video as well: slow")

    def handle(self, *args, files: bool = False, **options) -> None:
        count = 0
        for found in violations(files=files):
            count += 1
            self.stdout.write(f"invariant {found.invariant}: {found.row}: {found.words}")
        if count:
            raise CommandError(f"{count} {'row breaks' if count == 1 else 'rows break'} an invariant.")
        self.stdout.write("Every invariant holds.")
