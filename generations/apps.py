"""The application."""

from django.apps import AppConfig
from django.conf import settings


class GenerationsConfig(AppConfig):
    name = "generations"
    verbose_name = "Studio"

    def ready(self) -> None:
        from generations import catalog, checks, people  # noqa: F401 (they register themselves)

        catalog.configure(settings.CATALOG_DIR)
