"""A studio of the bench's own, on SQLite or PostgreSQL, filled with rows in flight."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psycopg

from tests.bench.machine import SimulatedUpstream, end
from tests.services.studio import Studio

SERVER = "postgres://postgres@127.0.0.1:5432/postgres"


def server() -> str:
    """Return the address of the PostgreSQL server: TEST_DATABASE_URL's, or the usual place."""
    return os.environ.get("TEST_DATABASE_URL") or SERVER


def engines() -> list[str]:
    """Return the databases there are here: a missing server is said, it fails nothing."""
    try:
        psycopg.connect(server().rpartition("/")[0] + "/postgres", connect_timeout=3).close()
    except psycopg.OperationalError as error:
        print(f"no PostgreSQL here, so without its figures: {error}", file=sys.stderr)
        return ["SQLite"]
    return ["SQLite", "PostgreSQL"]


@contextlib.contextmanager
def place(engine: str, upstream: SimulatedUpstream, **variables: str) -> Iterator[Studio]:
    """Return a prepared studio that is not running; its data and its database go with the block."""
    with _variable("TEST_DATABASE_URL", server() if engine == "PostgreSQL" else ""):
        studio = Studio(upstream=upstream, **{"DJANGO_SETTINGS_MODULE": "tests.bench.settings", **variables})
    try:
        studio.run("prepare")
        yield studio
    finally:
        studio.discard()


def only_reaching(upstream: SimulatedUpstream) -> dict[str, str]:
    """Return the variables of a studio that may reach the upstream and has no gateway yet."""
    return {"STUDIO_PRIVATE_HOSTS": upstream.private_hosts, "COMETAPI_KEY": ""}


@contextlib.contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def ask(studio: Studio, command: str, **arguments: Any) -> Any:
    """Run a command of rows.py beside the studio and return what it answers."""
    return json.loads(begin(studio, command, **arguments).communicate()[0])


def begin(studio: Studio, command: str, **arguments: Any) -> subprocess.Popen:
    """Begin such a command; its answer is JSON on its standard output."""
    line = [sys.executable, "-m", "tests.bench.rows", command, json.dumps(arguments)]
    return subprocess.Popen(line, env=studio.environment, stdout=subprocess.PIPE, text=True)


@contextlib.contextmanager
def cluster(studio: Studio, name: str) -> Iterator[subprocess.Popen]:
    """Run one of the studio's clusters for as long as the block lasts."""
    with studio.log_path.open("ab") as log:
        environment = studio.environment | {"Q_CLUSTER_NAME": name}
        process = subprocess.Popen(
            [sys.executable, "manage.py", "qcluster"], env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield process
    finally:
        end([process])
