"""The library seen from inside a studio of the bench: `python -m tests.bench.pages` answers JSON, in milliseconds."""

import json
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.bench.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.core.paginator import Paginator  # noqa: E402
from django.http import QueryDict  # noqa: E402
from django.template.loader import render_to_string  # noqa: E402
from django.test import Client  # noqa: E402

from generations.demo import LONGEST, SHORTEST, frequencies, vocabulary  # noqa: E402
from generations.forms import LibraryForm  # noqa: E402
from generations.models import Generation, User  # noqa: E402
from generations.views.finding import PAGE, Found  # noqa: E402
from generations.views.tiles import by_day  # noqa: E402

ROUNDS, WARM = 7, 2
DEEP = 10_000  # pages
ABSENT = "zzyzx"
SHARES = {"rare": 0.0001, "medium": 0.005, "common": 0.2}  # of all prompts: 100, 5,000, 200,000 of a million
FILTERS = ("status=failed", "rating=4", "person=demo03", "frame=tall", "differs=yes", "since=2026-01-01")


def wall(act: Callable[[], Any]) -> float:
    return middle(act, time.perf_counter)


def cpu(act: Callable[[], Any]) -> float:
    """Return the processor time of this process; what a database server takes comes on top."""
    return middle(act, time.process_time)


def middle(act: Callable[[], Any], clock: Callable[[], float]) -> float:
    for _ in range(WARM):
        act()
    times = []
    for _ in range(ROUNDS):
        began = clock()
        act()
        times.append(1000 * (clock() - began))
    return statistics.median(times)


def ours(person: User, query: str) -> str:
    """Do what the view does for a query, without the frame of the page; return the count in words."""
    asked = QueryDict(query)
    found = Found(LibraryForm(asked, user=person))
    page = found.page(asked)
    by_day(page.rows, person)
    return found.count(page).words


def naive(person: User, number: int = 1, **filters: str) -> None:
    """Do what is usually done: count all, skip the pages before, search with LIKE, draw a template for each row."""
    rows = Generation.objects.visible_to(person).filter(**filters).order_by("-pk").for_cards()
    for row in Paginator(rows, PAGE).page(number):
        render_to_string("generations/_generation.html#card", {"generation": row})


def words() -> dict[str, str]:
    """Return a word of each kind, by the share of prompts that have one which begins with it."""
    found: dict[str, float] = defaultdict(float)
    known, often = vocabulary(), frequencies()
    total = sum(often)
    for word, weight in zip(known, often, strict=True):
        for end in range(1, len(word) + 1):
            found[word[:end]] += weight / total
    length = (LONGEST + SHORTEST) // 2
    shares = {word: 1 - (1 - found[word]) ** length for word in known}
    kinds = {kind: min(known, key=lambda word: abs(shares[word] - share)) for kind, share in SHARES.items()}
    return kinds | {"absent": ABSENT}


def searched(person: User, word: str) -> dict[str, Any]:
    times = {"ours": wall(lambda: ours(person, f"q={word}")), "count": ours(person, f"q={word}")}
    return times | {"naive": wall(lambda: naive(person, prompt__text__icontains=word))}


def main() -> dict[str, Any]:
    settings.ALLOWED_HOSTS = ["*"]
    person = User.objects.filter(is_active=True).order_by("pk").first()
    client = Client()
    client.force_login(person)
    depth = min(DEEP, Generation.objects.count() // PAGE // 2)
    key = Generation.objects.order_by("-pk").values_list("pk", flat=True)[depth * PAGE]
    chosen = words()
    found = {
        "depth": depth,
        "first": wall(lambda: client.get("/generations/")),
        "deep": wall(lambda: client.get(f"/generations/?before={key}")),
        "naive_deep": wall(lambda: naive(person, depth)),
        "page_cpu": cpu(lambda: client.get("/generations/")),
        "naive_cpu": cpu(lambda: naive(person)),
        "words": {kind: searched(person, word) for kind, word in chosen.items()},
    }
    mixes = {f"{one}, {kind} word": f"{one}&q={chosen.get(kind, '')}" for one in FILTERS for kind in (*chosen, "no")}
    found["mixes"] = {name: wall(partial(ours, person, query)) for name, query in mixes.items()}
    return found


if __name__ == "__main__":
    print(json.dumps(main()))
