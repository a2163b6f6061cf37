"""The tie between the supervisor and every process under it: when whoever started a process is gone, it leaves.

`python -m videostudio.lifeline PARENT script.py ARGUMENTS` (or `-m module ARGUMENTS`) runs a program tied to the
process PARENT, and everything the program forks tied to the program. A process killed with -9 therefore takes
all below it along, so nobody keeps the port, the queue's locks or a message. Linux does the killing
(PR_SET_PDEATHSIG); elsewhere only `is_leaving` works and the supervisor kills the group.

A paid request is the exception: `shielded()` lets it end, and its answer be written down, before the process leaves.
That one may be on the wire is `announced()` by a lock, which goes with the process that held it.
"""

import ctypes
import fcntl
import os
import runpy
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FD_VARIABLE = "STUDIO_LIFELINE_FD"
WIRE_VARIABLE = "STUDIO_WIRE_LOCK"
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None

_parent = 0  # who must live for this process to go on; 0 while it is not tied to anybody


def _prctl(option: int, value: int) -> None:
    if _libc is not None:
        _libc.prctl(option, value, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of every process below whose own parent dies, where the system can do that (Linux)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def tie(parent: int) -> None:
    """Let this process be killed when `parent`, the process that started it, dies."""
    global _parent
    _parent = parent
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _leave_if_orphaned()  # it may have died before the tie held


def tie_forks() -> None:
    """Tie every process that this one, and those it forks, will fork."""
    forking: list[int] = []
    os.register_at_fork(
        before=lambda: forking.append(os.getpid()),
        after_in_parent=forking.clear,
        after_in_child=lambda: tie(forking.pop()),
    )


def is_orphaned() -> bool:
    return bool(_parent) and os.getppid() != _parent


def is_leaving() -> bool:
    """Say whether this process is to begin nothing new: the studio is stopping, or a process above has died."""
    return is_orphaned() or _line_is_cut()


@contextmanager
def shielded() -> Iterator[None]:
    """Let what is inside end although the parent dies meanwhile; the process leaves right after it.

    For a create on the wire only, from before its first byte until its outcome is written down.
    """
    _prctl(_PR_SET_PDEATHSIG, 0)
    try:
        yield
    finally:
        if _parent:
            tie(_parent)


@contextmanager
def announced() -> Iterator[None]:
    """Let the supervisor see that a paid request may be on the wire, from before it is claimed until it is recorded."""
    path = os.environ.get(WIRE_VARIABLE)
    if not path:
        yield
        return
    handle = os.open(path, os.O_RDONLY | os.O_CREAT, 0o640)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield
    finally:
        os.close(handle)


def is_announced(path: Path) -> bool:
    """Say whether a living process has announced a paid request on the lock file at `path`; make it if need be."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _leave_if_orphaned() -> None:
    if is_orphaned():
        os._exit(1)


def _line_is_cut() -> bool:
    """Whether the supervisor has closed its end of the pipe it gave us, or is gone."""
    descriptor = os.environ.get(FD_VARIABLE)
    if not descriptor:
        return False
    line = select.poll()
    line.register(int(descriptor), select.POLLIN)
    return bool(line.poll(0))


def main(arguments: list[str]) -> None:
    """Run a program as `python` would, tied to the process named first."""
    tie(int(arguments[0]))
    tie_forks()
    sys.argv = arguments[1:]
    if sys.argv[0] == "-m":
        del sys.argv[0]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    # The module, not this second copy of it, must hold the state that the program will import.
    from videostudio.lifeline import main as run

    run(sys.argv[1:])
