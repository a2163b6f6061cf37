"""Comments of the team on a video, or on a moment of it."""

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from django.views.decorators.vary import vary_on_headers

from generations.forms.watching import CommentForm
from generations.models import Comment, Generation
from generations.toasts import toast
from generations.views import around, detail


@require_POST
@vary_on_headers("HX-Request")
def add(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Keep a comment. What is refused comes back as it was typed."""
    generation = detail.visible(request, uuid)
    form = CommentForm(request.POST, length=generation.measured_seconds)
    if not form.is_valid():
        return answer(request, generation, status=422, comment_form=form)
    comment = Comment.objects.create(
        generation=generation, person=request.user, at_seconds=form.cleaned_data["at"], text=form.cleaned_data["text"]
    )
    return answer(request, generation, anchor=f"comment-{comment.pk}")


@require_POST
@vary_on_headers("HX-Request")
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Edit or delete a comment of one's own. A deleted one can be said again from the toast for a moment."""
    seen = Generation.objects.visible_to(request.user)
    comment = get_object_or_404(Comment.objects.select_related("generation"), pk=pk, generation__in=seen)
    generation = detail.visible(request, comment.generation.uuid)
    if comment.person_id != request.user.pk:
        raise PermissionDenied(_("Only whoever wrote a comment may change it."))
    if "delete" in request.POST:
        said = {"text": comment.text, "at": "" if comment.at_seconds is None else str(comment.at_seconds)}
        comment.delete()
        toast(request, _("The comment is deleted."), label=_("Undo"), url=request_url(generation), fields=said)
        return answer(request, generation, anchor="comments")
    form = CommentForm(request.POST, length=generation.measured_seconds)
    if not form.is_valid():
        return answer(request, generation, status=422, comment_form=form, editing=comment.pk)
    comment.text, comment.at_seconds = form.cleaned_data["text"], form.cleaned_data["at"]
    comment.edited_at = timezone.now()
    comment.save()
    return answer(request, generation, anchor=f"comment-{comment.pk}")


def request_url(generation: Generation) -> str:
    return f"{generation.get_absolute_url()}comments/"


def answer(
    request: HttpRequest, generation: Generation, *, anchor: str = "", status: int = 200, **context
) -> HttpResponse:
    """Return the comments for htmx; else the page itself with what was refused, or the way back to it."""
    if not request.htmx and status == 200:
        return HttpResponseRedirect(f"{generation.get_absolute_url()}{around.kept_from(request)}#{anchor}")
    part = "generations/_comments.html" if request.htmx else "generations/detail.html"
    shown = detail.detail_context(request, generation) | {"with_toasts": bool(request.htmx)} | context
    return render(request, part, shown, status=status)
