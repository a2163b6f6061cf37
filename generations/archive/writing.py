"""Writing an archive: a stream that is never looked back at, in memory for one batch of rows."""

import hashlib
import io
import json
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from django.conf import settings
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.utils import timezone

from generations.archive import rows
from generations.archive.layout import (
    FORMAT,
    HEAD,
    MANIFEST,
    MEDIA,
    SUMS,
    VERSION,
    ArchiveRefused,
    Line,
    dump,
    part_name,
    values,
)
from generations.lifecycle.files import path_of, sha256_of
from generations.models import (
    Comparison,
    Gateway,
    Generation,
    GenerationInput,
    Membership,
    Preset,
    Project,
    Prompt,
    SavedView,
    ShareLink,
    Tag,
    Team,
    Upload,
    User,
)

PROMPTS_AT_ONCE = 1000
AT_ONCE = 100
TRIES = 50
WITH = (
    *("events", "attempts__decided_by", "ledger", "inputs__upload", "taggings__tag", "stars__person"),
    *("comments__person", "group__created_by"),
)


@dataclass
class Exported:
    """What went into an archive, by kind; `left_out` are sentences about what could not.

    `links` counts what stays: open addresses for people outside, each a secret of this installation.
    """

    counts: Counter[str] = field(default_factory=Counter)
    left_out: list[str] = field(default_factory=list)
    links: int = 0


