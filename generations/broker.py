"""The queue's broker: django-q2's own, on our database, which also ticks the poller.

django-q2's schedules cannot go below half a minute. Its pusher calls `dequeue()` many times a second in a
process that the sentinel restarts, so that is where the poller is started again when its lease has run out.
"""

import logging
import os
import secrets
import time
from datetime import datetime

from django.db import close_old_connections, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import OrmQ

from generations import queue
from generations.lifecycle.persistence import AWAY, insist
from generations.lifecycle.poll import SLOT_TTL, release
from generations.models import PollerSlot
from generations.models.prepared import Statement, add
from videostudio import lifeline

log = logging.getLogger(__name__)

SLOTS = ("p0",)
TICK_SECONDS = 1.0
AWAY_SECONDS = 1.0
AWAY_AT_MOST = 600.0


class TickBroker(ORM):
    """Dequeues as the ORM broker does; survives a database that is away; leaves when its parent has died."""

    def __init__(self, list_key: str | None = None) -> None:
        super().__init__(list_key)
        self.ticked_at = 0.0
        self.parent = 0
        self.last_enqueued: int | None = None

    def __setstate__(self, state) -> None:
        super().__setstate__(state)
        self.ticked_at, self.parent, self.last_enqueued = 0.0, 0, None

    def enqueue(self, task):
        self.get_connection()  # closes one that is too old, outside of transactions
        self.last_enqueued = add(OrmQ, key=self.list_key, payload=task, lock=timezone.now()).pk
        return self.last_enqueued

    def dequeue(self):
        self.leave_when_orphaned()
        try:
            if self.list_key == "poll" and time.monotonic() - self.ticked_at >= TICK_SECONDS:
                self.ticked_at = time.monotonic()
                if not lifeline.is_leaving():  # else the slot is for the clusters that stay, or come next
                    tick()
            if self.has_work():
                return super().dequeue()
        except AWAY as error:
            # The stock pusher would sleep ten seconds and die.
            log.warning("queue %s: the database is away (%s)", self.list_key, type(error).__name__)
            close_old_connections()
            time.sleep(AWAY_SECONDS)
            return None
        time.sleep(Conf.POLL)  # as the ORM broker does when its queue is empty
        return None

    def has_work(self) -> bool:
        """Say whether a message waits: asked twenty times a second, of an idle studio half of what it does at all."""
        self.get_connection()  # closes one that is too old
        return bool(WAITING.rows(key=self.list_key, now=timezone.now()))

    def acknowledge(self, task_id):
        """Take a message that has run off the queue, however long the database is away: else it would run again."""
        insist(lambda: super(TickBroker, self).acknowledge(task_id), seconds=AWAY_AT_MOST)

    def leave_when_orphaned(self) -> None:
        """Exit at once when the parent is gone: an orphaned pusher feeds messages to nobody."""
        parent = os.getppid()
        self.parent = self.parent or parent
        if parent != self.parent:
            log.error("queue %s: the parent process is gone, leaving", self.list_key)
            os._exit(1)


def waiting(key: str, now: datetime) -> QuerySet:
    return OrmQ.objects.order_by().filter(key=key, lock__lt=now).values_list("pk")[:1]


WAITING = Statement(waiting, key=str, now=datetime)


def tick() -> None:
    """Start a poller for every slot whose lease has run out."""
    now = timezone.now()
    for name in SLOTS:
        if PollerSlot.objects.filter(name=name, until__gte=now).exists():
            continue
        slot, _ = PollerSlot.objects.get_or_create(name=name, defaults={"until": now - SLOT_TTL})
        token = secrets.token_hex(16)
        with transaction.atomic():
            free = PollerSlot.objects.filter(name=name, owner=slot.owner, until__lt=now)
            if free.update(owner=token, until=now + SLOT_TTL):
                if slot.owner:  # it died without a word: its rows need not wait for their lease
                    release(slot.owner)
                queue.hint("poll", name, token)
