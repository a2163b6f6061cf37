"""Compare: two to four videos beside one another, a vote, and what was decided so far."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from generations.models import Comparison, Generation, Status, Vote
from generations.models.watching import set_digest
from generations.views.paging import page_of

FEWEST, MOST = 2, 4
LETTERS = "ABCD"
CANDIDATES = 24
COMPARISONS = 20


@dataclass
class Entry:
    """One of the videos compared, with its letter and how many voted for it."""

    letter: str
    generation: Generation
    votes: int = 0
    is_mine: bool = False


@dataclass
class Chosen:
    """What an address names by `v`: the ready videos in its order, and what to say of the others."""

    generations: list[Generation]
    problems: list[str]


def chosen(request: HttpRequest, values: Iterable[str]) -> Chosen:
    """Return the videos of `values` that this person may see. What is another team's is as if it were not there."""
    wanted = list(dict.fromkeys(filter(None, map(_uuid, values))))
    rows = {row.uuid: row for row in Generation.objects.visible_to(request.user).for_cards().filter(uuid__in=wanted)}
    found = [rows[name] for name in wanted if name in rows]
    ready = [row for row in found if row.is_ready]
    problems = []
    if missing := len(wanted) - len(found):
        gone = ngettext(
            "%(count)s video of these is not there any more.",
            "%(count)s videos of these are not there any more.",
            missing,
        )
        problems.append(gone % {"count": missing})
    if waiting := len(found) - len(ready):
        empty = ngettext(
            "%(count)s video of these has no file to play.", "%(count)s videos of these have no file to play.", waiting
        )
        problems.append(empty % {"count": waiting})
    if len(ready) > MOST:
        problems.append(_("At most {most} can be compared at once: these are the first {most}.").format(most=MOST))
    return Chosen(ready[:MOST], problems)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """The players, or a choice of what to compare when the address names too few."""
    found = chosen(request, request.GET.getlist("v"))
    if len(found.generations) < FEWEST or "pick" in request.GET:
        return pick(request, found)
    return render(request, "generations/compare.html", context_of(request, found))


def context_of(request: HttpRequest, found: Chosen) -> dict:
    """Return what the page shows. Blind, the names stay away until this person has voted."""
    comparison = Comparison.objects.visible_to(request.user).filter(digest=digest_of(found.generations)).first()
    votes = list(comparison.votes.select_related("person")) if comparison else []
    mine = next((vote for vote in votes if vote.person_id == request.user.pk), None)
    is_blind = bool(request.GET.get("blind"))
    rows = shuffled(found.generations, request.user.pk) if is_blind else found.generations
    counted = Counter(vote.choice_id for vote in votes)
    entries = [
        Entry(letter, row, counted[row.pk], bool(mine and mine.choice_id == row.pk))
        for letter, row in zip(LETTERS, rows, strict=False)
    ]
    prompts = {row.prompt.text for row in rows}
    return {
        "entries": entries,
        "problems": found.problems,
        "is_blind": is_blind,
        "is_hidden": is_blind and mine is None,
        "mine": mine,
        "votes": len(votes),
        "undecided": counted[None],
        "comparison": comparison,
        "prompt": prompts.pop() if len(prompts) == 1 else "",
        "query": address([row.uuid for row in found.generations]),
        "fps": max(row.measured_fps or 24 for row in rows),
    }


def digest_of(generations: Iterable[Generation]) -> str:
    return set_digest(row.pk for row in generations)


def shuffled(generations: list[Generation], person: int) -> list[Generation]:
    """Return them in an order of this person's own, the same on every visit."""
    digest = digest_of(generations)
    return sorted(generations, key=lambda row: hashlib.sha256(f"{person}:{digest}:{row.pk}".encode()).digest())


def address(uuids: Iterable[object], **more: str) -> str:
    """Return the address that compares these."""
    query = urlencode([("v", str(name)) for name in uuids] + list(more.items()))
    return f"{reverse('generations:compare')}?{query}"


