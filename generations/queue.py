"""Leaving a hint in the queue that a row wants attention. The row is the truth: a lost hint only costs time."""

import uuid
from collections.abc import Iterator
from functools import cache

from django.conf import settings
from django.utils import timezone
from django_q.brokers import Broker, get_broker
from django_q.models import OrmQ, Task
from django_q.signing import SignedPackage

# step: (cluster, function). A message names its function and its row as text, never objects.
STEPS = {
    "submit": ("submit", "generations.tasks.submit"),
    "download": ("download", "generations.tasks.download"),
    "poster": ("download", "generations.tasks.poster"),
    "listing": ("download", "generations.tasks.listing"),
    "webhooks": ("download", "generations.tasks.webhooks"),
    "poll": ("poll", "generations.tasks.poll"),
    "canary": ("", "generations.tasks.canary"),
}
CLUSTERS = ("submit", "download", "poll")


def hint(step: str, *arguments: object, cluster: str = "") -> None:
    """Queue one step. Inside a transaction the message commits, or rolls back, with it.

    This is what django-q2's `async_task` puts together, without looking for options that no step has, and named after
    what it does: a create waits for it.
    """
    default_cluster, function = STEPS[step]
    name, given = cluster or default_cluster, tuple(map(str, arguments))
    message = {
        **{"id": uuid.uuid4().hex, "name": " ".join((step, *given))[:100], "cluster": name},
        **{"func": function, "args": given, "kwargs": {}, "started": timezone.now()},
    }
    _broker(name).enqueue(SignedPackage.dumps(message))


@cache
def _broker(cluster: str) -> Broker:
    """Return what puts messages into a cluster's queue: it keeps no connection, so all threads may share it."""
    return get_broker(cluster)


def workers(cluster: str) -> int:
    """Return how many steps a cluster does at once."""
    return settings.Q_CLUSTER["ALT_CLUSTERS"].get(cluster, settings.Q_CLUSTER)["workers"]


def waiting(cluster: str) -> int:
    """Return how many messages of a cluster nobody has taken yet.

    Taken ones do not count: those of a cluster that was killed stay locked for long, and must not keep others out.
    """
    return OrmQ.objects.filter(key=cluster, lock__lte=timezone.now()).count()


def odd_messages() -> Iterator[tuple[int, str]]:
    """Yield (key, why) of every message that is not one of our steps with text for arguments."""
    functions = {function for _, function in STEPS.values()}
    for message in OrmQ.objects.order_by("pk").iterator():
        task = message.task
        if "func" not in task:
            yield message.pk, f"cannot be read ({task['id']})"
        elif task["func"] not in functions:
            yield message.pk, "names a function that is no step of ours"
        elif task["kwargs"] or not all(isinstance(argument, str) for argument in task["args"]):
            yield message.pk, "carries more than text"


def texts() -> Iterator[tuple[str, str]]:
    """Yield (name, everything in it as text) of every message in the queue and every task kept."""
    for message in OrmQ.objects.order_by("pk").iterator():
        yield f"message {message.pk}", repr(message.task)
    for task in Task.objects.order_by("pk").iterator():
        yield f"task {task.pk}", repr((task.func, task.args, task.kwargs, task.result))
