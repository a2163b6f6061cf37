"""The sandbox's answers, in exactly the shapes the two documents show."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from django.conf import settings
from django.core import signing
from django.urls import reverse

from videostudio.sandbox.orders import Refusal
from videostudio.sandbox.tasks import SandboxTask, State

LINK_SECONDS = 24 * 3600

# The provider behind the gateway writes local times without a zone.
_PROVIDER_ZONE = timezone(timedelta(hours=8))
_WORDS = {
    State.QUEUED: ("QUEUED", "PENDING"),
    State.IN_PROGRESS: ("IN_PROGRESS", "RUNNING"),
    State.COMPLETED: ("SUCCESS", "SUCCEEDED"),
    State.FAILED: ("FAILURE", "FAILED"),
}


def created(task: SandboxTask) -> dict[str, Any]:
    """The answer to a create: the same flat job in both dialects, but for the alias of the id."""
    alias = {"task_id": task.id} if task.dialect == "openai_videos" else {}
    return {"id": task.id, **alias, "object": "video", "model": task.model, "status": State.QUEUED} | {
        "progress": 0,
        "created_at": int(task.started_at),
    }


def flat_job(task: SandboxTask, now: float) -> dict[str, Any]:
    """The answer of GET /v1/videos/{id}."""
    state = task.state(now)
    # 100 is said of completed jobs only; a failed one stops short of it.
    progress = task.progress(now) if state is not State.FAILED else 99
    job = created(task) | {"status": state, "progress": progress}
    if state is State.COMPLETED:
        job["completed_at"] = int(task.finished_at)
        if task.has_file:
            job["video_url"] = link(task)
    if state is State.FAILED:
        code, message = failure(task)
        job["error"] = {"code": code, "message": message}
    return job


def envelope(task: SandboxTask, now: float) -> dict[str, Any]:
    """The answer of GET /v1/video/generations/{id}: times in Unix seconds, 0 while not reached."""
    state = task.state(now)
    is_over = state in (State.COMPLETED, State.FAILED)
    url = link(task) if state is State.COMPLETED and task.has_file else ""
    reason = "task failed, code: {} , message: {}".format(*failure(task)) if state is State.FAILED else ""
    inner: dict[str, Any] = {"output": _output(task, state, url), "request_id": task.provider_id}
    if state is State.COMPLETED:
        ratio = f"{task.width}*{task.height}"
        inner["usage"] = {"video_count": 1, "video_duration": task.seconds, "video_ratio": ratio}
    data = {
        "task_id": task.id,
        "action": "textGenerate",
        "status": _WORDS[state][0],
        "fail_reason": url or reason,  # the documented quirk: the link of a success stands here too
        "submit_time": int(task.started_at),
        "start_time": 0 if state is State.QUEUED else int(task.running_at),
        "finish_time": int(task.finished_at) if is_over else 0,
        "progress": f"{task.progress(now)}%",
        "data": inner,
    }
    return {"code": "success", "message": "", "data": data}


def _output(task: SandboxTask, state: State, url: str) -> dict[str, Any]:
    output = {
        "submit_time": _provider_time(task.started_at),
        "task_id": task.provider_id,
        "task_status": _WORDS[state][1],
    }
    if state is not State.QUEUED:
        output["scheduled_time"] = _provider_time(task.running_at)
    if state in (State.COMPLETED, State.FAILED):
        output["end_time"] = _provider_time(task.finished_at)
    if state is State.FAILED:
        output["code"], output["message"] = failure(task)
    if state is State.COMPLETED:
        output["orig_prompt"] = task.shown_prompt  # only its start is known here
        if task.prompt_extend:
            output["actual_prompt"] = f"{task.shown_prompt} Soft light, a slow camera, deep colours."
        if url:
            output["video_url"] = url
    return output


def failure(task: SandboxTask) -> tuple[str, str]:
    """Code and words of a task that ends as failed."""
    if "[moderated]" in task.behaviours:
        return "DataInspectionFailed", "The prompt was rejected by the safety system: inappropriate content."
    return "InternalError", "The sandbox failed this task because its prompt says [fail]."


def flat_error(refusal: Refusal) -> dict[str, Any]:
    """An error as OpenAI words it."""
    kind = {401: "authentication_error", 429: "rate_limit_error"}.get(refusal.status, "invalid_request_error")
    error = {"message": refusal.message, "type": kind, "param": refusal.param, "code": refusal.code}
    return {"error": error}


def envelope_error(refusal: Refusal) -> dict[str, Any]:
    """An error as new-api words it."""
    return {"code": refusal.code, "message": refusal.message, "data": None}


def link(task: SandboxTask) -> str:
    """A link to the clip that needs no key and dies after LINK_SECONDS."""
    return settings.SANDBOX_ORIGIN + reverse("sandbox:file", args=[_signer().sign(task.id)])


def task_id_of(token: str) -> str:
    """The task id a link was made for; raises signing.SignatureExpired, or signing.BadSignature when forged."""
    return _signer().unsign(token, max_age=LINK_SECONDS)


def _signer() -> signing.TimestampSigner:
    return signing.TimestampSigner(salt="videostudio.sandbox.link", sep=".")


def _provider_time(moment: float) -> str:
    local = datetime.fromtimestamp(moment, UTC).astimezone(_PROVIDER_ZONE)
    return f"{local:%Y-%m-%d %H:%M:%S}.{local.microsecond // 1000:03}"
