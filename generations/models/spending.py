"""What was spent and what is held, added up: by day, model, person or prompt, and all in all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db.models import Count, DateField, F, Q, Sum
from django.db.models.functions import TruncDate

from generations.models.generation import GenerationQuerySet
from generations.models.money import FREE, NOTHING, Sums
from generations.models.statuses import Failure, Status
from generations.specs import rounded

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
# One that was quoted in one currency and paid for in another has entries in both: it is counted with its quote.
COUNTED = Q(quote_currency="") | Q(ledger=None) | Q(ledger__currency=F("quote_currency"))


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
    "videos": Count("pk", distinct=True, filter=COUNTED),
    "unpriced": Count("pk", distinct=True, filter=UNPRICED),
    "kept": Sum("ledger__held", default=NOTHING),
    "paid": Sum("ledger__spent", default=NOTHING),
}


def spending(generations: GenerationQuerySet, grouping: str) -> list[Line]:
    """Return a line for each of one of GROUPINGS: days newest first, others the most expensive first.

    One statement, or two where more is there than is shown.
    """
    groups = generations.order_by().annotate(key=GROUPINGS[grouping]).values("key", "ledger__currency")
    found = groups.annotate(**FIGURES)
    if grouping == "day":
        found = found.order_by("-key", "ledger__currency")
    else:
        found = found.annotate(total=F("kept") + F("paid")).order_by("-total", "key", "ledger__currency")
    rows = list(found if grouping == "day" else found[:MOST_LINES])
    if grouping != "day" and len(rows) == MOST_LINES:
        # What these have in another currency, or without a price, may be beyond the cut.
        rows = list(found.filter(key__in={row["key"] for row in rows}))
    lines: dict[object, Line] = {}
    for row in rows:
        lines.setdefault(row["key"], Line(row["key"])).add(row)
    return list(lines.values())


def spending_in_all(generations: GenerationQuerySet) -> Line:
    """Return everything as one line. One statement."""
    line = Line("")
    for row in generations.order_by().values("ledger__currency").annotate(**FIGURES).order_by("ledger__currency"):
        line.add(row)
    return line
