"""What the poller reads and writes of many rows at once, one statement each, fenced by claim and status."""

import json
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from generations import queue
from generations.gateways import VideoTask
from generations.lifecycle import verdicts
from generations.lifecycle.cadence import PolledRow, Step
from generations.lifecycle.persistence import REFUSED, storable
from generations.models import Event, Generation, Status
from generations.models.money import FREE, Move, follow
from videostudio.scrubbing import scrub

log = logging.getLogger(__name__)

HINTS = 64  # downloads that may wait in the queue; the sweep hints the others when there is room

_TABLE = connection.ops.quote_name(Generation._meta.db_table)
_READ = [name for name in PolledRow.__dataclass_fields__ if name != "due_at"]
_COLUMNS = ", ".join(name.replace("pk", "id") for name in _READ)
_DUE = "status = %s AND due_at <= %s"
_STEP = {
    "due_at": "timestamptz",
    "progress": "integer",
    "upstream_status": "text",
    "detail": "text",
    "tries": "integer",
    "overdue_at": "timestamptz",
    "news": "integer",
    "answer": "jsonb",
}
_SET_STEP = """
    due_at = u.due_at, progress = u.progress, upstream_status = u.upstream_status, detail = u.detail,
    tries = u.tries, overdue_at = u.overdue_at, version = g.version + u.news, claim = '',
    last_answer = COALESCE(u.answer, g.last_answer)
"""
_VERDICT = {
    "due_at": "timestamptz",
    "status": "text",
    "failure": "text",
    "detail": "text",
    "upstream_status": "text",
    "last_answer": "jsonb",
    "rewritten_prompt": "text",
}
_SET_VERDICT = """
    due_at = u.due_at, status = u.status, failure = u.failure, detail = u.detail, upstream_status = u.upstream_status,
    last_answer = u.last_answer, overdue_at = NULL, tries = 0, version = g.version + 1, claim = '',
    rewritten_prompt = u.rewritten_prompt
"""


def take(token: str, due: Mapping[int, datetime], until: datetime) -> list[PolledRow]:
    """Lease those rows that are still due to `token`, and return them. `due` maps each to when it was due."""
    keys: str | list[int] = json.dumps(list(due))
    those = f"id IN (SELECT value FROM json_each(%s)) AND {_DUE}"  # noqa: S608
    if connection.vendor == "postgresql":
        keys = list(due)
        those = f"id IN (SELECT id FROM {_TABLE} WHERE id = ANY(%s) AND {_DUE} FOR UPDATE SKIP LOCKED)"  # noqa: S608
    moment = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {_TABLE} SET claim = %s, due_at = %s WHERE {those} RETURNING {_COLUMNS}",  # noqa: S608
            [token, moment(until), keys, Status.IN_PROGRESS.value, moment(timezone.now())],
        )
        return [_polled_row(columns, due) for columns in cursor.fetchall()]


def _polled_row(columns: Sequence[Any], due: Mapping[int, datetime]) -> PolledRow:
    row = dict(zip(_READ, columns, strict=True))
    for name in ("submitted_at", "overdue_at"):
        if row[name] is not None and row[name].tzinfo is None:  # SQLite keeps UTC and does not say so
            row[name] = row[name].replace(tzinfo=UTC)
    row["upstream_state"] = json.loads(row["upstream_state"])
    return PolledRow(**row, due_at=due[row["pk"]])


def write_steps(token: str, steps: Sequence[Step]) -> bool:
    """Write the steps of rows that `token` still holds; the others are somebody else's by now.

    A step the database refuses is dropped, and keeps no other from being written.
    """
    try:
        with transaction.atomic():
            _write(_STEP, _SET_STEP, [_step(step) for step in steps], token)
    except REFUSED as error:
        if len(steps) == 1:
            log.error("generation %s: what was polled cannot be stored: %s", steps[0].pk, error)
        else:
            for step in steps:
                write_steps(token, [step])
    return True


