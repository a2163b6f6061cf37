"""`python -m tests.bench [names]`: measure, print a table and JSON, exit 1 when a must is missed twice."""

import argparse
import json
import os
import sys
import time
from functools import partial
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from tests.bench import engine, history, programs, ranges, web  # noqa: E402
from tests.bench.figures import Figure, table  # noqa: E402

ENGINE = (engine.polls, engine.flight, engine.idle, engine.download, engine.soak)
PROGRAMS = (programs.api, programs.gigabyte, programs.litellm)
ROWS = {row.__name__: row for row in (*ENGINE, web.submit, history.history, ranges.ranges, *PROGRAMS)}


def measure(name: str) -> list[Figure]:
    """Return a row's figures; a row that misses a must is measured once more, and that counts."""
    began = time.monotonic()
    figures = list(ROWS[name]())
    if any(figure.verdict == "MISSED" for figure in figures):
        print(f"{name}: missed, once more", file=sys.stderr)
        figures = list(ROWS[name]())
    print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *ROWS], help=f"rows to measure: {', '.join(ROWS)}")
    parser.add_argument("--rows", type=int, default=history.ROWS, help="rows of the library that `history` fills")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    chosen = parser.parse_args()
    ROWS["history"] = partial(history.history, chosen.rows)
    load = os.getloadavg()[0]
    found = {name: measure(name) for name in chosen.names or ROWS}
    figures = [figure for row in found.values() for figure in row]
    print(table(figures))
    print(f"load of the machine before: {load:.1f} on {os.cpu_count()} cores")
    report = json.dumps({name: [figure.as_json() for figure in row] for name, row in found.items()})
    print(report)
    if chosen.json:
        chosen.json.write_text(report)
    return int(any(figure.verdict == "MISSED" for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
