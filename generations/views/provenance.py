"""Provenance: who asked for a video, when and how, what was sent, what came back, and what it is now."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from generations.models import Generation
from generations.views import detail
from videostudio.language import in_english

FORMAT = "videostudio-provenance/1"


@never_cache
@require_safe
def sheet(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """The sheet on paper."""
    generation = detail.visible(request, uuid)
    context = {"generation": generation, "sheet": as_sheet(generation), "family": family(generation)}
    return render(request, "generations/provenance.html", context)


@in_english
@never_cache
@require_safe
def record(request: HttpRequest, uuid: UUID) -> JsonResponse:
    """The sheet as JSON; times are ISO 8601 UTC, lengths seconds, sizes pixels and bytes, sums text."""
    generation = detail.visible(request, uuid)
    response = JsonResponse(as_sheet(generation), json_dumps_params={"indent": 2, "ensure_ascii": False})
    name = generation.download_name.rpartition(".")[0]
    response.headers["Content-Disposition"] = f'inline; filename="{name}.provenance.json"'
    return response


def as_sheet(generation: Generation) -> dict:
    """Return the whole story of one generation as JSON-ready data."""
    known = detail.as_record(generation)
    return {
        "format": FORMAT,
        "id": known["id"],
        "url": reverse("generations:detail", args=[generation.uuid]),
        "status": known["status"],
        "failure": known["failure"],
        "who": {
            "person": known["created_by"],
            "team": generation.team.name,
            "through": generation.get_origin_display(),
        },
        "when": {
            "asked": generation.created_at,
            "accepted": generation.submitted_at,
            "completed": generation.completed_at,
        },
        "asked": {
            "prompt": known["prompt"],
            "rewritten_prompt": generation.rewritten_prompt,
            "model": generation.model_key,
            "model_label": generation.model_label,
            "options": generation.options,
            "in_words": dict(generation.chosen),
            "frame": known["asked"],
            "images": images(generation),
        },
        "sent": {
            "gateway": generation.gateway.name,
            "dialect": generation.dialect,
            "upstream_model": generation.upstream_model,
            "upstream_id": known["upstream_id"],
            "attempts": attempts(generation),
        },
        "measured": known["measured"],
        "differs": known["differs"],
        "price": known["price"],
        "ledger": ledger(generation),
        "parents": [{"id": str(parent.uuid), "relation": relation} for parent, relation in family(generation)],
        "events": known["events"],
    }


def images(generation: Generation) -> list[dict]:
    return [
        {
            "option": item.option,
            "position": item.position,
            "sha256": item.upload.sha256,
            "type": item.upload.kind,
            "width": item.upload.width,
            "height": item.upload.height,
            "bytes": item.upload.size,
        }
        for item in generation.inputs.select_related("upload")
    ]


def attempts(generation: Generation) -> list[dict]:
    """Return each paid request: `request_sha256` names exactly what was sent."""
    return [
        {
            "number": attempt.number,
            "request_sha256": attempt.request_digest,
            "opened": attempt.opened_at,
            "sent": attempt.sent_at,
            "closed": attempt.closed_at,
            "outcome": attempt.get_outcome_display().lower(),
            "http_status": attempt.http_status,
            "decided_by": attempt.decided_by.get_username() if attempt.decided_by else None,
        }
        for attempt in generation.attempts.select_related("decided_by").order_by("number")
    ]


def ledger(generation: Generation) -> list[dict]:
    return [
        {
            "at": entry.at,
            "kind": entry.kind,
            "held": str(entry.held),
            "spent": str(entry.spent),
            "currency": entry.currency,
            "actor": entry.actor,
        }
        for entry in generation.ledger.order_by("pk")
    ]


LONGEST_FAMILY = 20


def family(generation: Generation) -> list[tuple[Generation, str]]:
    """Return what it was made from, the nearest first, each with how; as far as it is still there."""
    found: list[tuple[Generation, str]] = []
    seen, child = {generation.pk}, generation
    while (parent := detail.shown_parent(child)) and parent.pk not in seen and len(found) < LONGEST_FAMILY:
        found.append((parent, child.get_relation_display().lower() or _("made from it")))
        seen.add(parent.pk)
        child = parent
    return found
