"""What every gateway dialect speaks of: requests, messages, answers, tasks, and what can go wrong.

The errors, one class for each row of the table of create answers (docs/architecture.md, section 3):

    GatewayError                     a sentence for people; status, evidence and retry_after for the record
    +-- GatewayNotSent               no byte of the request left: asking again is safe
    +-- GatewayBusy                  429: refused for now; retry_after when the gateway named it
    +-- GatewayRejected              3xx and the 4xx of REFUSED: refused, and asking the same again is useless
    +-- GatewayMissing               polls and downloads: the gateway does not know this task or file (any more)
    +-- GatewayUnclear               everything else, the default: whether it took effect is not known
        +-- GatewayProtocolError     a 2xx whose body is not what a create or a poll may answer
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from decimal import Decimal
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, ClassVar

EVIDENCE_BYTES = 4096
ACCOUNT_TROUBLE = frozenset({401, 402, 403})
REFUSED = ACCOUNT_TROUBLE | {400, 404, 405, 413, 415, 422}
RETRY_AFTER_RANGE = (1.0, 3600.0)

Part = tuple[str | None, str | bytes, str | None]
"""File name (None: a plain form field), content, content type."""


type Field = str | int | float | bool | list[str]
"""One value of a request; images that go as text are a list where several are taken."""


class GatewayError(Exception):
    """Something went wrong with a gateway; `str()` is a sentence for people that never holds the key."""

    def __init__(
        self, sentence: str, *, status: int | None = None, evidence: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.evidence = evidence
        self.retry_after = retry_after


class GatewayNotSent(GatewayError):
    """The request surely did not leave this machine."""


class GatewayBusy(GatewayError):
    """The gateway refused for now; `retry_after` is in seconds, or None when it named no time."""


class GatewayRejected(GatewayError):
    """The gateway, or our own rule about addresses, refused for good."""

    @property
    def is_account(self) -> bool:
        """The key, its rights or its money are the trouble, not this one request."""
        return self.status in ACCOUNT_TROUBLE


class GatewayMissing(GatewayError):
    """The gateway does not know the task or the file."""


class GatewayUnclear(GatewayError):
    """The request may or may not have taken effect."""


class GatewayProtocolError(GatewayUnclear):
    """The gateway said yes in a form that cannot be read."""


class TaskStatus(StrEnum):
    """A gateway's many words for a task's state, brought down to seven."""

    WAITING = "waiting"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNKNOWN = "unknown"

    @property
    def is_verdict(self) -> bool:
        """This word ends a task; every other word leaves it running."""
        return self in (TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED, TaskStatus.EXPIRED)


@dataclass(frozen=True)
class FilePart:
    """A file to upload with a request."""

    name: str
    content_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class VideoRequest:
    """One video, as asked for. Keys of `fields` are dotted paths, such as "metadata.parameters.size"."""

    model: str
    prompt: str
    fields: Mapping[str, Field]
    files: Mapping[str, tuple[FilePart, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Message:
    """An HTTP request without its host and key. It carries `json`, multipart `parts`, the bytes `content`, or nothing.

    One that `is_public` needs no key, and takes none along. `state` never leaves: it is what polls of the task need to
    know of its create, such as the path it went to.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    json: dict[str, Any] | None = None
    parts: tuple[tuple[str, Part], ...] = ()
    is_public: bool = False
    state: Mapping[str, Any] = field(default_factory=dict)
    content: bytes | None = None

    def digest(self) -> str:
        """Return the sha256, in hex, of method, path and body; equal requests have equal digests."""
        parts = [[name, filename, _sha256(content), kind] for name, (filename, content, kind) in self.parts]
        whole = [self.method, self.path, self.json, parts]
        if self.content is not None:
            whole.append(_sha256(self.content))
        return _sha256(json.dumps(whole, sort_keys=True, ensure_ascii=False))


