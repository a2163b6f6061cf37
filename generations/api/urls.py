"""The addresses of /v1."""

from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver

from generations.api import described, relay, videos
from generations.api.app import api
from generations.api.problems import as_json

app_name = "api"


@cache
def document() -> dict[str, Any]:
    """Return OpenAPI 3.1 of everything here, made once: the catalogue is read once as well."""
    found = dict(api.get_openapi_schema(path_prefix="/v1/"))
    found["components"]["schemas"] |= described.components()
    return found


@api.get("/openapi.json", include_in_schema=False)
def openapi(request: HttpRequest) -> HttpResponse:
    return as_json(document())


api.add_router("", videos.router)
api.add_router("", relay.router)

urlpatterns: list[URLPattern | URLResolver] = api.urls[0]
