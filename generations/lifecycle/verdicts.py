"""What an upstream verdict means for a row. The first verdict stands."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction

from generations import queue
from generations.gateways import TaskStatus, VideoTask
from generations.lifecycle.persistence import storable
from generations.models import Event, Failure, Generation, Status
from generations.models.money import FREE
from generations.specs.prices import MOST, rounded
from videostudio.scrubbing import scrub

_MODERATED = re.compile(
    r"(?i)\b(moderat\w*|safety|unsafe|nsfw|sensitive|policy|policies|prohibited|inappropriate|content[_ ]?filter\w*|"
    r"data_?inspection\w*|respect_moderation|rai)\b"
)
LONGEST_REWRITTEN = 20_000
STOPPED = {
    TaskStatus.CANCELLED: (Failure.UPSTREAM_FAILED, "The gateway reports that the task was cancelled there."),
    TaskStatus.EXPIRED: (Failure.EXPIRED, "The gateway reports that the task has expired."),
}


def sounds_moderated(text: str) -> bool:
    """Guess from an upstream's words whether a safety filter spoke. None of them has a code for it."""
    return bool(_MODERATED.search(text))


@dataclass(frozen=True)
class Outcome:
    """What a verdict makes of a row in progress. `failure` and `detail` are empty when there is a file to fetch.

    `cost` is what the gateway says it took, in USD, when it says so; `rewritten` the prompt as it rewrote it.
    """

    status: Status
    failure: str
    detail: str
    reason: str
    word: str
    answer: dict[str, Any]
    cost: Decimal | None = None
    rewritten: str = ""


def believable(cost: Decimal | None) -> Decimal | None:
    """Return what a gateway says a task cost, as the ledger keeps it; None for what no task costs."""
    return rounded(cost) if cost is not None and 0 <= cost < MOST else None


def outcome_of(task: VideoTask) -> Outcome:
    """Return what a verdict means: fetch what is finished, end what failed.

    Links are not stored: they are signed, and they die. The downloader asks for a fresh one.
    """
    said: dict[str, Any] = {"word": task.word[:100], "answer": storable(task.raw), "cost": believable(task.cost_usd)}
    said["rewritten"] = scrub(task.rewritten_prompt)[:LONGEST_REWRITTEN]
    if task.status is TaskStatus.COMPLETED:
        return Outcome(Status.DOWNLOADING, failure="", detail="", reason="finished upstream", **said)
    failure, sentence = STOPPED.get(task.status, (Failure.UPSTREAM_FAILED, "The model failed without saying why."))
    words = scrub(task.error)[:2000]
    if task.status is TaskStatus.FAILED and sounds_moderated(words):
        failure = Failure.MODERATED
    return Outcome(Status.FAILED, failure=failure, detail=words or sentence, reason=words or sentence, **said)


def settle(generation: Generation, task: VideoTask, *, actor: str, actor_kind: str = Event.ActorKind.GATEWAY) -> bool:
    """Carry a verdict out. False when the row has moved on."""
    outcome = outcome_of(task)
    with transaction.atomic():
        moved = generation.move_to(
            outcome.status,
            actor=actor,
            actor_kind=actor_kind,
            reason=outcome.reason,
            cost=None if generation.quote_source == FREE else outcome.cost,
            failure=outcome.failure,
            detail=outcome.detail,
            upstream_status=outcome.word,
            last_answer=outcome.answer,
            rewritten_prompt=outcome.rewritten,
            overdue_at=None,
            tries=0,
            claim="",
        )
        if moved and outcome.status == Status.DOWNLOADING:
            queue.hint("download", generation.pk)
    return moved
