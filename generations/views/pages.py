"""Prompts, the queue and the models."""

from collections import defaultdict

from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from generations.catalog import catalog
from generations.forms import choosable_models
from generations.models import Generation, Prompt, Status
from generations.views.fragments import wants_fragment
from generations.views.paging import page_of

PROMPTS = 20
VIDEOS = 4
QUEUE = 100


@require_safe
@vary_on_headers("HX-Request")
def prompts(request: HttpRequest) -> HttpResponse:
    """Each prompt of the team once, with its newest videos beside it."""
    words = request.GET.get("q", "").strip()[:500]
    found = Prompt.objects.visible_to(request.user).filter(generations__deleted_at=None)
    if words:
        found = found.filter(text__icontains=words)
    found = found.annotate(uses=Count("generations"), last_use=Max("generations__created_at"))
    page = page_of(found, request.GET, size=PROMPTS, keep={"q": words} if words else {})
    videos = newest_of(request, [prompt.pk for prompt in page.rows])
    for prompt in page.rows:
        prompt.newest = videos[prompt.pk]
    part = "#rows" if wants_fragment(request) else ""
    return render(request, f"generations/prompts.html{part}", {"prompts": page.rows, "page": page, "q": words})


def newest_of(request: HttpRequest, prompts: list[int]) -> dict[int, list[Generation]]:
    """Return the newest few generations of each prompt, in two statements whatever their number."""
    found: dict[int, list[Generation]] = defaultdict(list)
    rows = Generation.objects.visible_to(request.user).filter(prompt__in=prompts)
    ranked = defaultdict(list)
    for prompt, pk in rows.order_by("-pk").values_list("prompt", "pk")[: 50 * max(len(prompts), 1)]:
        if len(ranked[prompt]) < VIDEOS:
            ranked[prompt].append(pk)
    pks = [pk for kept in ranked.values() for pk in kept]
    for generation in Generation.objects.filter(pk__in=pks).newest().for_cards():
        found[generation.prompt_id].append(generation)
    return found


@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """What needs a decision, what is on its way, what waits."""
    mine = Generation.objects.visible_to(request.user).for_cards()
    groups = [
        ("unknown", "Outcome unknown", mine.filter(status=Status.UNKNOWN).order_by("id")[:QUEUE]),
        (
            "running",
            "Running",
            mine.filter(status__in=[Status.SUBMITTING, Status.IN_PROGRESS, Status.DOWNLOADING]).order_by("id")[:QUEUE],
        ),
        ("waiting", "Waiting", mine.filter(status=Status.QUEUED).order_by("due_at", "id")[:QUEUE]),
    ]
    shown = [(key, title, list(rows)) for key, title, rows in groups]
    is_live = any(row.is_active for _, _, rows in shown for row in rows)
    context = {"groups": shown, "is_live": is_live, "is_empty": not any(rows for _, _, rows in shown)}
    return render(request, "generations/queue.html", context)


@require_safe
def models(request: HttpRequest) -> HttpResponse:
    """The reference of the models, made from the catalogue."""
    choosable = {model.key for model in choosable_models()}
    entries = [(model, model.key in choosable) for model in catalog().models]
    return render(request, "generations/models.html", {"entries": entries})
