"""What every page shows. Nothing here asks the database unless a template uses it, and then once."""

from functools import cache

from django.conf import settings
from django.http import HttpRequest

from generations.models import Gateway, Generation, Status
from generations.models.gateway import NO_KEY

THEMES = ("system", "light", "dark")


def studio(request: HttpRequest) -> dict:
    """Return theme, place in the site, and the banners."""
    theme = request.COOKIES.get("theme", "system")
    match = request.resolver_match
    return {
        "theme": theme if theme in THEMES else "system",
        "nav": match.url_name if match and match.namespace == "generations" else "",
        "sandbox_active": cache(lambda: Gateway.objects.all().sandbox() is not None),
        "banners": cache(lambda: banners(request.user)),
        "email_configured": settings.EMAIL_CONFIGURED,
        "studio_version": settings.VERSION,
    }


def banners(user) -> list[tuple[str, str]]:
    """Return (level, sentence) for what an operator must know: paused gateways, unknown outcomes."""
    if not user.is_staff:
        return []
    found = []
    for gateway in Gateway.objects.filter(enabled=True):
        if gateway.is_paused:
            found.append(("warning", f"The gateway {gateway.name} is paused: {gateway.paused_reason}"))
        if gateway.key_problem not in {"", NO_KEY}:
            found.append(("error", f"The gateway {gateway.name} cannot be used. {gateway.key_problem}"))
    if count := Generation.objects.visible_to(user).filter(status=Status.UNKNOWN).count():
        things = "1 request has" if count == 1 else f"{count} requests have"
        where = "Decide on the page of unknown outcomes, under Queue."
        found.append(("error", f"{things} an unknown outcome: accepted and billed, or not. {where}"))
    return found
