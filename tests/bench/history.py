"""The row of the library: what depth, words and filters cost in a full one, beside the naive twin of each.

Times are taken in process; the page's processor time on the web server, as a browser asks for it: compressed.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx

from tests.bench.figures import Figure, middle
from tests.bench.machine import SimulatedUpstream
from tests.bench.place import engines, only_reaching, place
from tests.bench.web import beside_least, web
from tests.services.studio import Studio

ROWS = 1_000_000  # `--rows` makes it fewer
PAGES = 300  # requests a round


def history(rows: int = ROWS) -> Iterator[Figure]:
    """A library of so many rows on each database there is: its pages in process, as a browser asks for them."""
    for engine in engines():
        with SimulatedUpstream() as upstream, place(engine, upstream, **only_reaching(upstream)) as studio:
            studio.run("load_demo", str(rows), seconds=1800)
            studio.run("collectstatic", "--noinput")
            yield served(engine, rows, studio)
            yield from figures(engine, rows, measured(studio))


def served(engine: str, rows: int, studio: Studio) -> Figure:
    """Return what the first page costs the web server; what a database server takes comes on top."""
    with web(studio) as pid:
        studio.sign_in()
        cost = beside_least(studio, pid, lambda: page(studio), PAGES)
        size = len(page(studio).content) / 1024
    return Figure(
        name=f"a page of the library / a view of five bytes ({engine}, {rows:,} rows)",
        value=middle(cost.ratios),
        unit="H",
        must=12,
        reach=5,
        baseline=f"H {cost.least:.3f} ms, a page of {size:.0f} KB {cost.own:.2f} ms of processor time",
        rounds=cost.ratios,
    )


def page(studio: Studio) -> httpx.Response:
    answer = studio.client.get("/generations/")
    assert answer.status_code == 200, answer.text[:2000]
    assert answer.headers.get("Content-Encoding"), "it is not compressed"
    return answer


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
        name=f"processor time of Paginator and a template a row / ours, without a server ({place})",
        value=found["naive_cpu"] / found["page_cpu"],
        unit="x",
        is_more_better=True,
        baseline=f"{found['naive_cpu']:.0f} / {found['page_cpu']:.1f} ms",
    )
    for word, times in found["words"].items():
        yield Figure(
            name=f"icontains / search for a {word} word ({place})",
            value=times["naive"] / times["ours"],
            unit="x",
            must=100,
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
