"""The dialects that are a provider's own: Kling, Runway and xAI, each as its document spells requests and answers.

An image is checked and then dropped, as in orders.py: the sandbox keeps nothing.
"""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest

from videostudio.sandbox.answers import failure, link
from videostudio.sandbox.orders import (
    Order,
    Refusal,
    check_image,
    check_types,
    inner_object,
    json_object,
    read_frame,
    read_model,
    read_prompt,
    read_seconds,
)
from videostudio.sandbox.tasks import SandboxTask, State

TICKS_A_SECOND = 500_000_000  # 0.05 USD, in ticks of a ten-billionth

_KLING_WORDS = {
    State.QUEUED: "submitted",
    State.IN_PROGRESS: "processing",
    State.COMPLETED: "succeed",
    State.FAILED: "failed",
}
_RUNWAY_WORDS = {
    State.QUEUED: "PENDING",
    State.IN_PROGRESS: "RUNNING",
    State.COMPLETED: "SUCCEEDED",
    State.FAILED: "FAILED",
}


# Kling


def read_kling_text(request: HttpRequest) -> Order:
    """Read the body of text2video; raises Refusal."""
    body = json_object(request)
    if "image" in body or "image_tail" in body:
        raise Refusal("an image belongs to image2video", param="image")
    return _read_kling(body)


def read_kling_image(request: HttpRequest) -> Order:
    """Read the body of image2video; raises Refusal."""
    body = json_object(request)
    if "image" not in body:
        raise Refusal("image is required", param="image")
    for name in ("image", "image_tail"):
        if name in body and not str(body[name]).startswith("https://"):
            check_image(_bytes_of(body[name], name), name)
    return _read_kling(body)


def _read_kling(body: Mapping[str, Any]) -> Order:
    check_types(body, dict.fromkeys(("negative_prompt", "mode", "duration", "aspect_ratio"), str))
    if body.get("mode", "std") not in ("std", "pro"):
        raise Refusal("mode must be std or pro", param="mode")
    tier = "1080p" if body.get("mode") == "pro" else "720p"
    model = read_model(body, "model_name")
    width, height = read_frame({"aspect_ratio": body.get("aspect_ratio", "16:9"), "resolution": tier}, model)
    seconds = read_seconds(body, ("duration",))
    return Order(model, read_prompt(body), width, height, seconds, audio=False)


def kling_created(task: SandboxTask) -> dict[str, Any]:
    moment = int(task.started_at * 1000)
    data = {"task_id": task.id, "task_status": "submitted", "task_info": {}}
    return _kling(task, data | {"created_at": moment, "updated_at": moment})


def kling_task(task: SandboxTask, now: float) -> dict[str, Any]:
    """The answer of a query: times in milliseconds, lengths as text."""
    state = task.state(now)
    data: dict[str, Any] = {"task_id": task.id, "task_status": _KLING_WORDS[state], "task_status_msg": ""}
    data |= {"task_info": {}, "created_at": int(task.started_at * 1000), "updated_at": int(now * 1000)}
    if state is State.FAILED:
        data["task_status_msg"] = failure(task)[1]
    if state is State.COMPLETED and task.has_file:
        video = {"id": task.provider_id, "url": link(task), "duration": str(task.seconds)}
        data["task_result"] = {"videos": [video]}
    return _kling(task, data)


def _kling(task: SandboxTask, data: dict[str, Any]) -> dict[str, Any]:
    return {"code": 0, "message": "SUCCEED", "request_id": task.provider_id, "data": data}


def kling_error(refusal: Refusal) -> dict[str, Any]:
    """An error as Kling words it: its codes are numbers, and the unknown task has the gateway's own."""
    code: str | int = refusal.code if refusal.code == "task_not_exist" else 1201
    return {"code": code, "message": refusal.message, "request_id": ""}


# Runway


