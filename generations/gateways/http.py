"""Creates, downloads and single questions, one by one. No redirects, no retries. Many polls at once: polls.py.

Whether a request was surely not sent is decided by one fact, the first byte handed to the socket (guard.Wire),
never by an exception's name.
"""

from __future__ import annotations

import functools
import re
import ssl
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpcore
import httpx

from .base import (
    Answer,
    GatewayBusy,
    GatewayError,
    GatewayMissing,
    GatewayNotSent,
    GatewayRejected,
    GatewayUnclear,
    Message,
    plain,
    retry_after,
)
from .guard import AddressRefused, GuardedTransport, Wire, host_port

MOST_BYTES = 1024 * 1024
MOST_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})
PORTS = {"http": 80, "https": 443}

TROUBLE = (
    httpx.HTTPError,
    httpx.StreamError,
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    OSError,
    zlib.error,
)


@dataclass(frozen=True)
class Endpoint:
    """Where a gateway is, and the key it knows us by. `private_hosts` holds "host:port" beyond the guard."""

    base_url: str
    key: str = field(repr=False)
    private_hosts: frozenset[str] = frozenset()
    user_agent: str = "VideoStudio"


@dataclass(frozen=True)
class Times:
    """Seconds for the steps of a request, and overall by the clock."""

    connect: float
    write: float
    read: float
    overall: float

    def as_timeout(self) -> httpx.Timeout:
        return httpx.Timeout(connect=self.connect, write=self.write, read=self.read, pool=None)


CREATE_TIMES = Times(connect=10, write=60, read=100, overall=150)
POLL_TIMES = Times(connect=5, write=15, read=15, overall=30)


def send_once(endpoint: Endpoint, message: Message, *, times: Times = CREATE_TIMES) -> Answer:
    """Send one message over a connection of its own, once, and return whatever was answered.

    Raise GatewayNotSent when surely no byte of it left, GatewayUnclear for every other trouble. The address
    lookup is the one step without a limit of ours: the system's resolver has its own.
    """
    url = gateway_url(endpoint, message.path)
    headers = headers_of(endpoint, message) | {"Connection": "close"}
    wire = Wire(times.overall)
    head: httpx.Response | None = None
    try:
        with (
            _client(endpoint, wire, times.as_timeout()) as client,
            client.stream(
                message.method,
                url,
                headers=headers,
                json=message.json,
                files=list(message.parts) or None,
                content=message.content,
            ) as head,
        ):
            return answer_of(endpoint, head.status_code, head.headers, *_read(head.iter_raw()))
    except AddressRefused as error:
        raise GatewayNotSent(str(error)) from error
    except TROUBLE as error:
        if not wire.is_sent:
            raise GatewayNotSent(f"{url.host} could not be reached, so nothing was sent: {why(error)}.") from error
        raise GatewayUnclear(
            f"The request was sent to {url.host}, but no whole answer came back: {why(error)}.",
            status=None if head is None else head.status_code,
        ) from error


