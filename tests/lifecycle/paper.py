"""A gateway without a network, for thousands of schedules: it stands where the engine sends, and it is the oracle.

It answers creates, polls and files as it is told to, keeps an account of what it was asked to make, and can kill the
process that asks at a chosen point: `PaperGateway.pass_` raises there, and nothing that would follow is run.
"""

import errno
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

from generations.gateways import (
    Answer,
    GatewayBusy,
    GatewayMissing,
    GatewayNotSent,
    GatewayRejected,
    GatewayUnclear,
    Message,
)
from generations.gateways.http import Endpoint
from generations.media import Measured, NotAVideo
from tests.documents import FORM
from tests.upstream import ENVELOPE_PATH, Script, Task, envelope, flat_job

# How a create is answered: (status, headers, body), a body of None meaning a task and its id. "lost" breaks off
# after the request was taken, "not sent" before.
CREATE_ANSWERS: Mapping[str, tuple[int, dict[str, str], Any]] = {
    "accepted": (200, {}, None),
    "accepted, and done": (200, {}, None),
    "accepted, and failed": (200, {}, None),
    "an id of another's": (200, {}, None),
    "no id": (200, {}, {"object": "video", "status": "queued"}),
    "no JSON": (200, {}, "<html>ok</html>"),
    "refused": (400, {}, {"error": {"message": "no such size"}}),
    "moderated": (422, {}, {"error": {"message": "blocked by the safety filter"}}),
    "bad key": (401, {}, {"error": {"message": "invalid token"}}),
    "elsewhere": (302, {"location": "/"}, ""),
    "busy": (429, {"retry-after": "7"}, {"error": {"message": "slow down"}}),
    "broken": (503, {"retry-after": "3"}, "<html>trouble</html>"),
    "lost": (0, {}, None),
    "not sent": (0, {}, None),
}
# How a poll is answered: a status, and the word and progress where there is a task in the answer.
POLL_ANSWERS: Mapping[str, tuple[int, str, int | None]] = {
    "waiting": (200, "queued", 0),
    "running": (200, "in_progress", 30),
    "further": (200, "in_progress", 80),
    "100 % and running": (200, "in_progress", 100),
    "a strange word": (200, "reticulating", None),
    "done": (200, "completed", 100),
    "done, no link": (200, "completed", 100),
    "failed": (200, "failed", 100),
    "cancelled": (200, "cancelled", None),
    "expired": (200, "expired", None),
    "missing": (400, "", None),
    "gone": (404, "", None),
    "busy": (429, "", None),
    "bad key": (403, "", None),
    "broken": (502, "", None),
    "no JSON": (200, "", None),
    "silence": (0, "", None),
}
FILES = ("whole", "a page", "breaks off", "missing", "forbidden", "busy", "unreachable", "disk full", "read-only")
DISK = {"disk full": errno.ENOSPC, "read-only": errno.EROFS}
VIDEO = b"\x00\x00\x00\x18ftypmp42" + b"a video of few bytes"
PAGE = b"<html>no video</html>"


class Killed(BaseException):
    """The process dies here: nothing that follows is run."""


@dataclass
class PaperCreate:
    """One create on the wire; `upstream_id` is what came of it, `is_on_record` once we had it in hand."""

    prompt: str
    answer: str
    upstream_id: str = ""
    is_on_record: bool = False


