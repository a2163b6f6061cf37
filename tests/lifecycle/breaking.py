"""Where a schedule may be broken off: the paper gateway in the engine's place, and a point around every write."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from unittest import mock

from django.db import OperationalError, transaction

from generations.lifecycle import decisions, download, heartbeat, persistence, receipts, submit
from tests.lifecycle.paper import Killed, PaperGateway, measure
from videostudio import lifeline

REAL = SimpleNamespace(
    open=submit._open_attempt,
    send=submit.send,
    accept=submit.accept,
    refuse=submit.refuse,
    write=receipts.write,
    store=download._store,
    close=submit._close,
)


class World:
    """Where the patches look: the gateway of the schedule that is running, and whether its studio is stopping."""

    gateway = PaperGateway()
    is_leaving = False
    opened = ""  # the prompt whose attempt was just written down

    @classmethod
    @contextmanager
    def unsent(cls, prompt: str) -> Iterator[None]:
        """Note that an attempt never reaches the wire when its process does not get past here."""
        try:
            yield
        except (Killed, OperationalError):
            cls.gateway.unsent[prompt] += 1
            raise


def of_gateway(name: str) -> Callable:
    """Return a stand-in that is this method of the gateway of the schedule that is running."""
    return lambda *args, **kwargs: getattr(World.gateway, name)(*args, **kwargs)


def recorded(function: Callable) -> Callable:
    """Put a point before and after what writes an answer down."""

    def around(*args, **kwargs):
        World.gateway.pass_("before the commit")
        result = function(*args, **kwargs)
        World.gateway.pass_("after the commit")
        return result

    return around


def send(generation, *args):
    with World.unsent(generation.prompt.text):
        World.gateway.pass_("before it is sent")
    REAL.send(generation, *args)


def opening(generation, *args):
    World.gateway.pass_("in the opening")
    attempt = REAL.open(generation, *args)
    World.opened = generation.prompt.text if attempt else ""
    return attempt


@contextmanager
def atomic():
    with transaction.atomic():
        yield
    prompt, World.opened = World.opened, ""
    if prompt:
        with World.unsent(prompt):
            World.gateway.pass_("after the opening")


def write(receipt):
    World.gateway.pass_("before the receipt")
    World.gateway.has_to_be_known(receipt.upstream_id)
    REAL.write(receipt)


def accept(attempt, task, **options):
    World.gateway.has_to_be_known(task.upstream_id)
    return recorded(REAL.accept)(attempt, task, **options)


def close(*args):
    World.gateway.pass_("in the commit")
    REAL.close(*args)


def store(*args):
    World.gateway.pass_("before the file is stored")
    REAL.store(*args)
    World.gateway.pass_("after the commit")


STAND_INS = (
    *[(module, "send_once", of_gateway("send_once")) for module in (submit, download, decisions)],
    (submit, "transaction", SimpleNamespace(atomic=atomic)),
    (submit, "_open_attempt", opening),
    (submit, "send", send),
    (submit, "accept", accept),
    (submit, "refuse", recorded(REAL.refuse)),
    (submit, "_close", close),
    (receipts, "write", write),
    (download, "open_download", of_gateway("open_download")),
    (download, "measure", measure),
    (download, "_store", store),
    (download, "sync_folder", lambda folder: World.gateway.pass_("after the rename")),
    (download, "make_poster", lambda video, poster: poster.write_bytes(b"a picture")),
    (download, "make_preview", lambda video, preview: preview.write_bytes(b"a preview")),
    (lifeline, "is_leaving", lambda: World.is_leaving),
    (heartbeat, "threading", SimpleNamespace(Event=mock.Mock, Thread=mock.Mock)),  # beats at its start alone
    (os, "fsync", lambda handle: World.gateway.pass_("in its fsync")),
    (persistence.time, "sleep", lambda seconds: None),
    (persistence, "close_old_connections", lambda: None),
)


@contextmanager
def patched() -> Iterator[None]:
    """Put all of them in their places."""
    with ExitStack() as stack:
        for target, name, stand_in in STAND_INS:
            stack.enter_context(mock.patch.object(target, name, stand_in))
        yield
