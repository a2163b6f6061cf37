"""Poll: one long-lived asyncio loop over all due rows, never a task per row.

It runs inside a django-q2 task, holds its slot by a lease row and ends after a time budget; the tick in
broker.py starts the next one. Rows are claimed in batches, asked about concurrently, and written back in
one fenced UPDATE a batch. All database work happens on one thread, none of it on the loop.
"""

import asyncio
import gc
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from django.conf import settings
from django.db import close_old_connections, connection
from django.utils import timezone

from generations.gateways import GatewayBusy, GatewayError, GatewayRejected, GatewayUnclear, VideoTask, dialect
from generations.gateways.http import Endpoint
from generations.lifecycle import batch, drift, heartbeat, mixups, recovery
from generations.lifecycle.cadence import PolledRow, Step, after_answer, after_silence, not_asked
from generations.lifecycle.endpoints import endpoint
from generations.lifecycle.persistence import AWAY
from generations.models import Gateway, Generation, PollerSlot, Status
from videostudio import lifeline

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=45)  # longer than the longest poll (30 s): never two at once for one task
SLOT_TTL = timedelta(seconds=5)
BEAT_SECONDS = 1.0
SWEEP_SECONDS = 2.0
FLUSH_SECONDS = 0.1
IDLE_SECONDS = 0.5
GATHER_SECONDS = 0.2  # rows fall due one by one: they are claimed together, and the cadence makes up for it
FULL_SECONDS = 0.02
BUDGET_SECONDS = 50.0  # q2's timeout is 90: budget, plus the longest poll, plus some air
DRAIN_SECONDS = 35.0
HURRY_SECONDS = 3.0  # the same when the studio stops: an answer that does not come is asked for again
AT_ONCE = 400  # requests, over all gateways
PER_GATEWAY = 200
AHEAD = 100  # rows of a gateway that are claimed and wait, so that the next request need not wait for the database
START_SECONDS = 10.0  # a row that has waited longer is given back: a poll begun then might outlast the lease
LAST_FLUSHES = 3
BUSY_SECONDS = 10.0
ACTOR = "poller"


@dataclass(frozen=True)
class Target:
    """A gateway as the poller sees it."""

    gateway: Gateway
    endpoint: Endpoint
    is_open: bool


def claim(token: str, rooms: Mapping[int, int]) -> list[PolledRow]:
    """Lease due rows to this poller: of each gateway, by its key, at most as many as it has room for."""
    # The others are left out, not these picked: so the order of due times is what the database goes by.
    others = Gateway.objects.exclude(pk__in=list(rooms))
    due = Generation.objects.due().filter(status=Status.IN_PROGRESS).exclude(gateway__in=others)
    left = Counter(rooms)
    first = {}
    for pk, gateway, due_at in due.order_by("due_at").values_list("pk", "gateway_id", "due_at")[:AT_ONCE]:
        if left[gateway] > 0:
            left[gateway] -= 1
            first[pk] = due_at
    return batch.take(token, first, timezone.now() + LEASE) if first else []


def release(token: str) -> int:
    """Give back every row that `token` still holds, due now. Returns how many."""
    return Generation.objects.filter(status=Status.IN_PROGRESS, claim=token).update(claim="", due_at=timezone.now())


