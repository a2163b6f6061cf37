"""What a studio needs for itself alone: an address to listen on, and its data directory."""

import errno
import fcntl
import http.client
import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from videostudio.environment import make_private


class CannotStart(Exception):
    """The studio cannot be started now; the message is a sentence for a person."""


def answers(host: str, port: int) -> bool:
    """Say whether a web server answers /healthz with 200 within five seconds."""
    connection = http.client.HTTPConnection(reachable(host), port, timeout=5)
    try:
        # Its own name for this machine: ALLOWED_HOSTS always has it.
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def reachable(host: str) -> str:
    """Return the address at which this machine reaches a server that listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


def listening_address(host: str) -> str:
    """Return the IP address of a HOST. Raises CannotStart when it is none of a machine."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise CannotStart(f"HOST is {host!r}, which is no address: {error}") from error
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)  # localhost is 127.0.0.1 first
    return str(found[0][4][0])


def port_problem(host: str, port: int) -> str:
    """Return why nothing can listen on (host, port) now, as a sentence; empty when it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # Not SO_REUSEPORT: with it two web servers would share the port without a word.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            match error.errno:
                case errno.EADDRINUSE:
                    return f"port {port} on {host} is in use. Stop what uses it, or choose another one with PORT."
                case errno.EACCES:
                    return f"port {port} may only be used by an administrator. Choose one above 1023 with PORT."
                case _:
                    return f"nothing can listen on {host}, port {port}: {error.strerror}. HOST and PORT say where."
    return ""


def wait_for_port(host: str, port: int, seconds: float = 3.0) -> None:
    """Wait until (host, port) is free, for what a killed studio leaves behind. Raises CannotStart."""
    until = time.monotonic() + seconds
    while problem := port_problem(host, port):
        if time.monotonic() >= until:
            raise CannotStart(problem[0].upper() + problem[1:])
        time.sleep(0.1)


def is_open_to_others(folder: Path) -> bool:
    """Say whether accounts other than its owner's and group's may look into a folder, as one made elsewhere may be."""
    return bool(folder.stat().st_mode & stat.S_IRWXO)


@contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Hold the data directory for this process. Raises CannotStart when another supervisor has it."""
    try:
        make_private(data_dir)
    except ImproperlyConfigured as error:
        raise CannotStart(str(error)) from error
    with (data_dir / "studio.lock").open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            raise CannotStart(f"A studio is already running on {data_dir} (process {owner}).") from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
