"""Rows of /v1: what a request of a program costs, a large file, and the LiteLLM proxy beside it."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.figures import Figure, middle
from tests.bench.machine import Meter, SimulatedUpstream, end, memory_of_tree
from tests.bench.place import place
from tests.bench.views import COUNT
from tests.processes import wait_for
from tests.services.studio import Studio, free_port

ROUNDS = 3
BARE, RETRIEVES, CREATES = 1000, 400, 150  # requests of one round
ASKED = {"model": "wan/wan2.6", "prompt": "A red fox in the snow", "seconds": "5", "size": "1280x720"}
GIGABYTE = 1024**3
SAME_FOR_BOTH = 60  # creates, and as many retrieves, of the studio and of the proxy
PROXY = """
model_list:
  - model_name: our-video-model
    litellm_params: {{model: openai/sora-2, api_base: "{base_url}/v1", api_key: {key}}}
litellm_settings: {{num_retries: 0}}
general_settings: {{master_key: {proxy_key}}}
"""
PROXY_KEY = "sk-key-of-our-proxy-0123"


class Program:
    """A client with one kept connection to a server whose processor time is known."""

    def __init__(self, port: int, pid: int, token: str) -> None:
        self.port, self.pid = port, pid
        self.headers = {"Authorization": f"Bearer {token}"}
        self.line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
        sent = self.headers | headers
        content = None
        if body is not None:
            content, sent = json.dumps(body), sent | {"Content-Type": "application/json"}
        self.line.request(method, path, content, sent)
        answer = self.line.getresponse()
        read = answer.read()
        assert answer.status == 200, read[:500]
        return answer, read

    def create(self, model: str, number: int) -> str:
        body = ASKED | {"model": model, "prompt": f"A red fox, {number}"}
        return json.loads(self.ask("POST", "/v1/videos", body)[1])["id"]

    def cost(self, count: int, request: Any) -> float:
        """Return the seconds of processor time that the server takes for one request."""
        meter = Meter(self.pid)
        for number in range(count):
            request(number)
        return meter.cpu() / count


@contextlib.contextmanager
def web(studio: Studio) -> Iterator[Program]:
    """Run only the web server of a studio, as the supervisor would, with a token that has no limits."""
    token = studio.run("create_token", "admin").strip().splitlines()[-1]
    studio.shell(
        "from generations.models import ApiToken, User;"
        "User.objects.update(api_rate=None, api_at_once=None); ApiToken.objects.update(rate=None, at_once=None)"
    )
    command = [sys.executable, "-m", "granian", "videostudio.wsgi:application", "--interface", "wsgi"]
    command += ["--host", "127.0.0.1", "--port", str(studio.port), "--workers", "1", "--blocking-threads", "16"]
    command += ["--log-level", "error", "--no-ws", "--no-access-log"]
    with studio.log_path.open("ab") as log:
        process = subprocess.Popen(command, env=studio.environment, stdout=log, stderr=log)
    try:
        wait_for(lambda: is_up(studio.port, "/healthz"), seconds=60, why="the web server did not start")
        yield Program(studio.port, process.pid, token)
    finally:
        end([process])


def is_up(port: int, path: str) -> bool:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        line.request("GET", path)
        return line.getresponse().status == 200
    except OSError:
        return False
    finally:
        line.close()


def api() -> Iterator[Figure]:
    """A create and a retrieve, with their token checked, against a view of five bytes behind the full middleware."""
    with SimulatedUpstream(1) as upstream, place("SQLite", upstream) as studio, web(studio) as program:
        video = program.create("wan/wan2.6", 0)
        counted = {COUNT: "1"}
        statements = [
            int(program.ask("POST", "/v1/videos", ASKED, **counted)[0].headers[COUNT]),
            int(program.ask("GET", f"/v1/videos/{video}", **counted)[0].headers[COUNT]),
        ]
        requests = {
            "bare": (BARE, lambda number: program.ask("GET", "/bench/five-bytes")),
            "retrieve": (RETRIEVES, lambda number: program.ask("GET", f"/v1/videos/{video}")),
            "create": (CREATES, lambda number: program.create("wan/wan2.6", number)),
        }
        for _, request in requests.values():
            program.cost(100, request)  # warm
        costs = [
            {name: program.cost(count, request) for name, (count, request) in requests.items()} for _ in range(ROUNDS)
        ]
    for name, must, count in (("create", 6, statements[0]), ("retrieve", 4, statements[1])):
        ratios = [cost[name] / cost["bare"] for cost in costs]
        single, bare = (1000 * middle(cost[key] for cost in costs) for key in (name, "bare"))
        yield Figure(
            name=f"API {name}",
            value=middle(ratios),
            unit="H",
            must=must,
            baseline=f"{single:.2f} / {bare:.2f} ms, {count} statements",
            rounds=ratios,
        )


def gigabyte() -> Iterator[Figure]:
    """How much the web server grows while it sends a file of 1 GB."""
    with SimulatedUpstream(1) as upstream, place("SQLite", upstream) as studio, web(studio) as program:
        video = program.create("wan/wan2.6", 0)
        make_large(studio, video)
        program.ask("GET", f"/v1/videos/{video}")
        before = memory_of_tree(program.pid)
        peak, is_over = [before], threading.Event()

        def watch() -> None:
            while not is_over.wait(0.05):
                peak.append(memory_of_tree(program.pid))

        watcher = threading.Thread(target=watch)
        watcher.start()
        began, received = time.monotonic(), 0
        program.line.request("GET", f"/v1/videos/{video}/content", headers=program.headers)
        answer = program.line.getresponse()
        while chunk := answer.read(1024 * 1024):
            received += len(chunk)
        seconds = time.monotonic() - began
        is_over.set()
        watcher.join()
    assert received == GIGABYTE, received
    yield Figure(
        name="memory while 1 GB is sent",
        value=max(peak) - before,
        unit="MB",
        must=32,
        reach=8,
        baseline=f"{before:.0f} MB before; {1024 / seconds:,.0f} MB/s",
    )


def make_large(studio: Studio, video: str) -> None:
    """Give a row a file of 1 GB, as if it had been downloaded."""
    studio.shell(
        "from django.conf import settings; from generations.models import Generation;"
        f"row = Generation.objects.filter(uuid={video!r});"
        "path = settings.MEDIA_ROOT / 'videos' / 'large.mp4'; path.parent.mkdir(parents=True, exist_ok=True);"
        f"file = path.open('wb'); file.truncate({GIGABYTE}); file.close();"
        "row.update(status='completed', progress=100, due_at=None, file='videos/large.mp4', sha256='0' * 64)"
    )


def litellm() -> Iterator[Figure]:
    """Creates and retrieves per second of one core, beside the LiteLLM proxy's in front of the same upstream.

    The proxy forwards while its client waits. A studio commits the create and answers; that its queue sends it
    afterwards, with a receipt, is not in this figure.
    """
    command = os.environ.get("LITELLM") or shutil.which("litellm")
    if command is None:
        print("no LiteLLM here, so without its figures: install it, or name it in LITELLM", file=sys.stderr)
        return
    with SimulatedUpstream(1) as upstream:
        with proxy(command, upstream) as program:
            theirs = costs_of(program, "our-video-model")
        with place("SQLite", upstream) as studio, web(studio) as program:
            ours = costs_of(program, "wan/wan2.6")
    for name in ("creates", "retrieves"):
        yield Figure(
            name=f"API {name}/s a core / LiteLLM's",
            value=theirs[name] / ours[name],
            unit="x",
            must=1.5,
            is_more_better=True,
            baseline=f"{1 / ours[name]:,.0f} / {1 / theirs[name]:,.0f} a second and core",
        )


def costs_of(program: Program, model: str) -> dict[str, float]:
    """Return the seconds of processor time of one create and of one retrieve."""
    videos = [program.create(model, number) for number in range(10)]
    program.cost(10, lambda number: program.ask("GET", f"/v1/videos/{videos[number]}"))
    creates = program.cost(SAME_FOR_BOTH, lambda number: program.create(model, number))
    retrieves = program.cost(SAME_FOR_BOTH, lambda number: program.ask("GET", f"/v1/videos/{videos[0]}"))
    return {"creates": creates, "retrieves": retrieves}


@contextlib.contextmanager
def proxy(command: str, upstream: SimulatedUpstream) -> Iterator[Program]:
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = PROXY.format(base_url=upstream.base_url, key=upstream.key, proxy_key=PROXY_KEY)
        (folder / "config.yaml").write_text(config)
        environment = {"PATH": os.environ["PATH"], "HOME": name, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        with (folder / "log").open("w") as log:
            line = [command, "--config", str(folder / "config.yaml"), "--host", "127.0.0.1", "--port", str(port)]
            process = subprocess.Popen(line, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_for(lambda: is_up(port, "/health/liveliness"), seconds=120, why="the proxy did not start")
            yield Program(port, process.pid, PROXY_KEY)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
