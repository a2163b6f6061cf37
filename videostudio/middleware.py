"""What every request passes: a limit on its body, and a sign-in that htmx can follow."""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render, resolve_url
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


class StudioLoginRequiredMiddleware(LoginRequiredMiddleware):
    """Sends people who are not signed in to the sign-in page; htmx is told to load it as a whole page."""

    def handle_no_permission(self, request: HttpRequest, view_func) -> HttpResponse:
        if not getattr(request, "htmx", False):
            if request.path.endswith(".json"):
                return HttpResponse("Sign in first.\n", status=401, content_type="text/plain; charset=utf-8")
            return super().handle_no_permission(request, view_func)
        page = urlsplit(request.htmx.current_url or "/")
        here = page.path + (f"?{page.query}" if page.query else "")
        login = redirect_to_login(here, resolve_url(settings.LOGIN_URL))
        return HttpResponseClientRedirect(login.url)