def settle_all(token: str, tasks: Mapping[int, VideoTask]) -> bool:
    """Carry out the verdicts of rows this poller holds, in one transaction."""
    return batch.settle(token, tasks, actor=ACTOR)


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
    """One run of one slot. `run()` returns when the budget is spent, the slot is lost or the studio stops."""

    def __init__(self, slot: str, token: str, *, budget: float = BUDGET_SECONDS) -> None:
        self.slot, self.token = slot, token
        self.stop_at = time.monotonic() + budget
        self.targets: dict[int, Target] = {}
        self.closing: set[int] = set()  # gateways whose pause is being written
        self.in_hand: dict[asyncio.Task[None], int] = {}  # task: its gateway
        self.steps: list[Step] = []
        self.settled: dict[int, VideoTask] = {}
        self.drift = drift.DriftCounter()
        self.lanes: dict[int, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(PER_GATEWAY))
        self.all_lanes = asyncio.Semaphore(AT_ONCE)
        self.is_lost = self.is_ending = False
        self.is_over = asyncio.Event()
        self.database = ThreadPoolExecutor(max_workers=1, thread_name_prefix="poller-db")

    async def run(self) -> None:
        from generations.gateways.polls import AsyncSender  # aiohttp takes a tenth of a second to load

        try:
            async with AsyncSender(connections=AT_ONCE) as self.sender, asyncio.TaskGroup() as helpers:
                await self.look_at_gateways()
                helpers.create_task(self.beat())
                helpers.create_task(self.flush_often())
                while not self.is_lost and time.monotonic() < self.stop_at:
                    await self.step()
                # The next poller may start while this one waits for its last answers.
                self.is_ending = True
                await self.db(free_slot, self.slot, self.token)
                await self.drain()
                self.is_over.set()
            await self.flush_all()
            await self.flush_drift()
            await self.db(release, self.token)
        finally:
            # The connection belongs to the database thread and must be closed there.
            await asyncio.get_running_loop().run_in_executor(self.database, lambda: connection.close())
            self.database.shutdown(wait=False)

    async def step(self) -> None:
        """Claim what is due and has room; sleep a moment when nothing is or has."""
        rooms = self.rooms()
        full = {pk for pk, target in self.targets.items() if target.is_open} - rooms.keys()
        rows = (await self.db(claim, self.token, rooms) if rooms else None) or []
        start_by = time.monotonic() + START_SECONDS
        for row in rows:
            task = asyncio.create_task(self.ask_in_turn(row, start_by))
            self.in_hand[task] = row.gateway_id
            task.add_done_callback(self.in_hand.pop)
        taken = Counter(row.gateway_id for row in rows)
        if not any(taken[pk] == room for pk, room in rooms.items()):  # else there may be more
            await self.rest(GATHER_SECONDS if rows else IDLE_SECONDS, full)

    async def rest(self, seconds: float, full: set[int]) -> None:
        """Sleep for so long, or until one of these gateways, which were full, has room again.

        So a gateway with nothing due does not set the pace of one that has much.
        """
        until = time.monotonic() + seconds
        while full and time.monotonic() < until:
            await asyncio.sleep(FULL_SECONDS)
            if full & self.rooms().keys():
                return
        await asyncio.sleep(max(until - time.monotonic(), 0))

    def rooms(self) -> dict[int, int]:
        """Return how many rows of each open gateway may be taken now; those with little room wait for more.

        So a slow gateway keeps nobody else's rows waiting, and claims come in batches.
        """
        in_hand = Counter(self.in_hand.values())
        free = {pk: PER_GATEWAY + AHEAD - in_hand[pk] for pk, target in self.targets.items() if target.is_open}
        return {pk: room for pk, room in free.items() if room >= AHEAD // 2}

    async def ask_in_turn(self, row: PolledRow, start_by: float) -> None:
        """Ask about a row as soon as its gateway has a lane free; give it back when that takes too long."""
        async with self.lanes[row.gateway_id], self.all_lanes:
            if self.is_ending or time.monotonic() > start_by:
                self.steps.append(not_asked(row, timezone.now()))
            else:
                await self.ask(row)

    async def ask(self, row: PolledRow) -> None:
        """Ask upstream about one row and keep the outcome for the next flush."""
        now = timezone.now
        target = self.targets[row.gateway_id]
        if not target.is_open:
            self.steps.append(not_asked(row, now()))
            return
        try:
            speaker = dialect(row.dialect)
            answer = await self.sender.send(target.endpoint, speaker.retrieve(row.upstream_id, row.upstream_state))
            task = speaker.read_task(answer)
            if task.status.is_verdict and await self.may_be_anothers(row, task):
                raise mixups.mixed_up(task)
        except GatewayError as error:
            self.steps.append(after_silence(row, error, now(), settings.POLL_SECONDS))
            self.drift.note_trouble(row.gateway_id, error, row.pk, target.endpoint.key)
            await self.heed(target, error)
        except Exception as error:  # a row that nobody can ask about is said in the log, and asked about later again
            log.exception("generation %s cannot be asked about", row.pk)
            self.steps.append(after_silence(row, GatewayUnclear(f"{error!r}."), now(), settings.POLL_SECONDS))
        else:
            self.drift.note(row.gateway_id, task, row.pk)
            if task.status.is_verdict:
                self.settled[row.pk] = task
            else:
                self.steps.append(after_answer(row, task, now(), settings.POLL_SECONDS))

    async def may_be_anothers(self, row: PolledRow, task: VideoTask) -> bool:
        """Say whether an answer is about the task of another row, as far as the database can say that it is not."""
        if not mixups.is_named_otherwise(row.upstream_id, task):
            return False
        return await self.db(mixups.is_anothers, row.gateway_id, row.upstream_id, task) is not False

    async def heed(self, target: Target, error: GatewayError) -> None:
        """Let the whole gateway rest when it says so: 429 for a while, 401, 402 and 403 until a person mends it."""
        is_account = isinstance(error, GatewayRejected) and error.is_account
        gateway = target.gateway
        if not (is_account or isinstance(error, GatewayBusy)) or not self.targets[gateway.pk].is_open:
            return
        self.targets[gateway.pk] = replace(target, is_open=False)
        self.closing.add(gateway.pk)
        if is_account:
            log.error("gateway %s is paused: %s", gateway.name, error)
            await self.db(gateway.pause, str(error))
        else:
            await self.db(gateway.pause_for, error.retry_after or BUSY_SECONDS, str(error))
        self.closing.discard(gateway.pk)

    async def look_at_gateways(self) -> None:
        """Read the gateways again; one that is being paused stays closed, for this look may be older than its pause."""
        found = await self.db(targets) or self.targets
        closed = {pk: replace(found[pk], is_open=False) for pk in self.closing & found.keys()}
        self.targets = found | closed

    async def drain(self) -> None:
        """Wait for the last answers, not for long when the studio stops."""
        until = time.monotonic() + DRAIN_SECONDS
        while self.in_hand and time.monotonic() < until:
            await asyncio.wait(self.in_hand, timeout=IDLE_SECONDS)
            if lifeline.is_leaving():
                until = min(until, time.monotonic() + HURRY_SECONDS)
        late = list(self.in_hand)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def flush_often(self) -> None:
        while await self.goes_on_after(FLUSH_SECONDS):
            await self.flush()

    async def flush_all(self) -> None:
        """Write the last of it. What the database does not take by now is asked about again."""
        for _ in range(LAST_FLUSHES):
            await self.flush()
            if not (self.steps or self.settled):
                return

    async def flush(self) -> None:
        """Write what was learned since the last flush; keep it for the next one while the database is away."""
        if self.settled:
            settled, self.settled = self.settled, {}
            if not await self.db(settle_all, self.token, settled):
                self.settled = settled | self.settled
        if self.steps:
            steps, self.steps = self.steps, []
            if not await self.db(batch.write_steps, self.token, steps):
                self.steps = steps + self.steps

    async def flush_drift(self) -> None:
        """Add what was not as documented to the counts, now and then; keep it while the database is away."""
        if (seen := self.drift.take()) and not await self.db(drift.write_down, seen):
            self.drift.give_back(seen)

    async def beat(self) -> None:
        """Renew the slot's lease and look at the gateways again; sweep and show life now and then."""
        swept_at = shown_at = 0.0
        while not self.is_lost:
            await self.look_at_gateways()
            held = await self.db(hold_slot, self.slot, self.token)
            if held is False or lifeline.is_leaving():
                self.is_lost = True
            elif time.monotonic() - swept_at >= SWEEP_SECONDS:
                swept_at = time.monotonic()
                await self.db(recovery.sweep)
                await self.flush_drift()
            # Not told from the slot, which the tick gives to the next one whether or not anybody takes it up.
            if not self.is_lost and time.monotonic() - shown_at >= heartbeat.BEAT_SECONDS:
                shown_at = time.monotonic()
                await self.db(heartbeat.show_life, "poll")
            if not await self.goes_on_after(BEAT_SECONDS):
                return

    async def goes_on_after(self, seconds: float) -> bool:
        """Wait for so long, or until the run is over; False then."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.is_over.wait(), seconds)
        return not self.is_over.is_set()

    async def db[T](self, work: Callable[..., T], *args: object) -> T | None:
        """Run `work` on the database thread. None when the database is away, which is logged."""

        def guarded() -> T | None:
            try:
                return work(*args)
            except AWAY as error:
                log.warning("poller: the database is away (%s: %s)", type(error).__name__, error)
                close_old_connections()
                time.sleep(0.5)
                return None

        return await asyncio.get_running_loop().run_in_executor(self.database, guarded)


def poll(slot: str, token: str) -> None:
    """Run the poller of a slot until its budget is spent. Returns at once when the slot is not ours."""
    if hold_slot(slot, token):
        # What is loaded stays: going through it for garbage again and again took 4 % of the poller's processor time.
        gc.collect()
        gc.freeze()
        asyncio.run(_run(slot, token))


async def _run(slot: str, token: str) -> None:
    await Poller(slot, token).run()
