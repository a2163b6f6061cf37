"""Prompts found again: matching words, alike, by version; every question looks at a bounded number of rows."""

import difflib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Q

from generations.models.generation import Generation
from generations.models.prompt import Prompt, likeness, words_of
from generations.models.searching import matching, newest_key
from generations.search import SEPARATORS, UNSPACED

MOST_MATCHES = 12
LATEST = 500  # how many that have the words are put into the order of their use
CANDIDATES = 300  # how many of the team's latest prompts are compared for likeness
ALIKE = 0.7  # share of words in common from which two prompts are alike
FEWEST_WORDS = 4  # shorter ones are alike by accident
# The same where no spaces are between words: two letters are a word about, and one other word changes three pairs.
FEWEST_PAIRS, ALIKE_PAIRS = 7, 0.58
LONGEST_DIFF = 600  # words of a text that are compared one by one

SIGNS = re.compile(f"[{SEPARATORS}]")
RUNS = re.compile(f"[{UNSPACED}]+")
WORDS = re.compile(rf"[^\W{UNSPACED}]+")


def prompts_matching(user, text: str, *, before: Prompt | None = None):
    """Return the team's prompts that have the words, the last used first; all of them for no text.

    Words are looked for in the index: of very many that have them, the newest LATEST are considered.
    """
    visible = Prompt.objects.visible_to(user)
    found = visible.order_by("-used_at", "-id")
    if text:
        matches = matching(visible, text, teams=teams_of(user))
        latest = matches.order_by(f"-{newest_key(matches)}").values("pk")[:LATEST]
        found = found.filter(pk__in=list(latest.values_list("pk", flat=True)))
    if before:
        earlier = Q(used_at__lt=before.used_at) | Q(used_at=before.used_at, pk__lt=before.pk)
        found = found.filter(earlier)
    return found[:MOST_MATCHES]


def teams_of(user) -> list[int]:
    return list(user.memberships.values_list("team", flat=True))


@dataclass(frozen=True)
class Similar:
    """A video that was made of the same words, or nearly."""

    generation: Generation
    is_exact: bool


def similar_to(user, text: str) -> Similar | None:
    """Return the newest video of the same prompt, else of the one most alike among the team's latest.

    Three statements at most. A prompt whose videos were all deleted is not worth a word.
    """
    if not words_of(text):
        return None
    prompts = Prompt.objects.visible_to(user)
    made = Generation.objects.visible_to(user).for_cards().newest()
    if newest := made.filter(prompt__in=prompts.filter(likeness=likeness(text)).values("pk")).first():
        return Similar(newest, is_exact=True)
    pieces = pieces_of(text)
    fewest, enough = (FEWEST_PAIRS, ALIKE_PAIRS) if is_unspaced(text) else (FEWEST_WORDS, ALIKE)
    if len(pieces) < fewest:
        return None
    latest = prompts.order_by("-used_at", "-id").values_list("pk", "text")[:CANDIDATES]
    alike = sorted(((share(pieces, pieces_of(other)), pk) for pk, other in latest), reverse=True)
    near = [pk for found, pk in alike[:5] if found >= enough]
    rows = {row.prompt_id: row for row in made.filter(prompt__in=near)[:20]} if near else {}
    return next((Similar(rows[pk], is_exact=False) for pk in near if pk in rows), None)


def is_unspaced(text: str) -> bool:
    """Say whether most of a text is in a script without spaces between words."""
    return not text.isascii() and 2 * sum(map(len, RUNS.findall(text))) > len(text)


def pieces_of(text: str) -> set[str]:
    """Return what texts are compared by: words, and of scripts without spaces every pair of neighbouring letters."""
    if text.isascii():
        return set(words_of(text))
    plain = SIGNS.sub(" ", unicodedata.normalize("NFKC", text).casefold())
    found = set(WORDS.findall(plain))
    for run in RUNS.findall(plain):
        found.update(run[place : place + 2] for place in range(max(len(run) - 1, 1)))
    return found


def share(one: set[str], other: set[str]) -> float:
    """Return how much of all their pieces two texts have in common, 0 to 1."""
    return len(one & other) / len(one | other) if one and other else 0.0


def difference(old: str, new: str) -> Iterator[tuple[str, str]]:
    """Yield ("same" | "out" | "in", words) that turn one text into the other, word by word.

    What is longer than LONGEST_DIFF words is compared as a whole.
    """
    one, other = (re.findall(r"\S+\s*", text) for text in (old, new))
    if max(len(one), len(other)) > LONGEST_DIFF:
        one, other = [old], [new]
    # A word is the same whatever space follows it.
    matcher = difflib.SequenceMatcher(None, [w.strip() for w in one], [w.strip() for w in other], autojunk=False)
    for kind, begin, end, start, stop in matcher.get_opcodes():
        if kind == "equal":
            yield "same", "".join(other[start:stop])
            continue
        if begin < end:
            yield "out", "".join(one[begin:end])
        if start < stop:
            yield "in", "".join(other[start:stop])
