"""What the supervisor asks the database: canaries and signs of life."""

from datetime import datetime

from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import OrmQ
from django_q.tasks import async_task

from generations import queue
from generations.broker import SLOTS
from generations.models import Canary, PollerSlot


def send_canary(cluster: str) -> int:
    """Queue the test task of a cluster. Returns the message's key."""
    broker = get_broker(cluster)
    _, function = queue.STEPS["canary"]
    async_task(function, cluster, cluster=cluster, broker=broker)
    return broker.last_enqueued


def canary_at(cluster: str) -> datetime | None:
    """Return when a cluster last ran its test task."""
    return Canary.objects.filter(cluster=cluster).values_list("at", flat=True).first()


def message_is_taken(pk: int) -> bool:
    """Say whether the cluster has taken a message that is still in the queue."""
    return OrmQ.objects.filter(pk=pk, lock__gt=timezone.now()).exists()


def message_waits(pk: int) -> bool:
    """Say whether a message is still in the queue: not run yet, or run and never acknowledged."""
    return OrmQ.objects.filter(pk=pk).exists()


def last_beat(cluster: str) -> datetime | None:
    """Return the last sign of life of a step at work in this cluster, or None when there never was one."""
    return Canary.objects.filter(cluster=cluster).values_list("beat_at", flat=True).first()


def is_at_work() -> bool:
    """Say whether a poller is at work, and with it the studio."""
    return PollerSlot.objects.filter(name__in=SLOTS, until__gte=timezone.now()).exists()


def open_pollers() -> None:
    """Let the next tick take over from a poller that died with its studio, rows and all; one that lives renews."""
    PollerSlot.objects.update(until=timezone.now())
