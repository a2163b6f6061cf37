"""Helpers for tests that start real processes: waiting, and looking at what runs below a process (Linux)."""

import os
import time
from collections.abc import Callable
from pathlib import Path


def wait_for[T](what: Callable[[], T], *, seconds: float = 15.0, why: str = "") -> T:
    """Return the first true answer of `what`. Raises AssertionError when there is none in time.

    Asks less often after a second: what is waited for is to have the machine, not these questions.
    """
    began = time.monotonic()
    while not (found := what()):
        waited = time.monotonic() - began
        assert waited < seconds, why or f"waited {seconds:g} s in vain"
        time.sleep(0.05 if waited < 1 else 0.3)
    return found


def _stat(pid: int) -> list[str]:
    """Return /proc's facts about a process from its state on; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def is_running(pid: int) -> bool:
    facts = _stat(pid)
    return bool(facts) and facts[0] != "Z"


def parent_of(pid: int) -> int:
    facts = _stat(pid)
    return int(facts[1]) if facts else 0


def below(pid: int) -> list[int]:
    """Return the running processes whose ancestor `pid` is, parents before children."""
    parents = {int(entry): parent_of(int(entry)) for entry in os.listdir("/proc") if entry.isdigit()}
    found = [pid]
    for ancestor in found:
        found += [child for child, parent in parents.items() if parent == ancestor and is_running(child)]
    return found[1:]


def command_of(pid: int) -> str:
    """Return a process's command line; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""
