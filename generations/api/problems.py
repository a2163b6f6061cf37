"""Refusals, in OpenAI's shape: {"error": {"message", "type", "code", "param"}}."""

import json
from collections.abc import Mapping
from types import MappingProxyType

from django.http import HttpRequest, HttpResponse

RELAY = "/v1/video/generations"
TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
NOTHING: Mapping[str, str] = MappingProxyType({})
# OpenAI's clients send again after 409 and 429; where that cannot help they are told so.
DO_NOT_RETRY: Mapping[str, str] = MappingProxyType({"x-should-retry": "false"})


class Problem(Exception):
    """The answer is a refusal: `str()` is a sentence that says what would be right."""

    def __init__(
        self, status: int, code: str, message: str, *, param: str | None = None, headers: Mapping[str, str] = NOTHING
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.param, self.headers = status, code, param, headers


def not_found(what: str = "video", *, param: str = "id") -> Problem:
    return Problem(404, f"{what}_not_found", f"There is no such {what}, or it is not yours to see.", param=param)


def as_json(data: object, *, status: int = 200, headers: Mapping[str, str] = NOTHING) -> HttpResponse:
    """Return data as an answer that nobody keeps. Half a surrogate pair is written as JSON can carry it."""
    answer = HttpResponse(json.dumps(data), status=status, content_type="application/json")
    answer.headers["Cache-Control"] = "no-store"
    for name, value in headers.items():
        answer.headers[name] = value
    return answer


def refusal(request: HttpRequest, problem: Problem) -> HttpResponse:
    """Return the answer of a problem. Clients of new-api find code and message where that family has them."""
    kind = TYPES.get(problem.status, "invalid_request_error" if problem.status < 500 else "server_error")
    words = {"message": str(problem), "type": kind, "code": problem.code, "param": problem.param}
    data: dict[str, object] = {"error": words}
    if request.path_info.startswith(RELAY):
        code = "task_not_exist" if problem.code == "video_not_found" else problem.code
        data |= {"code": code, "message": str(problem), "data": None}
    return as_json(data, status=problem.status, headers=problem.headers)
