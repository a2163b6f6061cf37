"""What tests/upstream.py speaks beside its two main dialects: Kling, Runway and xAI, as their documents spell them.

A task of these is known under its own dialect only, Kling's under the very path that created it.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.upstream import Task

KLING, RUNWAY, XAI = "kling", "runway", "xai"
TEXT2VIDEO, IMAGE2VIDEO = "/kling/v1/videos/text2video", "/kling/v1/videos/image2video"
IMAGE_TO_VIDEO, RUNWAY_TASKS = "/runwayml/v1/image_to_video", "/runwayml/v1/tasks"
GENERATIONS, EDITS, XAI_TASKS = "/grok/v1/videos/generations", "/grok/v1/videos/edits", "/grok/v1/videos"
STARTS = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff", "image/webp": b"RIFF"}


@dataclass(frozen=True)
class Native:
    """One way to create, and where its tasks are asked about; `model` and `prompt` are what the body calls them."""

    dialect: str
    create_path: str
    poll_path: str
    model: str
    prompt: str
    headers: frozenset[str]
    created: Callable[[Task], dict[str, Any]]
    polled: Callable[[Task, str, str], dict[str, Any]]


def kling_created(task: Task) -> dict[str, Any]:
    return kling_task(task, "submitted", "")


def kling_task(task: Task, word: str, url: str) -> dict[str, Any]:
    said = {"completed": "succeed", "in_progress": "processing"}.get(word, word)
    moment = task.created_at * 1000
    data: dict[str, Any] = {"task_id": task.upstream_id, "task_status": said, "task_info": {}}
    data |= {"task_status_msg": task.script.reason if word == "failed" else "", "created_at": moment}
    data["updated_at"] = int(time.time() * 1000)
    if url:
        data["task_result"] = {"videos": [{"id": f"video-{task.upstream_id}", "url": url, "duration": "5.0"}]}
    return {"code": 0, "message": "SUCCEED", "request_id": f"request-{task.upstream_id}", "data": data}


def runway_created(task: Task) -> dict[str, Any]:
    return {"id": task.upstream_id}


def runway_task(task: Task, word: str, url: str) -> dict[str, Any]:
    said = {"completed": "SUCCEEDED", "in_progress": "RUNNING", "failed": "FAILED"}.get(word, word)
    answer: dict[str, Any] = {"id": task.upstream_id, "status": said, "createdAt": "2026-11-20T10:15:30.123Z"}
    if word == "in_progress":
        answer["progress"] = 0.3
    if word == "failed":
        answer |= {"failure": task.script.reason, "failureCode": "INTERNAL.BAD_OUTPUT"}
    return answer | ({"output": [url]} if url else {})


def xai_created(task: Task) -> dict[str, Any]:
    return {"request_id": task.upstream_id}


def xai_task(task: Task, word: str, url: str) -> dict[str, Any]:
    said = {"completed": "done", "in_progress": "processing"}.get(word, word)
    answer: dict[str, Any] = {"request_id": task.upstream_id, "status": said}
    if word == "in_progress":
        answer["progress"] = 30
    if word == "failed":
        answer |= {"error": {"code": "internal", "message": task.script.reason}, "video": {"duration": 0}}
        answer |= {} if task.script.ticks is None else {"usage": {"cost_in_usd_ticks": task.script.ticks}}
    if word == "completed":
        video = {"duration": 5, "respect_moderation": True} | ({"url": url} if url else {})
        answer |= {"video": video, "model": task.model, "usage": {"cost_in_usd_ticks": 2_500_000_000}}
    return answer


VERSION = frozenset({"x-runway-version"})
NATIVE = (
    Native(KLING, TEXT2VIDEO, TEXT2VIDEO, "model_name", "prompt", frozenset(), kling_created, kling_task),
    Native(KLING, IMAGE2VIDEO, IMAGE2VIDEO, "model_name", "prompt", frozenset(), kling_created, kling_task),
    Native(RUNWAY, IMAGE_TO_VIDEO, RUNWAY_TASKS, "model", "promptText", VERSION, runway_created, runway_task),
    Native(XAI, GENERATIONS, XAI_TASKS, "model", "prompt", frozenset(), xai_created, xai_task),
    Native(XAI, EDITS, XAI_TASKS, "model", "prompt", frozenset(), xai_created, xai_task),
)


def read_body(content_type: str, body: bytes) -> dict[str, Any]:
    """Return a JSON body. Raise ValueError for any other."""
    if not content_type.lower().startswith("application/json"):
        raise ValueError(f"application/json expected, not {content_type!r}")
    whole = json.loads(body)
    if not isinstance(whole, dict):
        raise ValueError("a JSON object expected")
    return whole


def bare_base64(*kinds: str) -> Callable[[Any], bool]:
    """Check base64 without a head, of an image of one of these types."""

    def check(value: Any) -> bool:
        try:
            content = base64.b64decode(value, validate=True)
        except (ValueError, TypeError):
            return False
        return content.startswith(tuple(STARTS[kind] for kind in kinds))

    return check


def data_uri(value: Any) -> bool:
    """Check a data URI of an image that is what it says."""
    head, _, text = str(value).partition(";base64,")
    kind = head.removeprefix("data:")
    return head.startswith("data:") and kind in STARTS and bare_base64(kind)(text)
