"""The desk of unknown outcomes: paid requests that may have been accepted, and what a person decides about each."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from generations.lifecycle import decisions
from generations.models import Generation, Status

MOST = 200
SETTLE = "generations.settle_unknown"
SEND_AGAIN = "generations.send_again"


@dataclass(frozen=True)
class Refused:
    """A decision that could not be carried out."""

    uuid: UUID
    field: str
    typed: str
    sentence: str


class AttachForm(forms.Form):
    upstream_id = forms.CharField(max_length=512)


@require_safe
def desk(request: HttpRequest) -> HttpResponse:
    return show(request)


def show(request: HttpRequest, refused: Refused | None = None) -> HttpResponse:
    """Everybody of the team sees what is unclear; who may decide has the forms, a refused one as it was typed."""
    unknown = Generation.objects.visible_to(request.user).filter(status=Status.UNKNOWN).for_cards()
    rows = list(unknown.prefetch_related("attempts").order_by("id")[:MOST])
    now = timezone.now()
    cases = [(row, next(reversed(row.attempts.all()), None), now - row.created_at) for row in rows]
    context = {
        "cases": cases,
        "may_settle": request.user.has_perm(SETTLE),
        "may_send_again": request.user.has_perm(SEND_AGAIN),
        "send_again_words": decisions.SEND_AGAIN_WORDS,
        "refused": refused,
    }
    return render(request, "generations/desk.html", context, status=422 if refused else 200)


def unclear(request: HttpRequest, uuid: UUID) -> Generation:
    return get_object_or_404(Generation.objects.visible_to(request.user).for_cards(), uuid=uuid)


def decide(
    request: HttpRequest, generation: Generation, field: str, decision: Callable[[], None], done: str
) -> HttpResponse:
    """Carry one decision out and return to the desk; a refused one says why beside what was typed into `field`.

    The page says which attempt it shows: of one that was sent once more since, nothing is decided unseen.
    """
    if generation.is_unknown and request.POST.get("attempt") != str(decisions.last_attempt(generation)):
        sentence = _("It was sent again since this page was loaded, and that outcome is unknown too. Look at it anew.")
        return show(request, Refused(generation.uuid, "", "", sentence))
    try:
        decision()
    except decisions.CannotDo as error:
        generation.refresh_from_db()
        if generation.is_unknown:
            return show(request, Refused(generation.uuid, field, request.POST.get(field, ""), str(error)))
        messages.warning(request, str(error))  # it is not on the desk any more
    else:
        messages.success(request, done)
    return redirect("generations:desk")


@require_POST
@permission_required(SETTLE, raise_exception=True)
def attach(request: HttpRequest, uuid: UUID) -> HttpResponse:
    generation = unclear(request, uuid)
    form = AttachForm(request.POST)
    upstream_id = form.cleaned_data["upstream_id"] if form.is_valid() else ""
    return decide(
        request,
        generation,
        "upstream_id",
        lambda: decisions.attach(generation, upstream_id, request.user),
        _("Attached. The gateway knows the task; the studio follows it from here."),
    )


@require_POST
@permission_required(SETTLE, raise_exception=True)
def not_created(request: HttpRequest, uuid: UUID) -> HttpResponse:
    generation = unclear(request, uuid)
    return decide(
        request,
        generation,
        "",
        lambda: decisions.confirm_not_created(generation, request.user),
        _("Noted: nothing was created. It ended as failed and counts as not spent."),
    )


@require_POST
@permission_required(SEND_AGAIN, raise_exception=True)
def send_again(request: HttpRequest, uuid: UUID) -> HttpResponse:
    generation = unclear(request, uuid)
    typed = request.POST.get("typed", "")
    return decide(
        request,
        generation,
        "typed",
        lambda: decisions.send_again(generation, request.user, typed=typed),
        _("It is sent again. If the first request was accepted too, both are billed."),
    )
