"""What the workers of one run make once and share: it takes seconds of a processor, and each of them would need it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def folder_of(factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all workers of this run have; pytest removes it in time."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@contextmanager
def alone(folder: Path, name: str) -> Iterator[None]:
    """Let one worker at a time pass: the first makes what the others find."""
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
