"""A scripted gateway over loopback that speaks every dialect as strictly as the providers' documents.

    with FakeUpstream(video=clip) as upstream:
        upstream.busy(2).fails("no such luck")      # the next create is refused, the one after it fails

Each behaviour is for one coming create, in the order queued; without one a create goes well: queued, at the
first poll in progress at 30 %, from the second on completed, with a link to /files/<id>.mp4 on this server.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import socket
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.documents import ENVELOPE, FORM, FORM_JSON, STRICT, Create, Rules, SentFile, violations_of
from tests.native_upstream import NATIVE, Native, read_body

FORM_PATH, ENVELOPE_PATH = "/v1/videos", "/v1/video/generations"
SOME_VIDEO = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + bytes(range(256)) * 64


@dataclass(frozen=True)
class Poll:
    upstream_id: str
    at: float


@dataclass(frozen=True)
class Fetch:
    """One request for a file: `range` is the header, or ""."""

    path: str
    range: str
    headers: dict[str, str]
    at: float


@dataclass
class Script:
    """How one create and its task go. `create` is what happens on the wire; the rest is the task's life."""

    create: str = "answer"  # answer, status, reset, close, cut_head, cut_body
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    meanwhile: Callable[[], object] | None = None
    halfway: Callable[[], object] | None = None
    verdict: str = "completed"  # completed, failed, never
    reason: str = ""
    ticks: int | None = None
    later_verdict: str = ""
    has_url: bool = True
    has_content: bool = True
    late_content: int = 0
    dead_links: int = 0
    cut_files: int = 0
    file_status: int = 0
    file_headers: dict[str, str] = field(default_factory=dict)
    is_spliced: bool = False
    missing_polls: int = 0
    poll_status: int = 0
    poll_troubles: int = 0
    word: str = ""


@dataclass
class Task:
    upstream_id: str
    dialect: str
    model: str
    prompt: str
    script: Script
    created_at: int
    path: str = ""
    polls: int = 0
    links: int = 0
    verdicts: int = 0


