"""A whole studio for tests: `manage.py studio` on a free port, with its own data, database and environment."""

import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Self

import httpx
import psycopg
from django.conf import settings
from psycopg import sql

from tests.processes import below, command_of, parent_of, wait_for
from tests.settings import CONTRACT

NOTHING: Mapping[str, str] = MappingProxyType({})
PASSWORD = "correct horse battery staple"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class OwnDatabase:
    """A database made and dropped: of `server`, else of the one in TEST_DATABASE_URL, else SQLite among the data."""

    def __init__(self, template: str = "", *, server: str = "") -> None:
        self.server = server or os.environ.get("TEST_DATABASE_URL", "").rpartition("/")[0]
        self.name = f"videostudio_services_{secrets.token_hex(6)}"
        self.url = f"{self.server}/{self.name}" if self.server else ""
        self._run(sql.SQL("CREATE DATABASE {} TEMPLATE {}"), self.name, template or "template1")

    def drop(self) -> None:
        self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)"), self.name)

    def _run(self, statement: sql.SQL, *names: str) -> None:
        if self.server:
            with psycopg.connect(f"{self.server}/postgres", autocommit=True) as connection:
                connection.execute(statement.format(*map(sql.Identifier, names)))


class Lent(NamedTuple):
    """What a studio that was prepared lends another one."""

    data: Path
    database_name: str


class Studio:
    """Runs from `with Studio() as studio:` on; `upstream` names a FakeUpstream as the gateway cometapi.

    `prepared`, another one whose `prepare` has run, lends its data, so that the start takes two seconds, not seven.
    `server` is the address of a PostgreSQL server, without a database.
    """

    def __init__(
        self, *, upstream=None, prepared: "Studio | Lent | None" = None, server: str = "", **variables: str
    ) -> None:
        self.scratch = tempfile.TemporaryDirectory(prefix="videostudio-service-")
        self.data = Path(self.scratch.name) / "data"
        self.log_path = Path(self.scratch.name) / "log"
        self.port = free_port()
        self.database = OwnDatabase(prepared.database_name if prepared else "", server=server)
        self.database_name = self.database.name
        if prepared:
            shutil.copytree(prepared.data, self.data)
        self.environment = self._environment(upstream) | variables
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=20, trust_env=False)

    def _environment(self, upstream) -> dict[str, str]:
        example = (settings.BASE_DIR / ".env.example").read_text()
        names = {*CONTRACT, *re.findall(r"^([A-Z_]+)=", example, re.MULTILINE)}
        # Empty counts as absent, and keeps a developer's .env out.
        found = {**os.environ, **dict.fromkeys(names, "")} | {
            "DJANGO_SETTINGS_MODULE": "videostudio.settings",
            "PORT": str(self.port),
            "STUDIO_DATA_DIR": str(self.data),
            "DATABASE_URL": self.database.url,
            "STUDIO_ADMIN_PASSWORD": PASSWORD,
            "STUDIO_POLL_SECONDS": "1",
        }
        if upstream:
            found |= {
                "COMETAPI_KEY": upstream.key,
                "COMETAPI_BASE_URL": upstream.base_url,
                "STUDIO_PRIVATE_HOSTS": upstream.host_port,
            }
        return found

    def discard(self) -> None:
        """Drop the database and the data."""
        self.client.close()
        self.database.drop()
        self.scratch.cleanup()

    # Life

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        left = below(self.process.pid)
        self.process.kill()
        self.process.wait()
        for pid in left:
            kill(pid)
        self.discard()

    def start(self) -> None:
        """Start the tree and wait until it says that it is ready."""
        with self.log_path.open("ab") as log:
            self.process = self.manage("studio", stdout=log, stderr=log)
        before = self.said().count("VideoStudio is ready")
        wait_for(
            lambda: self.said().count("VideoStudio is ready") > before or self.process.poll() is not None,
            seconds=120,
            why=self.said(),
        )
        assert self.process.poll() is None, self.said()

    def manage(self, *arguments: str, variables: Mapping[str, str] = NOTHING, **options) -> subprocess.Popen:
        """Start a management command in the studio's environment and these variables."""
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.Popen(command, cwd=settings.BASE_DIR, env={**self.environment, **variables}, **options)

    def run(self, *arguments: str, seconds: float = 180) -> str:
        """Run one management command beside the tree; return what it printed. Raises when it fails or takes longer."""
        process = self.manage(*arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        printed, _ = process.communicate(timeout=seconds)
        assert process.returncode == 0, printed
        return printed

    def shell(self, code: str) -> str:
        """Run Python code beside the tree, with the studio's models at hand, and return what it printed."""
        return self.run("shell", "--no-imports", "--command", code)

    def audit(self) -> dict[str, int]:
        """Return how many attempts have each outcome. Raises when an invariant is broken or a file is not whole."""
        code = (
            "import collections, json; from django.core.management import call_command;"
            "from generations.models import SubmitAttempt;"
            "call_command('check_invariants'); call_command('verify_media');"
            "print(json.dumps(collections.Counter(SubmitAttempt.objects.values_list('outcome', flat=True))))"
        )
        return json.loads(self.shell(code).splitlines()[-1])

    def stop(self, number: int = signal.SIGINT) -> float:
        """Signal the supervisor and return how many seconds it took to end. Raises unless it ended cleanly."""
        began = time.monotonic()
        self.process.send_signal(number)
        assert self.process.wait(170) == 0, self.said()
        return time.monotonic() - began

    def said(self) -> str:
        return self.log_path.read_text() if self.log_path.exists() else ""

    # Processes

    def everybody(self) -> list[int]:
        return below(self.process.pid)

    def mains(self) -> dict[str, int]:
        """Return the main process of the web server ("web") and of each cluster, by name."""
        found = {}
        for pid in self.everybody():
            if parent_of(pid) == self.process.pid:
                found[part_of(pid)] = pid
        return found

    # People

    def sign_in(self) -> None:
        self.client.get("/accounts/login/")
        answer = self.client.post(
            "/accounts/login/",
            data={"login": "admin", "password": PASSWORD, "csrfmiddlewaretoken": self.client.cookies["csrftoken"]},
        )
        assert answer.status_code == 302, answer.text

    def compose(self, prompt: str, model: str = "wan/wan2.6", **options: str) -> httpx.Response:
        """Post the composer."""
        fields = {"model": model, "prompt": prompt, "csrfmiddlewaretoken": self.client.cookies["csrftoken"], **options}
        return self.client.post("/", files={name: (None, value) for name, value in fields.items()})

    def generate(self, prompt: str, model: str = "wan/wan2.6", **options: str) -> str:
        """Post the composer and return the new generation's uuid."""
        answer = self.compose(prompt, model, **options)
        assert answer.status_code == 302, f"{answer.status_code}\n{self.said()}"
        return answer.headers["Location"].strip("/").rpartition("/")[2]

    def record(self, uuid: str) -> dict:
        """Return everything known of a generation; empty while the site does not answer."""
        try:
            answer = self.client.get(f"/generations/{uuid}.json")
        except httpx.TransportError:
            return {}
        return json.loads(answer.text) if answer.status_code == 200 else {}

    def status(self, uuid: str) -> str:
        return self.record(uuid).get("status", "")


def part_of(pid: int) -> str:
    """Return which part of a studio a process belongs to: the web server or a cluster, by name; "" when it is gone."""
    if "granian" in command_of(pid):
        return "web"
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    named = (value[15:].decode() for value in variables if value.startswith(b"Q_CLUSTER_NAME="))
    return next(named, "") or "supervisor"


def kill(pid: int) -> None:
    """Kill -9, unless it is gone already."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
