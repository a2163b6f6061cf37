"""Rows of the engine: polls per second, ten thousand in flight, what idleness costs, from the click to the wire."""

import json
import math
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from django.conf import settings

from generations.lifecycle.poll import AT_ONCE, PER_GATEWAY
from tests.bench.figures import Figure, middle, percentile
from tests.bench.machine import (
    Meter,
    SimulatedUpstream,
    memory_of_largest,
    memory_of_tree,
    polls_per_second,
    wait_for_polls,
)
from tests.bench.place import ask, begin, cluster, engines, only_reaching, place
from tests.media.clips import make_clip
from tests.processes import wait_for
from tests.services.studio import Studio
from tests.upstream import FakeUpstream

ROUNDS = 3
IN_FLIGHT, FINISHING = 10_000, (20, 200)  # rows; rows a second, of clips that take minutes and of a flood
CADENCE = 10.0  # seconds
FILLING, WARM_UP, WINDOW = 6.0, 8.0, 12.0  # seconds: the rows are made, everybody has a rhythm, it is measured
CLICKS = 40
SETTLED = 15.0  # seconds until a poller's memory has found its size
HOUR_OF_POLLS = 180_000  # of 1,000 rows that are 5 to 30 minutes old, each asked about every 20 s
MB, GIGABYTE = 1024**2, 1024**3


def polls() -> Iterator[Figure]:
    """One poller against its own HTTP client bare, and against one queue task a poll; rows are always due."""
    with (
        SimulatedUpstream() as upstream,
        place("SQLite", upstream, STUDIO_POLL_SECONDS="1", **only_reaching(upstream)) as studio,
    ):
        fill(studio, upstream, lasting=12_000, interval=0)
        bare, whole = [], []
        for _ in range(ROUNDS):
            bare.append(client_bare(upstream))
            whole.append(one_poller(studio, upstream, gateways=1))
        most = one_poller(studio, upstream, gateways=2)
        single = task_per_poll(studio, upstream)
    ratios = [poller["rate"] / client["rate"] for poller, client in zip(whole, bare, strict=True)]
    costs = [poller["cpu_ms"] for poller in whole]
    changes = sum(poller["changes"] for poller in whole)
    yield Figure(
        name="polls/s of one poller / its client bare",
        value=middle(ratios),
        unit="x",
        must=0.75,
        reach=0.9,
        is_more_better=True,
        baseline=f"{rate_of(whole)} / {rate_of(bare)} polls/s over {PER_GATEWAY} connections",
        rounds=ratios,
    )
    yield Figure(
        name="polls/s of one poller / one queue task a poll",
        value=most["rate"] / single,
        unit="x",
        must=100,
        reach=200,
        is_more_better=True,
        baseline=f"{most['rate']:,.0f} over {AT_ONCE} connections / {single:.1f} polls/s",
    )
    yield Figure(
        name="processor time of a poll, whole cluster",
        value=middle(costs),
        unit="ms",
        baseline=f"client bare {middle(client['cpu_ms'] for client in bare):.3f} ms; {changes:,} changes were written",
        rounds=costs,
    )


def rate_of(rounds: list[dict[str, float]]) -> str:
    return f"{middle(found['rate'] for found in rounds):,.0f}"


def fill(studio: Studio, upstream: SimulatedUpstream, **arguments: object) -> int:
    known = {"base_urls": upstream.base_urls, "key": upstream.key, "done_at": [], "start": time.time()}
    return ask(studio, "fill", **known | arguments)


def client_bare(upstream: SimulatedUpstream, seconds: float = 3) -> dict[str, float]:
    arguments = [seconds, PER_GATEWAY, upstream.key, upstream.base_urls[0]]
    command = [sys.executable, "-m", "tests.bench.bare", *map(str, arguments)]
    printed = subprocess.run(command, cwd=settings.BASE_DIR, check=True, capture_output=True, text=True)
    return json.loads(printed.stdout)


