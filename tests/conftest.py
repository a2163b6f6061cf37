"""What every test gets: no network beyond this machine, an empty cache, and the browser's place."""

import gc
import ipaddress
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test import TransactionTestCase
from xdist.scheduler import LoadScopeScheduling

from generations.models.experience import forget
from tests.services.studio import Lent, Studio
from tests.sharing import alone, folder_of

# Names that by their RFC never resolve: asking for one is how tests meet a DNS failure.
NEVER_RESOLVE = (".invalid", ".test", ".example")

# One worker takes what has the same group: a file, or all that visits the one studio and browser.
BROWSER = "browser"

# Debian's Chromium: its build without windows does the same in two thirds of the time.
BROWSERS = ("/usr/bin/chromium-headless-shell", "/usr/bin/chromium")

# What takes minutes: it begins first, so that no worker is alone with it at the end, and whole studios run beside
# tests that compute.
FIRST = (
    BROWSER,
    "lifecycle/test_schedules.py",
    "services/test_kills.py",
    "services/test_stopping.py",
    "services/test_database.py",
    "services/test_disk.py",
)

DATABASE_FIXTURES = {"db", "transactional_db", "live_server"}

refused: list[str] = []


class OutsideNetwork(Exception):
    """A test reached for an address that is not this machine. Not an OSError, so that nothing takes it for one."""


def _refuse(what: str) -> None:
    refused.append(what)
    raise OutsideNetwork(f"tests talk to this machine only, not to {what}")


def _is_literal(host: str) -> bool:
    """Whether the resolver answers `host` by itself: dotted, decimal and hexadecimal forms need no question."""
    try:
        socket.inet_aton(host)
    except OSError:
        return ":" in host
    return True


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


_getaddrinfo = socket.getaddrinfo
_connect, _connect_ex, _sendto = socket.socket.connect, socket.socket.connect_ex, socket.socket.sendto


def getaddrinfo(host, *args, **kwargs):
    name = host.decode() if isinstance(host, bytes) else host
    if name and name.lower().endswith(NEVER_RESOLVE):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    if name and not _is_literal(name) and not _is_loopback(name):
        _refuse(name)
    return _getaddrinfo(host, *args, **kwargs)


def _guard(sock: socket.socket, address) -> None:
    if sock.family != socket.AF_UNIX and not _is_loopback(str(address[0])):
        _refuse(f"{address[0]}:{address[1]}")


def connect(sock, address):
    _guard(sock, address)
    return _connect(sock, address)


def connect_ex(sock, address):
    _guard(sock, address)
    return _connect_ex(sock, address)


def sendto(sock, data, *flags_and_address):
    _guard(sock, flags_and_address[-1])
    return _sendto(sock, data, *flags_and_address)


socket.getaddrinfo = getaddrinfo
socket.socket.connect, socket.socket.connect_ex, socket.socket.sendto = connect, connect_ex, sendto


_truncate = DatabaseOperations.sql_flush


def sql_flush(self, style, tables, *, reset_sequences=False, allow_cascade=False):
    """Empty the tables of PostgreSQL by DELETE: TRUNCATE gives each table and index a new file, a second per test."""
    if reset_sequences or allow_cascade:
        return _truncate(self, style, tables, reset_sequences=reset_sequences, allow_cascade=allow_cascade)
    return [f"DELETE FROM {self.quote_name(table)}" for table in tables]  # noqa: S608 (keys are looked at in the commit)


DatabaseOperations.sql_flush = sql_flush


def group_of(nodeid: str) -> str:
    name = nodeid.partition("::")[0].removeprefix("tests/")
    return BROWSER if name.startswith(f"{BROWSER}/") else name


def place_of(item: pytest.Item) -> int:
    group = group_of(item.nodeid)
    return FIRST.index(group) if group in FIRST else len(FIRST)


class Groups(LoadScopeScheduling):
    """Gives a worker whole groups, in order. (The marks of xdist's own loadgroup are lost on pytest 9.2.)"""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log) -> Groups:
    return Groups(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes long first; mark what asks the database: a second one is not asked to repeat what never does."""
    items.sort(key=place_of)
    for item in items:
        case = getattr(item, "cls", None)
        if (case and issubclass(case, TransactionTestCase)) or DATABASE_FIXTURES & set(item.fixturenames):
            item.add_marker("database")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Spare the garbage collector what is loaded by now and stays: it went through all of it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(scope="session")
def prepared_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A studio set up once a run, which others begin as copies of: each worker has one of its own."""
    folder = folder_of(tmp_path_factory)
    lent = folder / "prepared.json"
    with alone(folder, "prepared"):
        is_first = not lent.exists()
        if is_first:
            studio = Studio()
            studio.run("prepare")
            lent.write_text(json.dumps([str(studio.data), studio.database_name]))
        else:
            data, name = json.loads(lent.read_text())
            studio = Studio(prepared=Lent(Path(data), name))
    yield studio
    with alone(folder, "prepared"):
        if is_first:
            lent.unlink()  # whoever comes now sets up another
        studio.discard()


@pytest.fixture(autouse=True)
def _this_machine_only() -> Iterator[None]:
    """Fail a test that reached beyond this machine, even when the code under test swallowed the refusal."""
    refused.clear()
    yield
    assert not refused, f"reached for {', '.join(refused)}"


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    """Sign-in limits are counted in the cache: no test may see another's."""
    cache.clear()


@pytest.fixture(autouse=True)
def _nothing_seen() -> None:
    """What a process read of experience is another test's."""
    forget()


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The browser that tests drive. Its absence fails a test, it never skips one."""
    named = os.environ.get("CHROMIUM_PATH")
    for path in [named] if named else BROWSERS:
        if Path(path).is_file():
            return path
    pytest.fail(f"no browser at {named or ' or '.join(BROWSERS)}: install Chromium, or name it in CHROMIUM_PATH")
