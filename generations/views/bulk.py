"""What is done to several generations of the library at once."""

import secrets
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from generations import marks
from generations.forms import LibraryForm, NoGateway
from generations.lifecycle import trash
from generations.lifecycle.again import CannotRepeat, order_again, quote_of
from generations.lifecycle.begin import Order, begin
from generations.models import Generation, Project
from generations.specs import money
from generations.views.archive import zip_of
from generations.views.back import say_deleted

MOST = 10_000
MOST_REPEATED = 50


class CannotDo(Exception):
    """The choice does not fit; the message says why to a person."""


@require_POST
def bulk(request: HttpRequest) -> HttpResponseBase:
    """Do what the pressed button says to what is picked, then show the library as it was."""
    act = ACTIONS.get(request.GET.get("do") or request.POST.get("do", ""))
    try:
        if act is None:
            raise CannotDo("Choose what to do.")
        return act(request, picked(request)) or back_to_library(request)
    except (CannotDo, marks.CannotMark) as error:
        messages.warning(request, str(error))
        return back_to_library(request)


def picked(request: HttpRequest) -> list[Generation]:
    """Return the generations that are ticked, or all that the filters let through. Raises CannotDo for none."""
    visible = Generation.objects.visible_to(request.user)
    if request.POST.get("all"):
        form = LibraryForm(QueryDict(request.POST.get("query", "")), user=request.user)
        found = form.apply(visible)
        rows = list(found.for_cards().order_by("-pk")[: MOST + 1])
        if len(rows) > MOST:
            raise CannotDo(f"More than {MOST:,} match. Narrow the filters: this is done to at most {MOST:,} at once.")
    else:
        one = request.POST.getlist("one")  # a button of a single video goes before what is ticked
        rows = list(ticked(visible, one or request.POST.getlist("pick")).for_cards().order_by("-pk"))
    if not rows:
        raise CannotDo("Nothing is selected. Tick some videos first.")
    return rows


def ticked(generations: QuerySet, texts: list[str]) -> QuerySet:
    names = set()
    for text in texts[:MOST]:
        try:
            names.add(UUID(text))
        except ValueError:
            continue
    return generations.filter(uuid__in=names)


def back_to_library(request: HttpRequest) -> HttpResponse:
    """Lead to the library with the filters it had, and to the page it was on."""
    query = QueryDict(request.POST.get("query", ""), mutable=True)
    form = LibraryForm(query, user=request.user)
    kept = QueryDict(mutable=True)
    kept.update(form.chosen)
    for name in ("before", "after"):
        if query.get(name, "").isdecimal():
            kept[name] = query[name]
    return redirect(f"{reverse('generations:library')}?{kept.urlencode()}".rstrip("?"))


def several(count: int, what: str = "video") -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


# The actions: each returns its own answer, or None for the library again.


def star(request: HttpRequest, rows: list[Generation]) -> None:
    marks.star(request.user, [row.pk for row in rows])
    messages.success(request, f"{several(len(rows))} starred.")


def unstar(request: HttpRequest, rows: list[Generation]) -> None:
    marks.unstar(request.user, [row.pk for row in rows])
    messages.success(request, f"The star is off {several(len(rows))}.")


def rate(request: HttpRequest, rows: list[Generation]) -> None:
    text = request.POST.get("rating", "")
    if text not in {"", "1", "2", "3", "4", "5"}:
        raise CannotDo("A rating is one to five stars.")
    marks.rate([row.pk for row in rows], int(text) if text else None)
    messages.success(request, f"{several(len(rows))} rated." if text else f"{several(len(rows))} without a rating now.")


def tag(request: HttpRequest, rows: list[Generation]) -> None:
    names = marks.tag_names(request.POST.get("tags", ""))
    marks.tag(rows, names)
    messages.success(request, f"{several(len(rows))} tagged {', '.join(names)}.")


def move(request: HttpRequest, rows: list[Generation]) -> None:
    project = project_of(request)
    moved = marks.move(rows, project)
    messages.success(
        request, f"{several(moved)} moved to {project}." if project else f"{several(moved)} in no project."
    )


def project_of(request: HttpRequest) -> Project | None:
    """Return the project that is chosen; None for none. Raises CannotDo."""
    text = request.POST.get("project", "")
    if text == "none":
        return None
    found = Project.objects.visible_to(request.user).filter(pk=int(text)).first() if text.isdecimal() else None
    if found is None:
        raise CannotDo("Choose a project to move them to.")
    return found


def delete(request: HttpRequest, rows: list[Generation]) -> None:
    """Into the trash; the message has a button that brings them back."""
    going = [row for row in rows if row.is_finished]
    moment = trash.delete(going, request.user)
    if moment is None:
        raise CannotDo("These are still under way. They can be deleted when they have ended.")
    left = len(rows) - len(going)
    words = f"{several(len(going))} moved to the trash."
    words += f" {several(left)} still under way {'stays' if left == 1 else 'stay'}." if left else ""
    say_deleted(request, words, moment, back_to_library(request).url)


def download(request: HttpRequest, rows: list[Generation]) -> HttpResponseBase:
    ready = [row.pk for row in rows if row.is_ready]
    if not ready:
        raise CannotDo("None of these has a file to download.")
    return zip_of(ready)


@dataclass
class Plan:
    """What asking again would make and cost."""

    orders: list[Order] = field(default_factory=list)
    refused: list[tuple[Generation, str]] = field(default_factory=list)
    sums: dict[str, Decimal] = field(default_factory=dict)
    unpriced: int = 0

    @property
    def price_words(self) -> str:
        parts = [f"about {money(amount, currency)}" for currency, amount in sorted(self.sums.items())]
        if self.unpriced:
            parts.append(f"{self.unpriced} whose price is not known")
        return " and ".join(parts) or "free"


def plan_of(rows: list[Generation], request: HttpRequest, token: str) -> Plan:
    if len(rows) > MOST_REPEATED:
        raise CannotDo(f"At most {MOST_REPEATED} at once are made again: you selected {len(rows):,}.")
    plan = Plan()
    for row in rows:
        try:
            order = order_again(row, request.user, token=token)
            quote, is_free = quote_of(order)
        except CannotRepeat as error:
            plan.refused.append((row, str(error)))
            continue
        plan.orders.append(order)
        if quote:
            plan.sums[quote.currency] = plan.sums.get(quote.currency, Decimal(0)) + quote.amount
        elif not is_free:
            plan.unpriced += 1
    return plan


def retry(request: HttpRequest, rows: list[Generation]) -> HttpResponse | None:
    """Say what it would cost to make them again, and make them when that is confirmed."""
    token = request.POST.get("token", "")[:40] or secrets.token_urlsafe(16)
    plan = plan_of(rows, request, token)
    if request.POST.get("confirmed") != plan.price_words:
        context = {"plan": plan, "rows": rows, "token": token, "query": request.POST.get("query", "")}
        context["has_changed"] = "confirmed" in request.POST
        return render(request, "generations/retry.html", context)
    made = 0
    for order in plan.orders:
        try:
            _, is_new = begin(order)
        except NoGateway as error:
            raise CannotDo(f"{several(made)} asked for again; then: {error}") from error
        made += is_new
    messages.success(request, f"{several(made)} asked for again." if made else "They had been asked for already.")
    return None


ACTIONS = {
    "star": star,
    "unstar": unstar,
    "rate": rate,
    "tag": tag,
    "move": move,
    "delete": delete,
    "download": download,
    "retry": retry,
}
