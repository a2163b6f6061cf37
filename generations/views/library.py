"""The library: everything the team made, newest first."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from generations.forms import LibraryForm
from generations.models import Generation, SavedView, entries_of, newest_key
from generations.models.saved import views_of
from generations.views.fragments import wants_fragment
from generations.views.paging import Page, page_of
from generations.views.tiles import by_day, following, for_keys
from generations.views.zones import zone_of

PAGE = 24
COUNTED = 10_000  # whoever has more reads "10,000+"
PLACES = ("before", "after")  # of a page in the list, in its address
OFTEN = ("status", "model", "person", "project")  # the filters that are always in view


@dataclass(frozen=True)
class Count:
    """How many pass a filter, counted as far as anybody wants to know."""

    number: int

    @property
    def words(self) -> str:
        if self.number > COUNTED:
            return _("{count}+ videos").format(count=f"{COUNTED:,}")
        return ngettext("%(count)s video", "%(count)s videos", self.number) % {"count": f"{self.number:,}"}


@require_safe
@vary_on_headers("HX-Request")
def library(request: HttpRequest) -> HttpResponse:
    form = LibraryForm(request.GET, user=request.user, zone=zone_of(request))
    found = form.apply(Generation.objects.visible_to(request.user))
    page = page_of(for_keys(found, request.user), request.GET, size=PAGE, keep=form.chosen, by_time=form.is_by_time)
    context = {
        "form": form,
        "page": page,
        "days": by_day(page.rows, request.user, form.zone),
        "is_live": any(row.is_active for row in page.rows),
    }
    if request.GET.get("part") == "more" and wants_fragment(request):  # the next page, under what is there
        context["days"] = following(context["days"], request.GET.get("day", ""))
        return render(request, "generations/library.html#more", context)
    context |= {
        "chips": chips(form),
        "count": count_of(form, found, page),
        "query": urlencode(form.chosen | {name: request.GET[name] for name in PLACES if name in request.GET}),
        "views": views_of(request.user),
        "is_filtered_more": not form.chosen.keys() <= {"q", *OFTEN},
    }
    part = "#rows" if wants_fragment(request) else ""
    return render(request, f"generations/library.html{part}", context)


def count_of(form: LibraryForm, found: QuerySet, page: Page) -> Count:
    """Count what was found, up to a bound; a page that is everything needs no statement."""
    if not page.newer_url and not page.older_url:
        return Count(len(page.rows))
    if form.chosen.keys() == {"q"} and (entries := entries_of(form.chosen["q"], teams=form.teams)) is not None:
        return Count(entries[: COUNTED + 1].count())
    # In the page's order SQLite takes the page's index, and none that it would have to look up every row for.
    ordered = found.order_by() if form.is_by_time else found.order_by(f"-{newest_key(found)}")
    return Count(ordered[: COUNTED + 1].count())


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
