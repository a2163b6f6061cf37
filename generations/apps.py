"""The application."""

from django.apps import AppConfig
from django.conf import settings
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.translation import gettext


class GenerationsConfig(AppConfig):
    name = "generations"
    verbose_name = "Studio"

    def ready(self) -> None:
        from generations import catalog, checks, people, search  # noqa: F401 (they register themselves)
        from generations.specs import wording

        wording.speak(gettext)
        catalog.configure(settings.CATALOG_DIR)
        try:
            catalog.catalog()
        except catalog.CatalogError as error:
            # Forms, choices and what /v1 says of itself are made from it before a system check could say this.
            place = f" (STUDIO_CATALOG_DIR is {settings.CATALOG_DIR})" if settings.CATALOG_DIR else ""
            raise SystemExit(f"The catalogue is refused: {error}{place}") from None
        connection_created.connect(search.on_connection, dispatch_uid="search is called back")
        pre_migrate.connect(search.before_migrations, sender=self, dispatch_uid="search rests")
        post_migrate.connect(search.after_migrations, sender=self, dispatch_uid="search goes on")
