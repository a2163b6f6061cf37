"""Finding work by looking at rows: what makes a lost hint, a crash or an empty queue harmless."""

import logging
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from generations import queue
from generations.lifecycle import experience, listing, receipts, submit, trash, webhooks
from generations.lifecycle.persistence import AWAY
from generations.models import ApiAnswer, Event, Generation, Status, SubmitAttempt, Upload

log = logging.getLogger(__name__)

HINT_AFTER = timedelta(seconds=3)  # a fresh hint is still on its way
HINT_AGAIN = {"submit": 5.0, "download": 20.0}  # seconds before the same row is hinted again, unless it was put off
QUEUE_ROOM = 16
RECEIPT_AGE = 5.0  # seconds: a younger one belongs to a submitter at work
UNUSED_UPLOAD = timedelta(hours=24)
ALARM_AGAIN = timedelta(hours=24)
RECENT = 500  # rows: a poster is looked for among the newest
POSTER_AFTER, POSTER_UNTIL, POSTER_AGAIN = timedelta(minutes=1), timedelta(minutes=20), 300.0
PURGE_AGAIN, PURGED_AT_ONCE = 3600.0, trash.AT_ONCE  # seconds; rows
ACTOR = "sweep"

_hinted: dict[tuple[str, int, datetime | None], float] = {}  # (step, row, when it was due): when
_purged = -PURGE_AGAIN


def sweep(now: datetime | None = None) -> None:
    """Look at everything that is due and nobody works on, once. What fails keeps nothing else from being done."""
    now = now or timezone.now()
    for part in (
        replay_receipts,
        partial(set_aside_lost_creates, now),
        partial(ring_for_unknown, now),
        partial(hint_due, Status.QUEUED, "submit", now),
        partial(hint_due, Status.DOWNLOADING, "download", now),
        partial(hint_posters, now),
        partial(listing.hint_due, now),
        partial(webhooks.hint_due, now),
        partial(drop_unused_uploads, now),
        partial(purge_trash, now),
        drop_old_answers,
        experience.learn_now_and_then,
    ):
        try:
            part()
        except AWAY:
            raise
        except Exception:
            log.exception("a part of the sweep failed; it is tried again")


def replay_receipts(*, older_than: float = RECEIPT_AGE) -> int:
    """Give rows the ids that were written down while the database was away. Returns how many were used."""
    count = 0
    for receipt in receipts.kept(age=older_than):
        if submit.accept_late(receipt):
            receipts.remove(receipt)
            count += 1
        else:
            receipts.set_aside(receipt.path, f"no attempt of ours is known for upstream id {receipt.upstream_id}")
    return count


def set_aside_lost_creates(now: datetime) -> None:
    """A create whose lease ran out was interrupted: it may have been accepted, so a person decides."""
    sentence = "The request was interrupted while it was being sent. It may have been accepted and billed."
    for generation in Generation.objects.due(now).filter(status=Status.SUBMITTING).order_by("due_at")[:100]:
        attempts = SubmitAttempt.objects.filter(token=generation.claim, outcome=SubmitAttempt.Outcome.OPEN)
        with transaction.atomic():
            if submit.make_unknown(generation, sentence, actor=ACTOR):
                attempts.update(outcome=SubmitAttempt.Outcome.UNKNOWN, closed_at=now)


def ring_for_unknown(now: datetime) -> None:
    """Remind the operators of unknown outcomes: after an hour, after a day, and every day. No timer decides one."""
    due = Generation.objects.due(now).filter(status=Status.UNKNOWN)
    for pk, created_at in due.order_by("due_at").values_list("pk", "created_at")[:100]:
        became = Event.objects.filter(generation=pk, after=Status.UNKNOWN).exclude(before=Status.UNKNOWN)
        since = became.order_by("-pk").values_list("at", flat=True).first() or created_at
        days = max((now - since) // ALARM_AGAIN, 0)
        if due.filter(pk=pk).update(due_at=since + (days + 1) * ALARM_AGAIN):  # of two sweeps at once, one rings
            log.error("generation %s: its outcome has been unknown since %s", pk, since)


def hint_due(status: str, step: str, now: datetime) -> None:
    """Queue a step for rows that are due and have no hint on its way, as far as the queue has room.

    What was put off says why, and was hinted to nobody: it is taken up as soon as its time has come.
    """
    lost = Q(due_at__lte=now - HINT_AFTER) | ~Q(detail="")
    rows = Generation.objects.due(now).filter(lost, status=status).order_by("due_at").values_list("pk", "due_at")
    _hint(step, rows[: 4 * QUEUE_ROOM], again=HINT_AGAIN[step])


def hint_posters(now: datetime) -> None:
    """Queue the still pictures that were lost with their messages: a few tries, then a video does without."""
    newest = Generation.objects.newest().values_list("pk", flat=True).first() or 0
    recent = Generation.objects.filter(pk__gt=newest - RECENT, status=Status.COMPLETED, purged_at=None)
    late = recent.filter(Q(poster="") | Q(preview="")).filter(
        completed_at__range=(now - POSTER_UNTIL, now - POSTER_AFTER)
    )
    _hint("poster", ((pk, None) for pk in late.values_list("pk", flat=True)[:QUEUE_ROOM]), again=POSTER_AGAIN)


def _hint(step: str, rows: Iterable[tuple[int, datetime | None]], *, again: float) -> None:
    now = time.monotonic()
    quiet = [row for row in rows if now - _hinted.get((step, *row), -again) >= again]
    if not quiet:
        return
    cluster, _ = queue.STEPS[step]
    room = max(QUEUE_ROOM - queue.waiting(cluster), 0)
    if len(_hinted) > 10_000:
        _hinted.clear()
    for pk, due_at in quiet[:room]:
        queue.hint(step, pk)
        _hinted[step, pk, due_at] = now


def drop_unused_uploads(now: datetime) -> None:
    """Remove images that no generation came to use within a day."""
    for upload in Upload.objects.unused().filter(created_at__lt=now - UNUSED_UPLOAD)[:20]:
        file = upload.file
        upload.delete()  # refused when a generation came to use it this very moment: then its file stays
        file.storage.delete(file.name)


def purge_trash(now: datetime) -> None:
    """Once an hour, remove the files of what has been in the trash for long enough: a few at a time."""
    global _purged
    if time.monotonic() - _purged >= PURGE_AGAIN:
        count, _ = trash.purge(now, most=PURGED_AT_ONCE)
        if count < PURGED_AT_ONCE:  # else there may be more: the next sweep goes on
            _purged = time.monotonic()


def drop_old_answers() -> None:
    """Forget what programs were answered longer ago than an Idempotency-Key counts."""
    stale = ApiAnswer.objects.stale()
    if stale.exists():  # a deletion that finds nothing would still wait for every other writer
        stale.delete()
