"""Writing down what already happened, however long the database is away."""

import errno
import functools
import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    NotSupportedError,
    ProgrammingError,
    close_old_connections,
)

from videostudio.scrubbing import scrub_json

log = logging.getLogger(__name__)

# What a database that is away, or a connection that broke, raises: sometimes no more than the base of all. What a
# healthy one refuses is a kind of it, and has to be caught first: trying that again changes nothing.
AWAY = (DatabaseError, InterfaceError)
REFUSED = (IntegrityError, DataError, ProgrammingError, NotSupportedError)


def is_away(error: BaseException | None) -> bool:
    """Say whether an error means that the database is away, which passes by itself."""
    return isinstance(error, AWAY) and not isinstance(error, REFUSED)


def is_full(error: BaseException | None) -> bool:
    """Say whether an error means that the disk takes nothing, which passes when somebody makes room."""
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


def insist[T](write: Callable[[], T], *, seconds: float) -> T:
    """Return what `write` returns, trying again while the database is away, for at most `seconds`.

    Only for facts that must not be lost, such as the outcome of a paid request. `write` must bear being
    called again after a commit whose confirmation was lost. Raises what a healthy database refuses at once,
    and the database's last error when time is up.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            return write()
        except REFUSED:
            raise
        except AWAY as error:
            if time.monotonic() >= until:
                raise
            log.warning("the database is away (%s), trying again", type(error).__name__)
            time.sleep(1)
            close_old_connections()


def patient[**P](step: Callable[P, None]) -> Callable[P, None]:
    """Let a step of the queue end in one line of the log when the database is away: its row is found again."""

    @functools.wraps(step)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            step(*args, **kwargs)
        except REFUSED:
            raise
        except AWAY as error:
            log.warning("%s %s: the database is away (%s)", step.__name__, args, type(error).__name__)

    return run


def storable(answer: Mapping[str, Any], *secrets: str) -> dict[str, Any]:
    """Return a gateway's answer as it may be stored: without secrets, and in text that every database takes."""
    text = json.dumps(scrub_json(dict(answer), *secrets), ensure_ascii=False)
    # Half a surrogate pair is legal in Python's strings, but in no database's.
    kept: dict[str, Any] = json.loads(text.encode("utf-8", "replace"))
    return kept
