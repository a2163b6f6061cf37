"""How many requests a token and a person may send a minute.

Counted in the memory of this process, which costs nothing and needs no lock of a database: a studio has one web
process. With several behind a balancer each counts for itself.
"""

import math
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MINUTE = 60.0
MOST_BUCKETS = 10_000

type Bucket = tuple[str, int, int | None]  # kind, whose, and how many a minute; None is no limit


@dataclass(frozen=True, slots=True)
class Standing:
    """The tightest limit after a request; `wait` is 0 when it was let through, else seconds until one would be."""

    limit: int
    remaining: int
    reset: float
    wait: float = 0.0

    def headers(self) -> Mapping[str, str]:
        return {
            "x-ratelimit-limit-requests": str(self.limit),
            "x-ratelimit-remaining-requests": str(self.remaining),
            "x-ratelimit-reset-requests": f"{math.ceil(self.reset)}s",
        }


class Rates:
    """Buckets that hold a minute's requests and fill evenly, so that nobody waits for a full minute to turn."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._levels: dict[tuple[str, int], tuple[float, float]] = {}  # what is left, and when that was so

    def take(self, buckets: Iterable[Bucket], now: float | None = None) -> Standing | None:
        """Count one request in every bucket, or in none when one of them is empty. None when nothing is limited."""
        now = time.monotonic() if now is None else now
        with self._lock:
            found = [
                (kind, whose, limit, self._level(kind, whose, limit, now))
                for kind, whose, limit in buckets
                if limit is not None
            ]
            empty = [(limit, level) for _, _, limit, level in found if level < 1]
            if empty:
                return max((self._refused(limit, level) for limit, level in empty), key=lambda one: one.wait)
            for kind, whose, _, level in found:
                self._levels[kind, whose] = (level - 1, now)
            if len(self._levels) > MOST_BUCKETS:
                self._levels = {key: kept for key, kept in self._levels.items() if now - kept[1] < MINUTE}
        standings = [
            Standing(limit, int(level - 1), (limit - level + 1) * MINUTE / limit) for _, _, limit, level in found
        ]
        return min(standings, key=lambda one: one.remaining, default=None)

    def _level(self, kind: str, whose: int, limit: int, now: float) -> float:
        level, at = self._levels.get((kind, whose), (float(limit), now))
        return min(float(limit), level + (now - at) * limit / MINUTE)

    def _refused(self, limit: int, level: float) -> Standing:
        per_second = limit / MINUTE
        wait = (1 - level) / per_second if limit else MINUTE
        return Standing(limit, 0, (limit - level) / per_second if limit else MINUTE, wait)

    def forget(self) -> None:
        with self._lock:
            self._levels.clear()


RATES = Rates()