def settle(token: str, tasks: Mapping[int, VideoTask], *, actor: str) -> bool:
    """Carry out the verdicts of rows that `token` still holds, as verdicts.settle does for one.

    A verdict the database refuses is dropped, and keeps no other from being carried out.
    """
    try:
        with transaction.atomic():
            _settle(token, {pk: verdicts.outcome_of(task) for pk, task in tasks.items()}, actor)
    except REFUSED as error:
        if len(tasks) == 1:
            log.error("generation %s: its verdict cannot be stored: %s", *tasks, error)
        else:
            for pk, task in tasks.items():
                settle(token, {pk: task}, actor=actor)
    return True


def _settle(token: str, outcomes: Mapping[int, verdicts.Outcome], actor: str) -> None:
    now = timezone.now()
    moved = _write(_VERDICT, _SET_VERDICT, [_verdict(pk, outcome, now) for pk, outcome in outcomes.items()], token)
    Event.objects.write(
        Event(
            generation_id=pk,
            before=Status.IN_PROGRESS,
            after=outcomes[pk].status,
            actor=actor,
            actor_kind=Event.ActorKind.GATEWAY,
            reason=outcomes[pk].reason,
        )
        for pk in moved
    )
    follow(_money_moves(moved, outcomes, actor))
    finished = [pk for pk in moved if outcomes[pk].status == Status.DOWNLOADING]
    if finished:
        for pk in finished[: max(HINTS - queue.waiting("download"), 0)]:
            queue.hint("download", pk)


def _money_moves(moved: Collection[int], outcomes: Mapping[int, verdicts.Outcome], actor: str) -> Iterator[Move]:
    """Yield what these verdicts are for the ledger: one statement, as far as any of the rows has a price."""
    money = Q(quote_amount__isnull=False) | Q(pk__in=[pk for pk in moved if outcomes[pk].cost is not None])
    rows = Generation.objects.filter(money, pk__in=moved).order_by("pk")
    for pk, amount, currency, policy, source in rows.values_list(
        "pk", "quote_amount", "quote_currency", "gateway__failure_policy", "quote_source"
    ):
        outcome = outcomes[pk]
        if source == FREE:  # the sandbox says what a real gateway would, and takes nothing
            continue
        yield Move(
            generation=pk,
            before=Status.IN_PROGRESS,
            after=outcome.status,
            failure=outcome.failure,
            quote=amount,
            currency=currency,
            policy=policy,
            actor=actor,
            cost=outcome.cost,
        )


def _write(kinds: Mapping[str, str], assignments: str, rows: Sequence[dict], token: str) -> list[int]:
    """Update each row that `token` holds from its object in `rows`; return the keys of those that were."""
    if connection.vendor == "postgresql":
        columns = ", ".join(f"{name} {kind}" for name, kind in {"pk": "bigint", **kinds}.items())
        source = f"json_to_recordset(%s::json) AS u({columns})"
    else:
        columns = ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name in ("pk", *kinds))
        source = f"(SELECT {columns} FROM json_each(%s)) AS u"  # noqa: S608 (names are constants above)
    held = "g.id = u.pk AND g.claim = %s AND g.status = %s"
    statement = f"UPDATE {_TABLE} AS g SET {assignments} FROM {source} WHERE {held} RETURNING id"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, [json.dumps(rows), token, Status.IN_PROGRESS.value])
        return [pk for (pk,) in cursor.fetchall()]


def _step(step: Step) -> dict:
    return {
        "pk": step.pk,
        "due_at": _time(step.due_at),
        "progress": step.progress,
        "upstream_status": step.upstream_status,
        "detail": scrub(step.detail),
        "tries": step.tries,
        "overdue_at": _time(step.overdue_at),
        "news": int(step.is_news),
        "answer": None if step.answer is None else storable(step.answer),
    }


def _verdict(pk: int, outcome: verdicts.Outcome, now: datetime) -> dict:
    return {
        "pk": pk,
        "due_at": _time(now) if outcome.status == Status.DOWNLOADING else None,
        "status": outcome.status,
        "failure": outcome.failure,
        "detail": outcome.detail,
        "upstream_status": outcome.word,
        "last_answer": outcome.answer,
        "rewritten_prompt": outcome.rewritten,
    }


def _time(moment: datetime | None) -> str | None:
    """Return a time as the database keeps it in JSON: SQLite stores text, PostgreSQL reads ISO 8601."""
    if moment is None:
        return None
    if connection.vendor == "postgresql":
        return moment.isoformat()
    return str(connection.ops.adapt_datetimefield_value(moment))
