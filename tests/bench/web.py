"""Rows of the web server: its processor time a request, in H, the least that a view behind all middleware takes."""

import contextlib
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
from django.conf import settings

from tests.bench.figures import Figure, middle
from tests.bench.machine import SimulatedUpstream, cpu_of_tree, end
from tests.bench.place import only_reaching, place
from tests.bench.views import COUNT
from tests.processes import wait_for
from tests.services.studio import Studio

ROUNDS, WARM = 3, 20
LEAST, SUBMITS = 1500, 150  # requests a round
PRICED = """
from generations.models import Gateway, ModelPrice
known = {"base_url": "https://gateway.invalid", "key": "sk-nobody-0123456789", "offers": ["wan", "veo"]}
gateway = Gateway.objects.create(name="bench", **known)
ModelPrice.objects.create(model_key="wan/wan2.6", per="second", amount="0.08", source="the bench", gateway=gateway)
"""
FRESH_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')


def submit() -> Iterator[Figure]:
    """A priced submit through htmx: the form, row, ledger, event and queue message; the card and a fresh form."""
    with SimulatedUpstream(1) as upstream, place("SQLite", upstream, **only_reaching(upstream)) as studio:
        studio.shell(PRICED)
        with web(studio) as pid:
            studio.sign_in()
            cost = beside_least(studio, pid, lambda: press(studio), SUBMITS)
            statements = int(press(studio, **{COUNT: "yes"}).headers[COUNT])
    yield Figure(
        name="priced submit with htmx / a view of five bytes",
        value=middle(cost.ratios),
        unit="H",
        must=14,
        reach=9,
        baseline=f"H {cost.least:.3f} ms, a submit {cost.own:.2f} ms of processor time",
        rounds=cost.ratios,
    )
    yield Figure(name="priced submit with htmx", value=statements, unit="statements", must=12, reach=8)


def press(studio: Studio, **headers: str):
    """Press Generate as a page with htmx does: everything the form shows, with a new prompt and a token of its own."""
    fields = {
        **{"model": "wan/wan2.6", "prompt": f"A red fox in the snow, {secrets.token_hex(8)}"},
        **{"form_token": secrets.token_urlsafe(16), "shown_price": "0.40 USD", "was": "wan/wan2.6", "parent": ""},
        **{"size": "1280x720", "seconds": "5", "csrfmiddlewaretoken": studio.client.cookies["csrftoken"]},
    }
    files = {name: (None, value) for name, value in fields.items()}
    answer = studio.client.post("/", files=files, headers={"HX-Request": "true", "X-Keep-Form": "1", **headers})
    assert answer.status_code == 200, answer.text[:2000]
    assert FRESH_TOKEN.search(answer.text), "there is no fresh form"
    return answer


@contextlib.contextmanager
def web(studio: Studio) -> Iterator[int]:
    """Run the web server alone, with one worker, for as long as the block lasts; yield its process id."""
    command = [sys.executable, "-m", "granian", "videostudio.wsgi:application", "--interface", "wsgi"]
    command += ["--host", "127.0.0.1", "--port", str(studio.port), "--workers", "1", "--blocking-threads", "4"]
    command += ["--log-level", "error", "--no-ws", "--no-access-log"]
    with studio.log_path.open("ab") as log:
        process = subprocess.Popen(
            command, cwd=settings.BASE_DIR, env=studio.environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        wait_for(lambda: is_up(studio), seconds=30, why="the web server does not listen")
        yield process.pid
    finally:
        end([process])


@dataclass(frozen=True)
class Cost:
    """What a request costs the server, in processor time: in H, a ratio a round, and both in milliseconds."""

    ratios: list[float]
    least: float
    own: float


def beside_least(studio: Studio, pid: int, ask: Callable[[], object], count: int) -> Cost:
    """Measure a request, so many a round, beside the least that a view takes; the first twenty are not counted."""
    for _ in range(WARM):
        ask()
    rounds = []
    for _ in range(ROUNDS):
        least = cpu_per_request(pid, lambda: studio.client.get("/bench/five-bytes"), LEAST)
        rounds.append((least, cpu_per_request(pid, ask, count)))
    least, own = (1000 * middle(column) for column in zip(*rounds, strict=True))
    return Cost([cost / least for least, cost in rounds], least, own)


def is_up(studio: Studio) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return studio.client.get("/healthz").status_code == 200
    return False


def cpu_per_request(pid: int, ask: Callable[[], object], count: int) -> float:
    """Return the seconds of the server's processor time that each of so many requests takes."""
    before = cpu_of_tree(pid)
    for _ in range(count):
        ask()
    time.sleep(0.05)
    return (cpu_of_tree(pid) - before) / count
