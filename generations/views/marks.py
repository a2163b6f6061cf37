"""Star, rating, tags, project and pin of one generation: each a small form of its page."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from generations import marks
from generations.lifecycle import trash
from generations.models import Generation, Project
from generations.views.back import back, say_deleted
from generations.views.detail import visible
from generations.views.marked import marks_context


def shown(request: HttpRequest, generation: Generation, problem: str = "") -> HttpResponse:
    """Return the marks alone to htmx, the whole page to a plain form."""
    if request.htmx:
        generation.refresh_from_db()
        context = marks_context(request, generation) | {"problem": problem}
        return render(request, "generations/_marks.html#marks", context)  # 200: htmx puts the sentence in place
    if problem:
        messages.warning(request, problem)
    return redirect(generation)


@require_POST
def star(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """One's own star: on, or off when it was on."""
    generation = visible(request, uuid)
    act = marks.unstar if request.POST.get("star") == "off" else marks.star
    act(request.user, [generation.pk])
    if request.htmx and "tile" in request.POST:
        generation.is_starred = act is marks.star
        return render(request, "generations/_tile.html#star", {"generation": generation})
    return shown(request, generation)


@require_POST
def rate(request: HttpRequest, uuid: UUID) -> HttpResponse:
    generation = visible(request, uuid)
    text = request.POST.get("rating", "")
    if text not in {"", "1", "2", "3", "4", "5"}:
        return shown(request, generation, _("A rating is one to five stars."))
    marks.rate([generation.pk], int(text) if text else None)
    return shown(request, generation)


@require_POST
def tag(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Add the tags that are typed, or take the one off whose button was pressed."""
    generation = visible(request, uuid)
    if gone := request.POST.get("untag"):
        marks.untag(generation, gone)
        return shown(request, generation)
    try:
        marks.tag([generation], marks.tag_names(request.POST.get("tags", "")))
    except marks.CannotMark as error:
        return shown(request, generation, str(error))
    return shown(request, generation)


@require_POST
def move(request: HttpRequest, uuid: UUID) -> HttpResponse:
    generation = visible(request, uuid)
    text = request.POST.get("project", "")
    project = Project.objects.filter(team=generation.team_id, pk=int(text)).first() if text.isdecimal() else None
    if text and project is None:
        return shown(request, generation, _("That project is not there any more."))
    marks.move([generation], project)
    return shown(request, generation)


@require_POST
def pin(request: HttpRequest, uuid: UUID) -> HttpResponse:
    generation = visible(request, uuid)
    marks.pin([generation.pk], is_pinned=request.POST.get("pin") != "off")
    return shown(request, generation)


@require_POST
def delete(request: HttpRequest, uuid: UUID) -> HttpResponse:
    generation = visible(request, uuid)
    moment = trash.delete([generation], request.user)
    if moment is None:
        messages.warning(request, _("It is still under way. It can be deleted when it has ended."))
        return redirect(generation)
    say_deleted(request, _("Moved to the trash."), moment)
    return back(request) if "next" in request.POST else redirect("generations:library")
