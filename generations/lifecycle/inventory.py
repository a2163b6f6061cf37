"""Comparing the stored files with the rows that name them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from generations.lifecycle.files import path_of, sha256_of
from generations.media import NotAVideo, measure
from generations.models import Generation, Status, Upload

PART_AGE = timedelta(hours=24)  # an older unfinished download is nobody's
POSTER_AGE = timedelta(minutes=20)  # so long a still picture may still be on its way
YOUNG = timedelta(minutes=10)  # a younger file may be about to get its row


@dataclass(frozen=True)
class Finding:
    kind: str  # missing, changed, unreadable, undecodable, posterless, unknown
    name: str  # path below the media folder
    words: str


def findings(*, quick: bool = False) -> Iterator[Finding]:
    """Yield everything that is wrong with the stored files; `quick` compares sizes and skips hashing and decoding."""
    known = set()
    rows = Generation.objects.exclude(file="").filter(purged_at=None)
    for generation in rows.iterator(chunk_size=500):
        known.update({generation.file, generation.poster, generation.preview})
        yield from of_generation(generation, quick=quick)
    for upload in Upload.objects.iterator(chunk_size=500):
        name = str(upload.file.name)
        known.add(name)
        yield from of_file(name, upload.size, upload.sha256, "an uploaded image", quick=quick)
    yield from strangers(known)


def of_generation(generation: Generation, *, quick: bool) -> Iterator[Finding]:
    """Yield what is wrong with one generation's files."""
    wrong = list(
        of_file(generation.file, generation.bytes, generation.sha256, f"the video of {generation.uuid}", quick=quick)
    )
    yield from wrong
    if not wrong and not quick:
        try:
            measure(path_of(generation.file))
        except NotAVideo as error:
            yield Finding("undecodable", generation.file, str(error))
    if generation.poster and not _has_content(generation.poster):
        yield Finding("posterless", generation.file, f"the still picture of {generation.uuid} is not on the disk")
    elif not generation.poster and (generation.completed_at or generation.created_at) < timezone.now() - POSTER_AGE:
        yield Finding("posterless", generation.file, f"the video of {generation.uuid} has no still picture")
    if generation.preview and not _has_content(generation.preview):
        yield Finding("posterless", generation.file, f"the preview of {generation.uuid} is not on the disk")


def _has_content(name: str) -> bool:
    try:
        return path_of(name).stat().st_size > 0
    except FileNotFoundError:
        return False


def of_file(name: str, size: int | None, sha256: str, what: str, *, quick: bool) -> Iterator[Finding]:
    """Yield the first thing that is wrong with one stored file of `size` bytes and this sha256."""
    path = path_of(name)
    try:
        found = path.stat().st_size
        if found != size:
            yield Finding("changed", name, f"{what}: {found} bytes, {size} when it was stored")
        elif not quick and sha256_of(path) != sha256:
            yield Finding("changed", name, f"{what}: the same size, but not the same bytes as when it was stored")
    except FileNotFoundError:
        yield Finding("missing", name, f"{what} is not on the disk")
    except OSError as error:
        yield Finding("unreadable", name, f"{what}: {error.strerror}")


def strangers(known: set[str]) -> Iterator[Finding]:
    """Yield files that no row names. One that is being fetched or was just written is not one."""
    under_way = {
        name.hex for name in Generation.objects.filter(status=Status.DOWNLOADING).values_list("uuid", flat=True)
    }
    root, now = Path(settings.MEDIA_ROOT), timezone.now()
    for folder in ("videos", "uploads"):
        for path in sorted((root / folder).rglob("*")):
            name = path.relative_to(root).as_posix()
            if name in known or not path.is_file():
                continue
            age = PART_AGE if path.name.partition(".")[0] in under_way else YOUNG
            if path.stat().st_mtime < (now - age).timestamp():
                yield Finding("unknown", name, "no row names this file")
