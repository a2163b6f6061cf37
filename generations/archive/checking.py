"""Reading an archive through before anything is written: every sum, every row, every file."""

import hashlib
import json
import shutil
import sqlite3
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from django.conf import settings

from generations.archive import rows
from generations.archive.layout import (
    BLOCK,
    FORMAT,
    HEAD,
    LARGEST_PART,
    MANIFEST,
    MEDIA,
    PART,
    READABLE,
    STORED,
    SUMS,
    ArchiveRefused,
    Line,
    load,
    read_values,
)
from generations.lifecycle.files import FREE_FLOOR, path_of, sha256_of
from generations.models import Failure, Status
from generations.models.prompt import digest_of

CUT = "The archive is cut: its end is missing."


@dataclass
class Checked:
    """What is in a sound archive. `left_out` are sentences of who wrote it about what it could not take along."""

    head: Line = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    left_out: list[str] = field(default_factory=list)


def members(path: Path) -> Iterator[tuple[str, int, BinaryIO]]:
    """Yield (name, size, content) of each member in turn. Raises ArchiveRefused for a link, tarfile.TarError."""
    with tarfile.open(path, "r:") as tar:
        while info := tar.next():
            tar.members.clear()  # it would keep every one of them
            content = tar.extractfile(info) if info.isreg() else None
            if content is None:
                raise ArchiveRefused(f"{info.name} is no plain file.")
            yield info.name, info.size, content


def check(path: Path) -> Checked:
    """Read a whole archive and return what is in it; nothing is written. Raises ArchiveRefused and OSError."""
    try:
        with tempfile.TemporaryFile() as sums, closing(Named()) as named:
            return Checker(sums, named).check(path)
    except tarfile.TarError as error:
        raise ArchiveRefused(f"{path} is no whole library archive: {error}.") from error


class Named:
    """What an archive has brought so far, by kind, name and team.

    It is in a file of SQLite's own that goes when it is closed: a library may hold more than should be in memory.
    """

    def __init__(self) -> None:
        self.rows = sqlite3.connect("")
        self.rows.execute("CREATE TABLE named (kind, name, team, PRIMARY KEY (kind, name, team)) WITHOUT ROWID")

    def close(self) -> None:
        self.rows.close()

    def add(self, kind: str, name: str, team: int) -> None:
        self.rows.execute("INSERT OR IGNORE INTO named VALUES (?, ?, ?)", (kind, name, str(team)))

    def has(self, kind: str, name: str, team: int | None = None) -> bool:
        """Say whether there is one of this name: of a team, or of any."""
        wanted = "SELECT 1 FROM named WHERE kind = ? AND name = ? AND team = coalesce(?, team)"
        found = self.rows.execute(wanted, (kind, str(name), None if team is None else str(team)))
        return found.fetchone() is not None


