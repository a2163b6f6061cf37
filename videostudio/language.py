"""In which language an answer is: a person's choice, else their browser's. What programs read is English always."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.utils.cache import patch_vary_headers

FOR_PROGRAMS = ("/v1/", "/sandbox/", "/healthz", "/readyz")


def in_english[View: Callable[..., HttpResponseBase]](view: View) -> View:
    """Mark a view whose answer programs read: it is in English, to its last streamed byte, whoever asks."""
    view.in_english = True
    return view


class LanguageMiddleware(LocaleMiddleware):
    """The first of all: a thread keeps the language of its last request, so each request begins by choosing its own."""

    def process_request(self, request: HttpRequest) -> None:
        if request.path_info.startswith(FOR_PROGRAMS):
            translation.activate(settings.LANGUAGE_CODE)
        else:
            super().process_request(request)

    def process_view(self, request: HttpRequest, view: Callable, args: tuple, kwargs: dict) -> None:
        if getattr(view, "in_english", False):
            translation.activate(settings.LANGUAGE_CODE)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if kept := getattr(request, "language_to_keep", ""):
            keep(response, kept)
        if response.headers.get("Content-Type", "").startswith("text/html"):
            patch_vary_headers(response, ("Cookie",))
            return super().process_response(request, response)
        return response


def keep(response: HttpResponseBase, language: str) -> None:
    """Let a browser remember a language."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
        samesite=settings.LANGUAGE_COOKIE_SAMESITE,
    )
