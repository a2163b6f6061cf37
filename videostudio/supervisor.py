"""One process tree: the web server and the queue's clusters, each in a process group of its own.

Whatever dies or freezes is killed with its whole group and started again. The one thing that is never cut short is a
paid request on the wire: its group is left alone until the request's own time is over. A stop asks each main process,
waits, then kills; children whose supervisor was killed leave by themselves (lifeline.py).
"""

import contextlib
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from videostudio import lifeline
from videostudio.canary import CanaryWatch, Patience, Probe, beats_lately
from videostudio.premises import answers, port_problem

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Service:
    """A program to keep running: `script.py arguments`, or `-m module arguments`.

    `cluster` names the queue it works on; one that `pays` may have a paid request on the wire; a `site` is a
    web server, named by the (host, port) it listens on.
    """

    name: str
    program: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    cluster: str = ""
    pays: bool = False
    site: tuple[str, int] | None = None


@dataclass(frozen=True, kw_only=True)
class Timing:
    """All times in seconds."""

    tick: float = 0.2
    backoff: tuple[float, float] = (0.2, 10.0)  # first, most
    settled: float = 30.0  # a service that lived as long starts again without waiting
    create: float = 150.0  # a create is over by then, by its own clock
    grace: float = 30.0  # from SIGTERM to SIGKILL
    idle_grace: float = 6.0  # the same where nothing is at work: the queue's own stop may hang
    look: float = 1.0  # between two looks at the clusters
    knock: float = 5.0  # between two requests to the site
    silent: float = 60.0  # a web server that answers nothing for so long is started again
    answer: float = 2.0  # for one answer of the probe
    canary: Patience = field(default_factory=Patience)


class Asker(threading.Thread):
    """Asks questions on a thread of its own: an answer that never comes must not stop supervision."""

    def __init__(self, subject: str) -> None:
        super().__init__(name=subject, daemon=True)
        self.subject = subject
        self._questions: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = queue.SimpleQueue()
        self._in_trouble = False
        self.start()

    def begin[T](self, question: Callable[[], T]) -> "Future[T]":
        answer: Future[T] = Future()
        self._questions.put((answer, question))
        return answer

    def ask[T](self, question: Callable[[], T], *, timeout: float) -> T | None:
        """Return the answer, or None when there is none in time or it failed (which the log says)."""
        answer = self.begin(question)
        try:
            return answer.result(timeout)
        except TimeoutError:
            answer.cancel()
            log.warning("%s does not answer", self.subject)
            return None
        except Exception:  # said by the thread, once for a spell of trouble
            return None

    def run(self) -> None:
        while True:
            answer, question = self._questions.get()
            if not answer.set_running_or_notify_cancel():
                continue
            try:
                result = question()
            except Exception as error:
                if not self._in_trouble:
                    log.warning("%s cannot be asked (%s); supervision goes on", self.subject, error)
                self._in_trouble = True
                answer.set_exception(error)
            else:
                if self._in_trouble:
                    log.warning("%s answers again", self.subject)
                self._in_trouble = False
                answer.set_result(result)


class Child:
    """The processes of one service: a main process that leads a group, and what it forks."""

    def __init__(self, service: Service, timing: Timing) -> None:
        self.service = service
        self.timing = timing
        self.process: subprocess.Popen[bytes] | None = None
        self.starts_at = 0.0
        self.started_at = 0.0
        self.backoff = timing.backoff[0]

    def start(self, line: int) -> None:
        """Start the main process, tied to this one and holding the read end of the stop line."""
        command = [sys.executable, "-m", "videostudio.lifeline", str(os.getpid()), *self.service.program]
        environment = {**os.environ, **self.service.environment, lifeline.FD_VARIABLE: str(line)}
        self.process = subprocess.Popen(  # noqa: S603 (our own programs)
            command,
            cwd=Path(__file__).resolve().parent.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=(line,),
        )
        self.started_at = time.monotonic()

    def ending(self) -> str:
        """Return how the main process ended, in words; empty while it runs or when there is none."""
        code = self.process.poll() if self.process else None
        if code is None:
            return ""
        return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"

    def retire(self, *, spare_creates: bool) -> int:
        """Kill the group, or only its main process, and take it off the books. Returns the group's id."""
        if self.process is None:
            raise ValueError(f"{self.service.name} is not running")
        group = self.process.pid
        if spare_creates:
            self.process.kill()
        else:
            signal_group(group, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):  # it hangs in the kernel: nobody can do more
            self.process.wait(5)
        self.process = None
        return group

    def schedule(self) -> None:
        """Set when to start again: at once after a long life, later and later after short ones."""
        now = time.monotonic()
        first, most = self.timing.backoff
        if now - self.started_at >= self.timing.settled:
            self.backoff = first
        self.starts_at = now + self.backoff
        self.backoff = min(self.backoff * 2, most)


