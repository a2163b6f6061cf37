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


@dataclass(frozen=True)
class Finding:
    kind: str  # missing, changed, undecodable, posterless, unknown
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
        name = upload.file.name or ""
        known.add(name)
        if not path_of(name).exists():
            yield Finding("missing", name, "an uploaded image is not on the disk")
    yield from strangers(known)


def of_generation(generation: Generation, *, quick: bool) -> Iterator[Finding]:
    """Yield what is wrong with one generation's files."""
    path = path_of(generation.file)
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        yield Finding("missing", generation.file, f"the video of {generation.uuid} is not on the disk")
        return
    if size != generation.bytes:
        yield Finding("changed", generation.file, f"{size} bytes, {generation.bytes} when it was stored")
    elif not quick and sha256_of(path) != generation.sha256:
        yield Finding("changed", generation.file, "the same size, but not the same bytes as when it was stored")
    elif not quick:
        try:
            measure(path)
        except NotAVideo as error:
            yield Finding("undecodable", generation.file, str(error))
    if not generation.poster or not path_of(generation.poster).exists():
        yield Finding("posterless", generation.file, f"the video of {generation.uuid} has no still picture")


def strangers(known: set[str]) -> Iterator[Finding]:
    """Yield files that no row names. A download under way is not one."""
    under_way = {
        name.hex for name in Generation.objects.filter(status=Status.DOWNLOADING).values_list("uuid", flat=True)
    }
    root = Path(settings.MEDIA_ROOT)
    too_old = (timezone.now() - PART_AGE).timestamp()
    for folder in ("videos", "uploads"):
        for path in sorted((root / folder).rglob("*")):
            name = path.relative_to(root).as_posix()
            if not path.is_file() or name in known:
                continue
            if path.name.partition(".")[0] in under_way and path.stat().st_mtime > too_old:
                continue
            yield Finding("unknown", name, "no row names this file")
