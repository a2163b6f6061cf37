"""How programs use the studio: the examples are files in docs/api/, and tests run those very files."""

from functools import cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

EXAMPLES = {"curl.sh": "curl", "python_client.py": "Python, OpenAI's client", "fetch.mjs": "JavaScript, fetch"}
ROUTES = (
    ("POST", "/v1/videos", "create", "Ask for a video: a form or JSON."),
    ("GET", "/v1/videos/{id}", "read", "How far it is."),
    ("GET", "/v1/videos", "read", "Your team's videos: after, limit, order."),
    ("GET", "/v1/videos/{id}/content", "read", "The file, by ranges; variant is video, thumbnail or spritesheet."),
    ("DELETE", "/v1/videos/{id}", "manage", "Move it to the trash."),
    ("POST", "/v1/videos/{id}/remix", "create", "The same with another prompt."),
    ("GET", "/v1/models", "read", "What may be asked for, with options as JSON Schema."),
    ("POST", "/v1/video/generations", "create", "The same create as new-api gateways have it."),
    ("GET", "/v1/video/generations/{id}", "read", "The same task in that family's envelope."),
)


@cache
def examples() -> list[tuple[str, str, str]]:
    """Return (id, name, text) of each example."""
    folder = settings.BASE_DIR / "docs" / "api"
    return [(file.partition(".")[0], name, (folder / file).read_text()) for file, name in EXAMPLES.items()]


@require_safe
def api_docs(request: HttpRequest) -> HttpResponse:
    context = {"examples": examples(), "routes": ROUTES, "base": f"{settings.STUDIO_URL}/v1"}
    return render(request, "generations/api_docs.html", context)
