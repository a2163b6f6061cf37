"""Schedules: whatever is answered, killed, delayed, doubled or decided, in any order, nothing is lost or paid twice.

Hypothesis draws the steps. After each of them every invariant is looked at, and the gateway's own account is compared
with ours: creates on the wire are the attempts that were accepted, refused or are unknown, and a row costs a second
one only when the one before was surely not accepted, or a person decided to pay again.
"""

import copy
import functools
import logging
import os
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
import time_machine
from django.conf import settings as django_settings
from django.db import OperationalError, transaction
from django.test import TestCase, override_settings
from django.utils import timezone
from django_q.models import OrmQ
from django_q.signing import SignedPackage
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from generations import tasks
from generations.lifecycle import (
    decisions,
    invariants,
    poll,
    recovery,
    submit,
)
from generations.lifecycle.decisions import SEND_AGAIN_WORDS, CannotDo
from generations.lifecycle.files import part_of, path_of
from generations.models import ACTIVE, REVIVABLE, TERMINAL, Event, Gateway, Generation, Status, SubmitAttempt
from tests.asking import Asked, of_rows
from tests.factories import ENVELOPE_MODEL, FORM_MODEL, alice, begun, bob, make_gateway, make_price
from tests.lifecycle.breaking import World, patched
from tests.lifecycle.paper import CREATE_ANSWERS, FILES, POLL_ANSWERS, VIDEO, Killed, PaperGateway

SCHEDULES = int(os.environ.get("N", 0)) or (2000 if os.environ.get("CI") else 200)
STEPS = 6
SPANS = (0, 2, 8, 31, 70, 200, 4000, 100_000)  # seconds: around every lease, pause and deadline
LEASE_OVER = 200
DECISIONS = ("cancel", "attach its own", "attach another", "confirm", "send again", "ask again", "give up")
# Where a process is killed, or the database goes away for a moment.
POINTS_OF_A_CREATE = (
    *[(point, Killed) for point in ("before it is sent", "before the answer", "before the receipt", "in its fsync")],
    *[("before the commit", Killed), ("in the commit", Killed), ("after the commit", Killed)],
    *[("in the opening", OperationalError), ("after the opening", OperationalError)],
    *[("before the commit", OperationalError), ("in the commit", OperationalError)],
    ("after the commit", OperationalError),
)
POINTS_OF_A_DOWNLOAD = (
    *[(point, Killed) for point in ("in the middle of the file", "before the file is stored", "after the rename")],
    *[("after the commit", Killed), ("before the file is stored", OperationalError)],
    *[("after the rename", OperationalError), ("after the commit", OperationalError)],
)
NOWHERE = ("", Killed)

numbers = st.integers(0, 7)


def mostly(usual, others) -> st.SearchStrategy:
    """Draw the usual one as often as all the others together."""
    return st.one_of(st.just(usual), st.sampled_from(list(others)))


class Hint(NamedTuple):
    pk: int
    step: str
    argument: str


@functools.lru_cache
def hint_of(pk: int, payload: str) -> Hint:
    task = SignedPackage.loads(payload)
    return Hint(pk, task["func"].rpartition(".")[2], task["args"][0])


@contextmanager
def rolled_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


class InlinePoller(poll.Poller):
    """A poller whose database work and requests are done on the spot, so that it needs no loop."""

    def __init__(self, token: str) -> None:
        super().__init__("p0", token)
        self.sender = World.gateway
        self.targets = poll.targets()

    async def db(self, work, *args):
        return work(*args)


def at_once(coroutine) -> None:
    """Run a coroutine that waits for nothing."""
    with pytest.raises(StopIteration):
        coroutine.send(None)


