"""How programs use the studio. Its examples are files in docs/api/ and blocks of docs/webhooks.md; tests run them."""

import re
from functools import cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_safe

EXAMPLES = {"curl.sh": "curl", "python_client.py": "Python, OpenAI's client", "fetch.mjs": "JavaScript, fetch"}
CHECKS = {"python": "Python", "javascript": "JavaScript, Node"}
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ROUTES = (
    (
        "POST",
        "/v1/videos",
        "create",
        gettext_noop("Ask for a video: a form or JSON."),
    ),
    ("GET", "/v1/videos/{id}", "read", gettext_noop("How far it is.")),
    (
        "GET",
        "/v1/videos",
        "read",
        gettext_noop("Your team's videos: after, limit, order."),
    ),
    (
        "GET",
        "/v1/videos/{id}/content",
        "read",
        gettext_noop("The file, by ranges; variant is video, thumbnail or spritesheet."),
    ),
    (
        "DELETE",
        "/v1/videos/{id}",
        "manage",
        gettext_noop("Move it to the trash."),
    ),
    (
        "POST",
        "/v1/videos/{id}/remix",
        "create",
        gettext_noop("The same with another prompt."),
    ),
    (
        "GET",
        "/v1/models",
        "read",
        gettext_noop("What may be asked for, with options as JSON Schema."),
    ),
    (
        "POST",
        "/v1/video/generations",
        "create",
        gettext_noop("The same create as new-api gateways have it."),
    ),
    (
        "GET",
        "/v1/video/generations/{id}",
        "read",
        gettext_noop("The same task in that family's envelope."),
    ),
)


@cache
def examples() -> list[tuple[str, str, str]]:
    """Return (id, name, text) of each example."""
    folder = settings.BASE_DIR / "docs" / "api"
    return [(file.partition(".")[0], name, (folder / file).read_text()) for file, name in EXAMPLES.items()]


@cache
def checks() -> list[tuple[str, str, str]]:
    """Return (id, name, text) of each way to check a webhook's signature."""
    blocks = dict(BLOCK.findall((settings.BASE_DIR / "docs" / "webhooks.md").read_text(encoding="utf-8")))
    return [(f"check-{language}", name, blocks[language]) for language, name in CHECKS.items()]


@require_safe
def api_docs(request: HttpRequest) -> HttpResponse:
    context = {"examples": examples(), "checks": checks(), "routes": ROUTES, "studio_url": settings.STUDIO_URL}
    return render(request, "generations/api_docs.html", context)