@dataclass
class Download:
    """An open answer with a file in it: `chunks()` are the bytes from `start` on.

    `total` is the whole file's size where the server told it, `start` 0 when it would not resume, `etag` one
    that a later resume may name or "". What the bytes are is the caller's to find out.
    """

    status: int
    url_host: str
    total: int | None
    start: int
    etag: str
    content_type: str
    _response: httpx.Response = field(repr=False)
    _wire: Wire = field(repr=False)
    _limits: _Limits = field(repr=False)

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes. Raise GatewayUnclear when they break off, crawl or take too long, GatewayRejected
        when they are too many.
        """
        pace = _Pace(self._limits)
        position = self.start
        body = self._response.iter_raw()
        while True:
            began = time.monotonic()
            try:
                chunk = next(body, None)
            except TROUBLE as error:
                raise GatewayUnclear(
                    self._over() or f"The file broke off after {position} bytes: {why(error)}."
                ) from error
            if chunk is None:
                break
            position += len(chunk)
            pace.count(len(chunk), time.monotonic() - began)
            if position > self._limits.most_bytes:
                raise GatewayRejected(f"The file is larger than {self._limits.most_bytes} bytes.")
            if sentence := self._over():
                raise GatewayUnclear(sentence)
            yield chunk
        if self.total is not None and position != self.total:
            raise GatewayUnclear(f"The file ended after {position} of {self.total} bytes.")

    def _over(self) -> str:
        if time.monotonic() < self._wire.end:
            return ""
        return f"The file took longer than {self._limits.overall:.0f} seconds."


@dataclass(frozen=True)
class _Limits:
    most_bytes: int
    overall: float
    least_speed: float
    window: float


class _Pace:
    """Speed over windows of waiting for the network; what the reader does with the bytes does not count."""

    def __init__(self, limits: _Limits) -> None:
        self._limits = limits
        self._waited = 0.0
        self._bytes = 0

    def count(self, size: int, waited: float) -> None:
        self._bytes += size
        self._waited += waited
        if self._waited < self._limits.window:
            return
        if self._bytes < self._limits.least_speed * self._waited:
            raise GatewayUnclear(f"The file came slower than {self._limits.least_speed:.0f} bytes a second.")
        self._waited, self._bytes = 0.0, 0


@contextmanager
def open_download(
    endpoint: Endpoint,
    target: str | Message,
    *,
    start: int = 0,
    etag: str = "",
    connect: float = 10,
    first_byte: float = 60,
    overall: float = 3600,
    most_bytes: int = 4 * 1024**3,
    least_speed: float = 8 * 1024,
    window: float = 30,
) -> Iterator[Download]:
    """Open a result link (absolute, or root-relative to the gateway) or a content message for reading.

    `start` and a strong `etag` resume; without a strong one the file begins anew. The key goes to the gateway's
    exact origin only. Raise GatewayRejected (also for what we may not follow, or would not take), GatewayMissing
    for 404, 410 and an answer without content, GatewayBusy, GatewayNotSent when no connection came about,
    GatewayUnclear else.
    """
    limits = _Limits(most_bytes, overall, least_speed, window)
    wire = Wire(overall)
    accept = {"Accept": "*/*"}
    resume = {"Range": f"bytes={start}-", "If-Range": etag} if start > 0 and _is_strong(etag) else {}
    url = _target_url(endpoint, target)
    with ExitStack() as stack:
        for _ in range(MOST_REDIRECTS + 1):
            _refuse_unless_fetchable(endpoint, url)
            wire.head_within(first_byte)
            client = stack.enter_context(_client(endpoint, wire, httpx.Timeout(None, connect=connect)))
            response = _get(client, url, wire, headers_of(endpoint, target, url) | accept | resume)
            stack.callback(response.close)
            if response.status_code not in REDIRECTS:
                break
            url = _next_url(url, response)
        else:
            raise GatewayRejected(f"The link leads on and on, more than {MOST_REDIRECTS} times.")
        _refuse_unless_file(endpoint, response)  # in the time of a head: a page of an error is no file to wait for
        wire.body_without_pause_of(window)
        yield _download(response, url, start if resume else 0, etag, wire, limits)


def _download(
    response: httpx.Response, url: httpx.URL, start: int, asked: str, wire: Wire, limits: _Limits
) -> Download:
    headers = response.headers
    etag = headers.get("etag", "").strip()
    # Pieces have sizes of their own; a length beside them means nothing.
    length = "" if "transfer-encoding" in headers else headers.get("content-length", "")
    total = int(length) if length.isdigit() else None
    if response.status_code == 206:
        span = re.fullmatch(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", headers.get("content-range", "").strip())
        if span is None or int(span[1]) != start or start == 0:
            raise GatewayUnclear("The server sent another part of the file than was asked for.", status=206)
        if etag not in ("", asked):
            raise GatewayUnclear("The file has changed since its first part was fetched.", status=206)
        total = int(span[2]) if span[2].isdigit() else None
    else:
        start = 0
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise GatewayRejected("The server compressed the file, unasked.", status=response.status_code)
    if total is not None and total > limits.most_bytes:
        raise GatewayRejected(f"The file has {total} bytes; {limits.most_bytes} are allowed.")
    return Download(
        status=response.status_code,
        url_host=url.host,
        total=total,
        start=start,
        etag=etag if _is_strong(etag) else "",
        content_type=headers.get("content-type", "").split(";")[0].strip().lower(),
        _response=response,
        _wire=wire,
        _limits=limits,
    )


def _get(client: httpx.Client, url: httpx.URL, wire: Wire, headers: dict[str, str]) -> httpx.Response:
    try:
        return client.send(client.build_request("GET", url, headers=headers), stream=True)
    except AddressRefused as error:
        raise GatewayRejected(f"The link may not be followed: {error}") from error
    except TROUBLE as error:
        if not wire.is_sent:
            raise GatewayNotSent(f"{url.host} could not be reached: {why(error)}.") from error
        raise GatewayUnclear(f"{url.host} did not answer: {why(error)}.") from error


def _refuse_unless_file(endpoint: Endpoint, response: httpx.Response) -> None:
    if response.status_code in (200, 206):
        return
    try:
        answer = answer_of(endpoint, response.status_code, response.headers, *_read(response.iter_raw(), most=4096))
    except TROUBLE:  # the status says enough; a broken error page adds nothing
        answer = answer_of(endpoint, response.status_code, response.headers, b"", is_cut=True)
    kind: type[GatewayError] = GatewayUnclear
    if answer.status in (204, 205, 404, 410):
        kind = GatewayMissing
    elif answer.status == 429:
        kind = GatewayBusy
    elif 300 <= answer.status < 500 and answer.status not in (408, 409, 416, 425):
        kind = GatewayRejected
    raise kind(
        f"The file could not be fetched: {response.url.host} answered {answer.status}.",
        status=answer.status,
        evidence=answer.evidence,
        retry_after=retry_after(answer.headers),
    )


def _refuse_unless_fetchable(endpoint: Endpoint, url: httpx.URL) -> None:
    is_open = url.scheme == "http" and (_is_own(endpoint, url) or is_private(endpoint, url))
    if not url.host or url.userinfo or not (url.scheme == "https" or is_open):
        raise GatewayRejected("The link may not be followed: only https links without a password in them are.")


def _next_url(url: httpx.URL, response: httpx.Response) -> httpx.URL:
    try:
        return url.join(response.headers["location"])
    except (KeyError, httpx.InvalidURL, ValueError) as error:
        raise GatewayRejected("The link leads on, but not to an address.", status=response.status_code) from error


def _target_url(endpoint: Endpoint, target: str | Message) -> httpx.URL:
    if isinstance(target, Message):
        return gateway_url(endpoint, target.path)
    try:
        if re.search(r"[\s\\\x00-\x1f\x7f]", target.strip()):
            raise ValueError("a space, a backslash or a control character")
        return gateway_url(endpoint, "").join(target.strip())
    except (httpx.InvalidURL, ValueError) as error:
        raise GatewayRejected("The link may not be followed: it is not an address.") from error


def gateway_url(endpoint: Endpoint, path: str) -> httpx.URL:
    """Return the address of a route of the gateway. Raise GatewayNotSent when its base URL is no such thing."""
    base = _base_url(endpoint.base_url)
    return httpx.URL(str(base).rstrip("/") + path) if path else base


@functools.lru_cache(maxsize=256)
def _base_url(text: str) -> httpx.URL:
    """Read a base URL once for the many polls that use it."""
    try:
        base = httpx.URL(text.strip())
    except (httpx.InvalidURL, ValueError) as error:
        raise GatewayNotSent("The gateway's base URL is not an http(s) address.") from error
    if base.scheme not in PORTS or not base.host or base.userinfo or base.query or base.fragment:
        raise GatewayNotSent("The gateway's base URL is not a plain http(s) address.")
    return base


def headers_of(endpoint: Endpoint, target: str | Message, url: httpx.URL | None = None) -> dict[str, str]:
    """Return our headers, with the key unless `url` lies outside the gateway's origin.

    Raise GatewayNotSent when the key is one that no header can carry.
    """
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": endpoint.user_agent}
    if isinstance(target, Message) and (url is None or _is_own(endpoint, url)):
        headers |= target.headers
        if target.is_public:
            return headers
    if url is None or _is_own(endpoint, url):
        if not endpoint.key:
            raise GatewayNotSent("The gateway has no key yet, so nothing was sent.")
        if not all("!" <= char <= "~" for char in endpoint.key):
            raise GatewayNotSent("The gateway's key has a space or another character that no key can have.")
        headers["Authorization"] = f"Bearer {endpoint.key}"
    return headers


def _is_own(endpoint: Endpoint, url: httpx.URL) -> bool:
    return _origin(url) == _origin(gateway_url(endpoint, ""))


def is_private(endpoint: Endpoint, url: httpx.URL) -> bool:
    _, host, port = _origin(url)
    return host_port(host, port) in endpoint.private_hosts


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.raw_host.decode("ascii").lower(), url.port or PORTS.get(url.scheme, 0)


def _is_strong(etag: str) -> bool:
    return re.fullmatch(r'"[\x21\x23-\x7e]{0,512}"', etag) is not None


def _client(endpoint: Endpoint, wire: Wire, timeout: httpx.Timeout) -> httpx.Client:
    transport = GuardedTransport(wire, endpoint.private_hosts, tls())
    return httpx.Client(transport=transport, timeout=timeout, cookies=_no_cookies(), trust_env=False)


@functools.cache
def tls() -> ssl.SSLContext:
    """One for all: making one takes longer than a request to a near machine."""
    return httpx.create_ssl_context()


def _no_cookies() -> CookieJar:
    return CookieJar(DefaultCookiePolicy(allowed_domains=()))


def _read(chunks: Iterator[bytes], most: int = MOST_BYTES) -> tuple[bytes, bool]:
    """Return the body, cut at `most` bytes, and whether it was cut."""
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > most:
            return bytes(body[:most]), True
    return bytes(body), False


def answer_of(endpoint: Endpoint, status: int, headers: Mapping[str, str], body: bytes, is_cut: bool) -> Answer:
    """Return what came back, without cookies and without our key, should the gateway have repeated it.

    Raise zlib.error when it is compressed and cut.
    """
    if headers.get("content-encoding", "").strip().lower() in ("gzip", "deflate") and not is_cut:
        body, is_cut = _inflated(body)
    if len(endpoint.key) >= 8:
        body = body.replace(endpoint.key.encode(), b"[key]")
    kept = {name.lower(): value for name, value in headers.items()}
    kept.pop("set-cookie", None)
    return Answer(status, kept, body, is_cut)


def _inflated(body: bytes) -> tuple[bytes, bool]:
    """Undo a compression nobody asked for, up to the limit. Raise zlib.error when it is broken or cut."""
    packed = zlib.decompressobj(wbits=47)
    plain_body = packed.decompress(body, MOST_BYTES + 1)
    if len(plain_body) > MOST_BYTES:
        return plain_body[:MOST_BYTES], True
    if body and not packed.eof:
        raise zlib.error("the compressed answer is cut")
    return plain_body, False


def why(error: BaseException) -> str:
    """Return the deepest reason we know, in a few words."""
    reason = deepest(error)
    words = getattr(reason, "strerror", None) or str(reason)
    if not words and isinstance(reason, TimeoutError):
        words = "it took too long"
    return plain(str(words or type(reason).__name__), 200).rstrip(".")


def deepest(error: BaseException) -> BaseException:
    """Return the exception that the others were raised from."""
    while isinstance(error.__cause__, Exception):
        error = error.__cause__
    return error
