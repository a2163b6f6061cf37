"""How many requests a token and a person may send a minute, in any number of processes and across restarts.

A bucket is one number in the database: until when its requests are spent. It fills as time passes, and one conditional
UPDATE takes from it, so no two processes take the same. A process takes a second's worth at a time and spends it from
its memory: a busy token costs one statement a second, not one a request.
"""

import math
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.db import models
from django.db.models import F, Value
from django.db.models.functions import Greatest

MINUTE = 60_000_000  # microseconds: whole numbers add up exactly
MOST_HANDS = 10_000


@dataclass(frozen=True, slots=True)
class Bucket:
    """Whose requests are limited, to how many a minute, and until when they are spent: Unix microseconds, as read."""

    owner: type[models.Model]  # has a column `rate_spent_until`
    pk: int
    limit: int
    spent_until: int

    @property
    def share(self) -> int:
        """How many a process takes at a time: a second's worth."""
        return max(1, self.limit // 60)

    def level(self, now: int) -> float:
        """Return how many requests are left. What others took since it was read makes it less, never more."""
        return self.limit * (MINUTE - max(0, self.spent_until - now)) / MINUTE

    def claim(self, units: int, now: int) -> bool:
        """Take so many, or none when fewer are left, whoever else takes at this moment."""
        cost = units * MINUTE // self.limit
        left = self.owner._base_manager.filter(pk=self.pk, rate_spent_until__lte=now + MINUTE - cost)
        return bool(left.update(rate_spent_until=Greatest(F("rate_spent_until"), Value(now)) + cost))


@dataclass(frozen=True, slots=True)
class Standing:
    """The tightest limit after a request. Seconds until it is whole again, and to wait: 0 when let through."""

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


@dataclass(slots=True)
class Hand:
    """What this process took of a bucket and has not spent; after a minute it is worth nothing, being filled again."""

    units: int = 0
    taken_at: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Rates:
    """The hands of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._hands: dict[tuple[type[models.Model], int], Hand] = {}

    def take(self, buckets: Iterable[Bucket], now: int | None = None) -> Standing | None:
        """Count one request in every bucket, or in none when one of them is empty. None without a bucket."""
        now = time.time_ns() // 1000 if now is None else now
        taken = [(bucket, self._hand(bucket, now)) for bucket in buckets]
        standings = [take_one(bucket, hand, now) for bucket, hand in taken]
        worst = max(standings, key=lambda one: one.wait, default=None)
        if worst is None or not worst.wait:
            return min(standings, key=lambda one: one.remaining, default=None)
        for (_, hand), standing in zip(taken, standings, strict=True):
            if not standing.wait:
                with hand.lock:
                    hand.units += 1
        return worst

    def _hand(self, bucket: Bucket, now: int) -> Hand:
        with self._lock:
            if len(self._hands) > MOST_HANDS:
                self._hands = {key: hand for key, hand in self._hands.items() if now - hand.taken_at < MINUTE}
            return self._hands.setdefault((bucket.owner, bucket.pk), Hand())

    def forget(self) -> None:
        with self._lock:
            self._hands.clear()


def take_one(bucket: Bucket, hand: Hand, now: int) -> Standing:
    """Spend one request from the hand, which takes more of the bucket when it is empty."""
    level = bucket.level(now)
    with hand.lock:
        if now - hand.taken_at >= MINUTE:
            hand.units = 0
        if not hand.units and level >= 1:
            for units in dict.fromkeys((min(bucket.share, int(level)), 1)):
                if bucket.claim(units, now):
                    hand.units, hand.taken_at, level = units, now, level - units
                    break
        if not hand.units:
            return refused(bucket, level)
        hand.units -= 1
        left = min(bucket.limit, max(0.0, level) + hand.units)
    return Standing(bucket.limit, int(left), (bucket.limit - left) * 60 / bucket.limit)


def refused(bucket: Bucket, level: float) -> Standing:
    if not bucket.limit:
        return Standing(0, 0, 60, 60)
    missing = 1 - level if level < 1 else 1.0  # others were quicker
    return Standing(bucket.limit, 0, (bucket.limit - level) * 60 / bucket.limit, missing * 60 / bucket.limit)


RATES = Rates()