class Schedule(RuleBasedStateMachine):
    """One schedule: the rules are what may happen, the invariant what must hold after each of them."""

    folder: Path
    account: PaperGateway  # of the day so far
    begins_at: datetime  # of every schedule: one that is run again must go the same way
    every: Asked
    columns = ("pk", "status", "failure", "claim", "progress", "version", "upstream_id", "file", "prompt__text")
    asked_rows: Asked
    asked_attempts: Asked
    asked_hints: Asked

    def __init__(self) -> None:
        super().__init__()
        self.undo = ExitStack()
        self.clock = self.undo.enter_context(time_machine.travel(self.begins_at, tick=False))
        self.undo.enter_context(rolled_back())
        self.gateway = World.gateway = copy.deepcopy(self.account)
        World.is_leaving, World.opened = False, ""
        self.sent_again: Counter[int] = Counter()
        self.rows: dict[int, dict] = {}
        self.dated: set[Path] = set()
        self.pages: dict[int, dict] = {}  # the rows as people's pages showed them, a step ago
        self.tokens = 0
        self.is_seen_to_its_end = False
        recovery._hinted.clear()
        self.look()

    @initialize(chance=st.integers(1, 20))
    def some_are_seen_to_their_end(self, chance):
        self.is_seen_to_its_end = chance == 20

    def teardown(self) -> None:
        try:
            if self.is_seen_to_its_end:
                self.see_to_its_end()
        finally:
            self.undo.close()
            for folder in self.folder.iterdir():
                shutil.rmtree(folder)

    # What may happen

    @precondition(lambda self: len(self.rows) < 6)
    @rule(model=st.sampled_from([FORM_MODEL, ENVELOPE_MODEL]), user=st.sampled_from([alice, bob]))
    def somebody_asks(self, model, user):
        begun(model=model, user=user(), prompt=f"wish {len(self.rows)}")

    @precondition(lambda self: self.hints["submit"])
    @rule(
        which=numbers,
        answer=mostly("accepted", CREATE_ANSWERS),
        point=mostly(NOWHERE, POINTS_OF_A_CREATE),
        meanwhile=mostly("nothing", ("its hint again", "lease over", "leaving", "sweep", "paused", *DECISIONS)),
        doubled=st.booleans(),
    )
    def a_hint_to_submit_runs(self, which, answer, point, meanwhile, doubled):
        self.run("submit", which, point, meanwhile, doubled=doubled, create_answer=answer)

    @precondition(lambda self: self.hints["download"])
    @rule(
        which=numbers,
        answer=mostly("done", POLL_ANSWERS),
        file=mostly("whole", FILES),
        point=mostly(NOWHERE, POINTS_OF_A_DOWNLOAD),
        meanwhile=mostly("nothing", ("its hint again", "lease over", "leaving", "sweep", "paused", "ask again")),
        doubled=st.booleans(),
    )
    def a_hint_to_download_runs(self, which, answer, file, point, meanwhile, doubled):
        self.run("download", which, point, meanwhile, doubled=doubled, poll_answer=answer, file=file)

    @precondition(lambda self: self.are_any({Status.IN_PROGRESS}))
    @rule(
        answer=mostly("done", POLL_ANSWERS),
        meanwhile=mostly("nothing", ("lease over", "another poller", "sweep", "paused", "ask again", "give up")),
        killed=mostly(False, [True]),
    )
    def the_poller_looks(self, answer, meanwhile, killed):
        self.tell(poll_answer=answer, meanwhile=meanwhile)
        self.poll(is_killed=killed)

    @precondition(lambda self: self.are_any({*ACTIVE, Status.UNKNOWN}))
    @rule(seconds=st.sampled_from(SPANS), at_once=st.booleans())
    def time_passes_and_the_engine_sweeps(self, seconds, at_once):
        self.pass_time(seconds)
        if at_once:
            recovery.replay_receipts(older_than=0)
        recovery.sweep()

    @precondition(lambda self: any(self.hints.values()))
    @rule()
    def all_hints_are_lost(self):
        OrmQ.objects.all().delete()

    @precondition(lambda self: self.are_any({*ACTIVE, Status.UNKNOWN, Status.FAILED}))
    @rule(
        decision=st.sampled_from(DECISIONS),
        which=numbers,
        answer=mostly("running", POLL_ANSWERS),
        stale=st.booleans(),
    )
    def a_person_decides(self, decision, which, answer, stale):
        self.tell(poll_answer=answer)
        self.decide(decision, which, is_stale=stale)

    def see_to_its_end(self) -> None:
        """Left alone with a gateway that does its work, every row ends or waits for a person."""
        World.is_leaving = False
        for _ in range(12):
            Gateway.objects.get().resume()
            self.pass_time(400)
            recovery.sweep()
            self.tell(create_answer="accepted", poll_answer="done", file="whole")
            for pk, payload in OrmQ.objects.order_by("pk").values_list("pk", "payload"):
                self.run_hint(hint_of(pk, payload))
            self.poll()
            if not Generation.objects.active().exists():
                return self.ask_in_words()
        raise AssertionError(f"not ended: {list(Generation.objects.active().values('status', 'detail', 'due_at'))}")

    # What must hold

    @invariant()
    def all_is_well(self):
        before = self.pages = self.rows
        self.look()
        self.date_receipts()
        if self.every.rows():
            self.ask_in_words()
        self.check_against_the_gateways_account()
        for pk, row in self.rows.items():
            if pk in before:
                self.check_change(before[pk], row)
            if row["status"] == Status.COMPLETED:
                assert path_of(row["file"]).read_bytes() == VIDEO

    def date_receipts(self) -> None:
        """Give each new receipt the time of the schedule: a file's own is that of the machine."""
        for path in {*django_settings.RECEIPTS_DIR.glob("*")} - self.dated:
            now = timezone.now().timestamp()
            os.utime(path, (now, now))
            self.dated.add(path)

    @staticmethod
    def ask_in_words() -> None:
        found = list(invariants.violations())
        assert not found, found

    def check_against_the_gateways_account(self) -> None:
        attempts = Counter(pk for (pk,) in self.asked_attempts.rows())
        costs, again = self.gateway.costs()
        for pk, row in self.rows.items():
            wish = row["prompt__text"]
            assert costs[wish] + self.gateway.unsent[wish] == attempts[pk], f"{row}: {costs}, {attempts}"
            assert costs[wish] <= 1 + again[wish] + self.sent_again[pk], f"{row} was paid {costs[wish]} times"
        known = {row["upstream_id"] for row in self.rows.values()}
        for create in self.gateway.creates:
            if create.is_on_record and create.upstream_id not in known:
                assert self.is_written_down(create.upstream_id), f"{create} is forgotten"

    def is_written_down(self, upstream_id: str) -> bool:
        receipt_texts = [path.read_text() for path in self.folder.glob("receipts/*")]
        return (
            any(f'"{upstream_id}"' in text for text in receipt_texts)
            or Event.objects.filter(reason__contains=upstream_id).exists()
        )

    def check_change(self, before: dict, after: dict) -> None:
        assert after["progress"] >= before["progress"], f"progress fell: {before}, {after}"
        assert after["version"] >= before["version"]
        if before["status"] == after["status"]:
            return
        assert after["version"] > before["version"]
        if before["status"] in TERMINAL:
            assert before["failure"] in REVIVABLE, f"it had ended: {before}, {after}"

    # How it happens

    def look(self) -> None:
        """Take down the rows and the hints as they are."""
        self.rows = {row[0]: dict(zip(self.columns, row, strict=True)) for row in self.asked_rows.rows()}
        self.hints: dict[str, list[Hint]] = defaultdict(list)
        for pk, payload in self.asked_hints.rows():
            hint = hint_of(pk, payload)
            self.hints[hint.step].append(hint)

    def are_any(self, statuses) -> bool:
        return any(row["status"] in statuses for row in self.rows.values())

    def tell(self, *, point=NOWHERE, meanwhile: str = "nothing", **answers: str) -> None:
        """Set what the gateway will say next, and what will happen while it is asked."""
        for name, answer in answers.items():
            setattr(self.gateway, name, answer)
        self.gateway.kill_at, self.gateway.blow = point
        self.gateway.meanwhile = lambda: self.happen(meanwhile)

    def run(self, step: str, which: int, point=NOWHERE, meanwhile: str = "nothing", *, doubled=False, **answers):
        """Run a hint; one that is doubled, or whose process is killed, stays in the queue."""
        hint = self.hints[step][which % len(self.hints[step])]
        self.tell(point=point, meanwhile=meanwhile, **answers)
        try:
            self.run_hint(hint, doubled=doubled)
        except Killed:
            self.leave_a_part_behind()
        self.gateway.kill_at = ""
        World.is_leaving = False

    def run_hint(self, hint: Hint, *, doubled: bool = False) -> None:
        self.hint = hint
        getattr(tasks, hint.step)(hint.argument)
        if not doubled:
            OrmQ.objects.filter(pk=hint.pk).delete()

    def leave_a_part_behind(self) -> None:
        """A process that is killed for real removes nothing."""
        for generation in Generation.objects.filter(status=Status.DOWNLOADING).exclude(claim=""):
            part = part_of(generation)
            part.parent.mkdir(parents=True, exist_ok=True)
            part.write_bytes(VIDEO[:5])

    def poll(self, *, is_killed: bool = False) -> None:
        self.tokens += 1
        poller = InlinePoller(f"poller-{self.tokens}")
        if not (rooms := poller.rooms()):
            return
        for row in poll.claim(poller.token, rooms):
            at_once(poller.ask(row))
        self.gateway.while_it_waits()
        if not is_killed:
            at_once(poller.flush())

    def pass_time(self, seconds: int) -> None:
        self.clock.shift(seconds)
        recovery._hinted.clear()  # it goes by another clock

    def happen(self, meanwhile: str) -> None:
        """What happens while a request is on its way."""
        match meanwhile:
            case "nothing":
                return
            case "its hint again":
                self.run_hint(self.hint, doubled=True)
            case "lease over":
                self.pass_time(LEASE_OVER)
                recovery.sweep()
            case "sweep":
                recovery.sweep()
            case "leaving":
                World.is_leaving = True
            case "paused":
                Gateway.objects.get().pause_for(30, "busy")
            case "another poller":
                self.pass_time(LEASE_OVER)
                self.poll()
            case _:
                if meanwhile in ("confirm", "send again", "attach its own", "attach another"):
                    self.happen("lease over")
                self.decide(meanwhile, 0)
        if meanwhile == "send again":  # and the new one goes out before the old one is answered
            recovery.sweep()
            tasks.submit(self.hint.argument)

    def decide(self, decision: str, which: int, *, is_stale: bool = False) -> None:
        statuses = {
            "cancel": {Status.QUEUED, Status.SUBMITTING},
            "ask again": {Status.IN_PROGRESS, Status.DOWNLOADING, Status.FAILED},
            "give up": {Status.IN_PROGRESS},
        }.get(decision, {Status.UNKNOWN})
        rows = list(Generation.objects.filter(status__in=statuses).select_related("gateway", "prompt").order_by("pk"))
        if not rows:
            return
        row = rows[which % len(rows)]
        if is_stale and row.pk in self.pages:
            page = self.pages[row.pk]
            row.status, row.failure, row.claim = page["status"], page["failure"], page["claim"]
        try:
            self.carry_out(decision, row)
        except CannotDo:
            return

    def carry_out(self, decision: str, row: Generation) -> None:
        match decision:
            case "cancel":
                decisions.cancel(row, alice())
            case "attach its own":
                ids = [create.upstream_id for create in self.gateway.creates if create.prompt == row.prompt.text]
                decisions.attach(row, ids[-1] if ids else "task_nobody", alice())
            case "attach another":
                decisions.attach(row, next(iter(self.gateway.tasks), "task_nobody"), alice())
            case "confirm":
                decisions.confirm_not_created(row, alice())
            case "send again":
                decisions.send_again(row, alice(), typed=SEND_AGAIN_WORDS)
                self.sent_again[row.pk] += 1
            case "ask again":
                decisions.ask_again(row, alice())
            case "give up":
                decisions.give_up(row, alice())


