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
    Message,
    TaskStatus,
    VideoTask,
)
from generations.gateways.http import Endpoint, open_download, send_once
from generations.lifecycle.endpoints import dialect_of, endpoint
from generations.lifecycle.files import DiskFull, path_of, require_room, sha256_of, stored_name
from generations.lifecycle.receipts import sync_folder
from generations.media import Measured, NotAVideo, make_poster, measure
from generations.models import Canary, Failure, Generation, Status
from videostudio.scrubbing import scrub

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
BEAT_SECONDS = 5.0
RESUMES = 3
RETRY_SECONDS = (5, 10, 20, 40, 60, 120, 300)
MISSING_TRIES = 5  # this often "there is no file" is believed to be a delay
TROUBLE_FOR = timedelta(hours=24)  # so long trouble on the way is believed to pass
PAUSED = timedelta(seconds=30)
NO_ROOM = timedelta(seconds=30)
ACTOR = "downloader"


class Lost(Exception):
    """The row is no longer ours: somebody else goes on with it."""


class NoFile(Exception):
    """The gateway has no file to give; `failure` is the kind this becomes when it stays so."""

    def __init__(self, sentence: str, failure: str) -> None:
        super().__init__(sentence)
        self.failure = failure


def download(pk: int) -> None:
    """Fetch and store the file of a row that is due for it, or leave the row to whoever owns it."""
    token = secrets.token_hex(16)
    due = Generation.objects.due().filter(pk=pk, status=Status.DOWNLOADING)
    if not due.update(claim=token, due_at=timezone.now() + LEASE):
        return
    generation = Generation.objects.select_related("gateway", "prompt").get(pk=pk)
    try:
        if reason := _why_wait(generation):
            generation.postpone(PAUSED, detail=reason)
            return
        require_room()
        measured, part = _fetch(generation)
        _store(generation, measured, part)
    except Lost:
        log.warning("generation %s: somebody else downloads it", pk)
    except NoFile as error:
        _missing(generation, error)
    except (GatewayError, NotAVideo) as error:
        _trouble(generation, scrub(str(error)))
    except DiskFull as error:
        generation.postpone(NO_ROOM, detail=str(error))
    except OSError as error:
        _disk_trouble(generation, error)


def _why_wait(generation: Generation) -> str:
    gateway = generation.gateway
    if problem := gateway.key_problem:
        return problem
    return f"The gateway {gateway.name} is paused: {gateway.paused_reason}" if gateway.is_paused else ""


def _fetch(generation: Generation) -> tuple[Measured, Path]:
    """Return the measured file in its temporary place. Raises NoFile, or what kept the last source from giving it."""
    target = endpoint(generation.gateway)
    task = _ask(generation, target)
    part = path_of(stored_name(generation, ".part"))
    part.parent.mkdir(parents=True, exist_ok=True)
    problem: Exception = NoFile("The gateway says it is finished, but names no file.", Failure.NO_RESULT)
    for source in _sources(generation, task):
        try:
            _pull(generation, target, source, part)
            return measure(part), part
        except (GatewayMissing, GatewayRejected) as error:
            problem = NoFile(f"The file is not there (any more). {error}", Failure.EXPIRED)
        except NotAVideo as error:
            part.unlink(missing_ok=True)
            problem = error
        except GatewayError as error:
            problem = error
    raise problem


def _ask(generation: Generation, target: Endpoint) -> VideoTask:
    """Ask upstream for a fresh link. Raises NoFile when the gateway no longer knows the task."""
    speaker = dialect_of(generation)
    try:
        task = speaker.read_task(send_once(target, speaker.retrieve(generation.upstream_id, generation.upstream_state)))
    except GatewayMissing as error:
        raise NoFile(f"The gateway no longer knows this task. {error}", Failure.EXPIRED) from error
    except GatewayRejected as error:
        if error.is_account:
            generation.gateway.pause(str(error))
        raise
    except GatewayBusy as error:
        generation.gateway.pause_for(error.retry_after or 10.0, str(error))
        raise
    if task.status.is_verdict and task.status is not TaskStatus.COMPLETED:
        reason = f"the gateway changed its verdict to {task.word!r}; the first one stands"
        if not generation.events.filter(reason=reason).exists():
            generation.note(reason, actor=ACTOR, said=scrub(task.error)[:500])
            log.error("generation %s: %s", generation.pk, reason)
    return task


def _sources(generation: Generation, task: VideoTask) -> Iterator[str | Message]:
    """Yield the places where the file may be, in the order the model's entry gives."""
    model = generation.video_model
    for source in model.sources if model else ("video_url", "content"):
        if source == "video_url":
            yield from task.urls
        elif message := dialect_of(generation).content(generation.upstream_id, generation.upstream_state):
            yield message


