"""Writing many polled rows back in one statement, fenced by claim and status."""

import json
import logging
from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction

from generations.lifecycle.cadence import Step
from generations.lifecycle.persistence import REFUSED, storable
from generations.models import Generation, Status
from videostudio.scrubbing import scrub

log = logging.getLogger(__name__)

_COLUMNS = {
    "id": "bigint",
    "due_at": "timestamptz",
    "progress": "integer",
    "upstream_status": "text",
    "detail": "text",
    "tries": "integer",
    "overdue_at": "timestamptz",
    "news": "integer",
    "answer": "jsonb",
}
_SET = """
    due_at = u.due_at, progress = u.progress, upstream_status = u.upstream_status, detail = u.detail,
    tries = u.tries, overdue_at = u.overdue_at, version = g.version + u.news, claim = '',
    last_answer = COALESCE(u.answer, g.last_answer)
"""


def write_steps(token: str, steps: Sequence[Step]) -> bool:
    """Write the steps of rows that `token` still holds; the others are somebody else's by now.

    A step the database refuses is dropped, and keeps no other from being written.
    """
    try:
        with transaction.atomic():
            _write(token, steps)
    except REFUSED as error:
        if len(steps) == 1:
            log.error("generation %s: what was polled cannot be stored: %s", steps[0].pk, error)
        else:
            for step in steps:
                write_steps(token, [step])
    return True


def _write(token: str, steps: Sequence[Step]) -> None:
    table = connection.ops.quote_name(Generation._meta.db_table)
    rows = json.dumps([_row(step) for step in steps])
    if connection.vendor == "postgresql":
        columns = ", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())
        source = f"json_to_recordset(%s::json) AS u({columns})"
    else:
        columns = ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name in _COLUMNS)
        source = f"(SELECT {columns} FROM json_each(%s)) AS u"  # noqa: S608 (names are constants above)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} AS g SET {_SET} FROM {source} WHERE g.id = u.id AND g.claim = %s AND g.status = %s",  # noqa: S608
            [rows, token, Status.IN_PROGRESS.value],
        )


def _row(step: Step) -> dict:
    return {
        "id": step.pk,
        "due_at": _time(step.due_at),
        "progress": step.progress,
        "upstream_status": step.upstream_status,
        "detail": scrub(step.detail),
        "tries": step.tries,
        "overdue_at": _time(step.overdue_at),
        "news": int(step.is_news),
        "answer": None if step.answer is None else storable(step.answer),
    }


def _time(moment: datetime | None) -> str | None:
    """Return a time as the database keeps it in JSON: SQLite stores text, PostgreSQL reads ISO 8601."""
    if moment is None:
        return None
    if connection.vendor == "postgresql":
        return moment.isoformat()
    return str(connection.ops.adapt_datetimefield_value(moment))
