"""Telling a wedged queue cluster from a busy one, with a test task that has to come home.

A cluster whose idle worker was killed while it held the queue's lock looks healthy for ever and runs nothing. Only a
task that runs, and whose message is then taken off the queue, proves life: the canary. A cluster that is busy with
long steps may keep its canary waiting; those steps beat, so it counts as wedged only when nothing beats either, or
when workers are free all the same and none of them begins anything.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Probe(Protocol):
    """What the supervisor asks about the clusters. Any method may raise, or hang, when the database is away."""

    def send_canary(self, cluster: str) -> int:
        """Queue the test task of a cluster. Returns the message's key."""

    def canary_at(self, cluster: str) -> datetime | None:
        """Return when the cluster last ran its test task."""

    def message_is_taken(self, pk: int) -> bool:
        """Say whether the cluster has taken a message that is still in the queue."""

    def message_waits(self, pk: int) -> bool:
        """Say whether a message is still in the queue."""

    def last_beat(self, cluster: str) -> datetime | None:
        """Return the last sign of life of a step at work in the cluster."""

    def is_idling(self, cluster: str, seconds: float) -> bool:
        """Say whether a worker is free and no step has begun or ended in the last `seconds`."""

    def is_create_on_the_wire(self) -> bool:
        """Say whether a paid request may be under way in a process that lives."""

    def hand_out_again(self, cluster: str) -> None:
        """Let the cluster have every message that was handed out before, and never acknowledged, at once."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long each silence is borne, in seconds."""

    every: float = 5.0  # from one canary to the next
    overdue: float = 12.0  # a canary that has not run, or has run and is not acknowledged
    starting: float = 45.0  # the first canary, until a cluster that is starting has taken it
    lately: float = 12.0  # a beat as young as this is a sign of life; one comes every five seconds
    idling: float = 8.0  # a free worker that begins nothing for so long, while the canary is overdue, never will
    unacknowledged: float = 120.0  # however busy: every message it runs would be run again


class CanaryWatch:
    """One cluster's canary, from the cluster's start to its end."""

    def __init__(
        self,
        cluster: str,
        probe: Probe,
        patience: Patience | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.cluster = cluster
        self.probe = probe
        self.patience = patience or Patience()
        self.clock = clock
        self.has_proved_life = False
        self._checked_at: float | None = None
        self._forget()

    def _forget(self) -> None:
        self._sent_at: float | None = None
        self._taken_at: float | None = None
        self._home_at: float | None = None
        self._ran_before: datetime | None = None
        self._message = 0
        self._is_acknowledged = False

    def check(self) -> str:
        """Look once, and send the next canary when it is time. Returns why the cluster is wedged, else "".

        Raises what the probe raises. What the canary did while nobody could look does not count.
        """
        now = self.clock()
        if self._checked_at is None or now - self._checked_at > self.patience.overdue:
            self._forget()
        self._checked_at = None  # until this look has succeeded
        verdict = self._look(now)
        self._checked_at = now
        return verdict

    def _look(self, now: float) -> str:
        if self._sent_at is None:
            self._send(now)
            return ""
        if self._home_at is None and self.probe.canary_at(self.cluster) != self._ran_before:
            self._home_at = now
        if self._home_at is None:
            return self._overdue(now, self._sent_at)
        if self._is_acknowledged or not self.probe.message_waits(self._message):
            self._is_acknowledged = self.has_proved_life = True
            if now - self._sent_at >= self.patience.every:
                self._send(now)
            return ""
        return self._unacknowledged(now - self._home_at)

    def _send(self, now: float) -> None:
        # Whether it has run is told by the change, not by comparing clocks.
        self._ran_before = self.probe.canary_at(self.cluster)
        self._message = self.probe.send_canary(self.cluster)
        self._sent_at, self._taken_at, self._home_at, self._is_acknowledged = now, None, None, False

    def _overdue(self, now: float, sent_at: float) -> str:
        if self._taken_at is None and not self.has_proved_life and self.probe.message_is_taken(self._message):
            self._taken_at = now  # it has started: what is taken is run within moments
        is_starting = not self.has_proved_life and self._taken_at is None
        waited = now - (self._taken_at or sent_at)
        if waited < (self.patience.starting if is_starting else self.patience.overdue) or self._is_busy():
            return ""
        return f"has not run its test task for {waited:.0f} s"

    def _unacknowledged(self, waited: float) -> str:
        if waited < self.patience.overdue or (waited < self.patience.unacknowledged and self._is_busy()):
            return ""
        return f"has not acknowledged its test task for {waited:.0f} s"

    def _is_busy(self) -> bool:
        is_alive = beats_lately(self.probe, self.cluster, self.patience.lately)
        return is_alive and not self.probe.is_idling(self.cluster, self.patience.idling)


def beats_lately(probe: Probe, cluster: str, seconds: float) -> bool:
    """Say whether a step at work in the cluster gave a sign of life in the last `seconds`."""
    beat = probe.last_beat(cluster)
    return beat is not None and datetime.now(UTC) - beat < timedelta(seconds=seconds)
