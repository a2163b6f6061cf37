"""A small process tree for the supervisor's tests: programs to supervise, a probe made of files, and a way to run it.

Run as `python -m tests.tree PLACE SERVICE...` it supervises the named services until it is stopped. Everything it
says about itself goes into files in PLACE, so that a test can look and steer: `creates` holds how many paid requests
are on the wire (or a word that is no number: the database is away), `started` one line for each start.
"""

import os
import signal
import sys
import time
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path

from videostudio import lifeline
from videostudio.canary import Patience
from videostudio.supervisor import Service, Supervisor, Timing

QUICK = Timing(
    tick=0.05,
    backoff=(0.1, 0.4),
    settled=30,
    create=4,
    grace=3,
    idle_grace=1,
    look=0.2,
    knock=0.5,
    silent=4,
    answer=0.5,
    canary=Patience(every=0.5, overdue=2, starting=4, lately=2, unacknowledged=3),
)


def note(place: Path, name: str, line: object) -> None:
    with (place / name).open("a") as file:
        file.write(f"{line}\n")


def lines(place: Path, name: str) -> list[str]:
    path = place / name
    return path.read_text().split() if path.exists() else []


def main_process(place: Path, service: str, kind: str) -> None:
    """Fork two workers and wait, as a cluster's main process does; end quietly on SIGTERM unless stubborn."""
    if kind == "short":
        note(place, "started", service)
        sys.exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN if kind == "stubborn" else lambda *_: sys.exit(0))
    workers = [os.fork() or work(place, service, kind) for _ in range(2)]
    note(place, f"{service}-workers", " ".join(map(str, workers)))
    note(place, f"{service}-mains", os.getpid())
    note(place, "started", service)
    while True:
        time.sleep(1)


def work(place: Path, service: str, kind: str) -> int:
    """One worker: notes a SIGTERM; when paying, it is shielded until the file `paid` is there."""
    signal.signal(signal.SIGTERM, lambda *_: note(place, "terminated", service))
    with lifeline.shielded() if kind == "paying" else nullcontext():
        while not (place / "paid").exists():
            time.sleep(0.05)
        note(place, "answered", service)
    while True:
        time.sleep(1)


class FileProbe:
    """What the database would say, from files."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def send_canary(self, cluster: str) -> int:
        return 1

    def canary_at(self, cluster: str) -> datetime | None:
        return None if (self.place / f"{cluster}-frozen").exists() else datetime.now().astimezone()

    def message_is_taken(self, pk: int) -> bool:
        return False

    def message_waits(self, pk: int) -> bool:
        return False

    def last_beat(self, cluster: str) -> datetime | None:
        return datetime.now().astimezone() if (self.place / f"{cluster}-beats").exists() else None

    def is_idling(self, cluster: str, seconds: float) -> bool:
        return (self.place / f"{cluster}-idles").exists()

    def is_create_on_the_wire(self) -> bool:
        path = self.place / "creates"
        text = path.read_text() if path.exists() else "0"
        if text == "hangs":
            time.sleep(60)
        return int(text) > 0

    def hand_out_again(self, cluster: str) -> None:
        note(self.place, "handed-out", cluster)


def service(place: Path, text: str) -> Service:
    """Read `name:kind`. A name that is a number is a web server's port; `submit` pays."""
    name, _, kind = text.partition(":")
    program = ("-m", "tests.tree", str(place), "--main", name, kind)
    if name.isdigit():
        web = ("-m", "http.server", name, "--bind", "127.0.0.1", "--directory", str(place))
        return Service(name="web", program=web, site=("127.0.0.1", int(name)))
    return Service(name=name, program=program, cluster=name, pays=name == "submit")


def main(arguments: list[str]) -> int:
    place = Path(arguments[0])
    if arguments[1] == "--main":
        main_process(place, *arguments[2:])
    services = [service(place, text) for text in arguments[1:]]
    return Supervisor(services, FileProbe(place), greet=lambda: note(place, "greeted", "once"), timing=QUICK).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