class ScheduleTests(TestCase):
    """Every schedule begins in the middle of a day: rows that wait, one each in progress, unknown and downloading."""

    def setUp(self):
        folder = Path(self.enterContext(tempfile.TemporaryDirectory(prefix="videostudio-schedules-")))
        self.enterContext(override_settings(MEDIA_ROOT=folder / "media", RECEIPTS_DIR=folder / "receipts"))
        self.enterContext(patched())
        logging.disable()  # what goes wrong on purpose would fill the report of what does not
        self.addCleanup(logging.disable, logging.NOTSET)
        make_gateway(failure_policy=Gateway.FailurePolicy.REFUNDED)
        make_price("0.08", model=FORM_MODEL)  # the others have none, and the ledger says nothing of them
        Schedule.folder, Schedule.account = folder, self.a_day_so_far()
        Schedule.begins_at = datetime.now(UTC)
        Schedule.every = of_rows()
        Schedule.asked_rows = Asked.of(Generation.objects.order_by("pk").values_list(*Schedule.columns))
        Schedule.asked_attempts = Asked.of(SubmitAttempt.objects.order_by().values_list("generation"))
        Schedule.asked_hints = Asked.of(OrmQ.objects.order_by("pk").values_list("pk", "payload"))

    def a_day_so_far(self) -> PaperGateway:
        World.gateway = PaperGateway()
        downloading, lost, running = [begun(user=bob(), prompt=f"wish {number}") for number in range(3)]
        for row, answer in ((downloading, "accepted, and done"), (lost, "lost"), (running, "accepted")):
            World.gateway.create_answer = answer
            submit.submit(row.pk)
        OrmQ.objects.filter(key="submit").delete()
        begun(user=alice(), prompt="wish 3")
        begun(user=bob(), model=ENVELOPE_MODEL, prompt="wish 4")
        return World.gateway

    @pytest.mark.timeout(1800)
    def test_no_schedule_loses_a_row_or_pays_twice(self):
        run_state_machine_as_test(
            Schedule,
            settings=settings(
                max_examples=SCHEDULES,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