class Checker:
    def __init__(self, sums: BinaryIO, named: Named) -> None:
        self.sums, self.named = sums, named
        self.found = Checked()
        self.fresh: dict[str, tuple[str, int]] = {}  # files that wait for the row they belong to: sum, size
        self.known: dict[str, set[object]] = {"teams": set(), "people": set(), "gateways": set()}
        self.sums_digest = ""

    def check(self, path: Path) -> Checked:
        is_ended = False
        for number, (name, size, content) in enumerate(members(path)):
            if is_ended:
                raise ArchiveRefused(f"{name} comes after the archive's end.")
            if (number == 0) != (name == HEAD):
                raise ArchiveRefused(f"{path} is no library archive: it must begin with {HEAD}.")
            if name == SUMS:
                self.sums_digest = self.compare(content)
            elif name == MANIFEST:
                self.close(read_all(content, size, name))
                is_ended = True
            else:
                self.member(name, size, content)
        if not is_ended:
            raise ArchiveRefused(CUT)
        self.refuse_without_room()
        return self.found

    def member(self, name: str, size: int, content: BinaryIO) -> None:
        if self.sums_digest:
            raise ArchiveRefused(f"{name} comes after the list of sums.")
        if name.startswith(MEDIA):
            digest = self.media(name.removeprefix(MEDIA), size, content)
        else:
            text = read_all(content, size, name)
            digest = hashlib.sha256(text).hexdigest()
            if name == HEAD:
                self.head(next(load(text, name), {}))
            elif match := PART.fullmatch(name):
                self.part(match[1], name, text)
            else:
                raise ArchiveRefused(f"{name} is nothing that a library archive has.")
        self.sums.write(f"{digest}  {name}\n".encode())

    def head(self, head: Line) -> None:
        if head.get("format") != FORMAT:
            raise ArchiveRefused("This is no library archive.")
        if head.get("version") not in READABLE:
            raise ArchiveRefused(
                f"The archive has version {head.get('version')}; this studio reads {READABLE[-1]}. Upgrade it first."
            )
        self.found.head = head

    def media(self, name: str, size: int, content: BinaryIO) -> str:
        if not STORED.fullmatch(name):
            raise ArchiveRefused(f"{name} is no name of a stored file.")
        digest = hashlib.sha256()
        while block := content.read(BLOCK):
            digest.update(block)
        there = path_of(name)
        if there.exists() and sha256_of(there) != digest.hexdigest():
            raise ArchiveRefused(f"{name} is stored here already, with other content.")
        self.fresh[name] = digest.hexdigest(), size
        self.found.counts["files"] += 1
        self.found.counts["bytes"] += size
        return digest.hexdigest()

    def part(self, kind: str, name: str, text: bytes) -> None:
        claimed: set[str] = set()
        for number, line in enumerate(load(text, name), start=1):
            what = f"{name}, line {number},"
            try:
                claimed |= set(getattr(self, kind)(line, what) or ())
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise ArchiveRefused(f"{what} is not as it must be: {error!r}.") from error
            self.found.counts[kind] += 1
        if stray := self.fresh.keys() - claimed:
            raise ArchiveRefused(f"{min(stray)} belongs to no row of {name}.")
        self.fresh.clear()

    # One line of each kind: returns the names of the files that belong to it

    def teams(self, line: Line, what: str) -> None:
        self.known["teams"].add(line["id"])
        if not isinstance(line["name"], str) or not 0 < len(line["name"]) <= 100:
            raise ArchiveRefused(f"{what} is no team.")

    def people(self, line: Line, what: str) -> None:
        if not isinstance(line["username"], str) or not 0 < len(line["username"]) <= 150:
            raise ArchiveRefused(f"{what} is no person.")
        self.known["people"].add(line["username"])

    def gateways(self, line: Line, what: str) -> None:
        self.known["gateways"].add(read_values(line["row"], rows.GATEWAY, what)["name"])

    def projects(self, line: Line, what: str) -> None:
        self.of(line, what, line["person"])
        self.named.add("project", read_values(line["row"], rows.PROJECT, what)["name"], line["team"])

    def tags(self, line: Line, what: str) -> None:
        self.of(line, what)
        read_values(line["row"], rows.TAG, what)

    def views(self, line: Line, what: str) -> None:
        self.of(line, what, line["person"])
        read_values(line["row"], rows.VIEW, what)
        if line["project"]:
            self.need("project", line["project"]["name"], what, team=line["project"]["team"])

    def prompts(self, line: Line, what: str) -> None:
        self.of(line, what)
        row = read_values(line["row"], rows.PROMPT, what)
        if digest_of(row["text"]) != row["digest"]:
            raise ArchiveRefused(f"{what} has another text than its digest says.")
        self.named.add("prompt", row["digest"], line["team"])

    def presets(self, line: Line, what: str) -> None:
        self.of(line, what, line["person"])
        if not isinstance(read_values(line["row"], rows.PRESET, what)["options"], dict):
            raise ArchiveRefused(f"{what} has options that are no object.")

    def uploads(self, line: Line, what: str) -> list[str]:
        self.of(line, what, line["person"])
        row = read_values(line["row"], rows.UPLOAD, what)
        self.once("image", row["uuid"], line, what)
        self.require(row["file"], "uploads", row["uuid"], what, sha256=row["sha256"], size=row["size"])
        return [row["file"]]

    def generations(self, line: Line, what: str) -> list[str]:
        people = [attempt["decided_by"] for attempt in line["attempts"]] + [star["person"] for star in line["stars"]]
        people += [line["group"]["person"]] if line["group"] else []
        people += [comment["person"] for comment in line.get("comments", ())]
        self.of(line, what, line["person"], line["deleted_by"], *people)
        if line["gateway"] not in self.known["gateways"]:
            raise ArchiveRefused(f"{what} names a gateway that is not in the archive.")
        row = read_values(line["row"], rows.GENERATION, what)
        self.once("video", row["uuid"], line, what)
        self.need("prompt", line["prompt"], what, team=line["team"])
        if line["project"] is not None:
            self.need("project", line["project"], what, team=line["team"])
        self.history(line, what)
        if row["status"] not in Status.values or row["failure"] not in {"", *Failure.values}:
            raise ArchiveRefused(f"{what} has a status that this studio does not know. Upgrade it first.")
        if row["purged_at"] is not None:
            return []
        if row["status"] == Status.COMPLETED and not row["file"]:
            raise ArchiveRefused(f"{what} is completed without a file.")
        if row["file"]:
            self.require(row["file"], "videos", row["uuid"], what, sha256=row["sha256"], size=row["bytes"])
        names = [row[name] for name in ("file", "poster", "preview") if row[name]]
        for name in names[1:]:
            self.require(name, "videos", row["uuid"], what)
        return names

    def history(self, line: Line, what: str) -> None:
        for event in line["events"]:
            read_values(event, rows.EVENT, what)
        for attempt in line["attempts"]:
            own = {name: value for name, value in attempt.items() if name != "decided_by"}
            read_values(own, rows.ATTEMPT, what)
        for entry in line["ledger"]:
            read_values(entry, rows.LEDGER, what)
        for item in line["inputs"]:
            self.need("image", str(UUID(item["upload"])), what)
        for star in line["stars"]:
            datetime.fromisoformat(star["created_at"])
        if line["group"]:
            own = {name: value for name, value in line["group"].items() if name != "person"}
            read_values(own, rows.GROUP, what)
        for comment in line.get("comments", ()):
            read_values(comment["row"], rows.COMMENT, what)

    def comparisons(self, line: Line, what: str) -> None:
        self.of(line, what, line["person"], *(vote["person"] for vote in line["votes"]))
        self.once("comparison", read_values(line["row"], rows.COMPARISON, what)["uuid"], line, what)
        compared = {UUID(uuid) for uuid in line["generations"]}
        if len(compared) < 2:
            raise ArchiveRefused(f"{what} compares fewer than two videos.")
        for uuid in compared:
            self.need("video", str(uuid), what, team=line["team"])
        for vote in line["votes"]:
            read_values(vote["row"], rows.VOTE, what)
            if vote["choice"] is not None and UUID(vote["choice"]) not in compared:
                raise ArchiveRefused(f"{what} has a vote for a video that is not compared.")

    def of(self, line: Line, what: str, *people: str | None) -> None:
        if line["team"] not in self.known["teams"] or not {name for name in people if name} <= self.known["people"]:
            raise ArchiveRefused(f"{what} names a team or a person that is not in the archive.")

    def once(self, kind: str, uuid: UUID, line: Line, what: str) -> None:
        if self.named.has(kind, str(uuid)):
            raise ArchiveRefused(f"{what} is the {kind} {uuid}, which the archive has twice.")
        self.named.add(kind, str(uuid), line["team"])

    def need(self, kind: str, name: str, what: str, *, team: int | None = None) -> None:
        if not self.named.has(kind, name, team):
            raise ArchiveRefused(f"{what} names the {kind} {name}, which is not in the archive.")

    def require(
        self, name: str, folder: str, uuid: UUID, what: str, *, sha256: str = "", size: int | None = None
    ) -> None:
        """Raises ArchiveRefused when a row's file did not come with it, is not its own, or is another."""
        if not name.startswith(f"{folder}/{uuid.hex[:2]}/{uuid.hex}"):
            raise ArchiveRefused(f"{what} names a file that belongs to something else: {name}.")
        if name not in self.fresh:
            raise ArchiveRefused(f"{what} is without its file {name}.")
        if sha256 and self.fresh[name] != (sha256, size):
            raise ArchiveRefused(f"{name} is not the file that its row describes.")

    # The end

    def compare(self, content: BinaryIO) -> str:
        """Compare the archive's own list of sums with what was read; return the list's own sum."""
        self.sums.seek(0)
        digest = hashlib.sha256()
        for line in content:
            digest.update(line)
            if line != self.sums.readline():
                raise ArchiveRefused(f"{line.decode(errors='replace').strip()[66:]} is damaged or missing.")
        if rest := self.sums.readline():
            raise ArchiveRefused(f"{rest.decode().strip()[66:]} is not in the archive's list of sums.")
        return digest.hexdigest()

    def close(self, text: bytes) -> None:
        try:
            manifest = json.loads(text)
            counts, self.found.left_out = manifest["counts"], [str(words) for words in manifest["left_out"]]
        except (ValueError, KeyError, TypeError) as error:
            raise ArchiveRefused(f"{MANIFEST} cannot be read.") from error
        if not self.sums_digest or manifest["sums"] != self.sums_digest or counts != dict(self.found.counts):
            raise ArchiveRefused(f"{MANIFEST} does not say what the archive holds.")

    def refuse_without_room(self) -> None:
        root = Path(settings.MEDIA_ROOT)
        root.mkdir(parents=True, exist_ok=True)
        free, wanted = shutil.disk_usage(root).free, self.found.counts["bytes"]
        if free < wanted + FREE_FLOOR:
            raise ArchiveRefused(f"The files need {wanted // 2**20} MB, and {free // 2**20} MB are free.")


def read_all(content: BinaryIO, size: int, name: str) -> bytes:
    if size > LARGEST_PART:
        raise ArchiveRefused(f"{name} is larger than any part of a library archive.")
    return content.read()