def pick(request: HttpRequest, found: Chosen) -> HttpResponse:
    """A plain form with what could stand beside the ones that are chosen: of the same prompt first, then the newest."""
    ready = Generation.objects.visible_to(request.user).filter(status=Status.COMPLETED, purged_at=None).for_cards()
    taken = [row.pk for row in found.generations]
    prompts = {row.prompt_id for row in found.generations}
    same = list(ready.filter(prompt__in=prompts).exclude(pk__in=taken).newest()[:CANDIDATES]) if prompts else []
    rest = ready.exclude(pk__in=taken).exclude(prompt__in=prompts).newest()[: CANDIDATES - len(same)]
    context = {"found": found, "same": same, "rest": list(rest), "fewest": FEWEST, "most": MOST}
    return render(request, "generations/compare_pick.html", context)


@require_POST
def vote(request: HttpRequest) -> HttpResponse:
    """Keep this person's vote, in place of an earlier one, and show what the others think."""
    values = request.POST.getlist("v")
    found = chosen(request, values)
    is_blind = bool(request.POST.get("blind"))
    back = redirect(address(filter(None, map(_uuid, values)), **({"blind": "1"} if is_blind else {})))
    best = request.POST.get("best", "")
    names = {str(row.uuid): row for row in found.generations}
    if len(found.generations) < FEWEST or len(found.generations) != len(set(values)):
        messages.error(request, _("What you voted on is no longer as it was. Look again."))
    elif len({row.team_id for row in found.generations}) > 1:
        messages.error(request, _("These are videos of two teams: they can be watched together, not voted on."))
    elif best not in {*names, "none"}:
        messages.error(request, _("Choose the best one first, or none of them."))
    else:
        keep_vote(request, found.generations, names.get(best), is_blind)
    return back


@transaction.atomic
def keep_vote(request: HttpRequest, rows: list[Generation], best: Generation | None, is_blind: bool) -> None:
    """Write a vote and what follows from it; the comparison is locked, so that two votes at once both count."""
    team, digest = rows[0].team_id, digest_of(rows)
    comparison, is_new = Comparison.objects.get_or_create(
        team_id=team, digest=digest, defaults={"created_by": request.user}
    )
    comparison = Comparison.objects.select_for_update().get(pk=comparison.pk)
    if is_new:
        comparison.generations.set(rows)
    before = comparison.votes.filter(person=request.user).first()
    # What was seen with its names cannot be judged blindly any more.
    kept = {"choice": best, "at": timezone.now(), "is_blind": is_blind and (before is None or before.is_blind)}
    Vote.objects.update_or_create(comparison=comparison, person=request.user, defaults=kept)
    comparison.count()


@require_safe
def comparisons(request: HttpRequest) -> HttpResponse:
    """What the team has voted on, newest first; of one video with `v`."""
    found = Comparison.objects.visible_to(request.user).select_related("created_by")
    name = _uuid(request.GET.get("v", ""))
    if name:
        found = found.filter(generations__uuid=name)
    page = page_of(found, request.GET, size=COMPARISONS, keep={"v": str(name)} if name else {})
    return render(request, "generations/comparisons.html", {"page": page, "comparisons": shown(request, page.rows)})


def shown(request: HttpRequest, rows: list[Comparison]) -> list[dict]:
    """Return each comparison with its videos that are still there and its votes: three statements for any number."""
    seen = Generation.objects.visible_to(request.user).for_cards()
    links = Comparison.generations.through.objects.filter(comparison__in=rows).values_list("comparison", "generation")
    pairs = list(links.order_by("generation"))
    videos = {row.pk: row for row in seen.filter(pk__in={pk for _, pk in pairs})}
    votes = Counter(Vote.objects.filter(comparison__in=rows).values_list("comparison", flat=True))
    found = []
    for row in rows:
        mine = [videos[pk] for comparison, pk in pairs if comparison == row.pk and pk in videos]
        can_open = sum(1 for video in mine if video.is_ready) >= FEWEST
        url = address(video.uuid for video in mine) if can_open else ""
        found.append({"comparison": row, "videos": mine, "votes": votes[row.pk], "url": url})
    return found
