"""A group: what was asked for at once, on one live page with a summary."""

from collections import Counter
from uuid import UUID

from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from generations.lifecycle.together import MOST_AT_ONCE
from generations.models import TERMINAL, Generation, Group, LedgerEntry, Status
from generations.models.generation import GenerationQuerySet
from generations.models.money import FREE
from generations.specs import money
from generations.views.compare import FEWEST, MOST, address

PAGE = "group-"  # what the page of a group calls itself when it asks for changes


@require_safe
def group(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Everything of one group. Four statements of its own, whatever its size."""
    found = Group.objects.visible_to(request.user).select_related("created_by")
    shown = get_object_or_404(found, uuid=uuid)
    generations = list(members(request, shown).order_by("id").for_cards()[:MOST_AT_ONCE])
    context = {
        "group": shown,
        "generations": generations,
        "summary": summary(members(request, shown)),
        "is_live": any(row.is_active for row in generations),
    }
    return render(request, "generations/group.html", context)


def members(request: HttpRequest, group: Group) -> GenerationQuerySet:
    return Generation.objects.visible_to(request.user).filter(group=group)


def group_of_page(request: HttpRequest) -> Group | None:
    """Return the group whose page asks for changes; None for every other page."""
    page = request.GET.get("page", "")
    try:
        uuid = UUID(page.removeprefix(PAGE)) if page.startswith(PAGE) else None
    except ValueError:
        return None
    return Group.objects.visible_to(request.user).filter(uuid=uuid).first() if uuid else None


def summary(generations: GenerationQuerySet) -> dict:
    """Return how far a group is and what it costs: `total`, `ready`, `ended`, words of the rest, money in words.

    Also where its videos play side by side. Three statements.
    """
    rows = generations.order_by().values("status", "quote_currency", "quote_source")
    counts: Counter[str] = Counter()
    quoted: Counter[str] = Counter()
    unpriced = 0
    for row in rows.annotate(count=Count("pk"), quoted=Sum("quote_amount"), known=Count("quote_amount")):
        counts[row["status"]] += row["count"]
        if row["known"]:
            quoted[row["quote_currency"]] += row["quoted"]
        elif row["quote_source"] != FREE:
            unpriced += row["count"]
    others = [
        f"{counts[status]} {Status(status).label.lower()}"
        for status in Status.values
        if counts[status] and status != Status.COMPLETED
    ]
    return {
        "total": counts.total(),
        "ready": counts[Status.COMPLETED],
        "ended": sum(counts[status] for status in TERMINAL),
        "others": others,
        "money": money_words(quoted, unpriced, generations),
        **side_by_side(generations),
    }


def side_by_side(generations: GenerationQuerySet) -> dict:
    """Return the address that compares a group's videos, or where to choose some of so many; "" for fewer than two."""
    playable = generations.filter(status=Status.COMPLETED, purged_at=None).order_by("pk")
    names = list(playable.values_list("uuid", flat=True)[: MOST + 1])
    are_more = len(names) > MOST
    if len(names) < FEWEST:
        return {"compare_url": ""}
    return {"compare_url": address(names[:MOST], **({"pick": "1"} if are_more else {})), "are_more": are_more}


def money_words(quoted: Counter[str], unpriced: int, generations: GenerationQuerySet) -> list[tuple[str, str]]:
    """Return (what, sum) of what was quoted, and of what the ledger says is held and spent."""
    found = [(_("Quoted"), money(amount, currency)) for currency, amount in quoted.items()]
    entries = LedgerEntry.objects.filter(generation__in=generations.order_by().values("pk")).order_by()
    sums = entries.values("currency").annotate(of_held=Sum("held"), of_spent=Sum("spent"))
    for row in sums.filter(~Q(currency="")):
        pairs = ((_("Held"), row["of_held"]), (_("Spent"), row["of_spent"]))
        found += [(label, money(amount, row["currency"])) for label, amount in pairs if amount]
    if unpriced:
        found.append((_("Price unknown, in no sum"), str(unpriced)))
    return found or [(_("Price"), _("free"))]