def export(target: BinaryIO) -> Exported:
    """Write the whole library to `target`, which need not be a file. Raises ArchiveRefused and OSError."""
    with tempfile.TemporaryFile() as sums, tarfile.open(fileobj=target, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        return Writer(tar, sums).write()


class Writer:
    def __init__(self, tar: tarfile.TarFile, sums: BinaryIO) -> None:
        self.tar, self.sums = tar, sums
        self.done = Exported()
        self.numbers: Counter[str] = Counter()
        self.now = timezone.now()
        self.gone: set[str] = set()  # images and videos that are left out

    def write(self) -> Exported:
        # What is made from here on stays: it may rest on what was written before it was there.
        newest = {model: newest_of(model) for model in (Generation, Comparison)}
        head = {"format": FORMAT, "version": VERSION, "made_at": self.now, "studio": settings.VERSION}
        self.member(HEAD, dump([head | {"url": settings.STUDIO_URL}]))
        self.part("teams", ({"id": team.pk, "name": team.name} for team in Team.objects.order_by("pk")))
        self.part("people", people())
        self.part("gateways", gateways())
        self.part("projects", projects())
        for tags in batches(Tag.objects.all(), PROMPTS_AT_ONCE):
            self.part("tags", ({"team": tag.team_id, "row": values(tag, rows.TAG)} for tag in tags))
        by_key = Project.objects.in_bulk()
        for views in batches(SavedView.objects.select_related("person"), PROMPTS_AT_ONCE):
            self.part("views", (rows.view_line(view, by_key) for view in views))
        for batch in batches(Prompt.objects.select_related("edited_from", "first"), PROMPTS_AT_ONCE):
            self.part("prompts", map(rows.prompt_line, batch))
        for batch in batches(Preset.objects.select_related("created_by", "promoted_from"), PROMPTS_AT_ONCE):
            self.part("presets", map(rows.preset_line, batch))
        in_use = Upload.objects.filter(Exists(GenerationInput.objects.filter(upload=OuterRef("pk"))))
        for batch in batches(in_use.select_related("person"), AT_ONCE):
            self.part("uploads", [self.upload(upload) for upload in batch if self.is_whole_upload(upload)])
        found = Generation.objects.select_related("created_by", "prompt", "gateway", "parent", "deleted_by", "project")
        found = found.filter(pk__lte=newest[Generation])
        for batch in batches(found.select_related("group").prefetch_related(*WITH), AT_ONCE, settled=True):
            self.part("generations", [self.generation(row) for row in batch if self.is_whole(row)])
        compared = Comparison.objects.filter(pk__lte=newest[Comparison]).select_related("created_by")
        for batch in batches(compared.prefetch_related("generations", "votes__person", "votes__choice"), AT_ONCE):
            self.part("comparisons", (line for row in batch if self.is_complete(line := rows.comparison_line(row))))
        self.done.links = ShareLink.objects.filter(revoked_at=None, expires_at__gt=self.now).count()
        self.finish()
        return self.done

    def is_whole(self, row: Generation) -> bool:
        """Say whether a row's file, if it must have one, is as it was stored; else it is left out, and that is said."""
        if not row.file or row.purged_at:
            return True
        is_whole = self.is_stored(row.file, row.sha256, f"the video {row.uuid}")
        if not is_whole:
            self.gone.add(str(row.uuid))
        return is_whole

    def is_complete(self, comparison: Line) -> bool:
        """Say whether every video of a comparison goes along; votes mean something for all of them only."""
        gone = self.gone.intersection(comparison["generations"])
        if gone:
            self.done.left_out.append(
                f"the comparison {comparison['row']['uuid']}, which is about the video {min(gone)}"
            )
        return not gone

    def is_whole_upload(self, upload: Upload) -> bool:
        is_whole = self.is_stored(str(upload.file.name), upload.sha256, f"the image {upload.uuid}")
        if not is_whole:
            self.gone.add(str(upload.uuid))
        return is_whole

    def is_stored(self, name: str, sha256: str, what: str) -> bool:
        try:
            problem = "" if sha256_of(path_of(name)) == sha256 else "is not the same as when it was stored"
        except OSError as error:
            problem = f"cannot be read ({error.strerror})"
        if problem:
            self.done.left_out.append(f"{what} {problem}: {name}")
        return not problem

    def generation(self, row: Generation) -> Line:
        """Write a row's files, and return its line."""
        line = rows.generation_line(row)
        line["inputs"] = [item for item in line["inputs"] if item["upload"] not in self.gone]
        if row.purged_at is None:
            if row.file:
                self.file(row.file)
            for name in ("poster", "preview"):
                stored = getattr(row, name)
                if stored and path_of(stored).is_file():
                    self.file(stored)
                else:  # it is made again, or done without
                    line["row"][name] = ""
        return line

    def upload(self, upload: Upload) -> Line:
        self.file(str(upload.file.name))
        row = values(upload, rows.UPLOAD) | {"file": str(upload.file.name)}
        return {"team": upload.team_id, "person": upload.person.get_username(), "row": row}

    def part(self, kind: str, lines: Iterable[Line]) -> None:
        found = list(lines)
        if found:
            self.numbers[kind] += 1
            self.member(part_name(kind, self.numbers[kind]), dump(found))
            self.done.counts[kind] += len(found)

    def file(self, name: str) -> None:
        """Write one stored file as it is now."""
        path = path_of(name)
        with open(path, "rb") as source:
            info = tarfile.TarInfo(MEDIA + name)
            info.size = path.stat().st_size
            self.add(info, source)
        self.done.counts["files"] += 1
        self.done.counts["bytes"] += info.size

    def member(self, name: str, content: bytes) -> None:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        self.add(info, io.BytesIO(content))

    def add(self, info: tarfile.TarInfo, source: BinaryIO) -> None:
        info.mtime, info.mode = int(self.now.timestamp()), 0o640
        reader = Hashing(source)
        self.tar.addfile(info, reader)
        self.tar.members.clear()  # it would keep every one of them
        self.sums.write(f"{reader.digest.hexdigest()}  {info.name}\n".encode())

    def finish(self) -> None:
        """Write the list of sums, then the manifest, which closes the archive: one without it is cut."""
        size = self.sums.tell()
        self.sums.seek(0)
        info = tarfile.TarInfo(SUMS)
        info.size, info.mtime, info.mode = size, int(self.now.timestamp()), 0o640
        reader = Hashing(self.sums)
        self.tar.addfile(info, reader)
        manifest = {"sums": reader.digest.hexdigest(), "counts": self.done.counts, "left_out": self.done.left_out}
        content = json.dumps(manifest, ensure_ascii=False, indent=2).encode()
        last = tarfile.TarInfo(MANIFEST)
        last.size, last.mtime, last.mode = len(content), int(self.now.timestamp()), 0o640
        self.tar.addfile(last, io.BytesIO(content))


class Hashing:
    """A reader that remembers the sha256 of what was read through it."""

    def __init__(self, source: BinaryIO) -> None:
        self.source = source
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        block = self.source.read(size)
        self.digest.update(block)
        return block


def batches[M](found: QuerySet[M], size: int, *, settled: bool = False) -> Iterator[list[M]]:
    """Yield rows in the order of their keys; with `settled`, each with all that belongs to it at one same moment."""
    last = 0
    while batch := (settle if settled else list)(found.filter(pk__gt=last).order_by("pk")[:size]):
        yield batch
        last = batch[-1].pk


def settle(found: QuerySet[Generation]) -> list[Generation]:
    """Return rows none of which moved while they and their events were read. Raises ArchiveRefused."""
    for _ in range(TRIES):
        batch = list(found.all())
        versions = dict(Generation.objects.filter(pk__in=[row.pk for row in batch]).values_list("pk", "version"))
        if all(versions.get(row.pk) == row.version for row in batch):
            return batch
        time.sleep(0.05)
    raise ArchiveRefused("So much is happening that no moment could be kept. Try again when less is being rendered.")


def newest_of(model: type[Model]) -> int:
    return model._default_manager.order_by("-pk").values_list("pk", flat=True).first() or 0


def people() -> Iterator[Line]:
    roles: dict[int, list[Line]] = {}
    for team, user, role in Membership.objects.order_by("pk").values_list("team", "user", "role"):
        roles.setdefault(user, []).append({"team": team, "role": role})
    for user in User.objects.order_by("pk").iterator(chunk_size=500):
        names = {"first_name": user.first_name, "last_name": user.last_name}
        yield {"username": user.get_username(), **names, "teams": roles.get(user.pk, [])}


def gateways() -> Iterator[Line]:
    for gateway in Gateway.objects.order_by("pk"):
        yield {"is_sandbox": gateway.is_sandbox, "row": values(gateway, rows.GATEWAY)}


def projects() -> Iterator[Line]:
    for project in Project.objects.select_related("created_by").order_by("pk"):
        person = project.created_by.get_username() if project.created_by else None
        yield {"team": project.team_id, "person": person, "row": values(project, rows.PROJECT)}
