"""Taking an archive in, after it was checked: files first, then the rows they belong to, a batch a transaction.

What is here already, by its uuid, is left as it is; so an import that was broken off is simply run again.
"""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from django.db import DataError, IntegrityError, models, transaction
from django.utils import timezone

from generations.archive import rows
from generations.archive.checking import members
from generations.archive.ending import ended
from generations.archive.layout import BLOCK, MEDIA, PART, ArchiveRefused, Line, load, read_values
from generations.archive.mapping import Mapping
from generations.lifecycle.files import path_of, sha256_of
from generations.models import (
    TERMINAL,
    Comment,
    Comparison,
    Event,
    Generation,
    GenerationInput,
    LedgerEntry,
    Prompt,
    Star,
    SubmitAttempt,
    Tagging,
    Team,
    Upload,
    User,
    Vote,
)
from generations.models.watching import set_digest


@dataclass
class Imported:
    """What came in, by kind, and how many generations were here already or had to be ended."""

    counts: Counter[str] = field(default_factory=Counter)
    here: int = 0
    ended: int = 0


def take_in(path: Path, *, team: Team | None = None, stand_in: User | None = None) -> Imported:
    """Take a checked archive in: into `team`, or into teams of the same names; unknown people are `stand_in`, or
    become accounts that nobody can sign in to. Raises ArchiveRefused and OSError.
    """
    reader = Reader(team, stand_in)
    for name, _, content in members(path):
        if name.startswith(MEDIA):
            reader.file(name.removeprefix(MEDIA), content)
        elif match := PART.fullmatch(name):
            reader.part(match[1], list(load(content.read(), name)))
    return reader.done


