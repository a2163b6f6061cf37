"""What every page shows. Nothing here asks the database unless a template uses it, and then once."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from django.conf import settings
from django.db.models import Count, Min, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from generations.keys import by_place
from generations.models import Gateway, Generation, Status, Webhook
from generations.models.gateway import NO_KEY
from generations.templatetags.look import elapsed

THEMES = ("system", "light", "dark")
# A decision that is refused shows the desk again, at its own address.
DECISIONS = frozenset({"attach", "not-created", "send-again"})
OLD = timedelta(hours=1)  # an unknown outcome that nobody has decided about for so long


def studio(request: HttpRequest) -> dict:
    """Return theme, place in the site, and the banners."""
    theme = request.COOKIES.get("theme", "system")
    match = request.resolver_match
    nav = match.url_name if match and match.namespace == "generations" else ""
    nav = "desk" if nav in DECISIONS else nav
    return {
        "theme": theme if theme in THEMES else "system",
        "nav": nav,
        "sandbox_active": cache(lambda: Gateway.objects.all().sandbox() is not None),
        # Whoever is at the desk knows that something is there.
        "banners": cache(lambda: [banner for banner in banners(request.user) if nav != "desk" or not banner.url]),
        "key_sheet": by_place,
        "email_configured": settings.EMAIL_CONFIGURED,
        "studio_version": settings.VERSION,
    }


@dataclass(frozen=True)
class Banner:
    """What an operator must know. `gateway` is one that a press of "Try again" may mend; `url` leads to the matter."""

    level: str
    text: str
    gateway: Gateway | None = None
    url: str = ""
    link: str = "Decide"


def banners(user) -> list[Banner]:
    """Return what operators must know: gateways that are paused, silent or locked out, and unknown outcomes."""
    if not user.is_staff:
        return []
    found = []
    # One that is switched off still renders what it was given before.
    for gateway in Gateway.objects.filter(Q(enabled=True) | ~Q(paused_reason="")):
        if gateway.key_problem not in {"", NO_KEY}:
            found.append(Banner("error", f"The gateway {gateway.name} cannot be used. {gateway.key_problem}"))
        elif gateway.is_paused:
            found.append(Banner("warning", f"The gateway {gateway.name} is paused: {gateway.paused_reason}", gateway))
        elif gateway.is_tripped:
            found.append(Banner("warning", f"The gateway {gateway.name} has not answered lately.", gateway))
    unknown = Generation.objects.visible_to(user).filter(status=Status.UNKNOWN)
    counted = unknown.aggregate(count=Count("pk"), oldest=Min("created_at"))
    if count := counted["count"]:
        things = "1 request has" if count == 1 else f"{count} requests have"
        text = f"{things} an unknown outcome: accepted and billed, or not."
        if timezone.now() - counted["oldest"] > OLD:
            text += f" The oldest is from {elapsed(counted['oldest'])} ago."
        found.append(Banner("error", text, url=reverse("generations:desk")))
    for webhook in Webhook.objects.all().managed_by(user).exclude(disabled_at=None):
        text = f"The webhook {webhook.name} is switched off. {webhook.disabled_reason}"
        found.append(Banner("warning", text, url=webhook.get_absolute_url(), link="Look"))
    if user.has_perm("generations.change_gateway") and (news := news_of_gateways()):
        found.append(Banner("info", news, url=reverse("generations:gateways"), link="Look"))
    return found


def news_of_gateways() -> str:
    """Say what gateways listed or answered that nobody has looked at yet; empty for nothing. One statement."""
    found = Gateway.objects.aggregate(
        notices=Count("notices", filter=Q(notices__dismissed_at=None), distinct=True),
        oddities=Count("drift", distinct=True),
    )
    sentences = []
    if count := found["notices"]:
        sentences.append(f"{count} notice{'' if count == 1 else 's'} about the models and prices of gateways.")
    if found["oddities"]:
        sentences.append("A gateway answers what no document says.")
    return " ".join(sentences)