class FakeUpstream:
    """The server. `creates`, `polls`, `fetches` and `violations` say what it saw; it runs until `close()`."""

    def __init__(
        self,
        video: bytes = SOME_VIDEO,
        *,
        models: Mapping[str, Rules] | Callable[[Create], list[str]] = STRICT,
        key: str = "sk-fake-upstream-key",
        self_hosted: bool = False,
    ) -> None:
        """With `self_hosted` it answers 404 where a gateway answers 400, and its ids are long, with strange signs."""
        self.video = video
        self.key = key
        self.self_hosted = self_hosted
        self.creates: list[Create] = []
        self.polls: list[Poll] = []
        self.fetches: list[Fetch] = []
        self.listing: list[Any] = []  # pages of /api/models: an object each, or text for what is none
        self.listings: list[tuple[str, bool]] = []  # how it was asked for them: the path, and whether with a key
        self.violations: list[str] = []
        self.tasks: dict[str, Task] = {}
        self.lock = threading.RLock()
        self.closing = threading.Event()
        self._models = models
        self._scripts: deque[Script] = deque()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.upstream = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def host_port(self) -> str:
        """What `private_hosts` must hold for this server to be reached."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def base_url(self) -> str:
        return f"http://{self.host_port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    # What the coming creates do, one each

    def answers_status(self, status: int, body: Any = None, *, headers: dict[str, str] | None = None) -> Self:
        """Answer a create with this; a dict is sent as JSON, text as HTML. No task comes of it."""
        return self._queue(Script("status", status=status, body=body, headers=headers or {}))

    def busy(self, retry_after: int | str | None = None) -> Self:
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        return self.answers_status(429, {"error": {"message": "too many requests"}}, headers=headers)

    def accepts_then_resets(self) -> Self:
        """Take the order, then reset the connection."""
        return self._queue(Script("reset"))

    def closes_before_answer(self) -> Self:
        """Take the order, then close the connection without a word."""
        return self._queue(Script("close"))

    def cut_head(self) -> Self:
        return self._queue(Script("cut_head"))

    def cut_body(self) -> Self:
        return self._queue(Script("cut_body"))

    def slow(self, seconds: float) -> Self:
        """Take the order, answer it well, but only after so many seconds."""
        return self._queue(Script(delay=seconds))

    def meanwhile(self, action: Callable[[], object]) -> Self:
        """Take the order, do something, and only then answer it well."""
        return self._queue(Script(meanwhile=action))

    def halfway(self, action: Callable[[], object]) -> Self:
        """Send the first half of the file, the first time; do something; send the rest."""
        return self._queue(Script(halfway=action))

    def no_url(self, *, content: bool = False) -> Self:
        """Complete without a link; `content` says whether the content route still has the file."""
        return self._queue(Script(has_url=False, has_content=content))

    def fails(self, reason: str = "the model gave up", *, ticks: int | None = None) -> Self:
        """Fail; a dialect that tells costs says that it took so many ticks all the same."""
        return self._queue(Script(verdict="failed", reason=reason, ticks=ticks))

    def never_ends(self) -> Self:
        return self._queue(Script(verdict="never"))

    def flips_to_failed(self) -> Self:
        """Complete once, and say failed ever after."""
        return self._queue(Script(later_verdict="failed", reason="changed my mind"))

    def flips_to_completed(self) -> Self:
        return self._queue(Script(verdict="failed", reason="too early", later_verdict="completed"))

    def says(self, word: str) -> Self:
        """Give this word as the status at every poll."""
        return self._queue(Script(word=word))

    def expired_link_once(self) -> Self:
        """Hand out a dead link (403) at the first completed poll, good ones afterwards; no content route."""
        return self._queue(Script(dead_links=1, has_content=False))

    def expired_links(self, count: int) -> Self:
        return self._queue(Script(dead_links=count, has_content=False))

    def truncated_file(self, times: int = 1) -> Self:
        """Break the file off in the middle, so many times."""
        return self._queue(Script(cut_files=times))

    def files_answer(self, status: int, **headers: str) -> Self:
        """Answer every request for the file with a bare status; `_` in a header's name stands for "-"."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._queue(Script(file_status=status, file_headers=named))

    def spliced_file(self) -> Self:
        """Break the file off once, and then go on in the middle of another one, whatever If-Range says."""
        return self._queue(Script(cut_files=1, is_spliced=True))

    def late_content(self, times: int = 2) -> Self:
        """Complete without a link, and not have the file on the content route yet for so many requests."""
        return self._queue(Script(has_url=False, late_content=times))

    def missing_at_first(self, polls: int = 1) -> Self:
        """Not know the task at its first polls."""
        return self._queue(Script(missing_polls=polls))

    def polls_answer(self, status: int, times: int = 1) -> Self:
        """Answer the first polls with a bare status."""
        return self._queue(Script(poll_status=status, poll_troubles=times))

    def _queue(self, script: Script) -> Self:
        with self.lock:
            self._scripts.append(script)
        return self

    # What the handler asks

    def take(self, create: Create) -> tuple[Task | None, Script, list[str]]:
        """Record a create: its task if one came of it, how it is to be answered, what is wrong with it."""
        with self.lock:
            self.creates.append(create)
            wrong = self._models(create) if callable(self._models) else violations_of(create, self._models)
            if wrong:
                self.violations += wrong
                return None, Script(), wrong
            script = self._scripts.popleft() if self._scripts else Script()
            if script.create == "status":
                return None, script, []
            # The random part keeps ids of several servers in one database apart.
            create.upstream_id = f"task_{len(self.tasks) + 1:04d}_{secrets.token_hex(8)}"
            if self.self_hosted:
                create.upstream_id = f"video_{create.upstream_id}/+{'bGl0ZWxsbQ' * 30}=="
            task = Task(
                create.upstream_id, create.dialect, create.model, create.prompt, script, int(create.at), create.path
            )
            self.tasks[task.upstream_id] = task
            return task, script, []

    def poll(self, upstream_id: str) -> tuple[Task | None, str, str]:
        """Count a poll; return the task, its word (of the seven plain ones, or a scripted one) and its link."""
        with self.lock:
            self.polls.append(Poll(upstream_id, time.time()))
            task = self.tasks.get(upstream_id)
            if task is None:
                return None, "", ""
            task.polls += 1
            word = task.script.word or self._word(task)
            if word in ("completed", "failed"):
                task.verdicts += 1
            if word != "completed" or not task.script.has_url:
                return task, word, ""
            task.links += 1
            return task, word, f"{self.base_url}/files/{upstream_id}.mp4?sig={task.links}"

    def _word(self, task: Task) -> str:
        if task.polls == 1 or task.script.verdict == "never":
            return "in_progress"
        return task.script.later_verdict if task.verdicts and task.script.later_verdict else task.script.verdict


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    upstream: FakeUpstream

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of the play; anything else is a fault of this file and is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """The test says what happened."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        if not self._is_known():
            return
        try:
            kind = self.headers.get("Content-Type", "")
            if path == FORM_PATH and kind.lower().startswith("application/json"):
                create = _create(FORM_JSON, dict(_leaves(read_body(kind, body), "")), {})
            elif path == FORM_PATH:
                create = read_form(kind, body)
            elif path.startswith(f"{FORM_PATH}/") and path.endswith("/remix"):
                create = self._read_remix(unquote(path.removeprefix(f"{FORM_PATH}/").removesuffix("/remix")), body)
            elif path == ENVELOPE_PATH:
                create = read_envelope(kind, body)
            elif native := next((native for native in NATIVE if native.create_path == path), None):
                create = self._read_native(native, body)
            else:
                return self._json(404, {"error": {"message": f"no route {path}"}})
        except ValueError as error:
            with self.server.upstream.lock:
                self.server.upstream.violations.append(str(error))
            return self._json(400, {"error": {"message": str(error), "code": "invalid_request"}})
        create.path = path
        create.headers = {name.lower(): value for name, value in self.headers.items()}
        self._answer_create(*self.server.upstream.take(create))

    def _read_remix(self, upstream_id: str, body: bytes) -> Create:
        """Read a remix of a finished task: JSON, the prompt and nothing else."""
        source = self.server.upstream.tasks.get(upstream_id)
        given = read_body(self.headers.get("Content-Type", ""), body)
        if source is None or not source.verdicts or source.model not in ("sora-2", "sora-2-pro"):
            raise ValueError(f"{upstream_id}: no finished video that can be remixed")
        if set(given) != {"prompt"}:
            raise ValueError(f"a remix takes a prompt alone, not {sorted(given)}")
        return _create(FORM, {"model": source.model, **given}, {})

    def _read_native(self, native: Native, body: bytes) -> Create:
        if missing := native.headers - {name.lower() for name in self.headers}:
            raise ValueError(f"header missing: {', '.join(missing)}")
        fields = dict(_leaves(read_body(self.headers.get("Content-Type", ""), body), ""))
        return _create(native.dialect, fields, {}, model=native.model, prompt=native.prompt)

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.startswith("/files/"):
            return self._file(path.removeprefix("/files/").removesuffix(".mp4"))
        if path == "/api/models":
            return self._listing()
        if not self._is_known():
            return
        for prefix, dialect in ((ENVELOPE_PATH, ENVELOPE), (FORM_PATH, FORM)):
            if path.startswith(prefix + "/"):
                upstream_id = path.removeprefix(prefix + "/")
                if dialect == FORM and upstream_id.endswith("/content"):
                    return self._content(unquote(upstream_id.removesuffix("/content")))
                return self._poll(unquote(upstream_id), dialect)
        given = {name.lower() for name in self.headers}
        asked = [native for native in NATIVE if path.startswith(native.poll_path + "/") and not native.headers - given]
        if asked:
            return self._poll(unquote(path.removeprefix(asked[0].poll_path + "/")), asked[0].dialect, asked)
        self._json(404, {"error": {"message": f"no route {path}"}})

    def _listing(self) -> None:
        """Public, and paged as it is told; a page that is not there is 404."""
        upstream = self.server.upstream
        with upstream.lock:
            upstream.listings.append((self.path, "Authorization" in self.headers))
        number = int(dict(parse_qsl(urlsplit(self.path).query)).get("page", "1"))
        if number > len(upstream.listing):
            return self._json(404, {"error": {"message": "no such page"}})
        page = upstream.listing[number - 1]
        self._send(200, page.encode(), "application/json") if isinstance(page, str) else self._json(200, page)

    def _is_known(self) -> bool:
        if self.headers.get("Authorization") == f"Bearer {self.server.upstream.key}":
            return True
        self._json(401, {"error": {"message": "Invalid token", "type": "new_api_error", "code": "invalid_key"}})
        return False

    def _answer_create(self, task: Task | None, script: Script, wrong: list[str]) -> None:
        if wrong:
            return self._json(400, {"error": {"message": "; ".join(wrong), "code": "InvalidParameter"}})
        if task is None:
            if isinstance(script.body, str | bytes):
                text = script.body.encode() if isinstance(script.body, str) else script.body
                return self._send(script.status, text, "text/html", script.headers)
            body = {"error": {"message": "scripted answer"}} if script.body is None else script.body
            return self._json(script.status, body, script.headers)
        self.server.upstream.closing.wait(script.delay)
        if script.meanwhile:
            script.meanwhile()
        if script.create in ("reset", "close"):
            return self._hang_up(is_reset=script.create == "reset")
        if script.create == "cut_head":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Ty")
            return self._hang_up()
        job = created_job(task)
        if script.create == "cut_body":
            whole = json.dumps(job).encode()
            self._head(200, {"Content-Type": "application/json", "Content-Length": str(len(whole))})
            self.wfile.write(whole[: len(whole) // 2])
            return self._hang_up()
        self._json(200, job)

    def _poll(self, upstream_id: str, dialect: str, asked: Sequence[Native] = ()) -> None:
        """Answer a poll; one of a provider's own finds the tasks of the creates that are `asked` about there."""
        task, word, url = self.server.upstream.poll(upstream_id)
        if task is None and self.server.upstream.self_hosted:
            return self._json(404, {"detail": "Video not found"})
        native = next((native for native in asked if task and native.create_path == task.path), None)
        if asked and native is None:
            task = None
        if task is None or task.polls <= task.script.missing_polls:
            return self._json(400, {"code": "task_not_exist", "message": "task_not_exist", "data": None})
        if task.polls <= task.script.poll_troubles:
            return self._send(task.script.poll_status, b"<html>upstream trouble</html>", "text/html")
        if native is not None:
            return self._json(200, native.polled(task, word, url))
        self._json(200, flat_job(task, word, url) if dialect == FORM else envelope(task, word, url))

    def _content(self, upstream_id: str) -> None:
        task = self.server.upstream.tasks.get(upstream_id)
        if task is None:
            return self._json(400, {"code": "task_not_exist", "message": "task_not_exist", "data": None})
        is_late = task.script.late_content > 0
        task.script.late_content -= is_late
        if not task.verdicts or not task.script.has_content or is_late:
            if self.server.upstream.self_hosted:
                return self._json(404, {"detail": "Generation is still in-progress"})
            return self._json(400, {"error": {"message": "video is not ready", "type": "invalid_request_error"}})
        self._video(task)

    def _file(self, upstream_id: str) -> None:
        task = self.server.upstream.tasks.get(upstream_id)
        signature = urlsplit(self.path).query.removeprefix("sig=")
        if task is None or not signature.isdigit() or int(signature) > task.links:
            self._note_fetch()
            return self._send(404, b"<Error>NoSuchKey</Error>", "application/xml")
        if int(signature) <= task.script.dead_links:
            self._note_fetch()
            return self._send(403, b"<Error>Request has expired</Error>", "application/xml")
        self._video(task)

    def _note_fetch(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        upstream = self.server.upstream
        with upstream.lock:
            upstream.fetches.append(Fetch(self.path, headers.get("range", ""), headers, time.time()))

    def _video(self, task: Task) -> None:
        self._note_fetch()
        video = self.server.upstream.video
        if task.script.file_status:
            return self._send(task.script.file_status, b"<html>no file</html>", "text/html", task.script.file_headers)
        etag = f'"{hashlib.sha256(video).hexdigest()[:16]}"'
        if task.script.is_spliced and self.headers.get("Range"):
            self.headers.replace_header("If-Range", '"another"')
            etag = '"another"'
        headers = {"Content-Type": "video/mp4", "ETag": etag, "Accept-Ranges": "bytes"}
        start = self._range_start(etag, len(video))
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(video) - 1}/{len(video)}"
        rest = video[start:]
        self._head(206 if start else 200, headers | {"Content-Length": str(len(rest))})
        with self.server.upstream.lock:
            is_cut = task.script.cut_files > 0
            task.script.cut_files -= is_cut
            halfway, task.script.halfway = task.script.halfway, None
        middle = len(rest) // 2
        self.wfile.write(rest[:middle])
        if is_cut:
            return self._hang_up()
        if halfway:
            halfway()
        self.wfile.write(rest[middle:])

    def _range_start(self, etag: str, size: int) -> int:
        asked = self.headers.get("Range", "")
        first = asked.removeprefix("bytes=").removesuffix("-")
        if not first.isdigit() or self.headers.get("If-Range", etag) != etag or int(first) >= size:
            return 0
        return int(first)

    def _json(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        self._send(status, json.dumps(body).encode(), "application/json", headers)

    def _send(self, status: int, body: bytes, kind: str, headers: Mapping[str, str] | None = None) -> None:
        self._head(status, {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})})
        self.wfile.write(body)

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _hang_up(self, *, is_reset: bool = False) -> None:
        self.close_connection = True
        if is_reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.rfile.close()
            self.connection.close()


