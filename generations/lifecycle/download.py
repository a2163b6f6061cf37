"""Download: fetch the finished file, make sure it is a video, measure it, store it.

Every try asks upstream for a fresh link first; a failed try never leads to another generation.
"""

import errno
import logging
import os
import secrets
import time
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from generations import queue
from generations.gateways import (
    GatewayBusy,
    GatewayError,
    GatewayMissing,
    GatewayRejected,
    GatewayUnclear,
    Message,
    TaskStatus,
    VideoTask,
)
from generations.gateways.http import POLL_TIMES, Endpoint, open_download, send_once
from generations.lifecycle import mixups
from generations.lifecycle.endpoints import dialect_of, endpoint, heed
from generations.lifecycle.files import DiskFull, drop_parts, part_of, path_of, require_room, sha256_of, stored_name
from generations.lifecycle.heartbeat import LEASE, Heartbeat, Lost, Stopping
from generations.lifecycle.persistence import AWAY, REFUSED, insist
from generations.lifecycle.receipts import sync_folder
from generations.media import HEAD_BYTES, Measured, NotAVideo, make_poster, make_preview, measure, video_kind
from generations.models import Failure, Generation, Status
from videostudio import lifeline
from videostudio.scrubbing import scrub

log = logging.getLogger(__name__)

MOST_SECONDS = 840.0  # for everything: q2 ends the task after 900
STORE_SECONDS = 60.0  # for a database that is away just then; afterwards somebody else may have the row
ROOM_SECONDS = 5.0  # between two looks at the free disk
RESUMES = 3
MISSING_SECONDS = (5, 10, 20, 40)  # so often "there is no file" is believed to be a delay
TROUBLE_SECONDS = (5.0, 300.0)
TROUBLE_FOR = timedelta(hours=24)  # so long trouble on the way is believed to pass
PAUSED = timedelta(seconds=30)
NO_ROOM = timedelta(seconds=30)
ACTOR = "downloader"


class NoFile(Exception):
    """The gateway has no file to give; `failure` is the kind this becomes when it stays so."""

    def __init__(self, sentence: str, failure: str) -> None:
        super().__init__(sentence)
        self.failure = failure


def download(pk: int) -> None:
    """Fetch and store the file of a row that is due for it, or leave the row to whoever owns it."""
    if lifeline.is_leaving():
        return
    token = secrets.token_hex(16)
    try:
        _download(pk, token)
    except REFUSED:
        raise
    except AWAY as error:
        log.warning("generation %s: the database went away during its download (%s)", pk, type(error).__name__)
        insist(partial(_give_back, pk, token), seconds=LEASE.total_seconds())


def _give_back(pk: int, token: str) -> None:
    """Let a row that this try still holds be taken up at once: without a word it would wait for its lease to end."""
    with transaction.atomic():
        held = Generation.objects.filter(pk=pk, status=Status.DOWNLOADING, claim=token)
        if held.update(claim="", due_at=timezone.now()):
            queue.hint("download", pk)


def _download(pk: int, token: str) -> None:
    due = Generation.objects.due().filter(pk=pk, status=Status.DOWNLOADING)
    if not due.update(claim=token, due_at=timezone.now() + LEASE):
        return
    generation = Generation.objects.select_related("gateway", "prompt").get(pk=pk)
    if reason := _why_wait(generation):
        _put_off(generation, PAUSED, reason)
        return
    try:
        with Heartbeat(generation, "download") as heart:
            _fetch_and_store(generation, heart)
    except Lost:
        log.warning("generation %s: it is no longer ours to download", pk)
    except Stopping:
        _put_off(generation, timedelta(0), generation.detail)
    except NoFile as error:
        _missing(generation, error)
    except GatewayError as error:
        _trouble(generation, error)
    except DiskFull as error:
        _put_off(generation, NO_ROOM, str(error))
    except OSError as error:
        _disk_trouble(generation, error)


def _why_wait(generation: Generation) -> str:
    gateway = generation.gateway
    if problem := gateway.key_problem:
        return problem
    return f"The gateway {gateway.name} is paused: {gateway.paused_reason}" if gateway.is_paused else ""


def _fetch_and_store(generation: Generation, heart: Heartbeat) -> None:
    drop_parts(generation)  # of tries that were killed: whoever still writes to one has lost the row
    if _adopt(generation):
        return
    require_room()
    part = part_of(generation)
    try:
        measured = _fetch(generation, part, heart)
        heart.check()
        _store(generation, measured, part)
    finally:
        part.unlink(missing_ok=True)


def _adopt(generation: Generation) -> bool:
    """Complete the row with the file that an earlier try stored before it was killed, if there is one."""
    for suffix in (".mp4", ".webm"):
        name = stored_name(generation, suffix)
        path = path_of(name)
        try:
            measured = measure(path)
        except FileNotFoundError:
            continue
        except NotAVideo as error:
            log.error("generation %s: the file stored before is broken, it is fetched again: %s", generation.pk, error)
            path.unlink()
        else:
            _complete(generation, name, measured, sha256_of(path))
            return True
    return False


