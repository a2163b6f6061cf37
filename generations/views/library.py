"""The library: everything the team made, newest first."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from generations.forms import LibraryForm
from generations.models import Generation
from generations.views.around import from_query
from generations.views.fragments import wants_fragment
from generations.views.paging import page_of

PAGE = 24


@require_safe
@vary_on_headers("HX-Request")
def library(request: HttpRequest) -> HttpResponse:
    form = LibraryForm(request.GET, user=request.user)
    found = form.apply(Generation.objects.visible_to(request.user)).for_cards()
    page = page_of(found, request.GET, size=PAGE, keep=form.chosen)
    context = {"form": form, "generations": page.rows, "page": page, "chips": chips(form)}
    context["is_live"] = any(row.is_active for row in page.rows)
    context["from_query"] = from_query(form)
    part = "#rows" if wants_fragment(request) else ""
    return render(request, f"generations/library.html{part}", context)


def chips(form: LibraryForm) -> list[tuple[str, str]]:
    """Return each filter that is set as (words, the address without it)."""
    found = []
    for name, value in form.chosen.items():
        rest = {other: kept for other, kept in form.chosen.items() if other != name}
        words = dict(getattr(form.fields[name], "choices", [])).get(value, f"“{value}”")
        found.append((str(words), f"?{urlencode(rest)}"))
    return found
