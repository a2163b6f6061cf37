"""One generation: its page, its record, and what a person may do with it."""

import secrets
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from generations.lifecycle import decisions
from generations.lifecycle.again import cost_again, cost_of_remix
from generations.models import Generation, Status
from generations.models.record import measured, price_of
from generations.toasts import toast
from generations.views.around import around
from generations.views.family import family_of
from generations.views.marked import marks_context
from videostudio.language import in_english


def visible(request: HttpRequest, uuid: UUID) -> Generation:
    """The one generation a person asks for. Raises Http404 for another team's, as for none."""
    found = Generation.objects.visible_to(request.user).for_cards().select_related("parent", "team")
    return get_object_or_404(found, uuid=uuid)


@require_safe
def detail(request: HttpRequest, uuid: UUID) -> HttpResponse:
    return render(request, "generations/detail.html", detail_context(request, visible(request, uuid)))


def detail_context(request: HttpRequest, generation: Generation) -> dict:
    """Return what the page of one generation shows: itself, its trail, its family."""
    parent = shown_parent(generation)
    return (
        marks_context(request, generation)
        | {
            "parent": parent,
            "family": family_of(request.user, generation, parent),
            "retry": cost_again(generation, request.user) if generation.is_finished else None,
            "remix": cost_of_remix(generation, request.user) if generation.is_ready else None,
            "retry_token": secrets.token_urlsafe(16),
            "money": money_words(generation),
            "events": generation.events.order_by("id"),
            "inputs": generation.inputs.select_related("upload"),
        }
        | around(request, generation)
    )


def shown_parent(generation: Generation) -> Generation | None:
    """What it was made from, unless that is another team's by now, or deleted."""
    parent = generation.parent
    return parent if parent and parent.team_id == generation.team_id and parent.deleted_at is None else None


def money_words(generation: Generation) -> str:
    """Return what became of its money, as the ledger says; empty when it says nothing."""
    sums = generation.ledger.all().sums()
    if not sums:
        return ""
    return ", ".join(one.words for one in sums.values() if one.words) or _("nothing spent")


@in_english
@never_cache
@require_safe
def record(request: HttpRequest, uuid: UUID) -> JsonResponse:
    """Everything known of one generation: docs/architecture.md section 8."""
    generation = visible(request, uuid)
    return JsonResponse(as_record(generation))


def as_record(generation: Generation) -> dict:
    """Return a generation as JSON-ready data. Times are ISO 8601 UTC, sizes pixels, lengths seconds."""
    parent = shown_parent(generation)
    return {
        "id": str(generation.uuid),
        "status": generation.status,
        "failure": generation.failure or None,
        "detail": generation.detail,
        "prompt": generation.prompt.text,
        "model": generation.model_key,
        "options": generation.options,
        "gateway": generation.gateway.name,
        "upstream_id": generation.upstream_id or None,
        "created_by": generation.created_by.get_username(),
        "created_at": generation.created_at,
        "submitted_at": generation.submitted_at,
        "completed_at": generation.completed_at,
        "progress": generation.progress,
        "asked": {
            "width": generation.asked_width,
            "height": generation.asked_height,
            "seconds": generation.asked_seconds,
        },
        "measured": measured(generation),
        "price": price_of(generation, generation.ledger.all().sums()),
        "rewritten_prompt": generation.rewritten_prompt or None,
        "differs": generation.differs,
        "video": generation.video_url or None,
        "poster": generation.poster_url or None,
        "parent": str(parent.uuid) if parent else None,
        "events": [
            {
                "at": event.at,
                "from": event.before or None,
                "to": event.after,
                "actor": event.actor,
                "reason": event.reason,
            }
            for event in generation.events.order_by("id")
        ],
    }


@require_POST
def cancel(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Withdraw what was not sent yet. A card that asks by htmx is drawn anew where it stands."""
    generation = visible(request, uuid)
    if decisions.cancel(generation, request.user):
        level, words = messages.SUCCESS, _("Cancelled. Nothing had been sent, so nothing is billed.")
    else:
        generation.refresh_from_db()
        level, words = messages.WARNING, why_not_cancelled(generation)
    if request.htmx:
        toast(request, words, level=level)
        return render(request, "generations/_generation.html#withdrawn", {"generation": generation})
    messages.add_message(request, level, words)
    return redirect(generation)


def why_not_cancelled(generation: Generation) -> str:
    if generation.status == Status.CANCELLED:
        return _("It was cancelled before. Nothing had been sent, so nothing is billed.")
    if generation.is_finished:
        return _("It has ended already: there is nothing to cancel.")
    return _("It is too late to cancel: the request has been sent, and may be billed.")


@require_POST
def ask(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Ask upstream again about a file that did not reach us. Costs nothing: no create is sent."""
    generation = visible(request, uuid)
    try:
        decisions.ask_again(generation, request.user)
    except decisions.CannotDo as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, _("The gateway is being asked again."))
    return redirect(generation)
