"""What an upstream verdict means for a row. The first verdict stands."""

import re
from typing import Any

from django.db import transaction
from django.utils import timezone

from generations import queue
from generations.gateways import TaskStatus, VideoTask
from generations.lifecycle.persistence import storable
from generations.models import Event, Failure, Generation, Status
from videostudio.scrubbing import scrub

_MODERATED = re.compile(
    r"(?i)\b(moderat\w*|safety|unsafe|nsfw|sensitive|policy|policies|prohibited|inappropriate|content[_ ]?filter\w*|"
    r"data_?inspection\w*|respect_moderation|rai)\b"
)
STOPPED = {
    TaskStatus.CANCELLED: (Failure.UPSTREAM_FAILED, "The gateway reports that the task was cancelled there."),
    TaskStatus.EXPIRED: (Failure.EXPIRED, "The gateway reports that the task has expired."),
}


def sounds_moderated(text: str) -> bool:
    """Guess from an upstream's words whether a safety filter spoke. None of them has a code for it."""
    return bool(_MODERATED.search(text))


def settle(generation: Generation, task: VideoTask, *, actor: str, actor_kind: str = Event.ActorKind.GATEWAY) -> bool:
    """Carry a verdict out: fetch what is finished, end what failed. False when the row has moved on.

    Links are not stored: they are signed, and they die. The downloader asks for a fresh one.
    """
    said: dict[str, Any] = {"upstream_status": task.word[:100], "last_answer": storable(task.raw), "overdue_at": None}
    if task.status is TaskStatus.COMPLETED:
        with transaction.atomic():
            moved = generation.move_to(
                Status.DOWNLOADING,
                actor=actor,
                actor_kind=actor_kind,
                reason="finished upstream",
                detail="",
                claim="",
                tries=0,
                due_at=timezone.now(),
                **said,
            )
            if moved:
                queue.hint("download", generation.pk)
        return moved
    failure, sentence = STOPPED.get(task.status, (Failure.UPSTREAM_FAILED, "The model failed without saying why."))
    words = scrub(task.error)[:2000]
    if task.status is TaskStatus.FAILED and sounds_moderated(words):
        failure = Failure.MODERATED
    return generation.move_to(
        Status.FAILED,
        actor=actor,
        actor_kind=actor_kind,
        reason=words or sentence,
        failure=failure,
        detail=words or sentence,
        claim="",
        **said,
    )