def _pull(generation: Generation, target: Endpoint, source: str | Message, part: Path) -> None:
    """Bring one source into `part`, going on where a broken connection stopped."""
    etag = ""
    for attempt in range(RESUMES + 1):
        have = part.stat().st_size if etag and part.exists() else 0
        try:
            with open_download(target, source, start=have, etag=etag) as stream:
                etag = stream.etag
                _write(generation, part, stream.chunks(), start=stream.start)
            return
        except (GatewayBusy, GatewayMissing, GatewayRejected):
            raise
        except GatewayError:
            if attempt == RESUMES or not etag:
                raise


def _write(generation: Generation, part: Path, chunks: Iterator[bytes], *, start: int) -> None:
    """Write chunks at `start`, renewing the lease while bytes flow. Raises Lost, DiskFull, OSError."""
    beat_at = time.monotonic() + BEAT_SECONDS
    with open(part, "r+b" if start else "wb") as file:
        file.seek(start)
        for chunk in chunks:
            file.write(chunk)
            if time.monotonic() >= beat_at:
                beat_at = time.monotonic() + BEAT_SECONDS
                _beat(generation)
                require_room()
        file.truncate()
        file.flush()
        os.fsync(file.fileno())


def _beat(generation: Generation) -> None:
    now = timezone.now()
    mine = Generation.objects.filter(pk=generation.pk, status=Status.DOWNLOADING, claim=generation.claim)
    if not mine.update(due_at=now + LEASE):
        raise Lost
    Canary.objects.filter(cluster="download").update(beat_at=now)


def _store(generation: Generation, measured: Measured, part: Path) -> None:
    """Give the file its final name, durably, then complete the row."""
    name = stored_name(generation, ".webm" if measured.codec in {"vp8", "vp9", "av1"} and _is_webm(part) else ".mp4")
    final = path_of(name)
    digest = sha256_of(part)
    _beat(generation)  # the last moment to find out that the row is somebody else's
    os.replace(part, final)
    sync_folder(final.parent)
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
            overdue_at=None,
        )
        if moved:
            queue.hint("poster", generation.pk)


def _is_webm(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(4) == b"\x1aE\xdf\xa3"


def _missing(generation: Generation, error: NoFile) -> None:
    """Believe a missing file for a few tries to be a delay, then end the row with its kind of failure."""
    if generation.tries + 1 < MISSING_TRIES:
        _again(generation, str(error))
        return
    _fail(generation, error.failure, scrub(str(error)))


def _trouble(generation: Generation, sentence: str) -> None:
    finished = generation.events.filter(after=Status.DOWNLOADING).order_by("-id").values_list("at", flat=True).first()
    if finished and timezone.now() - finished > TROUBLE_FOR:
        _fail(generation, Failure.EXPIRED, f"The file could not be fetched for 24 hours. {sentence}")
        return
    _again(generation, f"The file could not be fetched yet. {sentence}")


def _again(generation: Generation, sentence: str) -> None:
    delay = RETRY_SECONDS[min(generation.tries, len(RETRY_SECONDS) - 1)]
    mine = Generation.objects.filter(pk=generation.pk, status=Status.DOWNLOADING, claim=generation.claim)
    mine.update(tries=generation.tries + 1)
    generation.postpone(timedelta(seconds=delay), detail=scrub(sentence))


def _fail(generation: Generation, failure: str, sentence: str) -> None:
    generation.move_to(
        Status.FAILED, actor=ACTOR, reason=sentence, failure=failure, detail=sentence, claim="", overdue_at=None
    )


def _disk_trouble(generation: Generation, error: OSError) -> None:
    """Wait for the disk: nothing of what the gateway did is lost by it."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        sentence = "The disk is full. It goes on by itself when there is room."
    elif error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
        sentence = "The media folder cannot be written. It goes on by itself when it can."
    else:
        sentence = f"The disk does not take the file ({error.strerror or type(error).__name__}). It is tried again."
    log.error("generation %s: %s (%s)", generation.pk, sentence, error)
    generation.postpone(NO_ROOM, detail=sentence)


def poster(pk: int) -> None:
    """Make the still picture of a stored video. A video without one is whole all the same."""
    generation = Generation.objects.filter(pk=pk, status=Status.COMPLETED, poster="").exclude(file="").first()
    if generation is None:
        return
    name = stored_name(generation, ".webp")
    make_poster(path_of(generation.file), path_of(name))
    Generation.objects.filter(pk=pk, poster="").update(poster=name, version=F("version") + 1)