def read_runway(request: HttpRequest) -> Order:
    """Read the body of image_to_video; raises Refusal."""
    check_runway_version(request)
    body = json_object(request)
    check_types(body, {"promptImage": str, "duration": int, "ratio": str, "seed": int, "watermark": bool})
    if not str(body.get("promptImage", "")).startswith("https://"):
        raise Refusal("promptImage must be an https link", param="promptImage")
    model = read_model(body)
    ratio = body.get("ratio", "1280:768")
    if not re.fullmatch(r"\d{3,4}:\d{3,4}", ratio, re.ASCII):
        raise Refusal('ratio must be pixels with a colon, such as "1280:720"', param="ratio")
    width, height = read_frame({"size": ratio.replace(":", "x")}, model)
    return Order(model, read_prompt(body, "promptText"), width, height, read_seconds(body, ("duration",)), audio=False)


def check_runway_version(request: HttpRequest) -> None:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", request.headers.get("X-Runway-Version", ""), re.ASCII):
        raise Refusal("the header X-Runway-Version is required, for example 2024-11-06")


def runway_created(task: SandboxTask) -> dict[str, Any]:
    return {"id": task.id}


def runway_task(task: SandboxTask, now: float) -> dict[str, Any]:
    """The answer of GET tasks/{id}: progress is a fraction while it runs."""
    state = task.state(now)
    created_at = datetime.fromtimestamp(task.started_at, UTC).isoformat(timespec="milliseconds")
    answer: dict[str, Any] = {"id": task.id, "status": _RUNWAY_WORDS[state], "createdAt": created_at}
    if state is State.IN_PROGRESS:
        answer["progress"] = task.progress(now) / 100
    if state is State.FAILED:
        answer["failureCode"], answer["failure"] = failure(task)
    if state is State.COMPLETED and task.has_file:
        answer["output"] = [link(task)]
    return answer


# xAI


def read_xai(request: HttpRequest) -> Order:
    """Read the body of videos/generations; raises Refusal."""
    body = json_object(request)
    check_types(body, {"duration": int, "aspect_ratio": str, "resolution": str})
    if "image" in body:
        url = str(inner_object(body, "image").get("url", ""))
        head, _, text = url.partition(";base64,")
        if head.startswith("data:image/"):
            check_image(_bytes_of(text, "image"), "image")
        elif not url.startswith("https://"):
            raise Refusal("image.url must be an https link or a data URI", param="image")
    model = read_model(body)
    width, height = read_frame({"resolution": "480p"} | body, model)
    return Order(model, read_prompt(body), width, height, read_seconds(body, ("duration",)), audio=True)


def xai_created(task: SandboxTask) -> dict[str, Any]:
    return {"request_id": task.id}


def xai_task(task: SandboxTask, now: float) -> dict[str, Any]:
    """The answer of a poll: no status at all while the task waits."""
    state = task.state(now)
    answer: dict[str, Any] = {"request_id": task.id}
    if state is State.IN_PROGRESS:
        answer |= {"status": "processing", "progress": task.progress(now)}
    if state is State.FAILED:
        code, message = failure(task)
        answer |= {"status": "failed", "error": {"code": code, "message": message}, "video": {"duration": 0}}
    if state is State.COMPLETED:
        video: dict[str, Any] = {"duration": task.seconds, "respect_moderation": True}
        if task.has_file:
            video["url"] = link(task)
        answer |= {"status": "done", "progress": 100, "model": task.model, "video": video}
        answer["usage"] = {"cost_in_usd_ticks": task.seconds * TICKS_A_SECOND}
    return answer


def plain_error(refusal: Refusal) -> dict[str, Any]:
    """An error as Runway and xAI word it."""
    return {"code": refusal.code, "error": refusal.message}


def _bytes_of(value: object, name: str) -> bytes:
    try:
        return b64decode(value if isinstance(value, str) else "", validate=True)
    except Base64Error as error:
        raise Refusal(f"{name} must be base64", param=name) from error
