"""The trash: what is deleted stays for a while, can be brought back, and then loses its files. Its row stays."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from generations.lifecycle import decisions
from generations.lifecycle.files import path_of
from generations.models import TERMINAL, Event, Generation, User

log = logging.getLogger(__name__)

KEPT = timedelta(days=30)
AT_ONCE = 50
ACTOR = "trash"


def delete(generations: Iterable[Generation], user: User) -> datetime | None:
    """Put generations that have ended into the trash, at one moment, which is returned: `undo` takes it.

    None when nothing of them could go: what is under way stays, for somebody has to learn what became of it.
    """
    now, pks = timezone.now(), [row.pk for row in generations]
    with transaction.atomic():
        rows = Generation.objects.filter(pk__in=pks, status__in=TERMINAL, deleted_at=None)
        gone = rows.update(deleted_at=now, deleted_by=user, version=F("version") + 1)
        if gone:
            moved = Generation.objects.filter(pk__in=pks, deleted_at=now, deleted_by=user)
            _note(moved, "moved to the trash", user)
    return now if gone else None


def discard(generation: Generation, user: User) -> bool:
    """Put one generation into the trash; one that was not sent yet is withdrawn first. False while it is on its way."""
    if generation.is_cancellable and not decisions.cancel(generation, user):
        generation.refresh_from_db()
    if not generation.is_finished:
        return False
    delete([generation], user)
    return True


def undo(user: User, moment: datetime) -> int:
    """Bring back what this person put into the trash at one moment; return how many that are."""
    rows = restorable(Generation.objects.of_teams(user)).filter(deleted_by=user, deleted_at=moment)
    return restore(rows.values_list("pk", flat=True), user)


def restorable(generations: QuerySet) -> QuerySet:
    """Return those in the trash that can be brought back as they were, for 30 days: also what had no file before."""
    had_none = Q(purged_at__lte=F("deleted_at"), deleted_at__gte=timezone.now() - KEPT)
    return generations.filter(Q(purged_at=None) | had_none, deleted_at__isnull=False)


def restore(pks: Iterable[int], user: User) -> int:
    """Bring generations back that lost nothing in the trash; return how many that are."""
    with transaction.atomic():
        there = restorable(Generation.objects.filter(pk__in=list(pks)))
        back = Generation.objects.filter(pk__in=list(there.select_for_update(no_key=True).values_list("pk", flat=True)))
        count = back.update(deleted_at=None, deleted_by=None, version=F("version") + 1)
        _note(back, "brought back from the trash", user)
    return count


def _note(rows: QuerySet, reason: str, user: User) -> None:
    who = {"actor": user.get_username(), "actor_kind": Event.ActorKind.PERSON}
    Event.objects.write(
        Event(generation_id=pk, before=status, after=status, reason=reason, **who)
        for pk, status in rows.values_list("pk", "status")
    )


def due(now: datetime | None = None) -> QuerySet:
    """Return what has been in the trash for long enough."""
    before = (now or timezone.now()) - KEPT
    return Generation.objects.filter(deleted_at__lt=before, purged_at=None, pinned_at=None)


def purge(now: datetime | None = None, *, most: int | None = None) -> tuple[int, int]:
    """Remove the files of what has been in the trash for 30 days; return how many rows that were, and how many bytes.

    Pinned ones stay. A crash in between leaves a row in the trash without its files: it is purged the next time.
    """
    rows, count, size = due(now), 0, 0
    while most is None or count < most:
        size_of_part = AT_ONCE if most is None else min(AT_ONCE, most - count)
        pks = list(rows.order_by("deleted_at").values_list("pk", flat=True)[:size_of_part])
        if not pks:
            break
        for pk in pks:
            removed = _purge(pk, rows)
            count, size = count + (removed is not None), size + (removed or 0)
    if count:
        log.info("trash: the files of %d generations were removed, %d bytes", count, size)
    return count, size


def _purge(pk: int, rows: QuerySet) -> int | None:
    with transaction.atomic():
        # Whoever brings it back a moment earlier wins: then it is not due any more.
        if not rows.filter(pk=pk).update(purged_at=timezone.now(), version=F("version") + 1):
            return None
        generation = Generation.objects.get(pk=pk)
        names = [name for name in (generation.file, generation.poster, generation.preview) if name]
        generation.note("files removed 30 days after it was deleted", actor=ACTOR, files=names, bytes=generation.bytes)
        for name in names:
            path_of(name).unlink(missing_ok=True)
    log.info("trash: generation %s was purged: %s", pk, ", ".join(names) or "it had no files")
    return generation.bytes or 0