def read_form(content_type: str, body: bytes) -> Create:
    """Return the create in a multipart body. Raise ValueError for any other body, or a field given twice."""
    kind, _, boundary = content_type.partition("boundary=")
    if not kind.lower().startswith("multipart/form-data") or not boundary:
        raise ValueError(f"multipart/form-data expected, not {content_type!r}")
    fields: dict[str, Any] = {}
    files: dict[str, list[SentFile]] = {}
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary.strip('"').encode())[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        terms = dict(term.split("=", 1) for term in headers["Content-Disposition"].split("; ")[1:])
        name = terms["name"].strip('"')
        if "filename" in terms:
            file = SentFile(terms["filename"].strip('"'), headers.get("Content-Type", ""), content)
            files.setdefault(name, []).append(file)
        elif name in fields:
            raise ValueError(f"{name}: given twice")
        else:
            fields[name] = content.decode()
    return _create(FORM, fields, files)


def read_envelope(content_type: str, body: bytes) -> Create:
    """Return the create in a JSON body, flattened. Raise ValueError for any other body."""
    return _create(ENVELOPE, dict(_leaves(read_body(content_type, body), "")), {})


def _leaves(value: dict[str, Any], prefix: str) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, inner in value.items():
        found += _leaves(inner, f"{prefix}{name}.") if isinstance(inner, dict) else [(prefix + name, inner)]
    return found


def _create(
    dialect: str,
    fields: dict[str, Any],
    files: dict[str, list[SentFile]],
    *,
    model: str = "model",
    prompt: str = "prompt",
) -> Create:
    for name in (model, prompt):
        if not isinstance(fields.get(name), str):
            raise ValueError(f"{name}: missing, or not text")
    return Create(dialect, fields.pop(model), fields.pop(prompt), fields, files, {}, time.time())


def created_job(task: Task) -> dict[str, Any]:
    """Return the answer to a create, field for field."""
    for native in NATIVE:
        if native.create_path == task.path:
            return native.created(task)
    job = {
        "id": task.upstream_id,
        "object": "video",
        "model": task.model,
        "status": "queued",
        "progress": 0,
        "created_at": task.created_at,
    }
    return job | ({"task_id": task.upstream_id} if task.dialect == FORM else {})


def flat_job(task: Task, word: str, url: str) -> dict[str, Any]:
    """Return a poll's answer on /v1/videos/{id}, field for field."""
    job = {
        "id": task.upstream_id,
        "task_id": task.upstream_id,
        "object": "video",
        "model": task.model,
        "status": word,
        "progress": {"completed": 100, "in_progress": 30, "failed": 100}.get(word, 0),
        "created_at": task.created_at,
    }
    if word == "completed":
        job["completed_at"] = int(time.time())
    if url:
        job["video_url"] = url
    if word == "failed":
        job["error"] = {"code": "generation_failed", "message": task.script.reason}
    return job


def envelope(task: Task, word: str, url: str) -> dict[str, Any]:
    """Return a poll's answer on /v1/video/generations/{id}, field for field."""
    now = int(time.time())
    outer, inner = {
        "completed": ("SUCCESS", "SUCCEEDED"),
        "failed": ("FAILURE", "FAILED"),
        "in_progress": ("IN_PROGRESS", "RUNNING"),
    }.get(word, (word, word))
    is_over = outer in ("SUCCESS", "FAILURE")
    output: dict[str, Any] = {
        "scheduled_time": "2025-12-10 09:06:19.749",
        "submit_time": "2025-12-10 09:06:19.731",
        "task_id": f"provider-{task.upstream_id}",
        "task_status": inner,
    }
    data: dict[str, Any] = {"output": output, "request_id": f"request-{task.upstream_id}"}
    if is_over:
        output["end_time"] = "2025-12-10 09:08:53.863"
    if outer == "SUCCESS":
        output |= {"actual_prompt": f"{task.prompt} (rewritten)", "orig_prompt": task.prompt}
        output |= {"video_url": url} if url else {}
        data["usage"] = {"video_count": 1, "video_duration": 5, "video_ratio": "1920*1080"}
    if outer == "FAILURE":
        output |= {"code": "InvalidParameter", "message": task.script.reason}
    return {
        "code": "success",
        "message": "",
        "data": {
            "task_id": task.upstream_id,
            "action": "textGenerate",
            "status": outer,
            "fail_reason": url if outer == "SUCCESS" else task.script.reason if outer == "FAILURE" else "",
            "submit_time": task.created_at,
            "start_time": task.created_at,
            "finish_time": now if is_over else 0,
            "progress": "100%" if is_over else "30%",
            "data": data,
        },
    }
