"""Who is at work in a cluster: each step holds a file of its own locked, which the process's end unlocks.

Rows and beats cannot tell the supervisor this: a lease outlives its process, and one long step would speak for workers
that wait for ever on a lock that died with another.
"""

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER_VARIABLE = "STUDIO_DESKS"  # of one cluster

log = logging.getLogger(__name__)


@contextmanager
def at_work() -> Iterator[None]:
    """Be counted while a step runs. On a disk that takes no file the step runs all the same, uncounted."""
    desk = _sit_down()
    try:
        yield
    finally:
        if desk:
            handle, path = desk
            path.unlink(missing_ok=True)
            os.close(handle)


def _sit_down() -> tuple[int, Path] | None:
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        return None
    path = Path(folder) / str(os.getpid())
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError as error:
        log.warning("a step is not counted as at work (%s)", error)
        return None
    return handle, path


def make(folder: Path) -> Path:
    """Return the folder, made if need be, without the files of processes that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if not _is_held(path):
            path.unlink(missing_ok=True)
    return folder


def count(folder: Path) -> int:
    """Return how many processes are at a step now."""
    return sum(_is_held(path) for path in folder.iterdir())


def is_still(folder: Path, seconds: float) -> bool:
    """Say whether no step has begun or ended in the last `seconds`."""
    return time.time() - folder.stat().st_mtime > seconds


def _is_held(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:  # it has just ended
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
