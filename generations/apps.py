"""The application."""

import os

from django.apps import AppConfig
from django.conf import settings


class GenerationsConfig(AppConfig):
    name = "generations"
    verbose_name = "Studio"

    def ready(self) -> None:
        from django_q.signals import post_spawn

        from generations import catalog, checks, people  # noqa: F401 (they register themselves)

        catalog.configure(settings.CATALOG_DIR)
        post_spawn.connect(leave_with_parent, dispatch_uid="leave_with_parent")


def leave_with_parent(**kwargs) -> None:
    """In each new queue worker: ask Linux to end it when its parent dies, so that no orphan keeps working."""
    from generations.processes import die_with_parent

    die_with_parent(os.getppid())
