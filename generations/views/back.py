"""Back to the page that a small form was on, and back from what was done there."""

from datetime import datetime

from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from generations.toasts import toast


def back(request: HttpRequest) -> HttpResponseRedirect:
    """Lead to the page that the form names as `next`, when that is one of ours, else to the studio.

    It is an address, never the name of a view.
    """
    page = request.POST.get("next", "/")
    is_ours = url_has_allowed_host_and_scheme(page, allowed_hosts={request.get_host()})
    return HttpResponseRedirect(page if is_ours else "/")


def say_deleted(request: HttpRequest, words: str, moment: datetime, there: str = "") -> None:
    """Say in a toast what went into the trash at `moment`, with the button that brings it back.

    `there` is where that leads: the page it was done on, else the library.
    """
    there = there or request.POST.get("next") or reverse("generations:library")
    fields = {"at": moment.isoformat(), "next": there}
    toast(request, words, label=_("Undo"), url=reverse("generations:undo"), fields=fields)
