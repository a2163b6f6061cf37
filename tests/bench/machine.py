"""What a row asks of the machine: processor time of process trees, memory, and children that end with their row."""

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings

from tests.bench.upstream import LATENCY
from tests.processes import below, wait_for
from tests.services.studio import free_port, kill

TICK = os.sysconf("SC_CLK_TCK")


def cpu_of(pid: int) -> float:
    """Return the seconds of processor time that a process and the children it has waited for used."""
    try:
        facts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(map(int, facts[11:15])) / TICK


def cpu_of_tree(pid: int) -> float:
    """Return the same for a process and everything below it; what its dead used stays counted."""
    return sum(map(cpu_of, [pid, *below(pid)]))


def memory_of(pid: int) -> float:
    """Return the MB a process holds for itself: shared pages count by their share."""
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1024
    return 0.0


def memory_of_tree(pid: int) -> float:
    """Return the same for a process and everything below it."""
    return sum(map(memory_of, [pid, *below(pid)]))


def memory_of_largest(pid: int) -> float:
    """Return the same for the largest of them."""
    return max(map(memory_of, [pid, *below(pid)]))


class Meter:
    """Processor time and wall time of some processes, from its making on."""

    def __init__(self, *trees: int) -> None:
        self.trees = trees
        self.used = {pid: cpu_of_tree(pid) for pid in trees}
        self.began = time.monotonic()

    def seconds(self) -> float:
        return time.monotonic() - self.began

    def cpu(self) -> float:
        return sum(cpu_of_tree(pid) - self.used[pid] for pid in self.trees)

    def cores(self) -> float:
        return self.cpu() / self.seconds()


@contextlib.contextmanager
def child(module: str, *arguments: object, **options: Any) -> Iterator[subprocess.Popen]:
    """Run `python -m module arguments` for as long as the block lasts."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, **options)
    try:
        yield process
    finally:
        end([process])


def end(processes: Iterable[subprocess.Popen]) -> None:
    """Kill processes and all below them."""
    for process in processes:
        left = below(process.pid)
        process.kill()
        process.wait()
        for pid in left:
            kill(pid)


class SimulatedUpstream:
    """upstream.py in a process of its own; entered, it listens. `base_urls` are one gateway each."""

    def __init__(self, gateways: int = 2) -> None:
        self.ports = [free_port() for _ in range(gateways)]
        self.base_urls = [f"http://127.0.0.1:{port}" for port in self.ports]
        self.private_hosts = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        # What tests.services.studio asks of a gateway:
        self.key = "sk-bench-0123456789abcdef"
        self.base_url = self.base_urls[0]
        self.host_port = self.private_hosts

    def __enter__(self) -> "SimulatedUpstream":
        self._child = child("tests.bench.upstream", *self.ports)
        self.process = self._child.__enter__()
        wait_for(self._is_up, why="the simulated upstream does not listen")
        return self

    def __exit__(self, *error: object) -> None:
        self._child.__exit__(*error)

    def _is_up(self) -> bool:
        with contextlib.suppress(OSError):
            return bool(self.seen())
        return False

    def seen(self) -> dict[str, Any]:
        """Return what arrived so far: `polls`, and `creates` as {mark in the prompt: time}."""
        with urllib.request.urlopen(f"{self.base_url}/seen", timeout=10) as answer:  # noqa: S310 (our own process)
            return json.load(answer)

    def polls(self) -> int:
        return self.seen()["polls"]


def polls_per_second(upstream: SimulatedUpstream, seconds: float) -> float:
    """Return how many polls arrive per second, over so many seconds from now."""
    before, began = upstream.polls(), time.monotonic()
    time.sleep(seconds)
    return (upstream.polls() - before) / (time.monotonic() - began)


def wait_for_polls(upstream: SimulatedUpstream) -> None:
    before = upstream.polls()
    wait_for(lambda: upstream.polls() > before, seconds=30, why="nobody polls")
    time.sleep(10 * LATENCY)
