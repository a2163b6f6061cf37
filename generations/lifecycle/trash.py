"""Taking a generation out of sight. Its row, its file and its place in the ledger stay."""

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from generations.lifecycle import decisions
from generations.models import Event, Generation, User


def discard(generation: Generation, user: User) -> bool:
    """Move a generation to the trash; one that was not sent yet is withdrawn first. False while it is on its way."""
    if generation.is_cancellable and not decisions.cancel(generation, user):
        generation.refresh_from_db()
    if not generation.is_finished:
        return False
    with transaction.atomic():
        rows = Generation.objects.filter(pk=generation.pk, deleted_at=None)
        if rows.update(deleted_at=timezone.now(), version=F("version") + 1):
            generation.note("moved to the trash", actor=user.get_username(), actor_kind=Event.ActorKind.PERSON)
    return True
