"""What changed on a page since it was drawn."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from generations.models import Generation
from generations.views.detail import detail_context
from generations.views.groups import group_of_page, members, summary
from generations.views.tiles import for_tiles

MOST_CARDS = 200


@never_cache
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """The cards whose version differs from the page's, all at once; 204 when none does, and no more polling when the
    page has none to ask about.

    Every unfinished card on the page sends its "<uuid>:<version>". A timestamp cursor would miss
    rows that commit late. A view never talks to a gateway and never waits for one.
    """
    seen = set(request.GET.getlist("v")[:MOST_CARDS])
    if not seen:
        return render(request, "generations/_generation.html#live", {"is_live": False, "oob": True})
    changes = Generation.objects.visible_to(request.user).newer_than(seen)
    if not changes:
        return HttpResponse(status=204)
    is_live = sum(1 for generation in changes if not generation.is_active) < len(seen)
    if request.GET.get("page") == "detail":
        context = detail_context(request, changes[0])
        return render(request, "generations/detail.html#changed", context | {"is_live": is_live, "oob": True})
    if request.GET.get("page") == "library":
        rows = for_tiles(Generation.objects.visible_to(request.user), request.user)
        tiles = rows.filter(pk__in=[generation.pk for generation in changes])
        return render(request, "generations/_tile.html#changes", {"changes": tiles, "is_live": is_live, "oob": True})
    context = {"changes": changes, "is_live": is_live, "oob": True}
    if group := group_of_page(request):
        context |= {"group": group, "summary": summary(members(request, group))}
        return render(request, "generations/group.html#changed", context)
    return render(request, "generations/_generation.html#changes", context)
