"""What every page shows. Nothing here asks the database unless a template uses it, and then once."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from django.conf import settings
from django.db.models import Aggregate, Count, Min, Q, QuerySet, Subquery, Value
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _
from django.utils.translation.trans_real import DjangoTranslation
from django.views.i18n import JavaScriptCatalog

from generations.models import CatalogNotice, Drift, Gateway, Generation, ModelSwitch, Status, User, Webhook
from generations.models.gateway import NO_KEY
from generations.models.prepared import Rows, Statement
from generations.models.told import told
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
    watched = cache(WATCHED.all)
    return {
        "theme": theme if theme in THEMES else "system",
        "nav": nav,
        "sandbox_active": cache(
            lambda: Gateway.objects.all().is_sandbox_open(watched() if request.user.is_staff else None)
        ),
        # Whoever is at the desk knows that something is there.
        "banners": cache(
            lambda: [banner for banner in banners(request.user, watched) if nav != "desk" or not banner.url]
        ),
        "switched_on": cache(switched_on),
        "script_words": script_words(get_language()),
        "email_configured": settings.EMAIL_CONFIGURED,
        "studio_version": settings.VERSION,
    }


def switched_on() -> set[str]:
    """Return the keys of the models that can be chosen because an operator says so: also retired ones."""
    return {key for key, switch in ModelSwitch.objects.all().by_key().items() if switch.position == switch.Position.ON}


@cache
def script_words(language: str) -> str:
    """Return what scripts say in this language as a JSON object by English text; empty for English."""
    if language == settings.LANGUAGE_CODE:
        return ""
    words = JavaScriptCatalog()
    words.translation = DjangoTranslation(language, domain="djangojs", localedirs=settings.LOCALE_PATHS)
    return json.dumps(words.get_catalog(), ensure_ascii=False)


@dataclass(frozen=True)
class Banner:
    """What an operator must know. `gateway` is one that a press of "Try again" may mend; `url` leads to the matter."""

    level: str
    text: str
    gateway: Gateway | None = None
    url: str = ""
    link: str = gettext_lazy("Decide")


def banners(user, watched: Callable[[], list[Gateway]]) -> list[Banner]:
    """Return what operators must know: gateways that are paused, silent or locked out, and unknown outcomes.

    `watched` returns the gateways that may have to be told of.
    """
    if not user.is_staff:
        return []
    found = [banner for gateway in watched() if (banner := about_gateway(gateway))]
    count, oldest, silent, *news = MATTERS.first(user=user.pk) or (0, None, 0, 0, 0)
    if count:
        found.append(Banner("error", unknown_outcomes(count, oldest), url=reverse("generations:desk")))
    for webhook in SWITCHED_OFF.all(operator=user.pk) if silent else ():
        text = _("The webhook {name} is switched off. {disabled_reason}").format(
            name=webhook.name, disabled_reason=told(webhook.disabled_reason)
        )
        found.append(Banner("warning", text, url=webhook.get_absolute_url(), link=_("Look")))
    if any(news) and user.has_perm("generations.change_gateway"):
        found.append(Banner("info", news_of_gateways(*news), url=reverse("generations:gateways"), link=_("Look")))
    return found


def about_gateway(gateway: Gateway) -> Banner | None:
    """Return what must be known of one; of one that is switched off too, for it renders what it was given before."""
    name = gateway.name
    if gateway.key_problem not in {"", NO_KEY}:
        problem = told(gateway.key_problem)
        text = _("The gateway {name} cannot be used. {key_problem}").format(name=name, key_problem=problem)
        return Banner("error", text)
    if gateway.is_paused:
        reason = told(gateway.paused_reason)
        text = _("The gateway {name} is paused: {paused_reason}").format(name=name, paused_reason=reason)
        return Banner("warning", text, gateway)
    if gateway.is_tripped:
        return Banner("warning", _("The gateway {name} has not answered lately.").format(name=name), gateway)
    return None


def unknown_outcomes(count: int, oldest: datetime) -> str:
    text = ngettext(
        "%(count)s request has an unknown outcome: accepted and billed, or not.",
        "%(count)s requests have an unknown outcome: accepted and billed, or not.",
        count,
    ) % {"count": count}
    if timezone.now() - oldest > OLD:
        text += " " + _("The oldest is from {elapsed} ago.").format(elapsed=elapsed(oldest))
    return text


def news_of_gateways(notices: int | None, oddities: int | None) -> str:
    """Say what gateways listed or answered that nobody has looked at yet."""
    sentences = []
    if notices:
        sentences.append(
            ngettext(
                "%(count)s notice about the models and prices of gateways.",
                "%(count)s notices about the models and prices of gateways.",
                notices,
            )
            % {"count": notices}
        )
    if oddities:
        sentences.append(_("A gateway answers what no document says."))
    return " ".join(sentences)


def _one(rows: QuerySet, sum_up: Aggregate) -> Subquery:
    """Return what these rows sum up to, None for none, as one value of a larger statement."""
    return Subquery(rows.order_by().values(all=Value(1)).annotate(summed_up=sum_up).values("summed_up"))


def _matters(user: int) -> QuerySet:
    operator = User(pk=user, is_staff=True)
    unknown = Generation.objects.visible_to(operator).filter(status=Status.UNKNOWN)
    silent = Webhook.objects.all().managed_by(operator).exclude(disabled_at=None)
    return User.objects.filter(pk=user).values_list(
        _one(unknown, Count("pk")),
        _one(unknown, Min("created_at")),
        _one(silent, Count("pk")),
        _one(CatalogNotice.objects.filter(dismissed_at=None), Count("pk")),
        _one(Drift.objects.all(), Count("pk")),
    )


# Asked with every page of an operator: whether there is anything to say, in one statement.
MATTERS = Statement(_matters, user=int)
WATCHED = Rows(Gateway, lambda: Gateway.objects.filter(Q(enabled=True) | ~Q(paused_reason="")))
SWITCHED_OFF = Rows(
    Webhook,
    lambda operator: Webhook.objects.all().managed_by(User(pk=operator, is_staff=True)).exclude(disabled_at=None),
    without=["url", "secret", "old_secret"],
    operator=int,
)
