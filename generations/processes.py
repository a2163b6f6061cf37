"""Processes that must not outlive their parent, and steps that must not be cut short."""

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """Ask Linux to send this process SIGTERM when its parent dies; elsewhere there is no such thing.

    `parent` is the pid it should have: a parent that died before the request was made is noticed too.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def finish_first() -> Iterator[None]:
    """Hold SIGTERM back until the block is done: a paid request on the wire ends before its process does."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may touch signal handlers; there is none to hold back here
        return
    asked: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        if asked:
            os.kill(os.getpid(), signal.SIGTERM)
