"""`manage.py prepare`: everything the studio needs before it starts; nothing to do the second time."""

import sys

from django.core.management.base import BaseCommand
from django.db import connection

from generations import engine, seeding
from videostudio import first_run


class Command(BaseCommand):
    help = "Checks the configuration, migrates, collects static files, and makes the first account and the gateways."
    requires_system_checks = "__all__"

    def handle(self, *args, **options) -> None:
        first_run.migrate(self._say)
        first_run.collect_static(self._say)
        for line in seeding.prepare():
            self._say(line)
        engine.open_pollers()
        connection.close()

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        sys.stdout.flush()
