"""How soon full service is back after kill -9 of each kind of process, by hand: a table.

    python -m tests.services.return_times [--busy] [kinds]

For every kind a studio of its own is started, a process of this kind killed, and four videos are asked for in the
seconds after it. The figure is the slowest of them, from the first try to post it to the file; the same without a
kill is the first row. `polls` is how long no task was asked about. With --busy a create is on the wire, a file
half-way and two tasks are being polled at the kill. On SQLite, or on the server of TEST_DATABASE_URL.
"""

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from tests.processes import below, wait_for  # noqa: E402
from tests.services.base import FINISHED, clip  # noqa: E402
from tests.services.kill_storm import ask_for, start_again  # noqa: E402
from tests.services.studio import Studio, kill  # noqa: E402
from tests.upstream import FakeUpstream  # noqa: E402

MUST = 25.0  # seconds
VIDEOS, PAUSE = 4, 2.0
SETTLED = 8.0  # seconds after the start: a canary has come home
LONGEST = 300.0
type Victims = Callable[[Studio], list[int]]
WORKERS = {"submit": 4, "download": 3, "poll": 2}


def sentinel(studio: Studio, cluster: str) -> int:
    return next(pid for pid in below(studio.mains()[cluster]) if len(below(pid)) > 1)


def helpers(studio: Studio, cluster: str, first: int, last: int | None = None) -> list[int]:
    """Return some of what a sentinel forks, in its order: the workers, the monitor, the pusher."""
    return below(sentinel(studio, cluster))[first:last]


def kinds() -> dict[str, Victims]:
    """Return how to find the processes of each kind that is to be killed."""
    found: dict[str, Victims] = {
        "nobody": lambda studio: [],
        "web main": lambda studio: [studio.mains()["web"]],
        "web worker": lambda studio: below(studio.mains()["web"])[:1],
        "supervisor": lambda studio: [studio.process.pid],
        "everything": lambda studio: [studio.process.pid, *studio.everybody()],
    }
    for cluster, count in WORKERS.items():
        found |= {
            f"{cluster} main": lambda studio, name=cluster: [studio.mains()[name]],
            f"{cluster} sentinel": lambda studio, name=cluster: [sentinel(studio, name)],
            f"{cluster} worker": lambda studio, name=cluster: helpers(studio, name, 0, 1),
            f"{cluster} workers": lambda studio, name=cluster, last=count: helpers(studio, name, 0, last),
            f"{cluster} monitor": lambda studio, name=cluster, at=count: helpers(studio, name, at, at + 1),
            f"{cluster} pusher": lambda studio, name=cluster, at=count + 1: helpers(studio, name, at, at + 1),
        }
    return found


class Measurement:
    """One kill and what people notice of it."""

    def __init__(self, prepared: Studio, video: bytes, victims: Victims, *, is_busy: bool) -> None:
        self.victims, self.is_busy = victims, is_busy
        self.upstream = FakeUpstream(video)
        self.studio = Studio(upstream=self.upstream, prepared=prepared)
        self.may_end = threading.Event()
        self.slowest = self.silence = 0.0

    def run(self) -> None:
        with self.upstream, self.studio:
            self.studio.sign_in()
            time.sleep(SETTLED)
            self.upstream.never_ends()
            watched = ask_for(self.studio, "a kite that is watched")
            wait_for(lambda: self.studio.status(watched) == "in_progress", seconds=LONGEST)
            if self.is_busy:
                self.begin_work()
            killed_at = time.time()
            victims = self.victims(self.studio)
            for pid in victims:
                kill(pid)
            if self.studio.process.pid in victims:
                self.studio.process.wait()
                start_again(self.studio)
            asked = {}
            for number in range(VIDEOS):
                at = killed_at if number == 0 else time.time()
                asked[ask_for(self.studio, f"kite number {number}")] = at
                self.see_finished(asked)
                time.sleep(PAUSE)
            wait_for(lambda: self.see_finished(asked), seconds=LONGEST, why=self.studio.said())
            self.may_end.set()
            self.silence = self.longest_silence(killed_at)

    def begin_work(self) -> None:
        """Bring one of each kind of work under way."""
        self.upstream.halfway(lambda: self.may_end.wait(LONGEST))
        ask_for(self.studio, "a kite that is fetched")
        wait_for(lambda: self.upstream.fetches, seconds=LONGEST)
        self.upstream.never_ends().meanwhile(lambda: self.may_end.wait(LONGEST))
        ask_for(self.studio, "another kite that is watched")
        ask_for(self.studio, "a kite that is sent")
        wait_for(lambda: len(self.upstream.creates) == 4, seconds=LONGEST)

    def see_finished(self, asked: dict[str, float]) -> bool:
        """Take the time of what has finished meanwhile. True when everything has."""
        for uuid in [uuid for uuid in asked if self.studio.status(uuid) in FINISHED]:
            self.slowest = max(self.slowest, time.time() - asked.pop(uuid))
        return not asked

    def longest_silence(self, since: float) -> float:
        moments = [since, *(poll.at for poll in self.upstream.polls if poll.at > since), time.time()]
        return max(later - earlier for earlier, later in pairwise(moments))


def main() -> int:
    every = kinds()
    parser = argparse.ArgumentParser(prog="python -m tests.services.return_times", description=__doc__)
    parser.add_argument("kinds", nargs="*", help=f"any of: {', '.join(every)}")
    parser.add_argument("--busy", action="store_true")
    chosen = parser.parse_args()
    video, prepared = clip(), Studio()
    prepared.run("prepare")
    is_late = False
    try:
        print(f"{'killed':20} {'slowest':>9} {'polls':>9}")
        for name in chosen.kinds or every:
            measurement = Measurement(prepared, video, every[name], is_busy=chosen.busy)
            measurement.run()
            is_late |= measurement.slowest > MUST
            print(f"{name:20} {measurement.slowest:7.1f} s {measurement.silence:7.1f} s", flush=True)
    finally:
        prepared.discard()
    return int(is_late)


if __name__ == "__main__":
    sys.exit(main())