class Supervisor:
    """Keeps services running until it is told to stop. `greet` is called once, when the site first answers."""

    def __init__(
        self,
        services: Sequence[Service],
        probe: Probe,
        *,
        greet: Callable[[], None] = lambda: None,
        timing: Timing | None = None,
    ) -> None:
        self.timing = timing or Timing()
        self.children = [Child(service, self.timing) for service in services]
        self.probe = probe
        self.greet = greet
        self.stop_signals = 0
        line, stop_line = os.pipe()
        self.line, self.stop_line = os.fdopen(line, "rb"), os.fdopen(stop_line, "wb")
        self.database = Asker("the database")
        self.web = Asker("the site")
        self.watches: dict[str, CanaryWatch] = {}
        self.lingering: dict[int, float] = {}  # group with a create on the wire: until when
        self._paying: tuple[float, bool | None] = (float("-inf"), None)
        self._stop_by = float("inf")
        self._verdicts: Future[list[tuple[CanaryWatch, str]]] | None = None
        self._health: Future[bool] | None = None
        self._looked_at = self._knocked_at = self._answered_at = 0.0
        self._has_greeted = self._waits_for_port = self._adopts = False

    # Running

    def run(self) -> int:
        """Supervise until SIGTERM, SIGINT or SIGHUP. Returns the exit code."""
        lifeline.adopt_orphans()
        self._adopts = sys.platform == "linux"
        with self._signals():
            try:
                while not self.stop_signals:
                    self.step()
                    time.sleep(self.timing.tick)
                self.stop()
            finally:
                self.kill_everything()
        return 0

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        def note(number: int, frame: FrameType | None) -> None:
            self.stop_signals += 1

        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        before = {number: signal.signal(number, note) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def step(self) -> None:
        """Look after everything once."""
        for child in self.children:
            if ending := child.ending():
                self.restart(child, ending)
            elif child.process is None and time.monotonic() >= child.starts_at:
                self.start(child)
        self._end_lingering()
        self._reap_orphans()
        self._look_at_site()
        self._look_at_clusters()

    def start(self, child: Child) -> None:
        service = child.service
        if service.site:
            if problem := port_problem(*service.site):
                if not self._waits_for_port:
                    log.warning("%s waits: %s", service.name, problem)
                self._waits_for_port = True
                child.schedule()
                return
            self._waits_for_port = False
            self._answered_at = time.monotonic()
        try:
            child.start(self.line.fileno())
        except OSError as error:  # no room for another process now
            log.warning("%s cannot be started (%s); trying again", service.name, error)
            child.schedule()
            return
        if service.cluster:
            self.watches[service.cluster] = CanaryWatch(service.cluster, self.probe, self.timing.canary)
            # Else what the last one had taken would wait for the queue's patience to end, many minutes.
            self.database.begin(lambda: self.probe.hand_out_again(service.cluster))

    def restart(self, child: Child, reason: str) -> None:
        """Kill what is left of a service and let it start again. A create on the wire may end first."""
        log.warning("%s %s; starting it again", child.service.name, reason)
        self._retire(child)
        self.watches.pop(child.service.cluster, None)
        child.schedule()

    def _retire(self, child: Child) -> None:
        until = min(time.monotonic() + self.timing.create, self._stop_by)
        # No answer counts as a create on the wire: a wait costs time, the other mistake costs money.
        spare = child.service.pays and time.monotonic() < until and self._ask_whether_paying() is not False
        group = child.retire(spare_creates=spare)
        if spare:
            self.lingering[group] = until

    def _ask_whether_paying(self) -> bool | None:
        """Say whether a create may be on the wire; None: nobody knows."""
        is_paying = self.database.ask(self.probe.is_create_on_the_wire, timeout=self.timing.answer)
        self._paying = (time.monotonic(), is_paying)
        return is_paying

    def _are_creates_over(self) -> bool:
        """Say whether no create is on the wire, as of a second ago at most."""
        asked_at, is_paying = self._paying
        if time.monotonic() - asked_at >= self.timing.look:
            is_paying = self._ask_whether_paying()
        return is_paying is False

    def _end_lingering(self) -> None:
        for group, until in list(self.lingering.items()):
            if signal_group(group, 0) and time.monotonic() < until and not self._are_creates_over():
                continue
            signal_group(group, signal.SIGKILL)
            del self.lingering[group]

    def _reap_orphans(self) -> None:
        """Bury what we adopted, so that a group without living members is gone."""
        if not self._adopts:
            return
        ours = {child.process.pid for child in self.children if child.process}
        with contextlib.suppress(ChildProcessError):
            while found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                if found.si_pid in ours:
                    return
                os.waitpid(found.si_pid, 0)

    # Looking

    def _look_at_site(self) -> None:
        """Greet once the site answers; start it again when it has answered nothing for long."""
        child = next((child for child in self.children if child.service.site and child.process), None)
        if child is None or child.service.site is None:
            return
        site, now = child.service.site, time.monotonic()
        if self._health is None:
            if not self._has_greeted or now - self._knocked_at >= self.timing.knock:
                self._knocked_at = now
                self._health = self.web.begin(lambda: answers(*site))
        elif self._health.done():
            if self._health.result():
                self._answered_at = time.monotonic()
                self._greet_once()
            self._health = None
        if now - max(self._answered_at, child.started_at) > self.timing.silent:
            self.restart(child, f"has not answered for {self.timing.silent:.0f} s")

    def _greet_once(self) -> None:
        if not self._has_greeted:
            self._has_greeted = True
            self.database.begin(self.greet)

    def _look_at_clusters(self) -> None:
        """Start again each cluster whose canary says that it is wedged."""
        now = time.monotonic()
        if self._verdicts is None:
            if now - self._looked_at >= self.timing.look:
                self._looked_at = now
                watches = list(self.watches.values())
                self._verdicts = self.database.begin(lambda: [(watch, watch.check()) for watch in watches])
            return
        if not self._verdicts.done():
            return
        verdicts, self._verdicts = self._verdicts, None
        if verdicts.exception():  # said in the log, once for a spell of trouble
            return
        for watch, reason in verdicts.result():
            if reason and self.watches.get(watch.cluster) is watch:
                child = next(child for child in self.children if child.service.cluster == watch.cluster)
                self.restart(child, reason)

    # Stopping

    def stop(self) -> None:
        """Ask every main process to end, wait for paid requests and for work handed over, then kill what is left."""
        log.info("stopping")
        began, asked_twice = time.monotonic(), self.stop_signals + 1
        self._stop_by = began + self.timing.create
        self.stop_line.close()  # every child now sees that nothing new may begin
        for child in self.children:
            if child.process:
                child.process.terminate()
        has_explained = False
        while self._is_anything_left(began) and self.stop_signals < asked_twice:
            if not has_explained and time.monotonic() - began > self.timing.idle_grace:
                has_explained = True
                log.info("waiting for work under way to end; Ctrl-C again stops it now")
            time.sleep(self.timing.tick / 2)
        log.info("stopped" if self.stop_signals < asked_twice else "stopped at once")

    def kill_everything(self) -> None:
        """Kill every group, whatever it does."""
        for child in self.children:
            if child.process:
                child.retire(spare_creates=False)
        for group in self.lingering:
            signal_group(group, signal.SIGKILL)
        self.lingering.clear()
        self._reap_orphans()

    def _is_anything_left(self, began: float) -> bool:
        elapsed = time.monotonic() - began
        for child in self.children:
            if child.process and (child.ending() or self._is_out_of_time(child, elapsed)):
                self._retire(child)
        self._reap_orphans()
        self._end_lingering()
        return bool(self.lingering) or any(child.process for child in self.children)

    def _is_out_of_time(self, child: Child, elapsed: float) -> bool:
        if elapsed < self.timing.idle_grace:
            return False
        if child.service.pays:
            return elapsed >= self.timing.create or self._are_creates_over()
        if elapsed >= self.timing.grace or not child.service.cluster:
            return elapsed >= self.timing.grace
        cluster, lately = child.service.cluster, self.timing.canary.lately
        is_at_work = self.database.ask(lambda: beats_lately(self.probe, cluster, lately), timeout=self.timing.answer)
        return is_at_work is False


def signal_group(group: int, number: int) -> bool:
    """Signal a process group; False when it has no members any more."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # the latter is macOS's answer when only zombies are left
        return False
    return True
