"""The address guard: which machines a request may reach, and by when each step of it must be over.

A name is resolved once. If any of its addresses is not a global one, the request is refused; else it goes to
one of those very addresses, with the name kept for TLS and Host. So a name that changes its mind between the
check and the connection gains nothing. "host:port" in a caller's `private_hosts` is exempt.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore
import httpx

NAT64 = ipaddress.ip_network("64:ff9b::/96")
GLOBAL_IPV6 = ipaddress.ip_network("2000::/3")
# Not every Python calls these what they are: a relay for 6to4, 6to4 itself, Teredo, documentation.
NEVER = tuple(
    ipaddress.ip_network(network)
    for network in ("192.88.99.0/24", "2002::/16", "2001::/32", "2001:db8::/32", "3fff::/20")
)

Address = tuple[socket.AddressFamily, tuple[Any, ...]]


class AddressRefused(OSError):
    """The address is not one that outbound requests may reach; `str()` is a sentence."""


def host_port(host: str, port: int) -> str:
    """Return "host:port" as `private_hosts` spells it: lower case, IPv6 in brackets."""
    host = host.lower().strip("[]").rstrip(".")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_global(address: str) -> bool:
    """Say whether a resolved address is one of the public internet. Anything that is no plain address is not."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_global(str(ip.ipv4_mapped))
        if ip in NAT64:  # the public address of a network without IPv4: what it leads to decides
            return is_global(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        if ip not in GLOBAL_IPV6:
            return False
    if ip.is_multicast or ip.is_reserved or any(ip in network for network in NEVER if network.version == ip.version):
        return False
    return ip.is_global


def resolve(host: str, port: int, *, is_private_allowed: bool) -> list[Address]:
    """Return the addresses to connect to. Raise AddressRefused when one is not global, OSError without any."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"{host!r} is not a host name") from error
    addresses: list[Address] = list(dict.fromkeys((family, sockaddr) for family, _, _, _, sockaddr in found))
    if not addresses:
        raise OSError(f"{host!r} has no address")
    if not is_private_allowed:
        refuse_unless_global(host, port, (str(sockaddr[0]) for _, sockaddr in addresses))
    return addresses


def refuse_unless_global(host: str, port: int, addresses: Iterable[str]) -> None:
    for address in addresses:
        if not is_global(address):
            raise AddressRefused(
                f"{host_port(host, port)} leads to {address}, which is not on the public internet."
                " List it in STUDIO_PRIVATE_HOSTS if it is meant."
            )


class Wire:
    """One request's time and its trace: `until` is the clock's end of it all, `pause` the longest silence.

    `is_sent` turns true when the first byte of a request is handed to the socket, and so decides between
    "surely not sent" and "unclear", whatever the name of the exception.
    """

    def __init__(self, seconds: float) -> None:
        self.end = self.until = time.monotonic() + seconds
        self.pause: float | None = None
        self.is_sent = False

    def head_within(self, seconds: float) -> None:
        """Begin a request whose answer's head is due in so many seconds."""
        self.until = min(self.end, time.monotonic() + seconds)
        self.pause = None
        self.is_sent = False

    def body_without_pause_of(self, seconds: float) -> None:
        """Let the body take until the end, but fall silent no longer than this."""
        self.until = self.end
        self.pause = seconds

    def left(self, timeout: float | None) -> float:
        """Return the seconds the next step may take. Raise TimeoutError when the time is over."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time for this request is over")
        return min(limit for limit in (left, self.pause, timeout) if limit is not None)


class GuardedStream(httpcore.NetworkStream):
    """A socket that keeps the wire's time: drip-fed bytes cannot stretch it."""

    def __init__(self, sock: socket.socket, wire: Wire) -> None:
        self._sock = sock
        self._wire = wire

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _named(httpcore.ReadTimeout, httpcore.ReadError):
            self._sock.settimeout(self._wire.left(timeout))
            return self._sock.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._wire.is_sent = self._wire.is_sent or bool(buffer)
        with _named(httpcore.WriteTimeout, httpcore.WriteError):
            rest = memoryview(buffer)
            while rest:
                self._sock.settimeout(self._wire.left(timeout))
                rest = rest[self._sock.send(rest) :]

    def close(self) -> None:
        self._sock.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            with _named(httpcore.ConnectTimeout, httpcore.ConnectError):
                self._sock.settimeout(self._wire.left(timeout))
                secured = ssl_context.wrap_socket(self._sock, server_hostname=server_hostname)
        except BaseException:
            self.close()
            raise
        return GuardedStream(secured, self._wire)

    def get_extra_info(self, info: str) -> Any:
        if info == "ssl_object" and isinstance(self._sock, ssl.SSLSocket):
            return self._sock
        return self._sock if info == "socket" else None


class GuardedBackend(httpcore.NetworkBackend):
    """Connects only where the guard allows, to the address the guard has seen."""

    def __init__(self, wire: Wire, private_hosts: frozenset[str]) -> None:
        self._wire = wire
        self._private_hosts = private_hosts

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        with _named(httpcore.ConnectTimeout, httpcore.ConnectError):
            until = time.monotonic() + self._wire.left(timeout)
            addresses = resolve(host, port, is_private_allowed=host_port(host, port) in self._private_hosts)
            return GuardedStream(self._connect(addresses, until), self._wire)

    def _connect(self, addresses: list[Address], until: float) -> socket.socket:
        """Try each address in turn, each with its share of the time, so that a dead one does not cost it all."""
        trouble: OSError = TimeoutError("no time left to connect")
        for position, (family, sockaddr) in enumerate(addresses):
            share = (until - time.monotonic()) / (len(addresses) - position)
            if share <= 0:
                break
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                sock.settimeout(share)
                sock.connect(sockaddr)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                sock.close()
                trouble = error
            else:
                return sock
        raise trouble


@contextmanager
def _named(late: type[Exception], broken: type[Exception]) -> Iterator[None]:
    """Rename a socket's errors as httpcore expects them; a refusal keeps its name."""
    try:
        yield
    except AddressRefused:
        raise
    except TimeoutError as error:
        raise late(str(error)) from error
    except (OSError, ValueError) as error:  # ValueError: a name that TLS cannot carry
        raise broken(str(error)) from error


class GuardedTransport(httpx.BaseTransport):
    """httpx over one guarded connection, used for one request and closed."""

    def __init__(self, wire: Wire, private_hosts: frozenset[str], tls: ssl.SSLContext) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls,
            max_connections=1,
            max_keepalive_connections=0,
            http2=False,
            retries=0,
            network_backend=GuardedBackend(wire, private_hosts),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer))

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()