class Reader:
    def __init__(self, team: Team | None, stand_in: User | None) -> None:
        self.map = Mapping(team, stand_in)
        self.done = Imported()
        self.now = timezone.now()

    def part(self, kind: str, lines: list[Line]) -> None:
        try:
            with transaction.atomic():
                getattr(self, kind)(lines)
        except (DataError, IntegrityError) as error:
            raise ArchiveRefused(f"What the archive holds does not fit what is here: {error}") from error

    def file(self, name: str, content: BinaryIO) -> None:
        """Store a file whose row comes next, unless that row is here already."""
        folder, _, rest = name.partition("/")
        owner = Generation if folder == "videos" else Upload
        if owner.objects.filter(uuid=UUID(rest.partition("/")[2][:32])).exists():
            return
        path = path_of(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.import")
        with open(draft, "wb") as target:
            while block := content.read(BLOCK):
                target.write(block)
            target.flush()
            os.fsync(target.fileno())
        if path.exists() and sha256_of(path) != sha256_of(draft):
            draft.unlink()
            raise ArchiveRefused(f"{name} is stored here already, with other content.")
        os.replace(draft, path)
        self.done.counts["files"] += 1

    # One part of each kind

    def teams(self, lines: list[Line]) -> None:
        for line in lines:
            self.map.learn_team(line)

    def people(self, lines: list[Line]) -> None:
        for line in lines:
            self.map.learn_person(line)

    def gateways(self, lines: list[Line]) -> None:
        for line in lines:
            self.map.learn_gateway(line, read_values(line["row"], rows.GATEWAY, "a gateway"))

    def projects(self, lines: list[Line]) -> None:
        for line in lines:
            self.map.learn_project(line, read_values(line["row"], rows.PROJECT, "a project"))

    def tags(self, lines: list[Line]) -> None:
        for line in lines:
            self.map.learn_tag(line, read_values(line["row"], rows.TAG, "a tag"))

    def views(self, lines: list[Line]) -> None:
        for line in lines:
            self.done.counts["views"] += self.map.view(line, read_values(line["row"], rows.VIEW, "a saved view"))

    def prompts(self, lines: list[Line]) -> None:
        wanted = [(self.map.team(line["team"]), read_values(line["row"], rows.PROMPT, "a prompt")) for line in lines]
        digests = [row["digest"] for _, row in wanted]
        seen = set(Prompt.objects.filter(digest__in=digests).values_list("team", "digest"))
        fresh, versions = [], []
        for line, (team, row) in zip(lines, wanted, strict=True):
            if (team.pk, row["digest"]) not in seen:
                seen.add((team.pk, row["digest"]))
                fresh.append(Prompt(team=team, **row))
                versions.append((line.get("edited_from"), line.get("first")))
        create(Prompt, fresh, [{"created_at": prompt.created_at} for prompt in fresh])
        self.link_versions(fresh, versions)
        self.done.counts["prompts"] += len(fresh)

    def link_versions(self, fresh: list[Prompt], versions: list[tuple[str | None, str | None]]) -> None:
        """Let edited prompts know what they come from, which came before them, in this part or an earlier one."""
        wanted = {digest for both in versions for digest in both if digest}
        found = Prompt.objects.filter(digest__in=wanted).values_list("team", "digest", "pk")
        keys = {(team, digest): pk for team, digest, pk in found}
        edited = []
        for prompt, (edited_from, first) in zip(fresh, versions, strict=True):
            prompt.edited_from_id = keys.get((prompt.team_id, edited_from))
            prompt.first_id = keys.get((prompt.team_id, first))
            if prompt.edited_from_id or prompt.first_id:
                edited.append(prompt)
        Prompt.objects.bulk_update(edited, ["edited_from", "first"], batch_size=200)

    def presets(self, lines: list[Line]) -> None:
        for line in lines:
            self.done.counts["presets"] += self.map.preset(line, read_values(line["row"], rows.PRESET, "a preset"))

    def uploads(self, lines: list[Line]) -> None:
        found = [(line, read_values(line["row"], rows.UPLOAD, "an image")) for line in lines]
        here = Upload.objects.filter(uuid__in=[row["uuid"] for _, row in found])
        here.update(created_at=self.now)  # until its generation has come, the sweep may take it for an unused one
        known = set(here.values_list("uuid", flat=True))
        fresh = []
        for line, row in found:
            if row["uuid"] not in known:
                team = self.map.team(line["team"])
                fresh.append(Upload(team=team, person=self.map.person(line["person"], team), **row))
        Upload.objects.bulk_create(fresh)
        self.done.counts["uploads"] += len(fresh)

    def generations(self, lines: list[Line]) -> None:
        found = [(line, read_values(line["row"], rows.GENERATION, "a generation")) for line in lines]
        known = set(
            Generation.objects.filter(uuid__in=[row["uuid"] for _, row in found]).values_list("uuid", flat=True)
        )
        self.done.here += len(known)
        fresh = [(line, row) for line, row in found if row["uuid"] not in known]
        if not fresh:
            return
        self.done.ended += sum(row["status"] not in TERMINAL for _, row in fresh)
        fresh = [ended(line, row, self.now) for line, row in fresh]
        prompts = self.prompts_of(fresh)
        made = Generation.objects.bulk_create([self.generation(line, row, prompts) for line, row in fresh])
        pairs = list(zip(made, (line for line, _ in fresh), strict=True))
        self.link_parents(pairs)
        self.history(pairs)
        self.keeping(pairs)
        self.done.counts["generations"] += len(made)

    def prompts_of(self, fresh: Iterable[tuple[Line, Line]]) -> dict[tuple[int, str], int]:
        digests = {line["prompt"] for line, _ in fresh}
        found = Prompt.objects.filter(digest__in=digests).values_list("team", "digest", "pk")
        return {(team, digest): pk for team, digest, pk in found}

    def generation(self, line: Line, row: Line, prompts: dict[tuple[int, str], int]) -> Generation:
        team = self.map.team(line["team"])
        try:
            prompt = prompts[team.pk, line["prompt"]]
        except KeyError as error:
            raise ArchiveRefused(f"The prompt of generation {row['uuid']} is not in the archive.") from error
        return Generation(
            team=team,
            created_by=self.map.person(line["person"], team),
            deleted_by=self.map.person(line["deleted_by"], team) if line["deleted_by"] else None,
            prompt_id=prompt,
            gateway=self.map.gateway(line["gateway"]),
            project=self.map.project(line["project"], team),
            group=self.map.group(line["group"], team),
            due_at=None,
            **row,
        )

    def link_parents(self, pairs: list[tuple[Generation, Line]]) -> None:
        wanted = {line["parent"] for _, line in pairs if line["parent"]}
        keys = {str(uuid): pk for uuid, pk in Generation.objects.filter(uuid__in=wanted).values_list("uuid", "pk")}
        children = [row for row, line in pairs if line["parent"] in keys]
        for row, line in pairs:
            row.parent_id = keys.get(line["parent"])
        Generation.objects.bulk_update(children, ["parent"])

    def history(self, pairs: list[tuple[Generation, Line]]) -> None:
        events, attempts, entries = [], [], []
        for row, line in pairs:
            events += [Event(generation=row, **read_values(item, rows.EVENT, "an event")) for item in line["events"]]
            entries += [
                LedgerEntry(generation=row, **read_values(item, rows.LEDGER, "an entry")) for item in line["ledger"]
            ]
            for item in line["attempts"]:
                own = {name: value for name, value in item.items() if name != "decided_by"}
                decider = self.map.person(item["decided_by"], row.team) if item["decided_by"] else None
                known = read_values(own, rows.ATTEMPT, "an attempt")
                attempts.append(SubmitAttempt(generation=row, decided_by=decider, **known))
        create(Event, events, [{"at": event.at} for event in events])
        SubmitAttempt.objects.bulk_create(attempts)
        LedgerEntry.objects.bulk_create(entries)

    def keeping(self, pairs: list[tuple[Generation, Line]]) -> None:
        """Make what the team added to a generation: its images, tags, stars and comments."""
        wanted = {item["upload"] for _, line in pairs for item in line["inputs"]}
        uploads = {str(uuid): pk for uuid, pk in Upload.objects.filter(uuid__in=wanted).values_list("uuid", "pk")}
        if missing := wanted - uploads.keys():
            raise ArchiveRefused(f"The image {min(missing)} is not in the archive.")
        inputs, taggings, stars, comments = [], [], {}, []
        for row, line in pairs:
            for item in line["inputs"]:
                place = {"option": item["option"], "position": item["position"]}
                inputs.append(GenerationInput(generation=row, upload_id=uploads[item["upload"]], **place))
            taggings += [Tagging(generation=row, tag=tag) for tag in self.map.tags(line["tags"], row.team)]
            for item in line["stars"]:
                person = self.map.person(item["person"], row.team)
                at = datetime.fromisoformat(item["created_at"])
                stars[row.pk, person.pk] = Star(generation=row, person=person, created_at=at)
            for item in line.get("comments", ()):
                said = read_values(item["row"], rows.COMMENT, "a comment")
                comments.append(Comment(generation=row, person=self.map.person(item["person"], row.team), **said))
        GenerationInput.objects.bulk_create(inputs)
        Tagging.objects.bulk_create(taggings)
        Star.objects.bulk_create(stars.values())
        Comment.objects.bulk_create(comments)

    def comparisons(self, lines: list[Line]) -> None:
        for line in lines:
            row = read_values(line["row"], rows.COMPARISON, "a comparison")
            if not Comparison.objects.filter(uuid=row["uuid"]).exists():
                self.comparison(line, row)

    def comparison(self, line: Line, row: Line) -> None:
        """Make a comparison with its votes, unless its team has one of the same videos."""
        wanted = {UUID(uuid) for uuid in line["generations"]}
        compared = {found.uuid: found for found in Generation.objects.filter(uuid__in=wanted)}
        if missing := wanted - compared.keys():
            raise ArchiveRefused(f"The video {min(missing)}, which was compared, is not in the archive.")
        team, digest = self.map.team(line["team"]), set_digest(found.pk for found in compared.values())
        if any(found.team_id != team.pk for found in compared.values()):
            raise ArchiveRefused(f"The videos of the comparison {row['uuid']} are here already, with another team.")
        if Comparison.objects.filter(team=team, digest=digest).exists():
            return
        person = self.map.person(line["person"], team) if line["person"] else None
        made = Comparison.objects.create(team=team, created_by=person, digest=digest, **row)
        made.generations.set(compared.values())
        votes = {}  # where several people become one account, it has their last word
        for item in line["votes"]:
            voter = self.map.person(item["person"], team)
            choice = compared[UUID(item["choice"])] if item["choice"] else None
            said = read_values(item["row"], rows.VOTE, "a vote")
            votes[voter.pk] = Vote(comparison=made, person=voter, choice=choice, **said)
        Vote.objects.bulk_create(votes.values())
        made.count()
        self.done.counts["comparisons"] += 1


def create[M: models.Model](model: type[M], made: list[M], kept: list[dict[str, Any]]) -> None:
    """Make rows; `kept` are the times that their tables would otherwise set to now."""
    if not made:
        return
    model._default_manager.bulk_create(made)
    for row, times in zip(made, kept, strict=True):
        for name, moment in times.items():
            setattr(row, name, moment)
    model._default_manager.bulk_update(made, list(kept[0]), batch_size=200)
