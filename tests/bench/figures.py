"""What a row measures: a value beside its baseline, and what it must reach."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

NOISY = 0.25  # rounds that differ by more than this say so


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured value. `must` blocks a release, `reach` is the ambition; both None where a value only informs.

    `baseline` says what stands beside it, in words and numbers; `rounds` are the single values, where there are any.
    """

    name: str
    value: float
    unit: str
    must: float | None = None
    reach: float | None = None
    is_more_better: bool = False
    baseline: str = ""
    rounds: Sequence[float] = field(default_factory=tuple)

    def meets(self, limit: float | None) -> bool:
        if limit is None:
            return True
        return self.value >= limit if self.is_more_better else self.value <= limit

    @property
    def verdict(self) -> str:
        if self.must is None and self.reach is None:
            return ""
        if not self.meets(self.must):
            return "MISSED"
        return "reached" if self.reach is not None and self.meets(self.reach) else "met"

    @property
    def is_noisy(self) -> bool:
        return len(self.rounds) > 1 and max(self.rounds) - min(self.rounds) > NOISY * abs(self.value)

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"verdict": self.verdict, "noisy": self.is_noisy}


def middle(values: Iterable[float]) -> float:
    return statistics.median(values)


def percentile(values: Iterable[float], share: float) -> float:
    """Return the value that `share` of them do not exceed; not a number without any."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else math.nan


def table(figures: Iterable[Figure]) -> str:
    """Return the figures as aligned text, one line each."""
    head = ("figure", "value", "", "must", "reach", "verdict", "beside it")
    lines = [head, *(_line(figure) for figure in figures)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            text.rjust(width) if column in (1, 3, 4) else text.ljust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _line(figure: Figure) -> tuple[str, ...]:
    sign = ">=" if figure.is_more_better else "<="
    limits = ("" if limit is None else f"{sign} {number(limit)}" for limit in (figure.must, figure.reach))
    beside = figure.baseline
    if figure.rounds:
        spread = f"rounds {number(min(figure.rounds))}..{number(max(figure.rounds))}"
        beside = f"{beside}; {spread}" if beside else spread
    verdict = f"{figure.verdict} (noisy)" if figure.is_noisy else figure.verdict
    return (figure.name, number(figure.value), figure.unit, *limits, verdict, beside)


def number(value: float) -> str:
    """Return a value with three digits that matter."""
    if not math.isfinite(value):
        return "none"
    magnitude = abs(value)
    return f"{value:,.0f}" if magnitude >= 100 else f"{value:.1f}" if magnitude >= 10 else f"{value:.3g}"
