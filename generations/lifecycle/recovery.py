"""Finding work by looking at rows: what makes a lost hint, a crash or an empty queue harmless."""

import logging
import time
from datetime import datetime, timedelta

from django.utils import timezone

from generations import queue
from generations.lifecycle import receipts, submit
from generations.models import Generation, Status, SubmitAttempt, Upload

log = logging.getLogger(__name__)

HINT_AFTER = timedelta(seconds=3)  # a fresh hint is still on its way
HINT_AGAIN = 20.0  # seconds before the same row is hinted again
QUEUE_ROOM = 16
RECEIPT_AGE = 5.0  # seconds: a younger one belongs to a submitter at work
UNUSED_UPLOAD = timedelta(hours=24)
ALARM_AGAIN = timedelta(hours=24)
ACTOR = "sweep"

_hinted: dict[int, float] = {}


def sweep(now: datetime | None = None) -> None:
    """Look at everything that is due and nobody works on, once."""
    now = now or timezone.now()
    replay_receipts()
    set_aside_lost_creates(now)
    ring_for_unknown(now)
    hint_due(Status.QUEUED, "submit", now)
    hint_due(Status.DOWNLOADING, "download", now)
    drop_unused_uploads(now)


def replay_receipts(*, older_than: float = RECEIPT_AGE) -> int:
    """Give rows the ids that were written down while the database was away. Returns how many."""
    count = 0
    for receipt in receipts.kept():
        try:
            age = time.time() - receipt.path.stat().st_mtime
        except FileNotFoundError:
            continue
        if age >= older_than and submit.accept_late(receipt):
            receipts.remove(receipt)
            count += 1
    return count


def set_aside_lost_creates(now: datetime) -> None:
    """A create whose lease ran out was interrupted: it may have been accepted, so a person decides."""
    for generation in Generation.objects.due(now).filter(status=Status.SUBMITTING)[:100]:
        attempt = generation.attempts.filter(token=generation.claim).first()
        sentence = "The request was interrupted while it was being sent. It may have been accepted and billed."
        if submit.make_unknown(generation, sentence, actor=ACTOR) and attempt:
            SubmitAttempt.objects.filter(pk=attempt.pk, outcome=SubmitAttempt.Outcome.OPEN).update(
                outcome=SubmitAttempt.Outcome.UNKNOWN, closed_at=now
            )


def ring_for_unknown(now: datetime) -> None:
    """Remind the operators of unknown outcomes: after an hour, then every day. No timer decides one."""
    for generation in Generation.objects.due(now).filter(status=Status.UNKNOWN)[:100]:
        log.error("generation %s: its outcome has been unknown since %s", generation.pk, generation.created_at)
        generation.postpone(ALARM_AGAIN, detail=generation.detail)


def hint_due(status: str, step: str, now: datetime) -> None:
    """Queue a step for rows that have been due for a while, as far as the queue has room."""
    pks = Generation.objects.due(now - HINT_AFTER).filter(status=status).order_by("due_at").values_list("pk", flat=True)
    quiet = [pk for pk in pks[: 4 * QUEUE_ROOM] if time.monotonic() - _hinted.get(pk, -HINT_AGAIN) >= HINT_AGAIN]
    if not quiet:
        return
    room = QUEUE_ROOM - queue.waiting(queue.STEPS[step][0])
    for pk in quiet[: max(room, 0)]:
        queue.hint(step, pk)
        _hinted[pk] = time.monotonic()
    if len(_hinted) > 10_000:
        _hinted.clear()


def drop_unused_uploads(now: datetime) -> None:
    """Remove images that no generation came to use within a day."""
    for upload in Upload.objects.unused().filter(created_at__lt=now - UNUSED_UPLOAD)[:20]:
        upload.file.delete(save=False)
        upload.delete()
