"""What every request passes: a limit on its body, and a sign-in that htmx can follow."""

import gzip
import secrets
from collections.abc import Callable
from gzip import FNAME
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.middleware.gzip import GZipMiddleware, re_accepts_gzip
from django.shortcuts import render, resolve_url
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect

LARGEST_BODY = 32 * 1024 * 1024  # bytes: the largest image, and room for the form around it


def limit_body(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Answer 413 to a body that no form of ours can need, before a byte of it is read."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdecimal() and int(length) > LARGEST_BODY:
            return render(request, "413.html", {"limit": LARGEST_BODY // 2**20}, status=413)
        return get_response(request)

    return middleware


class CompressPages(GZipMiddleware):
    """Compresses pages, fragments and JSON, padded against guessing secrets by their size; never files or streams.

    Less hard than Django does: a twentieth more bytes for half of the processor time, which is a good part of a page's.
    """

    LEVEL, SHORT = 4, 200  # of zlib; bytes that are not worth it

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        is_text = response.headers.get("Content-Type", "").startswith(("text/html", "application/json"))
        if not is_text or response.streaming or response.has_header("Content-Encoding"):
            return response
        if len(response.content) < self.SHORT:
            return response
        patch_vary_headers(response, ("Accept-Encoding",))
        if re_accepts_gzip.search(request.META.get("HTTP_ACCEPT_ENCODING", "")):
            response.content = self.compressed(response.content)
            response.headers["Content-Encoding"] = "gzip"
            response.headers["Content-Length"] = str(len(response.content))
            if response.get("ETag", "").startswith('"'):
                response.headers["ETag"] = f"W/{response.headers['ETag']}"
        return response

    def compressed(self, text: bytes) -> bytes:
        """Return a gzip whose head names a file, of a random length (RFC 1952; against BREACH)."""
        made = gzip.compress(text, self.LEVEL, mtime=0)
        name = b"a" * (1 + secrets.randbelow(self.max_random_bytes))
        return made[:3] + bytes([FNAME]) + made[4:10] + name + b"\0" + made[10:]


def in_background[**P](view: Callable[P, HttpResponse]) -> Callable[P, HttpResponse]:
    """Mark a view that a page asks by itself while somebody types: without a sign-in it has no answer for htmx.

    Only what a person did may take the page away from them.
    """
    view.is_in_background = True
    return view


class StudioLoginRequiredMiddleware(LoginRequiredMiddleware):
    """Sends people who are not signed in to the sign-in page; htmx is told to load it as a whole page."""

    def handle_no_permission(self, request: HttpRequest, view_func) -> HttpResponse:
        login = resolve_url(settings.LOGIN_URL)
        if getattr(request, "htmx", False):
            if getattr(view_func, "is_in_background", False):
                return HttpResponse(status=204)
            return HttpResponseClientRedirect(redirect_to_login(page_of(request, "HX-Current-URL"), login).url)
        if request.path.endswith(".json"):
            return JsonResponse({"detail": "Sign in first."}, status=401)
        # What was posted is gone by now, and its address may answer nothing but a POST: back to the page it came from.
        here = request.get_full_path() if request.method in {"GET", "HEAD"} else page_of(request, "Referer")
        return redirect_to_login(here, login)


def page_of(request: HttpRequest, header: str) -> str:
    """Return the path of the page of ours that a header names, or the studio's."""
    url = request.headers.get(header, "")
    if not url_has_allowed_host_and_scheme(url, allowed_hosts={request.get_host()}):
        return "/"
    _, _, path, query, _ = urlsplit(url)
    return urlunsplit(("", "", path or "/", query, ""))
