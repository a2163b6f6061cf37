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
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from generations import marks
from generations.forms import LibraryForm, NoGateway
from generations.forms.total import sum_words
from generations.lifecycle import trash
from generations.lifecycle.again import CannotRepeat, order_again, quote_of
from generations.lifecycle.begin import Order, begin
from generations.models import Generation, Project
from generations.views.archive import zip_of
from generations.views.back import say_deleted
from generations.views.compare import FEWEST, address
from generations.views.compare import MOST as MOST_COMPARED
from generations.views.zones import zone_of

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
            raise CannotDo(_("Choose what to do."))
        return act(request, picked(request)) or back_to_library(request)
    except (CannotDo, marks.CannotMark) as error:
        messages.warning(request, str(error))
        return back_to_library(request)


def picked(request: HttpRequest) -> list[Generation]:
    """Return the generations that are ticked, or all that the filters let through. Raises CannotDo for none."""
    visible = Generation.objects.visible_to(request.user)
    if request.POST.get("all"):
        form = LibraryForm(QueryDict(request.POST.get("query", "")), user=request.user, zone=zone_of(request))
        found = form.apply(visible)
        rows = list(found.for_cards().order_by("-pk")[: MOST + 1])
        if len(rows) > MOST:
            raise CannotDo(
                _("More than {most} match. Narrow the filters: this is done to at most {most} at once.").format(
                    most=f"{MOST:,}"
                )
            )
    else:
        one = request.POST.getlist("one")  # a button of a single video goes before what is ticked
        rows = list(ticked(visible, one or request.POST.getlist("pick")).for_cards().order_by("-pk"))
    if not rows:
        raise CannotDo(_("Nothing is selected. Tick some videos first."))
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
    form = LibraryForm(query, user=request.user, zone=zone_of(request))
    kept = QueryDict(mutable=True)
    kept.update(form.chosen)
    for name in ("before", "after"):
        if query.get(name, "").isdecimal():
            kept[name] = query[name]
    return redirect(f"{reverse('generations:library')}?{kept.urlencode()}".rstrip("?"))


def several(count: int) -> str:
    """Return so many videos in words."""
    return ngettext("%(count)s video", "%(count)s videos", count) % {"count": f"{count:,}"}


# The actions: each returns its own answer, or None for the library again.


def star(request: HttpRequest, rows: list[Generation]) -> None:
    marks.star(request.user, [row.pk for row in rows])
    messages.success(request, _("{videos} starred.").format(videos=several(len(rows))))


def unstar(request: HttpRequest, rows: list[Generation]) -> None:
    marks.unstar(request.user, [row.pk for row in rows])
    messages.success(request, _("The star is off {videos}.").format(videos=several(len(rows))))


def rate(request: HttpRequest, rows: list[Generation]) -> None:
    text = request.POST.get("rating", "")
    if text not in {"none", "1", "2", "3", "4", "5"}:
        raise CannotDo(_("Choose a rating: one to five stars, or none."))
    rating = None if text == "none" else int(text)
    marks.rate([row.pk for row in rows], rating)
    messages.success(
        request,
        _("{videos} rated.").format(videos=several(len(rows)))
        if rating
        else _("{videos} without a rating now.").format(videos=several(len(rows))),
    )


def tag(request: HttpRequest, rows: list[Generation]) -> None:
    names = marks.tag_names(request.POST.get("tags", ""))
    marks.tag(rows, names)
    messages.success(request, _("{videos} tagged {join}.").format(videos=several(len(rows)), join=", ".join(names)))


def move(request: HttpRequest, rows: list[Generation]) -> None:
    project = project_of(request)
    moved = marks.move(rows, project)
    messages.success(
        request,
        _("{videos} moved to {project}.").format(videos=several(moved), project=project)
        if project
        else _("{videos} in no project.").format(videos=several(moved)),
    )


def project_of(request: HttpRequest) -> Project | None:
    """Return the project that is chosen; None for none. Raises CannotDo."""
    text = request.POST.get("project", "")
    if text == "none":
        return None
    found = Project.objects.visible_to(request.user).filter(pk=int(text)).first() if text.isdecimal() else None
    if found is None:
        raise CannotDo(_("Choose a project to move them to."))
    return found


def delete(request: HttpRequest, rows: list[Generation]) -> None:
    """Into the trash; the message has a button that brings them back."""
    going = [row for row in rows if row.is_finished]
    moment = trash.delete(going, request.user)
    if moment is None:
        raise CannotDo(_("These are still under way. They can be deleted when they have ended."))
    left = len(rows) - len(going)
    words = _("{videos} moved to the trash.").format(videos=several(len(going)))
    if left:
        stays = ngettext("%(count)s video still under way stays.", "%(count)s videos still under way stay.", left)
        words += f" {stays % {'count': left}}"
    say_deleted(request, words, moment, back_to_library(request).url)


def download(request: HttpRequest, rows: list[Generation]) -> HttpResponseBase:
    ready = [row.pk for row in rows if row.is_ready]
    if not ready:
        raise CannotDo(_("None of these has a file to download."))
    return zip_of(ready)


def compare(request: HttpRequest, rows: list[Generation]) -> HttpResponse:
    if not FEWEST <= len(rows) <= MOST_COMPARED:
        raise CannotDo(_("Select {fewest} to {most} videos to compare them.").format(fewest=FEWEST, most=MOST_COMPARED))
    return redirect(address(row.uuid for row in rows))


@dataclass
class Plan:
    """What asking again would make and cost."""

    orders: list[Order] = field(default_factory=list)
    refused: list[tuple[Generation, str]] = field(default_factory=list)
    sums: dict[str, Decimal] = field(default_factory=dict)
    unpriced: int = 0

    @property
    def price_words(self) -> str:
        return sum_words(self.sums, self.unpriced)


def plan_of(rows: list[Generation], request: HttpRequest, token: str) -> Plan:
    if len(rows) > MOST_REPEATED:
        raise CannotDo(
            _("At most {most_repeated} at once are made again: you selected {count}.").format(
                most_repeated=MOST_REPEATED, count=f"{len(rows):,}"
            )
        )
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
            __, is_new = begin(order)
        except NoGateway as error:
            raise CannotDo(
                _("{videos} asked for again; then: {error}").format(videos=several(made), error=error)
            ) from error
        made += is_new
    messages.success(
        request,
        _("{videos} asked for again.").format(videos=several(made)) if made else _("They had been asked for already."),
    )
    return None


ACTIONS = {
    "star": star,
    "unstar": unstar,
    "rate": rate,
    "tag": tag,
    "move": move,
    "delete": delete,
    "download": download,
    "compare": compare,
    "retry": retry,
}
