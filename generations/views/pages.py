"""Prompts, the queue and the models."""

from collections import defaultdict

from django.db.models import Count, Exists, F, Max, OuterRef, Window
from django.db.models.functions import RowNumber
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from generations.catalog import catalog
from generations.forms import choosable_models
from generations.forms.library import search_words
from generations.models import Generation, ModelSwitch, Prompt, Status
from generations.models.experience import figures_of_model
from generations.models.money import known_prices
from generations.models.switches import successor_of, why_not
from generations.views.fragments import wants_fragment
from generations.views.paging import page_of

PROMPTS = 20
VIDEOS = 4
QUEUE = 100
CASES = 12


@require_safe
@vary_on_headers("HX-Request")
def prompts(request: HttpRequest) -> HttpResponse:
    """Each prompt of the team once, with its newest videos beside it."""
    words = search_words(request.GET.get("q", ""))
    in_use = Generation.objects.filter(prompt=OuterRef("pk"), deleted_at=None)
    found = Prompt.objects.visible_to(request.user).filter(Exists(in_use))
    if words:
        found = found.filter(text__icontains=words)
    page = page_of(found, request.GET, size=PROMPTS, keep={"q": words} if words else {})
    add_uses(page.rows, Generation.objects.visible_to(request.user).filter(prompt__in=page.rows))
    part = "#rows" if wants_fragment(request) else ""
    return render(request, f"generations/prompts.html{part}", {"prompts": page.rows, "page": page, "q": words})


def add_uses(prompts: list[Prompt], generations) -> None:
    """Give each prompt its `uses`, its `last_use` and its `newest` few videos: two statements whatever their number."""
    counts = generations.order_by().values("prompt").annotate(uses=Count("pk"), last_use=Max("created_at"))
    used = {row["prompt"]: (row["uses"], row["last_use"]) for row in counts}
    ranked = generations.annotate(place=Window(RowNumber(), partition_by=F("prompt"), order_by=F("id").desc()))
    newest: dict[int, list[Generation]] = defaultdict(list)
    for generation in ranked.filter(place__lte=VIDEOS).newest().for_cards():
        newest[generation.prompt_id].append(generation)
    for prompt in prompts:
        prompt.uses, prompt.last_use = used.get(prompt.pk, (0, prompt.used_at))  # the last one may just have gone
        prompt.newest = newest[prompt.pk]


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
    switches = ModelSwitch.objects.all().by_key()
    hidden = {key for key, switch in switches.items() if switch.is_hidden}
    prices = known_prices(catalog().models)
    entries = [
        {
            "model": model,
            "is_choosable": model.key in choosable,
            "why_not": why_not(model, switches.get(model.key)),
            "successor": successor_of(model),
            "prices": prices[model.key],
            "seen": figures_of_model(model.key)[:CASES],
        }
        for model in catalog().models
        if model.key not in hidden
    ]
    return render(request, "generations/models.html", {"entries": entries})
