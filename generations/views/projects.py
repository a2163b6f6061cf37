"""Projects and tags: making, naming, putting away, merging."""

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from generations import marks
from generations.models import Project, Tag


@require_http_methods(["GET", "HEAD", "POST"])
def projects(request: HttpRequest) -> HttpResponse:
    """The team's projects and tags; a POST makes a project."""
    if request.method != "POST":
        return show(request)
    name = request.POST.get("name", "")
    try:
        project = marks.new_project(request.user.team, name, request.user)
    except marks.CannotMark as error:
        return show(request, problem=str(error), typed=name, status=422)
    messages.success(request, _("The project “{project}” is there.").format(project=project))
    return redirect("generations:projects")


def show(request: HttpRequest, *, problem: str = "", typed: str = "", status: int = 200) -> HttpResponse:
    here = Count("generations", filter=Q(generations__deleted_at=None))
    tagged = Count("taggings", filter=Q(taggings__generation__deleted_at=None))
    found = list(Project.objects.visible_to(request.user).annotate(uses=here).select_related("created_by"))
    context = {
        "open": [project for project in found if project.archived_at is None],
        "archived": [project for project in found if project.archived_at],
        "tags": list(Tag.objects.visible_to(request.user).annotate(uses=tagged)),
        "problem": problem,
        "typed": typed,
    }
    return render(request, "generations/projects.html", context, status=status)


@require_POST
def change_project(request: HttpRequest, pk: int) -> HttpResponse:
    """Rename a project, or put it away, or take it out again."""
    project = get_object_or_404(Project.objects.visible_to(request.user), pk=pk)
    if "archive" in request.POST:
        project.archived_at = timezone.now() if request.POST["archive"] == "on" else None
        project.save(update_fields=["archived_at"])
        words = _("“{project}” is archived: its videos stay.") if project.archived_at else _("“{project}” is back.")
        messages.success(request, words.format(project=project))
        return redirect("generations:projects")
    return renamed(request, project)


@require_POST
def change_tag(request: HttpRequest, pk: int) -> HttpResponse:
    """Rename a tag, merge it into another, or remove it."""
    tag = get_object_or_404(Tag.objects.visible_to(request.user), pk=pk)
    if "remove" in request.POST:
        tag.delete()
        messages.success(request, _("The tag “{name}” is gone. The videos stay.").format(name=tag.name))
        return redirect("generations:projects")
    if request.POST.get("into"):
        text = request.POST["into"]
        into = get_object_or_404(Tag.objects.visible_to(request.user), pk=int(text) if text.isdecimal() else 0)
        try:
            marks.merge(tag, into)
        except marks.CannotMark as error:
            return show(request, problem=str(error), status=422)
        messages.success(request, _("“{name}” is “{name_2}” now.").format(name=tag.name, name_2=into.name))
        return redirect("generations:projects")
    return renamed(request, tag)


def renamed(request: HttpRequest, thing: Project | Tag) -> HttpResponse:
    try:
        marks.rename(thing, request.POST.get("name", ""))
    except marks.CannotMark as error:
        return show(request, problem=str(error), status=422)
    messages.success(request, _("It is called “{thing}” now.").format(thing=thing))
    return redirect("generations:projects")
