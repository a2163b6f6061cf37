"""`manage.py openapi`: the description of /v1, as it is kept in docs/openapi.json."""

import json

from django.core.management.base import BaseCommand

from generations.api.urls import document


class Command(BaseCommand):
    help = "Prints OpenAPI 3.1 of /v1. `manage.py openapi > docs/openapi.json` after a change of routes or models."

    def handle(self, *args, **options) -> None:
        self.stdout.write(json.dumps(document(), indent=1, sort_keys=True))
