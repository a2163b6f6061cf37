"""Back to the page that a small form was on."""

from django.http import HttpRequest, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme


def back(request: HttpRequest) -> HttpResponseRedirect:
    """Lead to the page that the form names as `next`, when that is one of ours, else to the studio.

    It is an address, never the name of a view.
    """
    page = request.POST.get("next", "/")
    is_ours = url_has_allowed_host_and_scheme(page, allowed_hosts={request.get_host()})
    return HttpResponseRedirect(page if is_ours else "/")
