"""Doing the same thing at the same moment in several threads, each on a database connection of its own."""

import threading
from collections.abc import Callable, Sequence

from django.db import connection


def race[T](runners: Sequence[Callable[[], T]], *, seconds: float = 30) -> list[T]:
    """Return what each runner returned, in the order they ended. Raises what one of them raised."""
    ready = threading.Barrier(len(runners))
    results: list[T] = []
    errors: list[BaseException] = []

    def run(runner: Callable[[], T]) -> None:
        try:
            ready.wait(10)
            results.append(runner())
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(runner,)) for runner in runners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds)
    if errors:
        raise errors[0]
    assert len(results) == len(runners), "a thread is still running"
    return results
