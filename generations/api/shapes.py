"""Rows as programs see them: OpenAI's video object with our own words beside it, and new-api's envelope."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from generations.models import Failure, Generation, Status
from generations.models.generation import GenerationQuerySet
from generations.models.prepared import Statement, in_order, loaded
from generations.models.record import measured

# OpenAI's word for each of our statuses. An unknown outcome ends nothing: a client that waits goes on waiting.
WORDS = {
    Status.QUEUED: "queued",
    Status.SUBMITTING: "in_progress",
    Status.UNKNOWN: "in_progress",
    Status.IN_PROGRESS: "in_progress",
    Status.DOWNLOADING: "in_progress",
    Status.COMPLETED: "completed",
    Status.FAILED: "failed",
    Status.CANCELLED: "failed",
}
RELAY_WORDS = {"queued": "QUEUED", "in_progress": "IN_PROGRESS", "completed": "SUCCESS", "failed": "FAILURE"}
UNFINISHED = frozenset({"queued", "in_progress"})
POLL_AFTER = {"openai-poll-after-ms": "2000"}
COLUMNS = in_order(
    Generation,
    (
        *("id", "uuid", "team_id", "model_key", "options", "gateway_id", "status", "failure", "detail", "progress"),
        *("created_at", "submitted_at", "completed_at", "asked_width", "asked_height", "asked_seconds", "poster"),
        *("measured_width", "measured_height", "measured_seconds", "measured_fps", "measured_has_audio"),
        *("bytes", "sha256", "file", "purged_at", "quote_amount", "quote_currency"),
    ),
)


def shown(rows: GenerationQuerySet) -> QuerySet[Generation]:
    """Return rows with just what an answer shows, as `values_list` for `row_of`."""
    return rows.values_list(*COLUMNS, "prompt__text", "parent__uuid", "parent__deleted_at", "parent__team")


def row_of(values: Sequence[Any]) -> tuple[Generation, str, UUID | None]:
    """Return the row, its prompt, and what it was made from, unless that is another team's by now, or deleted."""
    *own, text, source, gone, team = values
    row = loaded(Generation, COLUMNS, own)
    return row, text, source if source and gone is None and team == row.team_id else None


ONE = Statement(
    lambda user, uuid: shown(Generation.objects.visible_to(user)).filter(uuid=uuid).order_by(), user=int, uuid=UUID
)


def video(row: Generation, prompt: str, source: UUID | None) -> dict[str, Any]:
    """Return OpenAI's video object; what it has no name for follows under names of ours. Lengths are seconds."""
    word = WORDS[Status(row.status)]
    return {
        "id": str(row.uuid),
        "object": "video",
        "model": row.model_key,
        "status": word,
        "progress": row.progress,
        "created_at": seconds(row.created_at),
        "completed_at": seconds(row.completed_at),
        "expires_at": None,
        "seconds": str(row.asked_seconds or ""),
        "size": f"{row.asked_width}x{row.asked_height}" if row.asked_width and row.asked_height else "",
        "prompt": prompt,
        "remixed_from_video_id": str(source) if source else None,
        "error": error(row) if word == "failed" else None,
        "studio_status": row.status,
        "studio_detail": words(row),
        "options": row.options,
        "measured": measured(row),
        "differs": row.differs,
        "quote": quote(row),
    }


def seconds(moment: datetime | None) -> int | None:
    """Return Unix seconds."""
    return int(moment.timestamp()) if moment else None


def words(row: Generation) -> str:
    """Why it waits or failed, and what a person does about it."""
    return " ".join(filter(None, [row.detail, row.next_step]))


def error(row: Generation) -> dict[str, str]:
    if row.status == Status.CANCELLED:
        return {"code": "cancelled", "message": "It was withdrawn before it was sent. Nothing was billed."}
    return {"code": row.failure or Failure.UPSTREAM_FAILED.value, "message": words(row)}


def quote(row: Generation) -> dict[str, str] | None:
    """What it was said to cost, as text so that it stays exact; None when nobody knew, or it is free."""
    if row.quote_amount is None:
        return None
    return {"amount": str(row.quote_amount), "currency": row.quote_currency}


def poll_hint(body: dict[str, Any]) -> dict[str, str]:
    """Return the header by which OpenAI's clients know when to ask again."""
    return POLL_AFTER if body["status"] in UNFINISHED else {}


def relay_job(body: dict[str, Any]) -> dict[str, Any]:
    """Return new-api's answer to a create: the flat job, under both names of its id."""
    return body | {"task_id": body["id"]}


def relay_task(row: Generation, body: dict[str, Any]) -> dict[str, Any]:
    """Return new-api's envelope around a task; progress is text there, and 0 stands for a time not reached."""
    word = RELAY_WORDS[body["status"]]
    link = f"{settings.STUDIO_URL}/v1/videos/{body['id']}/content" if row.is_ready else ""
    task = {
        "task_id": body["id"],
        "action": "generate",
        "status": word,
        "fail_reason": body["error"]["message"] if body["error"] else "",
        "submit_time": seconds(row.created_at) or 0,
        "start_time": seconds(row.submitted_at) or 0,
        "finish_time": seconds(row.completed_at) or 0,
        "progress": f"{row.progress}%",
        "result_url": link,
        "data": body,
    }
    return {"code": "success", "message": "", "data": task}