def one_poller(studio: Studio, upstream: SimulatedUpstream, *, gateways: int, seconds: float = 4) -> dict[str, float]:
    """Let a poller work on rows that are all due, and return what it did per second and poll."""
    before = ask(studio, "reset", gateways=gateways)
    with cluster(studio, "poll") as process:
        wait_for_polls(upstream)
        meter = Meter(process.pid)
        rate = polls_per_second(upstream, seconds)
        cost = 1000 * meter.cpu() / (rate * meter.seconds())
    return {"rate": rate, "cpu_ms": cost, "changes": ask(studio, "versions") - before}


def task_per_poll(studio: Studio, upstream: SimulatedUpstream, seconds: float = 6) -> float:
    """Return the polls per second of two workers that run one queue task a poll, each of which queues the next."""
    ask(studio, "reset", gateways=1)
    ask(studio, "queue_single_polls", count=100)
    with cluster(studio, "single"):
        wait_for_polls(upstream)
        return polls_per_second(upstream, seconds)


def flight() -> Iterator[Figure]:
    """Ten thousand rows in flight at a cadence of 10 s, while others finish: what it costs, and how late it is seen."""
    for engine in engines():
        for pollers, finishing in product((1, 2), FINISHING):
            yield from in_flight(engine, pollers, finishing)


def in_flight(engine: str, pollers: int, finishing: int) -> Iterator[Figure]:
    variables = {"STUDIO_POLL_SECONDS": f"{CADENCE:g}"}
    with SimulatedUpstream() as upstream, place(engine, upstream, **variables, **only_reaching(upstream)) as studio:
        start = time.time() + FILLING
        opens, closes = start + WARM_UP, start + WARM_UP + WINDOW
        # Spread as evenly as the due times, and not in step with them: the median of 240 times drawn at random is
        # a third of a second wrong by itself.
        done_at = [opens + WINDOW * (number * 0.7548777 % 1) for number in range(round(finishing * WINDOW))]
        fill(studio, upstream, lasting=IN_FLIGHT, done_at=done_at, interval=CADENCE, start=start)
        with cluster(studio, "poll") as process:
            if pollers == 2:
                ask(studio, "second_poller")
            watching = begin(studio, "watch", until=closes + 1.1 * CADENCE + 2)
            sleep_until(opens)
            meter, before = Meter(process.pid), upstream.polls()
            database = Meter(*ask(studio, "backends"))
            sleep_until(closes)
            cores, rate = meter.cores(), (upstream.polls() - before) / meter.seconds()
            database_cores, memory = database.cores(), memory_of_tree(process.pid)
            client = client_bare(upstream, seconds=2)
            seen = json.loads(watching.communicate()[0])
    delays = [at - int(task.rpartition("-")[2]) / 1000 for task, at in seen.items()]
    name = f"{engine}, {pollers} poller{'s' if pollers > 1 else ''}, {finishing} finish a second"
    yield Figure(
        name=f"{name}: {IN_FLIGHT:,} in flight at {CADENCE:g} s",
        value=cores,
        unit="core",
        must=0.6,
        reach=0.3,
        baseline=(
            f"{rate:,.0f} polls/s; client bare {client['cpu_ms'] * rate / 1000:.2f} core; "
            f"database {database_cores:.2f} core; {memory:.0f} MB"
        ),
    )
    yield Figure(
        name=f"{name}: done -> row updated, p50",
        value=percentile(delays, 0.5),
        unit="s",
        must=CADENCE / 2 + 0.3,
        baseline=f"half the cadence; {len(delays)} of {len(done_at)} seen",
    )
    yield Figure(
        name=f"{name}: done -> row updated, p95",
        value=percentile(delays, 0.95) if len(delays) == len(done_at) else math.inf,
        unit="s",
        must=CADENCE + 0.5,
        baseline=f"the cadence; worst {max(delays, default=math.nan):.1f} s",
    )


def soak() -> Iterator[Figure]:
    """The poller's memory before and after as many polls as a thousand rows bring in an hour.

    Of the largest process, because each worker of the cluster has its turn at polling and grows to that size once.
    """
    with (
        SimulatedUpstream() as upstream,
        place("SQLite", upstream, STUDIO_POLL_SECONDS="1", **only_reaching(upstream)) as studio,
    ):
        fill(studio, upstream, lasting=12_000, interval=0)
        with cluster(studio, "poll") as process:
            wait_for_polls(upstream)
            time.sleep(SETTLED)
            before, polls_before = memory_of_largest(process.pid), upstream.polls()
            wait_for(
                lambda: upstream.polls() - polls_before >= HOUR_OF_POLLS,
                seconds=600,
                why="an hour's polls take too long",
            )
            after = memory_of_largest(process.pid)
    yield Figure(
        name=f"poller's memory after {HOUR_OF_POLLS:,} polls",
        value=after - before,
        unit="MB more",
        must=10,
        baseline=f"{before:.0f} MB before, {after:.0f} MB after",
    )


