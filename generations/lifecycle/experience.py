"""Learning from what has ended: events are read once, in their order, and each case keeps its newest observations.

The work of a turn is bounded by CHUNK, however many generations there are.
"""

import time
from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from itertools import takewhile

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from generations.models import Bookmark, Event, Experience, Failure, Generation, Status
from generations.models.experience import Case, Observation

CHUNK = 2000  # events
SETTLED = timedelta(seconds=30)  # on PostgreSQL a lower number may still appear beside younger ones
AGAIN = 60.0  # seconds until it is worth looking again
READER = "experience"
# What was never accepted says nothing of the model.
NOT_RENDERED = (Failure.NOT_SENT, Failure.REJECTED)
READ = (
    *("model_key", "status", "created_at", "submitted_at", "completed_at", "gateway__key_source"),
    *("asked_width", "asked_height", "asked_seconds", "measured_width", "measured_height", "measured_seconds"),
)

_next_turn = 0.0


def learn_now_and_then() -> None:
    """Read on if the last turn was a minute ago, or left something unread."""
    global _next_turn
    if time.monotonic() >= _next_turn:
        _next_turn = 0.0 if learn() == CHUNK else time.monotonic() + AGAIN


def learn(now: datetime | None = None) -> int:
    """Read the next events and take in what has ended. Returns how many were read."""
    edge = (now or timezone.now()) - SETTLED
    with transaction.atomic():
        Bookmark.objects.get_or_create(name=READER)
        mark = Bookmark.objects.select_for_update().get(name=READER)  # one reader at a time
        unread = Event.objects.filter(pk__gt=mark.event).order_by("pk").values_list("pk", "generation", "after", "at")
        read = list(takewhile(lambda event: event[3] <= edge, unread[:CHUNK]))
        if read:
            take_in({generation for _, generation, after, _ in read if after in {Status.COMPLETED, Status.FAILED}})
            mark.event = read[-1][0]
            mark.save(update_fields=["event"])
    return len(read)


def take_in(generations: Collection[int]) -> None:
    """Add these generations to their cases, as they are now."""
    found: dict[Case, list[Observation]] = defaultdict(list)
    for case, observation in observed(generations):
        found[case].append(observation)
    known = {
        row.case: row
        for row in Experience.objects.filter(model_key__in={case.model_key for case in found}).select_for_update()
        if row.case in found
    }
    for case, observations in found.items():
        row = known.get(case) or Experience(**case._asdict())
        row.take_in(observations)
        row.save()


def observed(generations: Collection[int]) -> Iterator[tuple[Case, Observation]]:
    """Yield what those of the generations that were rendered, or failed to be, say of their case."""
    failed = Q(status=Status.FAILED) & ~Q(failure__in=NOT_RENDERED)
    delivered = Q(status=Status.COMPLETED, completed_at__isnull=False)
    rows = Generation.objects.filter(failed | delivered, pk__in=generations)
    for row in rows.select_related("gateway").only(*READ).order_by("pk"):
        yield row.case, observation_of(row)


def observation_of(row: Generation) -> Observation:
    if row.status == Status.FAILED or row.completed_at is None:
        return Observation(row.pk, None, None, None)
    wait = row.completed_at - (row.submitted_at or row.created_at)
    return Observation(row.pk, wait.total_seconds(), row.is_frame_as_asked, row.is_length_as_asked)
