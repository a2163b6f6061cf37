"""Counting what gateways answer that no document says, without a statement for each answer."""

import json
from collections import Counter
from dataclasses import dataclass
from itertools import islice

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from generations.gateways import GatewayError, VideoTask
from generations.gateways.drift import oddities, oddity_of
from generations.lifecycle.persistence import storable
from generations.models import Drift, Generation
from videostudio.scrubbing import scrub, without_people

MOST = 50  # different ones of a kind that are kept for a gateway; the others are counted together
OTHERS = "(others)"
SAMPLE = 4096


@dataclass
class Tally:
    """How often something was seen, and the first answer it was in, with the generation that was asked about."""

    count: int
    sample: str
    generation: int


class DriftCounter:
    """What was seen since it was last written down, by gateway, kind and what."""

    def __init__(self) -> None:
        self.seen: dict[tuple[int, str, str], Tally] = {}
        self.kinds: Counter[tuple[int, str]] = Counter()

    def note(self, gateway: int, task: VideoTask, generation: int) -> None:
        """Count what is odd about an answer: a few of its oddities, and one sample, however many it invents."""
        sample = ""
        for kind, what in islice(oddities(task), MOST):
            name = what
            if (gateway, kind, what) not in self.seen and self.kinds[gateway, kind] >= MOST:
                name = OTHERS
            if tally := self.seen.get((gateway, kind, name)):
                tally.count += 1
            else:
                sample = sample or sample_of(task)
                self.seen[gateway, kind, name] = Tally(1, sample, generation)
                self.kinds[gateway, kind] += 1

    def note_trouble(self, gateway: int, error: GatewayError, generation: int, *secrets: str) -> None:
        if oddity := oddity_of(error):
            sample = without_people(scrub(error.evidence, *secrets))[:SAMPLE]
            self.seen.setdefault((gateway, *oddity), Tally(0, sample, generation)).count += 1

    def take(self) -> dict[tuple[int, str, str], Tally]:
        """Return what was seen, and begin anew."""
        seen, self.seen = self.seen, {}
        self.kinds.clear()
        return seen

    def give_back(self, seen: dict[tuple[int, str, str], Tally]) -> None:
        """Take up again what could not be written down."""
        for oddity, tally in seen.items():
            self.seen.setdefault(oddity, Tally(0, tally.sample, tally.generation)).count += tally.count


def sample_of(task: VideoTask) -> str:
    """Return an answer as it may be kept: scrubbed, without people's addresses, and not endless."""
    return without_people(json.dumps(storable(task.raw), ensure_ascii=False, indent=1))[:SAMPLE]


def write_down(seen: dict[tuple[int, str, str], Tally]) -> bool:
    """Add to the counts; the first sample stays, with the model whose answer it was."""
    now = timezone.now()
    models: dict[int, str] = {}
    with transaction.atomic():
        for (gateway, kind, what), tally in seen.items():
            known = Drift.objects.filter(gateway=gateway, kind=kind)
            if known.filter(what=what).update(count=F("count") + tally.count, last_at=now):
                continue
            is_full = known.count() >= MOST
            if tally.generation not in models:
                found = Generation.objects.filter(pk=tally.generation).values_list("model_key", flat=True)
                models[tally.generation] = found.first() or ""
            sample = Drift.sampled(models[tally.generation], tally.sample)
            row, _ = Drift.objects.get_or_create(
                gateway_id=gateway, kind=kind, what=OTHERS if is_full else what, defaults={"sample": sample}
            )
            Drift.objects.filter(pk=row.pk).update(count=F("count") + tally.count, last_at=now)
    return True


def note_answer(gateway: int, task: VideoTask, generation: int) -> None:
    """Write down at once what a single answer had in it; no statement when it is as documented."""
    counter = DriftCounter()
    counter.note(gateway, task, generation)
    if counter.seen:
        write_down(counter.take())


def note_trouble(gateway: int, error: GatewayError, generation: int, *secrets: str) -> None:
    counter = DriftCounter()
    counter.note_trouble(gateway, error, generation, *secrets)
    if counter.seen:
        write_down(counter.take())
