"""Poll: one long-lived asyncio loop over all due rows, never a task per row.

It runs inside a django-q2 task, holds its slot by a lease row and ends after a time budget; the tick in
broker.py starts the next one. Rows are claimed in batches, asked about concurrently, and written back in
one fenced UPDATE a batch. All database work happens on one thread, none of it on the loop.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection, transaction
from django.utils import timezone

from generations.gateways import GatewayBusy, GatewayError, GatewayRejected, VideoTask, dialect
from generations.gateways.http import AsyncSender, Endpoint
from generations.lifecycle import batch, recovery, verdicts
from generations.lifecycle.cadence import PolledRow, Step, after_answer, after_silence
from generations.lifecycle.endpoints import endpoint
from generations.models import Gateway, Generation, PollerSlot, Status
from videostudio import lifeline

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=45)  # longer than the longest poll (30 s): never two at once for one task
SLOT_TTL = timedelta(seconds=5)
BEAT_SECONDS = 1.0
SWEEP_SECONDS = 2.0
FLUSH_SECONDS = 0.1
IDLE_SECONDS = 0.5
BUDGET_SECONDS = 50.0  # q2's timeout is 90: budget, plus the longest poll, plus some air
DRAIN_SECONDS = 35.0
IN_HAND = 400
PER_GATEWAY = 200
BUSY_SECONDS = 10.0
ACTOR = "poller"


@dataclass(frozen=True)
class Target:
    """A gateway as the poller sees it."""

    gateway: Gateway
    endpoint: Endpoint
    is_open: bool


def claim(token: str, limit: int, closed: list[int]) -> list[PolledRow]:
    """Lease up to `limit` due rows to this poller, except those of the gateways in `closed`."""
    due = Generation.objects.due().filter(status=Status.IN_PROGRESS).exclude(gateway__in=closed)
    pks = list(due.order_by("due_at").values_list("pk", flat=True)[:limit])
    if not pks:
        return []
    with transaction.atomic():
        mine = due.filter(pk__in=pks)
        if connection.features.has_select_for_update_skip_locked:
            mine = due.filter(pk__in=list(mine.select_for_update(skip_locked=True).values_list("pk", flat=True)))
        mine.update(claim=token, due_at=timezone.now() + LEASE)
    held = Generation.objects.filter(pk__in=pks, claim=token, status=Status.IN_PROGRESS)
    columns = [name for name in PolledRow.__dataclass_fields__]
    return [PolledRow(**row) for row in held.values(*columns)]


def settle_all(token: str, tasks: dict[int, VideoTask]) -> None:
    """Carry out the verdicts of rows this poller holds, in one transaction."""
    with transaction.atomic():
        held = Generation.objects.filter(pk__in=tasks, claim=token, status=Status.IN_PROGRESS)
        for generation in held:
            verdicts.settle(generation, tasks[generation.pk], actor=ACTOR)


def targets() -> dict[int, Target]:
    """Return every gateway that may be asked, with how to reach it."""
    return {
        gateway.pk: Target(gateway, endpoint(gateway), is_open=not gateway.is_paused and not gateway.key_problem)
        for gateway in Gateway.objects.all()
    }


def hold_slot(slot: str, token: str) -> bool:
    """Renew the lease of a slot; False when somebody else owns it."""
    held = PollerSlot.objects.filter(name=slot, owner=token)
    return bool(held.update(until=timezone.now() + SLOT_TTL))


def free_slot(slot: str, token: str) -> None:
    PollerSlot.objects.filter(name=slot, owner=token).update(owner="", until=timezone.now())


class Poller:
    """One run of one slot. `run()` returns when the budget is spent or the slot is lost."""

    def __init__(self, slot: str, token: str, *, budget: float = BUDGET_SECONDS) -> None:
        self.slot, self.token = slot, token
        self.stop_at = time.monotonic() + budget
        self.targets: dict[int, Target] = {}
        self.in_hand: set[asyncio.Task] = set()
        self.steps: list[Step] = []
        self.settled: dict[int, VideoTask] = {}
        self.lanes: dict[int, asyncio.Semaphore] = {}
        self.is_lost = False
        self.wake = asyncio.Event()
        self.database = ThreadPoolExecutor(max_workers=1, thread_name_prefix="poller-db")

    async def run(self) -> None:
        try:
            async with AsyncSender(connections=PER_GATEWAY) as self.sender:
                helpers = [asyncio.create_task(self.beat()), asyncio.create_task(self.flush_often())]
                try:
                    while not self.is_lost and time.monotonic() < self.stop_at:
                        await self.step()
                    # The next poller may start while this one waits for its last answers.
                    await self.db(free_slot, self.slot, self.token)
                    if self.in_hand:
                        await asyncio.wait(self.in_hand, timeout=DRAIN_SECONDS)
                finally:
                    for helper in helpers:
                        helper.cancel()
                    await asyncio.gather(*helpers, return_exceptions=True)
                    await self.flush()
        finally:
            # The connection belongs to the database thread and must be closed there.
            await asyncio.get_running_loop().run_in_executor(self.database, lambda: connection.close())
            self.database.shutdown(wait=False)

    async def step(self) -> None:
        """Claim what is due and has room; sleep a moment when nothing is."""
        room = IN_HAND - len(self.in_hand)
        rows: list[PolledRow] = []
        if room > 0 and self.targets:
            closed = [pk for pk, target in self.targets.items() if not target.is_open]
            rows = await self.db(claim, self.token, room, closed) or []
        for row in rows:
            task = asyncio.create_task(self.ask(row))
            self.in_hand.add(task)
            task.add_done_callback(self.in_hand.discard)
        if not rows:
            await asyncio.sleep(IDLE_SECONDS)

    async def ask(self, row: PolledRow) -> None:
        """Ask upstream about one row and keep the outcome for the next flush."""
        target = self.targets[row.gateway_id]
        lane = self.lanes.setdefault(row.gateway_id, asyncio.Semaphore(PER_GATEWAY))
        try:
            speaker = dialect(row.dialect)
            async with lane:
                answer = await self.sender.send(target.endpoint, speaker.retrieve(row.upstream_id, row.upstream_state))
            task = speaker.read_task(answer)
        except GatewayError as error:
            self.steps.append(after_silence(row, error, timezone.now(), settings.POLL_SECONDS))
            await self.heed(target, error)
            return
        if task.status.is_verdict:
            self.settled[row.pk] = task
        else:
            self.steps.append(after_answer(row, task, timezone.now(), settings.POLL_SECONDS))

    async def heed(self, target: Target, error: GatewayError) -> None:
        """Let the whole gateway rest when it says so: 429 for a while, 401, 402 and 403 until a person mends it."""
        if isinstance(error, GatewayBusy):
            await self.db(target.gateway.pause_for, error.retry_after or BUSY_SECONDS, str(error))
        elif isinstance(error, GatewayRejected) and error.is_account:
            log.error("gateway %s is paused: %s", target.gateway.name, error)
            await self.db(target.gateway.pause, str(error))

    async def flush_often(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Write what was learned since the last flush; keep it for the next one while the database is away."""
        if self.steps:
            steps, self.steps = self.steps, []
            if not await self.db(batch.write_steps, self.token, steps):
                self.steps = steps + self.steps
        if self.settled:
            settled, self.settled = self.settled, {}
            if await self.db(settle_all, self.token, settled, default=False) is False:
                self.settled = settled | self.settled

    async def beat(self) -> None:
        """Renew the slot's lease, look at the gateways again, and sweep now and then."""
        swept_at = 0.0
        while True:
            self.targets = await self.db(targets) or self.targets
            held = await self.db(hold_slot, self.slot, self.token)
            if held is False or lifeline.is_leaving():
                self.is_lost = True
                return
            if time.monotonic() - swept_at >= SWEEP_SECONDS:
                swept_at = time.monotonic()
                await self.db(recovery.sweep)
            await asyncio.sleep(BEAT_SECONDS)

    async def db[T](self, work: Callable[..., T], *args, default: T | None = None) -> T | None:
        """Run `work` on the database thread; `default` when the database is away, which is logged."""

        def guarded() -> T | None:
            try:
                return work(*args)
            except DatabaseError as error:
                log.warning("poller: the database is away (%s: %s)", type(error).__name__, error)
                close_old_connections()
                time.sleep(0.5)
                return default

        return await asyncio.get_running_loop().run_in_executor(self.database, guarded)


def poll(slot: str, token: str) -> None:
    """Run the poller of a slot until its budget is spent. Returns at once when the slot is not ours."""
    if hold_slot(slot, token):
        asyncio.run(_run(slot, token))


async def _run(slot: str, token: str) -> None:
    await Poller(slot, token).run()