@dataclass
class PaperGateway:
    """What is told to happen next, and the account of what was asked."""

    create_answer: str = "accepted"
    poll_answer: str = "running"
    file: str = "whole"
    kill_at: str = ""
    blow: type[BaseException] = Killed
    meanwhile: Callable[[], None] = lambda: None
    creates: list[PaperCreate] = field(default_factory=list)
    tasks: dict[str, Task] = field(default_factory=dict)
    unsent: Counter[str] = field(default_factory=Counter)  # attempts of a prompt that never reached the wire

    def pass_(self, point: str) -> None:
        """Let the process pass this point, unless it is to be killed there."""
        if self.kill_at == point:
            self.kill_at = ""
            raise self.blow(point)

    def while_it_waits(self) -> None:
        """Let happen, once, what is told to happen during this request."""
        happen, self.meanwhile = self.meanwhile, lambda: None
        happen()

    def has_to_be_known(self, upstream_id: str) -> None:
        """Note that from here on this id may not be lost, whatever is killed."""
        for create in self.creates:
            create.is_on_record |= create.upstream_id == upstream_id

    def costs(self) -> tuple[Counter[str], Counter[str]]:
        """Return how many creates each prompt cost, and how many of them were refused for now: surely free."""
        free = (create.prompt for create in self.creates if create.answer == "busy")
        return Counter(create.prompt for create in self.creates), Counter(free)

    # In the place of http.send_once

    def send_once(self, endpoint: Endpoint, message: Message, *, times: object = None) -> Answer:
        return self.create(message) if message.method == "POST" else self.retrieve(message)

    def create(self, message: Message) -> Answer:
        answer, form = self.create_answer, dict(message.parts)
        prompt = message.json["prompt"] if message.json else form["prompt"][1]
        if answer == "not sent":
            self.unsent[prompt] += 1
            self.while_it_waits()
            raise GatewayNotSent("The gateway could not be reached, so nothing was sent.")
        self.creates.append(create := PaperCreate(prompt, answer))
        status, headers, body = CREATE_ANSWERS[answer]
        if body is None:
            body = self._make(create, message, form)
        self.while_it_waits()
        self.pass_("before the answer")
        if not status:
            raise GatewayUnclear("The request was sent, but no whole answer came back.")
        return Answer(status, headers, (body if isinstance(body, str) else json.dumps(body)).encode())

    def _make(self, create: PaperCreate, message: Message, form: dict[str, Any]) -> dict[str, Any]:
        dialect = "newapi" if message.path == ENVELOPE_PATH else FORM
        model = message.json["model"] if message.json else form["model"][1]
        create.upstream_id = f"task_{len(self.tasks) + 1}"
        self.tasks[create.upstream_id] = Task(create.upstream_id, dialect, model, create.prompt, Script(), 0)
        word = {"accepted, and done": "completed", "accepted, and failed": "failed"}.get(create.answer, "queued")
        if create.answer == "an id of another's":
            create.upstream_id = next(iter(self.tasks))
        return flat_job(self.tasks[create.upstream_id], word, "")

    def retrieve(self, message: Message) -> Answer:
        upstream_id = unquote(message.path.rpartition("/")[2])
        status, word, progress = POLL_ANSWERS[self.poll_answer]
        task = self.tasks.get(upstream_id)
        if self.poll_answer == "silence":
            raise GatewayUnclear("The gateway did not answer.")
        if status == 200 and not word:
            return Answer(200, {}, b"<html>")
        if task is None or not word:
            return Answer(400 if task is None else status, {"retry-after": "5"}, b'{"code": "task_not_exist"}')
        url = f"https://files.invalid/{upstream_id}.mp4?sig=1" if self.poll_answer == "done" else ""
        body = flat_job(task, word, url) if task.dialect == FORM else envelope(task, word, url)
        (body if task.dialect == FORM else body["data"])["progress"] = progress
        return Answer(200, {}, json.dumps(body).encode())

    # In the place of the poller's sender

    async def send(self, endpoint: Endpoint, message: Message) -> Answer:
        return self.retrieve(message)

    # In the place of http.open_download

    @contextmanager
    def open_download(
        self, endpoint: Endpoint, target: str | Message, *, start: int = 0, etag: str = "", overall: float = 0
    ) -> Iterator[SimpleNamespace]:
        self.while_it_waits()
        match self.file:
            case "missing":
                raise GatewayMissing("The file could not be fetched: 404.", status=404)
            case "forbidden":
                raise GatewayRejected("The file could not be fetched: 403.", status=403)
            case "busy":
                raise GatewayBusy("The file could not be fetched: 429.", status=429)
            case "unreachable":
                raise GatewayNotSent("files.invalid could not be reached.")
        yield SimpleNamespace(start=start, etag='"1"', chunks=lambda: self._chunks(start))

    def _chunks(self, start: int) -> Iterator[bytes]:
        content = PAGE if self.file == "a page" else VIDEO
        yield content[start:][: len(content) // 2]
        self.pass_("in the middle of the file")
        if self.file == "breaks off":
            raise GatewayUnclear("The file broke off.")
        if self.file in DISK:
            raise OSError(DISK[self.file], "as it would come from a write")
        yield content[start:][len(content) // 2 :]


def measure(path) -> Measured:
    """In the place of media.measure: the one video there is, without decoding."""
    content = path.read_bytes()
    if content != VIDEO:
        raise NotAVideo("It is no video.")
    return Measured(320, 180, 1.0, 24.0, has_audio=False, bytes=len(content), codec="h264")
