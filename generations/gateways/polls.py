"""Polls: many at once over kept connections, under the same guard as everything else that is sent.

By aiohttp itself: a poll is a GET of a few hundred bytes, a thousand times a second, and the objects that httpx would
put around it cost as much as the poll. Loaded by the process that polls, and by no other.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
import zlib
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from .base import Answer, GatewayUnclear, Message, plain
from .guard import refuse_unless_global, resolve
from .http import (
    MOST_BYTES,
    POLL_TIMES,
    Endpoint,
    Times,
    answer_of,
    deepest,
    gateway_url,
    headers_of,
    is_private,
    tls,
    why,
)

TROUBLE = (aiohttp.ClientError, OSError, zlib.error)

is_private_allowed: ContextVar[bool] = ContextVar("is_private_allowed", default=False)
"""Whether the request that the current asyncio task sends names one of its `private_hosts`."""


class AsyncSender:
    """Many polls over one client and its kept connections; used as `async with AsyncSender() as sender`."""

    def __init__(self, connections: int = 200, *, times: Times = POLL_TIMES) -> None:
        self._connections = connections
        self._overall = times.overall
        self._times = aiohttp.ClientTimeout(total=None, sock_connect=times.connect, sock_read=times.read)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=guarded_connector(tls(), self._connections),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=self._times,
            auto_decompress=False,
            raise_for_status=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, endpoint: Endpoint, message: Message) -> Answer:
        """Send one GET and return its answer. Raise GatewayUnclear for any trouble on the way.

        Never for a create: this client cannot say whether a lost request was sent. ValueError then.
        """
        if message.method != "GET" or self._session is None:
            raise ValueError("an entered AsyncSender sends GET messages only")
        base, host, is_exempt = _place(endpoint)
        token = is_private_allowed.set(is_exempt)
        try:
            async with (
                asyncio.timeout(self._overall),
                self._session.get(
                    URL(base + message.path, encoded=True),  # is sent as it stands
                    headers=headers_of(endpoint, message),
                    allow_redirects=False,
                ) as response,
            ):
                return answer_of(endpoint, response.status, response.headers, *await _read(response.content))
        except TROUBLE as error:
            raise GatewayUnclear(f"{host} did not answer: {_why(error)}.") from error
        finally:
            is_private_allowed.reset(token)


@functools.lru_cache(maxsize=256)
def _place(endpoint: Endpoint) -> tuple[str, str, bool]:
    """Return where a gateway's paths begin, its host, and whether it is one of its private hosts: once for many polls.

    Raise GatewayNotSent when its base URL is none.
    """
    url = gateway_url(endpoint, "")
    return str(url).rstrip("/"), url.host, is_private(endpoint, url)


async def _read(content: aiohttp.StreamReader) -> tuple[bytes, bool]:
    """Return the body, cut at the limit, and whether it was cut."""
    body = bytearray()
    async for chunk in content.iter_any():
        body += chunk
        if len(body) > MOST_BYTES:
            return bytes(body[:MOST_BYTES]), True
    return bytes(body), False


def _why(error: BaseException) -> str:
    """Return the deepest reason we know, in a few words."""
    reason = deepest(error)
    if isinstance(reason, HttpProcessingError):  # its own words begin with a status that nobody answered
        return plain(reason.message.partition("\n")[0].rstrip(": "), 200).rstrip(".")
    return why(error)


class GuardedResolver(AbstractResolver):
    """aiohttp's way to the same rule; it runs in the context of the request that needs the connection."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        is_allowed = is_private_allowed.get()
        addresses = await asyncio.to_thread(resolve, host, port, is_private_allowed=is_allowed)
        return [
            ResolveResult(
                hostname=host,
                host=str(sockaddr[0]),
                port=port,
                family=kind,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for kind, sockaddr in addresses
        ]

    async def close(self) -> None:
        """Nothing is held open."""


class GuardedConnector(aiohttp.TCPConnector):
    """Hands out no kept connection on which the server has spoken since its last answer was read.

    What it said would be taken for the answer to the next request, which asks about another task.
    """

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> aiohttp.connector.Connection:
        for _ in range(3):
            connection = await super().connect(req, traces, timeout)
            if connection.protocol is None or not connection.protocol.should_close:
                return connection
            connection.close()
        raise aiohttp.ClientConnectionError("the server spoke before it was asked")


def guarded_connector(tls: ssl.SSLContext, connections: int) -> aiohttp.TCPConnector:
    """Return an aiohttp connector under the guard; needs a running loop.

    Its names are not cached: a cached answer would have been judged for another request. A host that is
    an address already never meets the resolver, so each socket looks once more at where it is going.
    """
    return GuardedConnector(
        limit=connections, ssl=tls, resolver=GuardedResolver(), use_dns_cache=False, socket_factory=_guarded_socket
    )


def _guarded_socket(info: tuple[Any, ...]) -> socket.socket:
    family, kind, proto, _, sockaddr = info
    if not is_private_allowed.get():
        refuse_unless_global(str(sockaddr[0]), sockaddr[1], [str(sockaddr[0])])
    return socket.socket(family, kind, proto)
