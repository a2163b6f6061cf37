"""What stands around the player of one generation: the list it was opened from, comments, links, comparisons won."""

import math
from urllib.parse import urlencode, urlsplit

from django.db.models import Count, Q
from django.http import HttpRequest, QueryDict
from django.urls import reverse

from generations.forms import LibraryForm
from generations.forms.watching import DAYS, CommentForm, ShareForm
from generations.models import Generation
from generations.views.zones import zone_of

LONGEST_QUERY = 2000
COMMENTS = 500
LINKS = 20


def around(request: HttpRequest, generation: Generation) -> dict:
    """Return what the page of one generation shows beside it; the number of statements is fixed."""
    return {
        "steps": steps(request, generation),
        "start": start_of(request),
        "comments": generation.comments.select_related("person")[:COMMENTS],
        "comment_form": CommentForm(),
        "share_links": generation.share_links.select_related("created_by")[:LINKS],
        "share_form": ShareForm(initial={"days": "7"}),
        "share_days": DAYS,
        "won": generation.comparisons.aggregate(times=Count("pk"), wins=Count("pk", filter=Q(winner=generation))),
    }


def start_of(request: HttpRequest) -> str:
    """Return the moment of `?t=12.3`, in seconds as a media fragment takes it; empty without one."""
    try:
        seconds = float(request.GET.get("t", ""))
    except ValueError:
        return ""
    return f"{seconds:.3f}".rstrip("0").rstrip(".") if math.isfinite(seconds) and 0 < seconds < 1e6 else ""


# The list it was opened from: `?from=` holds the library's own query string, and only what its filter knows survives.


def kept_from(request: HttpRequest) -> str:
    """Return "?from=..." again for another address of the same visit; empty without one."""
    given = given_from(request)
    return "" if given is None else f"?{urlencode({'from': given})}"


def named_from(request: HttpRequest) -> str | None:
    """Return `from` as the form, the address, or the page that htmx is on has it."""
    _, _, query = (request.htmx.current_url_abs_path or "").partition("?")
    for source in (request.POST, request.GET, QueryDict(query[: 2 * LONGEST_QUERY])):
        if "from" in source:
            return source["from"][:LONGEST_QUERY]
    return None


def given_from(request: HttpRequest) -> str | None:
    """Return `from` where it is named; else the list this page was come from."""
    if (named := named_from(request)) is not None:
        return named
    before = urlsplit(request.headers.get("Referer", "")[: 2 * LONGEST_QUERY])
    is_list = before.netloc == request.get_host() and before.path == reverse("generations:library")
    return before.query[:LONGEST_QUERY] if is_list else None


def steps(request: HttpRequest, generation: Generation) -> dict:
    """Return the addresses of the newer and the older one of the list, and of the list itself.

    `onwards` is where to go when this one is deleted: to the next one for whoever walks through a list, one after the
    other, else to the list.
    """
    form = LibraryForm(QueryDict(given_from(request) or ""), user=request.user, zone=zone_of(request))
    query = urlencode(form.chosen, doseq=True)
    rows = form.apply(Generation.objects.visible_to(request.user)).only("pk", "uuid")
    newer = rows.filter(pk__gt=generation.pk).order_by("pk").first()
    older = rows.filter(pk__lt=generation.pk).order_by("-pk").first()
    rest = f"?{urlencode({'from': query})}"
    found = {
        "newer": newer.get_absolute_url() + rest if newer else "",
        "older": older.get_absolute_url() + rest if older else "",
        "list": reverse("generations:library") + (f"?{query}" if query else ""),
        "is_filtered": bool(query),
        "given": given_from(request),
    }
    beside = found["older"] or found["newer"] if named_from(request) is not None else ""
    return found | {"onwards": beside or found["list"]}
