"""Leaving a hint in the queue that a row wants attention. The row is the truth: a lost hint only costs time."""

from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

# step: (cluster, function). A message names its function and its row as text, never objects.
STEPS = {
    "submit": ("submit", "generations.tasks.submit"),
    "download": ("download", "generations.tasks.download"),
    "poster": ("download", "generations.tasks.poster"),
    "poll": ("poll", "generations.tasks.poll"),
    "canary": ("", "generations.tasks.canary"),
}
CLUSTERS = ("submit", "download", "poll")


def hint(step: str, *arguments: object, cluster: str = "") -> None:
    """Queue one step. Inside a transaction the message commits, or rolls back, with it."""
    default_cluster, function = STEPS[step]
    async_task(function, *map(str, arguments), cluster=cluster or default_cluster)


def waiting(cluster: str) -> int:
    """Return how many messages of a cluster nobody has taken yet.

    Taken ones do not count: those of a cluster that was killed stay locked for long, and must not keep others out.
    """
    return OrmQ.objects.filter(key=cluster, lock__lte=timezone.now()).count()