def download() -> Iterator[Figure]:
    """A file of a gigabyte, fetched, hashed, measured and stored: what its worker needs more than for a small one."""
    small = video_of(10 * MB)
    with FakeUpstream(video=small) as upstream, Studio(upstream=upstream) as studio:
        studio.sign_in()
        finish_one(studio)
        main = studio.mains()["download"]
        resting = memory_of_tree(main)
        upstream.video = video_of(GIGABYTE)
        began = time.monotonic()
        peak = finish_one(studio, watched=main)
        seconds = time.monotonic() - began
    yield Figure(
        name="download cluster, a file of 1 GB",
        value=peak - resting,
        unit="MB more",
        must=40,
        baseline=f"{resting:.0f} MB after one of 10 MB, {peak:.0f} MB at most; {seconds:.0f} s from the click",
    )


def video_of(size: int) -> bytes:
    """Return a playable MP4 of so many bytes: a small clip, then a box that players skip."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "clip.mp4"
        make_clip(path, 1280, 720, 5)
        clip = path.read_bytes()
    filler = size - len(clip)
    return clip + filler.to_bytes(4, "big") + b"free" + bytes(filler - 8)


def finish_one(studio: Studio, *, watched: int | None = None) -> float:
    """Generate one video; return the most memory, in MB, that the tree of process `watched` was seen to hold."""
    uuid, peak = studio.generate("A red fox in the snow", seconds="5", size="1280x720"), 0.0

    def is_over() -> bool:
        nonlocal peak
        if watched:
            peak = max(peak, memory_of_tree(watched))
        return studio.status(uuid) in {"completed", "failed", "unknown"}

    wait_for(is_over, seconds=300, why=studio.said())
    assert studio.status(uuid) == "completed", studio.record(uuid)
    return peak


def sleep_until(moment: float) -> None:
    time.sleep(max(moment - time.time(), 0))


def idle() -> Iterator[Figure]:
    """The whole tree of `make run` with nothing to do, and how soon a click of Generate is on the wire."""
    with (
        SimulatedUpstream(1) as upstream,
        place("SQLite", upstream, DJANGO_SETTINGS_MODULE="videostudio.settings") as studio,
    ):
        studio.start()
        try:
            time.sleep(8)
            meter = Meter(studio.process.pid)
            time.sleep(15)
            cores, memory = meter.cores(), memory_of_tree(studio.process.pid)
            waits = sorted(from_click_to_wire(studio, upstream))
        finally:
            studio.stop()
    yield Figure(
        name="idle, whole tree",
        value=100 * cores,
        unit="% of a core",
        must=4,
        baseline=f"{memory:.0f} MB",
    )
    for share, must in ((0.5, 150), (0.95, 350)):
        yield Figure(
            name=f"click -> create on the wire, p{100 * share:.0f}",
            value=1000 * percentile(waits, share),
            unit="ms",
            must=must,
            baseline=f"{len(waits)} clicks; quickest {1000 * waits[0]:.0f}, slowest {1000 * waits[-1]:.0f} ms",
        )


def from_click_to_wire(studio: Studio, upstream: SimulatedUpstream) -> list[float]:
    """Click at odd moments, as people do, and return how long each create took to arrive, in seconds."""
    studio.sign_in()
    clicked = {}
    for number in range(CLICKS):
        time.sleep(random.uniform(0.2, 0.5))
        clicked[f"bench-{number}"] = time.time()
        studio.generate(f"A red fox in the snow, bench-{number}")
    wait_for(lambda: len(upstream.seen()["creates"]) == CLICKS, seconds=30, why="not every create arrived")
    arrived = upstream.seen()["creates"]
    return [arrived[mark] - at for mark, at in clicked.items()]
