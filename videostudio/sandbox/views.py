"""The sandbox's views: one pair of routes a dialect, and the files they all link to."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate

from django.contrib.auth.decorators import login_not_required
from django.core.signing import BadSignature, SignatureExpired
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from videostudio.sandbox import answers, clip, native, tasks
from videostudio.sandbox.behaviours import find_behaviours, is_busy
from videostudio.sandbox.keys import has_key
from videostudio.sandbox.orders import Order, Refusal, read_json, read_remix, read_video
from videostudio.sandbox.serving import serve_video
from videostudio.sandbox.tasks import DialectName, SandboxTask, State

type View[**P] = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


@dataclass(frozen=True)
class Form:
    """How one dialect reads a create and words its answers."""

    dialect: DialectName
    read: Callable[[HttpRequest], Order]
    job: Callable[[SandboxTask, float], dict[str, Any]]
    error: Callable[[Refusal], dict[str, Any]]
    created: Callable[[SandboxTask], dict[str, Any]] = answers.created


OPENAI_VIDEOS = Form("openai_videos", read_video, answers.flat_job, answers.flat_error)
NEWAPI = Form("newapi", read_json, answers.envelope, answers.envelope_error)
KLING_TEXT = Form("kling_text", native.read_kling_text, native.kling_task, native.kling_error, native.kling_created)
KLING_IMAGE = Form("kling_image", native.read_kling_image, native.kling_task, native.kling_error, native.kling_created)
KLING = {"text2video": KLING_TEXT, "image2video": KLING_IMAGE}
RUNWAY = Form("runway", native.read_runway, native.runway_task, native.plain_error, native.runway_created)
XAI = Form("xai", native.read_xai, native.xai_task, native.plain_error, native.xai_created)


def api[**P](form: Form, *methods: str) -> Callable[[View[P]], View[P]]:
    """A route for programs: these methods, the Bearer key, no login, no CSRF, and refusals in the dialect's words."""

    def decorate(view: View[P]) -> View[P]:
        @csrf_exempt
        @login_not_required
        @wraps(view)
        def answer(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not has_key(request):
                refusal = Refusal("Missing or wrong API key", code="invalid_api_key", status=401)
                return JsonResponse(answers.flat_error(refusal), status=401, headers={"WWW-Authenticate": "Bearer"})
            try:
                if request.method not in methods:
                    raise Refusal(f"{request.method} is not allowed here", code="method_not_allowed", status=405)
                return view(request, *args, **kwargs)
            except Refusal as refusal:
                headers = {405: {"Allow": ", ".join(methods)}, 429: {"Retry-After": "5"}}.get(refusal.status)
                return JsonResponse(form.error(refusal), status=refusal.status, headers=headers)

        return answer

    return decorate


@api(OPENAI_VIDEOS, "POST")
def create_video(request: HttpRequest) -> HttpResponseBase:
    return _create(request, OPENAI_VIDEOS)


@api(OPENAI_VIDEOS, "GET", "HEAD")
def retrieve_video(request: HttpRequest, task_id: str) -> HttpResponseBase:
    return _retrieve(task_id, OPENAI_VIDEOS)


@api(OPENAI_VIDEOS, "GET", "HEAD")
def video_content(request: HttpRequest, task_id: str) -> HttpResponseBase:
    task = _find(task_id, OPENAI_VIDEOS)
    state = task.state(time.time())
    if state is not State.COMPLETED:
        raise Refusal(f"The video is not ready: its status is {state}", code="video_not_ready")
    if not task.has_file:
        raise Refusal("This task has no file", code="not_found", status=404)
    return serve_video(request, _render(task))


@api(OPENAI_VIDEOS, "POST")
def remix_video(request: HttpRequest, task_id: str) -> HttpResponseBase:
    source = _find(task_id, OPENAI_VIDEOS)
    if source.state(time.time()) is not State.COMPLETED:
        raise Refusal("Only a completed video can be remixed", code="video_not_ready")
    return _create(request, replace(OPENAI_VIDEOS, read=lambda request: read_remix(request, source)))


@api(NEWAPI, "POST")
def create_generation(request: HttpRequest) -> HttpResponseBase:
    return _create(request, NEWAPI)


@api(NEWAPI, "GET", "HEAD")
def retrieve_generation(request: HttpRequest, task_id: str) -> HttpResponseBase:
    return _retrieve(task_id, NEWAPI)


@api(KLING_TEXT, "POST")
def create_kling(request: HttpRequest, action: str) -> HttpResponseBase:
    return _create(request, _kling(action))


@api(KLING_TEXT, "GET", "HEAD")
def retrieve_kling(request: HttpRequest, action: str, task_id: str) -> HttpResponseBase:
    return _retrieve(task_id, _kling(action))


def _kling(action: str) -> Form:
    if action not in KLING:
        raise Refusal(f"there is no {action}", code="not_found", status=404)
    return KLING[action]


@api(RUNWAY, "POST")
def create_runway(request: HttpRequest) -> HttpResponseBase:
    return _create(request, RUNWAY)


@api(RUNWAY, "GET", "HEAD")
def retrieve_runway(request: HttpRequest, task_id: str) -> HttpResponseBase:
    native.check_runway_version(request)
    return _retrieve(task_id, RUNWAY)


@api(XAI, "POST")
def create_xai(request: HttpRequest) -> HttpResponseBase:
    return _create(request, XAI)


@api(XAI, "GET", "HEAD")
def retrieve_xai(request: HttpRequest, task_id: str) -> HttpResponseBase:
    return _retrieve(task_id, XAI)


@login_not_required
@require_safe
def file(request: HttpRequest, token: str) -> HttpResponseBase:
    """The clip behind a link: 403 for a forged one, 410 for one that has died."""
    try:
        task_id = answers.task_id_of(token)
    except SignatureExpired:
        return HttpResponse("This link has expired.", status=410, content_type="text/plain")
    except BadSignature:
        return HttpResponse("This link is not valid.", status=403, content_type="text/plain")
    return serve_video(request, _render(tasks.find(task_id)))


def _create(request: HttpRequest, form: Form) -> HttpResponseBase:
    order = form.read(request)
    now = time.time()
    words = find_behaviours(order.prompt)
    if "[refuse]" in words:
        raise Refusal("The sandbox refuses this request because its prompt says [refuse].", param="prompt")
    if "[busy]" in words and is_busy(now):
        raise Refusal("Too many requests: try again in 5 seconds.", code="rate_limit_exceeded", status=429)
    job = form.created(tasks.accept(dialect=form.dialect, now=now, **asdict(order)))
    return _lose(job) if "[lost]" in words else JsonResponse(job)


def _lose(job: dict[str, Any]) -> HttpResponseBase:
    """An answer that ends inside the id. Shorter than announced, it makes the web server cut the connection."""
    body = json.dumps(job).encode()
    headers = {"Content-Length": str(len(body))}
    return StreamingHttpResponse([body[:12]], headers=headers, content_type="application/json")


def _retrieve(task_id: str, form: Form) -> HttpResponseBase:
    return JsonResponse(form.job(_find(task_id, form), time.time()))


def _find(task_id: str, form: Form) -> SandboxTask:
    try:
        return tasks.find(task_id, form.dialect)
    except tasks.UnknownTask as error:
        raise Refusal("task_not_exist", code="task_not_exist") from error


def _render(task: SandboxTask) -> Path:
    width, height = task.delivered_size
    return clip.render(
        clip.ClipSpec(
            prompt=task.shown_prompt,
            model=task.model,
            width=width,
            height=height,
            seconds=task.seconds,
            audio=task.has_sound,
            variation=task.nonce[0],
        )
    )
