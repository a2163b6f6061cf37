"""What the answer to one poll means for its row: pure, so that every case is a test without a database.

Only a verdict word ends a task. Everything else moves the due time.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from generations.gateways import GatewayError, GatewayMissing, VideoTask

GRACE = timedelta(seconds=120)  # a task may be missing this long after its create
DEADLINE = timedelta(hours=1)  # then it is overdue: polling goes on, slower
MISSING_DEADLINE = timedelta(minutes=10)  # sooner for a task that was missing so many times in a row
MISSING_TIMES = 5
OVERDUE_SECONDS = 300.0
NO_ANSWER_SECONDS = (5.0, 60.0)
JITTER = 0.1
CATCH_UP_SECONDS = 1.0


@dataclass(frozen=True)
class PolledRow:
    """What the poller needs to know of a row it holds. `due_at` is when it was due, not its lease."""

    pk: int
    gateway_id: int
    dialect: str
    upstream_id: str
    upstream_state: dict
    upstream_status: str
    progress: int
    detail: str
    tries: int
    submitted_at: datetime
    overdue_at: datetime | None
    due_at: datetime


@dataclass(frozen=True)
class Step:
    """The next state of a polled row. `is_news` raises the version, so that pages redraw."""

    pk: int
    due_at: datetime
    progress: int
    upstream_status: str
    detail: str
    tries: int
    overdue_at: datetime | None
    is_news: bool
    answer: dict | None = None


def interval(age: timedelta, first: float, *, overdue: bool = False) -> float:
    """Return the seconds until a task of this age is asked about again, before jitter."""
    if overdue:
        return OVERDUE_SECONDS
    seconds = age.total_seconds()
    if seconds < 60:
        return first
    if seconds < 300:
        return max(first, 10.0)
    return max(first, 20.0 if seconds < 1800 else 60.0)


def after_answer(row: PolledRow, task: VideoTask, now: datetime, first: float) -> Step:
    """Return the step after an answer without a verdict. Shown progress never falls and stays below 100.

    The next poll is counted from when this one was due, as far as that is not long ago, so that what a claim and an
    answer take does not stretch the cadence.
    """
    progress = max(row.progress, min(task.progress or 0, 99))
    word = task.word[:100]
    overdue_at = row.overdue_at or (now if now - row.submitted_at > DEADLINE else None)
    detail = "No verdict from the gateway yet, although it is late." if overdue_at else ""
    is_news = (progress, word, detail) != (row.progress, row.upstream_status, row.detail)
    delay = interval(now - row.submitted_at, first, overdue=overdue_at is not None)
    late = min(max((now - row.due_at).total_seconds(), 0.0), CATCH_UP_SECONDS)
    return Step(
        pk=row.pk,
        due_at=now + timedelta(seconds=max(1.0, _jittered(delay) - late)),
        progress=progress,
        upstream_status=word,
        detail=detail,
        tries=0,
        overdue_at=overdue_at,
        is_news=is_news,
        answer=dict(task.raw) if is_news else None,
    )


def after_silence(row: PolledRow, error: GatewayError, now: datetime, first: float) -> Step:
    """Return the step after no answer: wait longer each time, and never end the task."""
    age = now - row.submitted_at
    is_missing = isinstance(error, GatewayMissing)
    is_young = is_missing and age < GRACE
    is_gone = is_missing and row.tries + 1 >= MISSING_TIMES
    overdue_at = row.overdue_at or (now if age > (MISSING_DEADLINE if is_gone else DEADLINE) else None)
    low, high = NO_ANSWER_SECONDS
    delay = max(first, min(high, low * 2 ** min(row.tries, 10)))
    if overdue_at:
        delay = OVERDUE_SECONDS
    if is_young:
        delay = first
    if error.retry_after:
        delay = max(delay, error.retry_after)
    detail = row.detail if is_young or row.tries < 2 else f"No answer from the gateway lately. {error}"[:500]
    return Step(
        pk=row.pk,
        due_at=now + timedelta(seconds=_jittered(delay)),
        progress=row.progress,
        upstream_status=row.upstream_status,
        detail=detail,
        tries=row.tries + 1,
        overdue_at=overdue_at,
        is_news=(detail, overdue_at) != (row.detail, row.overdue_at),
    )


def not_asked(row: PolledRow, now: datetime) -> Step:
    """Return the step that gives a row back as it was: its gateway came to rest before its turn."""
    return Step(
        pk=row.pk,
        due_at=now,
        progress=row.progress,
        upstream_status=row.upstream_status,
        detail=row.detail,
        tries=row.tries,
        overdue_at=row.overdue_at,
        is_news=False,
    )


def _jittered(seconds: float) -> float:
    return max(1.0, seconds * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311