def _fetch(generation: Generation, part: Path, heart: Heartbeat) -> Measured:
    """Bring the file into `part` and measure it, from the first place that has it.

    Raises the GatewayError of a place where it may still be had, else NoFile.
    """
    until = time.monotonic() + MOST_SECONDS
    target = endpoint(generation.gateway)
    task = _ask(generation, target)
    part.parent.mkdir(parents=True, exist_ok=True)
    gone = Failure.EXPIRED if task.urls else Failure.NO_RESULT
    trouble: list[GatewayError] = []
    missing: list[NoFile] = []
    for source in _sources(generation, task):
        try:
            _pull(target, source, part, heart, until)
            return measure(part)
        except (GatewayMissing, GatewayRejected) as error:
            is_gone = isinstance(error, GatewayMissing) or (error.status or 0) >= 400
            sentence = "The file is not there (any more)." if is_gone else "The file cannot be taken from there."
            missing.append(NoFile(f"{sentence} {error}", gone if is_gone else Failure.NO_RESULT))
        except NotAVideo as error:
            missing.append(NoFile(f"What the gateway gave is no video. {error}", Failure.NO_RESULT))
        except GatewayError as error:
            if isinstance(source, Message) or source.startswith(("/", f"{target.base_url}/")):
                heed(generation.gateway, error)
            trouble.append(error)
    nothing = NoFile("The gateway says it is finished, but names no file.", Failure.NO_RESULT)
    raise [*trouble, *_second_thoughts(task), *missing, nothing][0]


def _second_thoughts(task: VideoTask) -> Iterator[GatewayError | NoFile]:
    """Yield what it means when a gateway no longer says that a task it had finished is finished."""
    said = f"The gateway had said that it is finished, and now says {task.word or 'nothing'!r}"
    if not task.status.is_verdict:
        yield GatewayUnclear(f"{said}.")
    elif task.status is not TaskStatus.COMPLETED:
        failure = Failure.EXPIRED if task.status is TaskStatus.EXPIRED else Failure.NO_RESULT
        yield NoFile(f"{said}: {task.error}" if task.error else f"{said}.", failure)


def _ask(generation: Generation, target: Endpoint) -> VideoTask:
    """Ask upstream for a fresh link. Raises NoFile when the gateway no longer knows the task."""
    speaker = dialect_of(generation)
    message = speaker.retrieve(generation.upstream_id, generation.upstream_state)
    try:
        task = speaker.read_task(send_once(target, message, times=POLL_TIMES))
        if mixups.is_anothers(generation.gateway_id, generation.upstream_id, task):
            raise mixups.mixed_up(task)
    except GatewayMissing as error:
        raise NoFile(f"The gateway no longer knows this task. {error}", Failure.EXPIRED) from error
    except GatewayError as error:
        heed(generation.gateway, error)
        raise
    if task.status.is_verdict and task.status is not TaskStatus.COMPLETED:
        _note_contradiction(generation, task)
    return task


def _note_contradiction(generation: Generation, task: VideoTask) -> None:
    """The first verdict stands; that the gateway thinks otherwise by now is a notice, once."""
    reason = f"the gateway changed its verdict to {task.word!r}; the first one stands"
    if not generation.events.filter(reason=reason).exists():
        generation.note(reason, actor=ACTOR, said=scrub(task.error)[:500])
        log.error("generation %s: %s", generation.pk, reason)


def _sources(generation: Generation, task: VideoTask) -> Iterator[str | Message]:
    """Yield the places where the file may be, in the order the model's entry gives."""
    model = generation.video_model
    for source in model.sources if model else ("video_url", "content"):
        if source == "video_url":
            yield from task.urls
        elif message := dialect_of(generation).content(generation.upstream_id, generation.upstream_state):
            yield message


def _pull(target: Endpoint, source: str | Message, part: Path, heart: Heartbeat, until: float) -> None:
    """Bring one source into `part`, going on where a broken connection stopped."""
    part.unlink(missing_ok=True)
    etag = ""
    for attempt in range(RESUMES + 1):
        heart.check()
        have = part.stat().st_size if etag and part.exists() else 0
        left = max(until - time.monotonic(), 1.0)
        try:
            with open_download(target, source, start=have, etag=etag, overall=left) as stream:
                etag = stream.etag
                _write(part, stream.chunks(), heart, start=stream.start)
            return
        except (GatewayBusy, GatewayMissing, GatewayRejected):
            raise
        except GatewayError:
            if attempt == RESUMES or not etag or time.monotonic() >= until:
                raise
            if have and part.stat().st_size <= have:
                etag = ""  # it does not go on from there: the file has changed, or was never there in parts


def _write(part: Path, chunks: Iterator[bytes], heart: Heartbeat, *, start: int) -> None:
    """Write chunks at `start`. Raises Lost, Stopping, DiskFull, OSError, and NotAVideo as soon as that is clear."""
    look_at = time.monotonic() + ROOM_SECONDS
    head = None if start else b""
    with open(part, "r+b" if start else "wb") as file:
        file.seek(start)
        for chunk in chunks:
            heart.check()
            file.write(chunk)
            if head is not None:
                head += chunk
                if len(head) >= HEAD_BYTES:
                    video_kind(head[:HEAD_BYTES])
                    head = None
            if time.monotonic() >= look_at:
                look_at = time.monotonic() + ROOM_SECONDS
                require_room()
        file.truncate()
        file.flush()
        os.fsync(file.fileno())


