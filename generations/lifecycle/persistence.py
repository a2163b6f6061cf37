"""Writing down what already happened, however long the database is away."""

import logging
import time
from collections.abc import Callable

from django.db import DatabaseError, IntegrityError, close_old_connections

log = logging.getLogger(__name__)


def insist[T](write: Callable[[], T], *, seconds: float) -> T:
    """Return what `write` returns, trying again while the database is away, for at most `seconds`.

    Only for facts that must not be lost, such as the outcome of a paid request. An IntegrityError is
    an answer of a healthy database and is raised at once; any other DatabaseError once time is up.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            return write()
        except IntegrityError:
            raise
        except DatabaseError as error:
            if time.monotonic() >= until:
                raise
            log.warning("the database is away (%s), trying again", type(error).__name__)
            time.sleep(1)
            close_old_connections()
