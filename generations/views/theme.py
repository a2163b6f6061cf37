"""Light or dark, kept in a cookie so that the server draws the page right at once."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from generations.context_processors import THEMES
from generations.views.back import back


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    chosen = request.POST.get("theme", "")
    response = back(request)
    if chosen in THEMES:
        response.set_cookie(
            "theme", chosen, max_age=365 * 24 * 3600, samesite="Lax", secure=settings.HTTPS, httponly=False
        )
    return response