def _store(generation: Generation, measured: Measured, part: Path) -> None:
    """Give the file its final name, durably, and complete the row."""
    with open(part, "rb") as file:
        suffix = f".{video_kind(file.read(HEAD_BYTES))}"
    name, digest = stored_name(generation, suffix), sha256_of(part)
    # A database that is away for a moment must not cost the whole file.
    insist(partial(_put_in_place, generation.pk, generation.claim, part, name, measured, digest), seconds=STORE_SECONDS)


def _put_in_place(pk: int, claim: str, part: Path, name: str, measured: Measured, digest: str) -> None:
    """Raise Lost when the row is not ours, or was completed by an earlier call whose commit was not confirmed."""
    final = path_of(name)
    with transaction.atomic():
        # The row stays locked until the commit, so nobody else can put a file of this name into place.
        held = Generation.objects.filter(pk=pk, status=Status.DOWNLOADING, claim=claim)
        if not held.update(due_at=timezone.now() + LEASE):
            raise Lost
        if part.exists():  # else an earlier call moved it, and its commit failed
            os.replace(part, final)
        sync_folder(final.parent)
        _complete(held.get(), name, measured, digest)


def _complete(generation: Generation, name: str, measured: Measured, digest: str) -> None:
    with transaction.atomic():
        moved = generation.move_to(
            Status.COMPLETED,
            actor=ACTOR,
            reason="stored",
            evidence={"sha256": digest, "bytes": measured.bytes},
            progress=100,
            completed_at=timezone.now(),
            file=name,
            sha256=digest,
            bytes=measured.bytes,
            measured_width=measured.width,
            measured_height=measured.height,
            measured_seconds=measured.seconds,
            measured_fps=measured.fps,
            measured_has_audio=measured.has_audio,
            detail="",
            claim="",
        )
        if moved:
            queue.hint("poster", generation.pk)


def _put_off(generation: Generation, delay: timedelta, sentence: str, **changes: int) -> None:
    """Give the row back, to be due again after `delay`."""
    generation.postpone(delay, detail=scrub(sentence), claim="", **changes)


def _missing(generation: Generation, error: NoFile) -> None:
    """Believe a missing file for a few tries to be a delay, then end the row with its kind of failure."""
    sentence = scrub(str(error))
    if generation.tries < len(MISSING_SECONDS):
        delay = timedelta(seconds=MISSING_SECONDS[generation.tries])
        _put_off(generation, delay, sentence, tries=generation.tries + 1)
    else:
        _fail(generation, error.failure, sentence)


def _trouble(generation: Generation, error: GatewayError) -> None:
    """Wait for trouble on the way to pass: as long as the server said, else about as long again as it has lasted.

    It says nothing about the file.
    """
    verdicts = generation.events.filter(before=Status.IN_PROGRESS, after=Status.DOWNLOADING)
    lasted = timezone.now() - verdicts.latest("id").at
    if lasted > TROUBLE_FOR:
        _fail(generation, Failure.EXPIRED, f"The file could not be fetched for 24 hours. {scrub(str(error))}")
        return
    low, high = TROUBLE_SECONDS
    seconds = max(min(max(lasted.total_seconds(), low), high), error.retry_after or 0)
    _put_off(generation, timedelta(seconds=seconds), f"The file could not be fetched yet. {error}")


def _fail(generation: Generation, failure: str, sentence: str) -> None:
    generation.move_to(Status.FAILED, actor=ACTOR, reason=sentence, failure=failure, detail=sentence, claim="")


def _disk_trouble(generation: Generation, error: OSError) -> None:
    """Wait for the disk: nothing of what the gateway did is lost by it."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        sentence = "The disk is full. It goes on by itself when there is room."
    elif error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
        sentence = "The media folder cannot be written. It goes on by itself when it can."
    else:
        sentence = f"The disk does not take the file ({error.strerror or type(error).__name__}). It is tried again."
    log.error("generation %s: %s (%s)", generation.pk, sentence, error)
    _put_off(generation, NO_ROOM, sentence)


def poster(pk: int) -> None:
    """Make the still picture of a stored video, and the short copy that plays under the pointer.

    A video without them is whole all the same; the sweep tries again.
    """
    generation = Generation.objects.filter(pk=pk, status=Status.COMPLETED, purged_at=None).exclude(file="").first()
    if generation is None:
        return
    video, made = path_of(generation.file), {}
    try:
        if not generation.poster:
            make_poster(video, path_of(name := stored_name(generation, ".webp")))
            made["poster"] = name
        if not generation.preview:
            make_preview(video, path_of(name := stored_name(generation, ".preview.mp4")))
            made["preview"] = name
    except OSError as error:
        log.warning("generation %s: the disk does not take its pictures (%s)", pk, error)
    finally:
        if made:
            Generation.objects.filter(pk=pk).update(version=F("version") + 1, **made)
