"""The library: everything the team made, newest first."""

from urllib.parse import urlencode

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from generations.forms import LibraryForm
from generations.models import ACTIVE, SavedView
from generations.views.finding import Found
from generations.views.fragments import wants_fragment
from generations.views.tiles import by_day, following
from generations.views.zones import zone_of

PLACES = ("before", "after")  # of a page in the list, in its address
OFTEN = ("status", "model", "person", "project")  # the filters that are always in view


@require_safe
@vary_on_headers("HX-Request")
def library(request: HttpRequest) -> HttpResponse:
    form = LibraryForm(request.GET, user=request.user, zone=zone_of(request))
    found = Found(form)
    page = found.page(request.GET)
    days = by_day(page.rows, request.user, form.zone)
    if request.GET.get("part") == "more" and wants_fragment(request):  # the next page, under what is there
        days = following(days, request.GET.get("day", ""))
        context = {"page": page, "days": days, "place": days[-1].place if days else ""}
        return render(request, "generations/library.html#more", context)
    context = {
        "form": form,
        "page": page,
        "days": days,
        "place": days[-1].place if days else "",
        "is_live": any(row.status in ACTIVE for row in page.rows),
        "chips": chips(form),
        "count": found.count(page),
        "query": urlencode(form.chosen | {name: request.GET[name] for name in PLACES if name in request.GET}),
        "views": form.views,
        "is_filtered_more": not form.chosen.keys() <= {"q", *OFTEN},
    }
    part = "#rows" if wants_fragment(request) else ""
    return render(request, f"generations/library.html{part}", context)


def chips(form: LibraryForm) -> list[tuple[str, str]]:
    """Return each filter that is set as (words, the address without it)."""
    found = []
    for name in form.chosen:
        rest = {other: kept for other, kept in form.chosen.items() if other != name}
        found.append((form.words_of(name), f"?{urlencode(rest)}"))
    return found


@require_POST
def save_view(request: HttpRequest) -> HttpResponse:
    """Keep the filters of the page under a name, for oneself or for the team; one's own of that name changes."""
    form = LibraryForm(QueryDict(request.POST.get("query", "")), user=request.user, zone=zone_of(request))
    name, query = " ".join(request.POST.get("name", "").replace("\0", "").split())[:60], urlencode(form.chosen)
    if not name or not query or len(query) > 2000:
        messages.warning(request, _("A view needs a name, and at least one filter to keep."))
        return redirect(f"{reverse('generations:library')}?{query}")
    kept = {"query": query, "is_shared": "shared" in request.POST, "team": request.user.team, "name": name}
    own = SavedView.objects.filter(person=request.user, name__iexact=name)
    if not own.update(**kept):
        try:
            with transaction.atomic():
                SavedView.objects.create(person=request.user, **kept)
        except IntegrityError:  # the other half of a double click
            own.update(**kept)
    messages.success(request, _("“{name}” is kept as a view.").format(name=name))
    return redirect(f"{reverse('generations:library')}?{query}")


@require_POST
def forget_view(request: HttpRequest, pk: int) -> HttpResponse:
    view = get_object_or_404(SavedView, pk=pk, person=request.user)
    view.delete()
    messages.success(request, _("The view “{name}” is gone. Nothing else changed.").format(name=view.name))
    return redirect("generations:library")
