"""Signs of life of a long step: its row stays leased, and the supervisor sees that the cluster is at work."""

import logging
import threading
from datetime import timedelta
from typing import Self

from django.db import connection
from django.utils import timezone

from generations.lifecycle.persistence import AWAY
from generations.models import Canary, Generation
from videostudio import lifeline

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
BEAT_SECONDS = 5.0


class Lost(Exception):
    """The row is no longer ours: somebody else goes on with it."""


class Stopping(Exception):
    """The studio stops: the row is handed over to whoever starts next."""


def show_life(cluster: str) -> None:
    """Let the supervisor see that a step is at work in this cluster, and may keep its canary waiting."""
    Canary.objects.update_or_create(cluster=cluster, defaults={"beat_at": timezone.now()})


class Heartbeat:
    """Renews the lease of a claimed row, from a thread of its own: a step may wait for the network, a lease may not."""

    def __init__(self, generation: Generation, cluster: str) -> None:
        self.row = generation.mine()
        self.cluster = cluster
        self._is_lost = False
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"heartbeat-{generation.pk}", daemon=True)

    def __enter__(self) -> Self:
        self.beat()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._is_over.set()
        self._thread.join()

    def beat(self) -> None:
        """Renew the lease now; hand the row over when the studio stops, for the step itself may be waiting for long."""
        now = timezone.now()
        if lifeline.is_leaving():
            self.row.update(claim="", due_at=now)
            self._is_lost = True
            return
        self._is_lost = not self.row.update(due_at=now + LEASE)
        show_life(self.cluster)

    def check(self) -> None:
        """Say whether the step may go on. Raises Lost or Stopping."""
        if self._is_lost:
            raise Lost
        if lifeline.is_leaving():
            raise Stopping

    def _run(self) -> None:
        try:
            while not self._is_over.wait(BEAT_SECONDS):
                try:
                    self.beat()
                except AWAY as error:  # the lease outlasts a short absence
                    log.warning("heartbeat: the database is away (%s)", type(error).__name__)
                    connection.close()
        finally:
            connection.close()
