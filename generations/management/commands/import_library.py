"""manage.py import_library: takes in what export_library of another installation wrote."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from generations import search
from generations.archive import ArchiveRefused, check, take_in
from generations.models import Team, User


class Command(BaseCommand):
    help = "Checks a library archive, every sum of it, then takes it in. What is here already stays as it is."

    def add_arguments(self, parser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--team", help="take everything into this team; else into teams of the same names")
        parser.add_argument("--as", dest="stand_in", metavar="NAME", help="unknown people become this account")
        parser.add_argument("--check", action="store_true", help="read it through, and take nothing in")

    def handle(self, *args, file: Path, team: str | None, stand_in: str | None, **options) -> None:
        into = self.only(Team.objects.filter(name=team), f"team {team}") if team else None
        person = self.only(User.objects.filter(username=stand_in), f"account {stand_in}") if stand_in else None
        try:
            found = check(file)
            for words in found.left_out:
                self.stderr.write(f"Not in the archive: {words}")
            counts = found.counts
            self.stdout.write(f"Every sum is right: {counts['generations']} generations, {counts['files']} files.")
            if options["check"]:
                return
            done = take_in(file, team=into, stand_in=person)
            search.count_again(connection)
        except ArchiveRefused as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror or error}.") from error
        self.stdout.write(f"Taken in: {done.counts['generations']} generations, {done.counts['files']} files.")
        if done.here:
            self.stdout.write(f"Here already, and left as they are: {done.here} generations.")
        if done.ended:
            self.stdout.write(f"Had not ended elsewhere, and end here: {done.ended} generations.")

    def only(self, found, what: str):
        rows = list(found[:2])
        if len(rows) != 1:
            raise CommandError(f"There {'is no' if not rows else 'are several of'} {what}.")
        return rows[0]
