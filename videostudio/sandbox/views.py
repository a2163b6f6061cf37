"""The sandbox's views: one pair of routes a dialect, and the files they all link to."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate

from django.contrib.auth.decorators import login_not_required
from django.core.signing import BadSignature, SignatureExpired
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from videostudio.sandbox import answers, clip, tasks
from videostudio.sandbox.behaviours import find_behaviours, is_busy
from videostudio.sandbox.forms import OPENAI_VIDEOS, Form
from videostudio.sandbox.keys import has_key
from videostudio.sandbox.orders import Refusal, read_remix
from videostudio.sandbox.serving import serve_video
from videostudio.sandbox.tasks import SandboxTask, State

type View[**P] = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


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


def create(form: Form) -> View[[]]:
    """Return the view that takes an order in one dialect."""
    return api(form, "POST")(lambda request: _create(request, form))


def retrieve(form: Form) -> View[[str]]:
    """Return the view that says how a task of one dialect is."""

    @api(form, "GET", "HEAD")
    def answer(request: HttpRequest, task_id: str) -> HttpResponseBase:
        form.check(request)
        return JsonResponse(form.job(_find(task_id, form), time.time()))

    return answer


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
