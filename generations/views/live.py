"""What changed on a page since it was drawn."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from generations.models import Generation

MOST_CARDS = 200


@never_cache
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """The cards whose version differs from the page's, all at once; 204 when none does.

    Every unfinished card on the page sends its "<uuid>:<version>". A timestamp cursor would miss
    rows that commit late. A view never talks to a gateway and never waits for one.
    """
    seen = request.GET.getlist("v")[:MOST_CARDS]
    changes = Generation.objects.visible_to(request.user).newer_than(seen)
    if not changes:
        return HttpResponse(status=204)
    finished = sum(1 for generation in changes if not generation.is_active)
    context = {
        "changes": changes,
        "is_detail": request.GET.get("page") == "detail",
        "is_live": finished < len(seen),
    }
    return render(request, "generations/_generation.html#changes", context)
