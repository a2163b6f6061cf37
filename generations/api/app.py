"""The application of django-ninja that the routes register with, and how its refusals look."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import ValidationError

from generations.api.problems import Problem, refusal
from generations.api.schemas import Refusal

DESCRIPTION = (
    "One token, one history, every model: OpenAI's videos API in front of all the video models of this studio. "
    "The page /docs/api/ has examples."
)
READ_REFUSALS = {code: Refusal for code in (401, 403, 404, 422, 429)}
CREATE_REFUSALS = READ_REFUSALS | {code: Refusal for code in (400, 409, 411, 413, 415, 503)}

api = NinjaAPI(
    title="VideoStudio",
    version=settings.VERSION,
    description=DESCRIPTION,
    urls_namespace="api",
    docs_url=None,
    openapi_url=None,
)


@api.exception_handler(Problem)
def on_problem(request: HttpRequest, error: Problem) -> HttpResponse:
    return refusal(request, error)


@api.exception_handler(ValidationError)
def on_validation_error(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Answer a query that does not fit: what was wrong with the first of its parameters."""
    first: dict[str, Any] = error.errors[0]
    name = str(first["loc"][-1])
    return refusal(request, Problem(422, "invalid_parameter", f"{name}: {first['msg']}.", param=name))


@api.exception_handler(Exception)
def on_anything(request: HttpRequest, error: Exception) -> HttpResponse:
    """Let the lane see it: it logs, and answers with the request's id."""
    raise error