@dataclass(frozen=True)
class Answer:
    """What came back. Header names are lower-case; `truncated` when the body was longer than is read."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool = False

    @property
    def evidence(self) -> str:
        """The first 4 KB of the body as text, without the queries of links in it (they hold signatures)."""
        return _storable(_without_queries(self.body[:EVIDENCE_BYTES].decode("utf-8", "replace")))

    def json_object(self) -> dict[str, Any]:
        """Return the body as a dict that any database can store. Raise GatewayProtocolError when it is none."""
        try:
            # A database takes neither NaN, nor infinity, nor NUL or half a surrogate pair in a text.
            text = self.body.decode(json.detect_encoding(self.body), "replace").removeprefix("\ufeff")
            value = json.loads(text, parse_constant=lambda _: None, parse_float=_finite)
            value = _storable_tree(value) if "\\u" in text else value
        except (ValueError, RecursionError):
            value = None
        if self.truncated or not isinstance(value, dict):
            raise GatewayProtocolError(
                f"The gateway answered {self.status}, but not with a JSON object of at most 1 MiB.",
                status=self.status,
                evidence=self.evidence,
            )
        return value


@dataclass(frozen=True)
class VideoTask:
    """A task as its gateway describes it.

    `word` is the raw status, `progress` 0-100, `urls` every place the finished video may be, best first
    (absolute http(s), or root-relative to the gateway); `error` the gateway's words, "" if it gave none;
    `state` what later polls in this dialect need; `cost_usd` what the gateway says it cost, where it says so;
    `raw` the whole answer.
    """

    upstream_id: str
    status: TaskStatus
    word: str
    progress: int | None
    urls: tuple[str, ...]
    error: str
    rewritten_prompt: str = ""
    cost_usd: Decimal | None = None
    state: dict[str, Any] = field(default_factory=dict)
    raw: dict[str, Any] = field(default_factory=dict, repr=False)


class Dialect(ABC):
    """One way of speaking to gateways: builds messages, reads answers, does no I/O."""

    name: ClassVar[str]
    creates: ClassVar[tuple[str, ...]] = ()  # the routes it asks for a video at, as lists of models spell them

    @abstractmethod
    def create(self, request: VideoRequest) -> Message:
        """Return the message that asks for a video. Raise ValueError for what this dialect cannot say."""

    @abstractmethod
    def retrieve(self, upstream_id: str, state: dict[str, Any]) -> Message:
        """Return the message that asks how a task is."""

    @abstractmethod
    def content(self, upstream_id: str, state: dict[str, Any]) -> Message | None:
        """Return the message that fetches the finished file, or None where there is no such route."""

    @abstractmethod
    def read_create(self, answer: Answer) -> VideoTask:
        """Return the accepted task, with its id. Raise GatewayError by the table of create answers."""

    @abstractmethod
    def read_task(self, answer: Answer) -> VideoTask:
        """Return the task. Raise GatewayError by the rules for polls; an unknown word is no error."""


def json_body(request: VideoRequest, *, model: str = "model", prompt: str = "prompt") -> dict[str, Any]:
    """Return a request as one JSON object, options where their dotted paths say; raise ValueError for files.

    `model` and `prompt` are what the wire calls these two.
    """
    if any(request.files.values()):
        raise ValueError("this dialect carries no files")
    body: dict[str, Any] = {model: request.model, prompt: request.prompt}
    for path, value in request.fields.items():
        *steps, last = path.split(".")
        inner = body
        for step in steps:
            inner = inner.setdefault(step, {})
            if not isinstance(inner, dict):
                raise ValueError(f"{path} leads through a value that is no object")
        inner[last] = value
    return body


def check_create(answer: Answer) -> dict[str, Any]:
    """Return the body of a 2xx, or raise what the answer of a create means."""
    if answer.truncated:
        raise _error(GatewayUnclear, answer, "The gateway's answer was too long to read")
    if 200 <= answer.status < 300:
        return answer.json_object()
    if 300 <= answer.status < 400:
        raise _error(GatewayRejected, answer, "The gateway sent us elsewhere; is its base URL right?")
    if answer.status == 429:
        raise _error(GatewayBusy, answer, "The gateway is busy")
    if answer.status in REFUSED:
        raise _error(GatewayRejected, answer, "The gateway refused the request")
    raise _error(GatewayUnclear, answer, "The gateway failed while answering")


def check_poll(answer: Answer) -> dict[str, Any]:
    """Return the body of a 2xx, or raise what the answer of a poll means. None of it ends a task."""
    if answer.status == 404 or (answer.status == 400 and b"task_not_exist" in answer.body):
        raise _error(GatewayMissing, answer, "The gateway does not know this task")
    return check_create(answer)


def words_of(body: Mapping[str, Any]) -> str:
    """Return what an error body says, in the gateway's words, or "".

    Known forms: {error: {message, code}}, {error: text}, {message}, {detail: text or a list of {msg}}.
    """
    error = body.get("error")
    if isinstance(error, Mapping):
        error = error.get("message") or error.get("code") or error.get("type")
    detail = body.get("detail")
    if isinstance(detail, list):
        detail = "; ".join(
            item["msg"] for item in detail if isinstance(item, dict) and isinstance(item.get("msg"), str)
        )
    for words in (error, body.get("message"), detail):
        if isinstance(words, str) and words.strip():
            return plain(words)
    return ""


def plain(text: str, limit: int = 500) -> str:
    """Return text on one line, without control characters and without the queries of links in it."""
    line = " ".join(_storable(_without_queries(text[: 8 * limit])).split())
    line = "".join(char for char in line if char.isprintable())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds a Retry-After header asks for (seconds or a date), within 1..3600, else None."""
    value = headers.get("retry-after", "").strip()
    try:
        seconds = float(value) if re.fullmatch(r"-?\d{1,12}(\.\d+)?", value) else _date(value) - _now_there(headers)
    except (ValueError, TypeError, OverflowError):
        return None
    low, high = RETRY_AFTER_RANGE
    return min(max(seconds, low), high)


def _date(value: str) -> float:
    moment = parsedate_to_datetime(value)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _now_there(headers: Mapping[str, str]) -> float:
    """The gateway's clock where it tells it: its dates are by that clock, not by ours."""
    try:
        return _date(headers["date"])
    except (KeyError, ValueError, TypeError, OverflowError):
        return time.time()


def _error(kind: type[GatewayError], answer: Answer, lead: str) -> GatewayError:
    try:
        said = words_of(answer.json_object())
    except GatewayProtocolError:
        said = ""  # an HTML page or nothing; the evidence keeps it
    sentence = f"{lead} ({answer.status}): {said}" if said else f"{lead} ({answer.status})."
    return kind(sentence, status=answer.status, evidence=answer.evidence, retry_after=retry_after(answer.headers))


def _finite(digits: str) -> float | None:
    value = float(digits)
    return value if math.isfinite(value) else None


def _sha256(content: str | bytes) -> str:
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def _without_queries(text: str) -> str:
    """Cut each link at its query. What a gateway says may be made to be slow: this reads it once."""
    return re.sub(r"""https?://[^\s"'<>]+""", _without_query, text, flags=re.IGNORECASE)


def _without_query(link: re.Match[str]) -> str:
    place, *query = re.split(r"[?#](?=.)", link[0], maxsplit=1)
    return f"{place}?…" if query else place


def _storable(text: str) -> str:
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _storable_tree(value: Any) -> Any:
    match value:
        case str():
            return _storable(value)
        case list():
            return [_storable_tree(item) for item in value]
        case dict():
            return {_storable(name): _storable_tree(item) for name, item in value.items()}
    return value
