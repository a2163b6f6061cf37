"""What was spent and what is held, added up: by day, model, person or prompt, and all in all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Count, DateField, F, Q, Sum
from django.db.models.functions import TruncDate

from generations.models.generation import GenerationQuerySet
from generations.models.money import FREE, NOTHING
from generations.models.statuses import Failure, Status
from generations.specs import money, rounded

GROUPINGS = {
    "day": TruncDate("created_at", output_field=DateField()),
    "model": F("model_key"),
    "person": F("created_by__username"),
    "prompt": F("prompt"),
}
MOST_LINES = 200  # of models, people or prompts: those with the highest sums
# What was never at a gateway costs nothing, whether its price is known or not.
NEVER_SENT = Q(status__in=[Status.QUEUED, Status.CANCELLED]) | Q(failure__in=[Failure.NOT_SENT, Failure.REJECTED])
UNPRICED = Q(quote_amount=None, ledger=None) & ~Q(quote_source=FREE) & ~NEVER_SENT


@dataclass(frozen=True)
class Sums:
    """What is held and what was spent, in one currency."""

    currency: str
    held: Decimal = NOTHING
    spent: Decimal = NOTHING

    @property
    def total(self) -> Decimal:
        return self.held + self.spent

    @property
    def spent_words(self) -> str:
        return money(self.spent, self.currency)

    @property
    def held_words(self) -> str:
        return money(self.held, self.currency) if self.held else ""


@dataclass
class Line:
    """One day, model, person or prompt (its key), with its sums by currency; `unpriced` videos are in none of them."""

    key: date | str | int
    videos: int = 0
    unpriced: int = 0
    sums: dict[str, Sums] = field(default_factory=dict)

    def add(self, row: Mapping[str, Any]) -> None:
        """Take in one group of the database: those of one currency, or those that the ledger says nothing of."""
        self.videos += row["videos"]
        self.unpriced += row["unpriced"]
        if currency := row["ledger__currency"]:
            self.sums[currency] = Sums(currency, held=rounded(row["kept"]), spent=rounded(row["paid"]))


FIGURES = {
    "videos": Count("pk", distinct=True),
    "unpriced": Count("pk", distinct=True, filter=UNPRICED),
    "kept": Sum("ledger__held", default=NOTHING),
    "paid": Sum("ledger__spent", default=NOTHING),
}


def spending(generations: GenerationQuerySet, grouping: str) -> list[Line]:
    """Return a line for each of one of GROUPINGS: days newest first, others the most expensive first. One statement."""
    groups = generations.order_by().annotate(key=GROUPINGS[grouping]).values("key", "ledger__currency")
    found = groups.annotate(**FIGURES)
    if grouping == "day":
        found = found.order_by("-key", "ledger__currency")
    else:
        found = found.annotate(total=F("kept") + F("paid")).order_by("-total", "key", "ledger__currency")[:MOST_LINES]
    lines: dict[object, Line] = {}
    for row in found:
        lines.setdefault(row["key"], Line(row["key"])).add(row)
    return list(lines.values())


def spending_in_all(generations: GenerationQuerySet) -> Line:
    """Return everything as one line. One statement."""
    line = Line("")
    for row in generations.order_by().values("ledger__currency").annotate(**FIGURES).order_by("ledger__currency"):
        line.add(row)
    return line
