"""The dialects the sandbox speaks, a line each: its routes, how it reads a create and how it words its answers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from videostudio.sandbox import answers, native
from videostudio.sandbox.orders import Order, Refusal, read_json, read_video
from videostudio.sandbox.tasks import DialectName, SandboxTask


@dataclass(frozen=True)
class Form:
    """One dialect. Tasks are created at `creates` and asked about under `tasks`; `check` raises Refusal at a poll."""

    dialect: DialectName
    creates: tuple[str, ...]
    tasks: str
    read: Callable[[HttpRequest], Order]
    job: Callable[[SandboxTask, float], dict[str, Any]]
    error: Callable[[Refusal], dict[str, Any]]
    created: Callable[[SandboxTask], dict[str, Any]] = answers.created
    check: Callable[[HttpRequest], None] = lambda request: None


def kling(name: DialectName, action: str, read: Callable[[HttpRequest], Order]) -> Form:
    """Kling's tasks are known under the very action that created them."""
    route = f"kling/v1/videos/{action}"
    return Form(name, (route,), route, read, native.kling_task, native.kling_error, native.kling_created)


VIDEOS = "v1/videos"
GENERATIONS = "v1/video/generations"
GROK = "grok/v1/videos"

OPENAI_VIDEOS = Form("openai_videos", (VIDEOS,), VIDEOS, read_video, answers.flat_job, answers.flat_error)
FORMS = (
    OPENAI_VIDEOS,
    Form("newapi", (GENERATIONS,), GENERATIONS, read_json, answers.envelope, answers.envelope_error),
    kling("kling_text", "text2video", native.read_kling_text),
    kling("kling_image", "image2video", native.read_kling_image),
    Form(
        "runway",
        ("runwayml/v1/image_to_video",),
        "runwayml/v1/tasks",
        native.read_runway,
        native.runway_task,
        native.plain_error,
        native.runway_created,
        native.check_runway_version,
    ),
    Form(
        "xai",
        (f"{GROK}/generations", f"{GROK}/edits"),
        GROK,
        native.read_xai,
        native.xai_task,
        native.plain_error,
        native.xai_created,
    ),
)
