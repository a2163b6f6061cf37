"""Answers read by shape, not by gateway: ids, status words, progress, places of a link, words of an error.

Gateways leak each other's shapes, so there is one table of synonyms and one ordered list of places for all.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard
from urllib.parse import urlsplit

from .base import (
    Answer,
    GatewayProtocolError,
    TaskStatus,
    VideoTask,
    check_create,
    check_poll,
    plain,
    words_of,
)

LONGEST_ID = 512
LONGEST_URL = 8192
KEPT_BYTES = 64 * 1024
ABSOLUTE = re.compile(r"https?://[^\\\s\x00-\x1f\x7f]+", re.IGNORECASE)
ROOT_RELATIVE = re.compile(r"/[^/\\\s\x00-\x1f\x7f][^\\\s\x00-\x1f\x7f]*")

WORDS: Mapping[TaskStatus, frozenset[str]] = {
    TaskStatus.WAITING: frozenset(
        {"queued", "pending", "submitted", "not_start", "created", "queueing", "throttled", "preparing", "starting"}
    ),
    TaskStatus.RUNNING: frozenset({"in_progress", "processing", "running", "generating", "cancelling"}),
    TaskStatus.COMPLETED: frozenset({"completed", "complete", "succeeded", "succeed", "success", "done", "finished"}),
    TaskStatus.FAILED: frozenset({"failed", "fail", "failure", "error"}),
    TaskStatus.CANCELLED: frozenset({"cancelled", "canceled", "deleted"}),
    TaskStatus.EXPIRED: frozenset({"expired"}),
}
STATUS_OF = {word: status for status, words in WORDS.items() for word in words}

# request_id is not here: xAI names its task so (xai.py), but others name a trace that is no task.
ID_PLACES = ("id", "task_id", "data.task_id", "data.id", "output.task_id")

# The outer word is trusted; the inner ones (a provider's own, passed on) only where the outer is missing.
STATUS_PLACES = (
    "status",
    "task_status",
    "state",
    "output.task_status",
    "data.status",
    "data.task_status",
    "data.output.task_status",
)
PROGRESS_PLACES = ("progress", "output.progress", "data.progress")

URL_PLACES = (
    "video_url",
    "video.url",
    "output.0",
    "output.video_url",
    "url",
    "result_url",
    "metadata.url",
    "content.video_url",
    "data.result_url",
    "data.url",
    "data.video_url",
    "data.data.output.video_url",
    "data.data.video.url",
    "data.data.content.video_url",
    "data.data.creations.0.url",
    "data.data.data.task_result.videos.0.url",
    "data.task_result.videos.0.url",
    "creations.0.url",
    "unsigned_urls.0",
    "data.metadata.url",
    "data.data.url",
    "data.data.video_url",
    "data.data.output.0",
)
ERROR_PLACES = (
    "fail_reason",
    "task_status_msg",
    "failure",
    "failureCode",
    "err_code",
    "output.message",
    "data.output.message",
    "data.error.message",
)
PROMPT_PLACES = ("actual_prompt", "output.actual_prompt", "data.output.actual_prompt", "data.actual_prompt")


def created_task(answer: Answer, *, ids: tuple[str, ...] = ID_PLACES) -> VideoTask:
    """Return the task an accepted create names. Raise GatewayError by the table of create answers.

    An id is a text, or an integer, of at most 512 printable ASCII characters without a space, and not a
    path step ("." or ".."): it goes into URLs, files and logs. Any other is a GatewayProtocolError.
    """
    body = check_create(answer)
    if _is_failing(body.get("code")):  # beside it a request_id is the trace of a refusal, as with all others
        ids = tuple(place for place in ids if place != "request_id")
    upstream_id = _id_in(body, ids)
    if upstream_id is None:
        said = words_of(body)
        lead = "The gateway accepted the request but named no usable task id"
        raise GatewayProtocolError(f"{lead}: {said}" if said else f"{lead}.", **_record(answer))
    return task_in(body, upstream_id, kept(body, len(answer.body)))


def polled_task(answer: Answer, *, ids: tuple[str, ...] = ID_PLACES) -> VideoTask:
    """Return the task a poll describes; its id is "" when the answer repeats none.

    Raise GatewayError by the rules for polls, and GatewayProtocolError for an error that came as a 2xx.
    """
    body = check_poll(answer)
    task = task_in(body, _id_in(body, ids) or "", kept(body, len(answer.body)))
    if not task.word and (body.get("error") or _is_failing(body.get("code"))):
        said = words_of(body) or plain(str(body.get("code")))
        raise GatewayProtocolError(f"The gateway gave no task but an error: {said}", **_record(answer))
    return task


def kept(body: dict[str, Any], size: int) -> dict[str, Any]:
    """Return what is worth keeping of an answer of `size` bytes: all of it, but only its first short facts if long.

    A mebibyte of JSON may be twenty times as much in memory, and there is one answer for each row.
    """
    if size <= KEPT_BYTES:
        return body
    facts = itertools.islice(body.items(), 50)
    return {name[:100]: value for name, value in facts if not isinstance(value, dict | list) and len(str(value)) <= 200}


def task_in(body: dict[str, Any], upstream_id: str, raw: dict[str, Any]) -> VideoTask:
    """Return what the answer says about its task, whichever of the known shapes it has; `raw` is kept of it."""
    job = unwrapped(body)
    word = _first_text(job, STATUS_PLACES)
    status = status_of(word)
    urls = urls_in(body, job) if status is TaskStatus.COMPLETED else ()
    return VideoTask(
        upstream_id=upstream_id,
        status=status,
        word=plain(word, 100),
        progress=_first_progress(job),
        urls=urls,
        error=error_in(job, status) if status.is_verdict and not urls else "",
        rewritten_prompt=_first_text(job, PROMPT_PLACES),
        raw=raw,
    )


def unwrapped(body: dict[str, Any]) -> dict[str, Any]:
    """Return the task inside a {code, message, data} envelope, or the body itself."""
    inner = body.get("data")
    return inner if isinstance(inner, dict) and "code" in body else body


def status_of(word: str) -> TaskStatus:
    """Return what a status word means: no word is a task that has not begun, a strange one decides nothing."""
    folded = re.sub(r"[-\s]+", "_", word.strip().lower())
    return STATUS_OF.get(folded, TaskStatus.UNKNOWN) if folded else TaskStatus.WAITING


def progress_of(value: Any) -> int | None:
    """Return progress as 0-100 from 30, 30.7, "30", "30%" or a fraction such as 0.3; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    is_percent = isinstance(value, str) and value.strip().endswith("%")
    try:
        number = float(value.strip().rstrip("%") if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(number):
        return None
    if 0 < number < 1 and not is_percent:
        number = round(number * 100, 6)
    return int(min(max(number, 0), 100))


def urls_in(body: dict[str, Any], job: dict[str, Any]) -> tuple[str, ...]:
    """Return every usable link of a finished task, best place first, each once."""
    found = [seen for seen in found_in(body, URL_PLACES) if _is_link(seen)]
    # Old new-api versions keep the link of a success where the reason of a failure goes.
    found += [seen for seen in found_in(job, ("fail_reason",)) if _is_absolute(seen)]
    return tuple(dict.fromkeys(link.strip() for link in found))


def error_in(job: dict[str, Any], status: TaskStatus) -> str:
    """Return why a task ended badly, in the gateway's words, or ""."""
    said = words_of({"error": job.get("error")})
    if status is TaskStatus.COMPLETED:  # done without a link: fail_reason and message mean nothing here
        return said
    return said or plain(_first_text(job, ERROR_PLACES)) or words_of(job)


def _id_in(body: dict[str, Any], places: tuple[str, ...]) -> str | None:
    """The first id that is there at all, when it is good; a bad one is not skipped for a later place."""
    for seen in found_in(body, places):
        if seen == "":
            continue
        if isinstance(seen, bool) or not isinstance(seen, str | int):
            return None
        text = str(seen)
        is_good = len(text) <= LONGEST_ID and all("!" <= char <= "~" for char in text) and text not in (".", "..")
        return text if is_good else None
    return None


def _first_progress(job: dict[str, Any]) -> int | None:
    read = (progress_of(seen) for seen in found_in(job, PROGRESS_PLACES))
    return next((progress for progress in read if progress is not None), None)


def _record(answer: Answer) -> dict[str, Any]:
    return {"status": answer.status, "evidence": answer.evidence}


def _is_failing(code: Any) -> bool:
    return isinstance(code, str | int) and not isinstance(code, bool) and code not in ("success", "", "0", 0, 200)


def _is_link(value: Any) -> bool:
    """Absolute http(s), or a path on the gateway itself; "//host" is neither."""
    return _is_absolute(value) or (_is_text(value) and ROOT_RELATIVE.fullmatch(value.strip()) is not None)


def _is_absolute(value: Any) -> bool:
    if not _is_text(value) or ABSOLUTE.fullmatch(value.strip()) is None:
        return False
    try:
        return bool(urlsplit(value.strip()).hostname)
    except ValueError:
        return False


def _is_text(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and len(value) <= LONGEST_URL


def found_in(body: Any, places: tuple[str, ...]) -> Iterator[Any]:
    """Yield what is at each dotted place; absent and null places are skipped. Digits are list positions."""
    for place in places:
        value = body
        for step in place.split("."):
            value = _step(value, step)
            if value is None:
                break
        else:
            yield value


def _step(value: Any, step: str) -> Any:
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, list) and step.isdigit() and int(step) < len(value):
        return value[int(step)]
    return None


def _first_text(body: dict[str, Any], places: tuple[str, ...]) -> str:
    """Return the first text, or number as text, that is not blank."""
    for seen in found_in(body, places):
        if isinstance(seen, bool) or not isinstance(seen, str | int | float):
            continue
        if text := str(seen).strip():
            return text
    return ""
