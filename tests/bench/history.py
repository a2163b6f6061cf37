"""The row of the library: what depth, words and filters cost in a full one, beside the naive twin of each."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from tests.bench.figures import Figure
from tests.bench.machine import SimulatedUpstream
from tests.bench.place import engines, only_reaching, place
from tests.services.studio import Studio

ROWS = 1_000_000  # `--rows` makes it fewer


def history(rows: int = ROWS) -> Iterator[Figure]:
    """A library of so many rows on each database there is: its pages in process, as a browser asks for them."""
    for engine in engines():
        with SimulatedUpstream() as upstream, place(engine, upstream, **only_reaching(upstream)) as studio:
            studio.run("load_demo", str(rows), seconds=1800)
            studio.run("collectstatic", "--noinput")
            yield from figures(engine, rows, measured(studio))


def measured(studio: Studio) -> dict[str, Any]:
    line = [sys.executable, "-m", "tests.bench.pages"]
    return json.loads(
        subprocess.run(line, env=studio.environment, stdout=subprocess.PIPE, check=True, text=True).stdout
    )


def figures(engine: str, rows: int, found: dict[str, Any]) -> Iterator[Figure]:
    place = f"{engine}, {rows:,} rows"
    yield Figure(
        name=f"page {found['depth']:,} / page 1 ({place})",
        value=found["deep"] / found["first"],
        unit="x",
        must=1.25,
        reach=1.05,
        baseline=f"{found['deep']:.1f} / {found['first']:.1f} ms; by OFFSET {found['naive_deep']:.0f} ms",
    )
    yield Figure(
        name=f"processor time of a page / of five bytes ({place})",
        value=found["page_cpu"] / found["five_bytes"],
        unit="H",
        must=12,
        reach=5,
        baseline=f"{found['page_cpu']:.1f} / {found['five_bytes']:.2f} ms; Paginator {found['naive_cpu']:.0f} ms",
    )
    for word, times in found["words"].items():
        yield Figure(
            name=f"icontains / search for a {word} word ({place})",
            value=times["naive"] / times["ours"],
            unit="x",
            must=10 if word == "common" else 100,
            reach=500,
            is_more_better=True,
            baseline=f"{times['naive']:.0f} / {times['ours']:.1f} ms, {times['count']}",
        )
    slowest, milliseconds = max(found["mixes"].items(), key=lambda mix: mix[1])
    yield Figure(
        name=f"slowest of {len(found['mixes'])} mixes of filters and words ({place})",
        value=milliseconds,
        unit="ms",
        baseline=f"{slowest}; their median {sorted(found['mixes'].values())[len(found['mixes']) // 2]:.0f} ms",
    )
