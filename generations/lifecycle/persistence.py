"""Writing down what already happened, however long the database is away."""

import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, close_old_connections

from videostudio.scrubbing import scrub_json

log = logging.getLogger(__name__)

# What a database that is away, or a connection that broke, raises. A healthy one's refusals are IntegrityError
# and DataError: trying those again changes nothing.
AWAY = (DatabaseError, InterfaceError)
REFUSED = (IntegrityError, DataError)


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


def storable(answer: Mapping[str, Any], *secrets: str) -> dict[str, Any]:
    """Return a gateway's answer as it may be stored: without secrets, and in text that every database takes."""
    text = json.dumps(scrub_json(dict(answer), *secrets), ensure_ascii=False)
    # Half a surrogate pair is legal in Python's strings, but in no database's.
    kept: dict[str, Any] = json.loads(text.encode("utf-8", "replace"))
    return kept
