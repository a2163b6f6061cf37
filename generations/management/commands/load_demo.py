"""manage.py load_demo N: a library as full as that, to try the studio's speed on."""

import time

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from generations import search
from generations.demo import GATEWAY, load
from generations.models import Generation, Team


class Command(BaseCommand):
    help = (
        "Adds N generations to the first team, with made-up prompts, people, tags and ratings, but without files, "
        "events or costs. For a studio that is there to be tried: check_invariants names such rows."
    )

    def add_arguments(self, parser) -> None:
        parser.add_argument("count", type=int)
        parser.add_argument("--beside-real-work", action="store_true", help="even where people have made something")

    def handle(self, *args, count: int, beside_real_work: bool, **options) -> None:
        if count < 1:
            raise CommandError("How many? At least 1.")
        if not beside_real_work and Generation.objects.exclude(gateway__name=GATEWAY).exists():
            raise CommandError("There is real work in this studio. To add to it all the same: --beside-real-work.")
        began = time.monotonic()
        for done in load(count, Team.objects.default()):
            self.stdout.write(f"{done:,} of {count:,} after {time.monotonic() - began:.0f} s")
        search.count_again(connection)
