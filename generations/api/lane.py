"""The short way in for programs: requests for /v1 pass no session, no cookie, no sign-in page.

Only what programs need of the usual middleware is done: https where the site has it, a known host, a limit on the
body. Everything that goes wrong is answered as JSON, with the id that the log has.
"""

import logging
import secrets
from collections.abc import Callable

from django.core.exceptions import BadRequest, DisallowedHost, RequestDataTooBig, SuspiciousOperation
from django.core.handlers.base import BaseHandler
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, HttpResponseBase, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.middleware.security import SecurityMiddleware

from generations.api.problems import Problem, refusal
from generations.lifecycle.persistence import is_away, is_full
from videostudio.middleware import LARGEST_BODY

PREFIX = "/v1/"

log = logging.getLogger(__name__)
Handler = Callable[[HttpRequest], HttpResponseBase]


class _Views(BaseHandler):
    """Django's own way from a request to its view and back, with no middleware around it."""

    _view_middleware: list = []
    _template_response_middleware: list = []
    _exception_middleware: list = []

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)


def lane(get_response: Handler) -> Handler:
    """Middleware, the first of all: /v1 goes the short way, the rest of the site as ever."""
    views = _Views()
    short = SecurityMiddleware(lambda request: answered(views, request))

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PREFIX):
            return get_response(request)
        request.request_id = f"req_{secrets.token_hex(12)}"
        response = short(request)
        response.headers["x-request-id"] = request.request_id
        for name, value in getattr(request, "rate_headers", {}).items():
            response.headers[name] = value
        return response

    return middleware


def answered(view: Handler, request: HttpRequest) -> HttpResponseBase:
    try:
        request.get_host()
        refuse_unmeasured(request)
        refuse_packed(request)
        refuse_large(request)
        response = view(request)
    except Exception as error:
        return refusal(request, problem_of(request, error))
    if response.status_code == 405:
        allowed = response.headers.get("Allow", "")
        words = f"{request.method} is not answered here; use {allowed}."
        return refusal(request, Problem(405, "method_not_allowed", words, headers={"Allow": allowed}))
    return response


def refuse_unmeasured(request: HttpRequest) -> None:
    """Refuse a body that comes in chunks: without its length Django reads none of it, and would find it empty."""
    if request.META.get("HTTP_TRANSFER_ENCODING") and not request.META.get("CONTENT_LENGTH"):
        raise Problem(411, "length_required", "Send the body in one piece, with its length in Content-Length.")


def refuse_packed(request: HttpRequest) -> None:
    """Refuse a compressed body, which no reader here would unpack."""
    encoding = request.META.get("HTTP_CONTENT_ENCODING", "")
    if encoding.strip().lower() not in {"", "identity"}:
        words = f"The body is compressed ({encoding[:40]}). Send it as it is, without Content-Encoding."
        raise Problem(415, "unsupported_encoding", words)


def refuse_large(request: HttpRequest) -> None:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdecimal() and int(length) > LARGEST_BODY:
        raise RequestDataTooBig


def problem_of(request: HttpRequest, error: Exception) -> Problem:
    """Return what an exception means to a program; what nobody foresaw is logged with the request's id."""
    match error:
        case Problem():
            return error
        case Http404():
            return Problem(
                404, "unknown_url", f"There is nothing at {request.path}. The routes are in /v1/openapi.json."
            )
        case DisallowedHost():
            return Problem(400, "unknown_host", "This studio is not served under that host name.")
        case RequestDataTooBig():
            words = (
                f"The request is too large: {LARGEST_BODY // 2**20} MB in all, and 2 MB of text in a form."
                " Send an image as a file, or as a link."
            )
            return Problem(413, "request_too_large", words)
        case UnreadablePostError():
            words = "The body ended before its Content-Length was reached. Nothing was made; send it again."
            return Problem(400, "incomplete_body", words)
        case MultiPartParserError() | BadRequest() | SuspiciousOperation():
            return Problem(400, "unreadable_request", "The request could not be read. Check its body and Content-Type.")
    if is_away(error):
        words = "The database is away for the moment. Send this again in a few seconds."
        return Problem(503, "unavailable", words, headers={"Retry-After": "5"})
    if is_full(error):
        words = "The disk of this studio takes nothing at the moment. Nothing was made; send this again later."
        return Problem(503, "unavailable", words, headers={"Retry-After": "60"})
    got_request_exception.send(sender=None, request=request)
    log.error("%s %s failed, %s", request.method, request.path, request.request_id, exc_info=error)
    return Problem(500, "server_error", f"Something went wrong here. An operator finds it by {request.request_id}.")
