"""Prompts: each once per team with its versions and videos, recalled in the composer, and what is like them."""

from collections import defaultdict
from collections.abc import Sequence

from django.db.models import Count, Exists, F, Max, OuterRef, Window
from django.db.models.functions import RowNumber
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from generations.forms.given import visible_prompt
from generations.forms.library import search_words
from generations.models import Generation, Prompt, matching
from generations.models.generation import GenerationQuerySet
from generations.models.recall import difference, prompts_matching, similar_to, teams_of
from generations.views.fragments import wants_fragment
from generations.views.paging import page_of
from videostudio.middleware import in_background

PROMPTS = 20
VIDEOS = 4
VERSIONS = 20
VIDEOS_A_MODEL = 6
BEST_FIRST = (F("rating").desc(nulls_last=True), F("id").desc())


@require_safe
@vary_on_headers("HX-Request")
def prompts(request: HttpRequest) -> HttpResponse:
    """Each prompt of the team once, with its best videos beside it."""
    words = search_words(request.GET.get("q", ""))
    in_use = Generation.objects.filter(prompt=OuterRef("pk"), deleted_at=None)
    teams = teams_of(request.user)  # named to the database, so that it takes the newest from an index
    found = Prompt.objects.filter(team__in=teams).filter(Exists(in_use)).select_related("edited_from")
    if words:
        found = matching(found, words, teams=teams)
    page = page_of(found, request.GET, size=PROMPTS, keep={"q": words} if words else {})
    # Found by their prompts first: SQLite would read all of the team's instead.
    theirs = Generation.objects.filter(prompt__in=page.rows).values("pk")
    add_uses(page.rows, Generation.objects.visible_to(request.user).filter(pk__in=theirs))
    part = "#rows" if wants_fragment(request) else ""
    return render(request, f"generations/prompts.html{part}", {"prompts": page.rows, "page": page, "q": words})


def add_uses(prompts: Sequence[Prompt], generations: GenerationQuerySet) -> None:
    """Give each prompt its `uses`, `people`, `last_use` and `best` few videos: two statements whatever their number."""
    rows = generations.order_by().values("prompt", "created_by__username")
    used: dict[int, list[tuple]] = defaultdict(list)
    for row in rows.annotate(uses=Count("pk"), last_use=Max("created_at")):
        used[row["prompt"]].append((row["uses"], row["created_by__username"], row["last_use"]))
    ranked = generations.annotate(place=Window(RowNumber(), partition_by=F("prompt"), order_by=BEST_FIRST))
    best: dict[int, list[Generation]] = defaultdict(list)
    for generation in ranked.filter(place__lte=VIDEOS).order_by(*BEST_FIRST).for_cards():
        best[generation.prompt_id].append(generation)
    for prompt in prompts:
        found = sorted(used[prompt.pk], key=lambda row: (-row[0], row[1]))
        prompt.uses = sum(row[0] for row in found)
        prompt.people = [(name, count) for count, name, _ in found]
        prompt.last_use = max((row[2] for row in found), default=prompt.used_at)  # the last one may just have gone
        prompt.best = best[prompt.pk]


@require_safe
def prompt(request: HttpRequest, pk: int) -> HttpResponse:
    """One prompt: its versions with what changed, who used it, and its videos model by model, best first."""
    found = Prompt.objects.visible_to(request.user).select_related("edited_from", "first")
    shown = get_object_or_404(found, pk=pk)
    generations = Generation.objects.visible_to(request.user).filter(prompt=shown)
    add_uses([shown], generations)
    return render(
        request,
        "generations/prompt.html",
        {"prompt": shown, "versions": versions_of(request, shown), "models": by_model(generations)},
    )


def versions_of(request: HttpRequest, shown: Prompt) -> list[tuple[Prompt, list[tuple[str, str]]]]:
    """Return every version of this prompt, oldest first, with what it changed; none when it is the only one."""
    first = shown.first or shown
    visible = Prompt.objects.visible_to(request.user).select_related("edited_from")
    found = [first, *visible.filter(first=first).order_by("id")[:VERSIONS]]
    if len(found) == 1:
        return []
    return [
        (version, list(difference(version.edited_from.text, version.text)) if version.edited_from else [])
        for version in found
    ]


def by_model(generations: GenerationQuerySet) -> list[tuple[str, list[Generation]]]:
    """Return (model, its best few videos), the model of the best video first. One statement."""
    ranked = generations.annotate(place=Window(RowNumber(), partition_by=F("model_key"), order_by=BEST_FIRST))
    models: dict[str, list[Generation]] = {}
    for row in ranked.filter(place__lte=VIDEOS_A_MODEL).order_by(*BEST_FIRST).for_cards():
        models.setdefault(row.model_key, []).append(row)
    return [(rows[0].model_label, rows) for rows in models.values()]


@in_background
@require_safe
def recall(request: HttpRequest) -> HttpResponse:
    """The team's prompts as options of a list: those with the words, else the last used, `before` one of them."""
    before = visible_prompt(request.user, request.GET.get("before", ""))
    found = prompts_matching(request.user, search_words(request.GET.get("q", "")), before=before)
    return render(request, "generations/_making.html#found", {"found": found})


@in_background
@require_safe
def similar(request: HttpRequest) -> HttpResponse:
    """Whether something like the prompt was made before: a hint, that keeps nobody from anything."""
    found = similar_to(request.user, request.GET.get("prompt", "").replace("\0", "")[:20_000])
    return render(request, "generations/_making.html#similar", {"similar": found})
