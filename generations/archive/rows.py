"""Which columns of which tables go into an archive, and what stands for the rows they point to."""

from urllib.parse import parse_qsl, urlencode

from generations.archive.layout import Line, columns, values
from generations.models import (
    Comment,
    Comparison,
    Event,
    Gateway,
    Generation,
    Group,
    LedgerEntry,
    Preset,
    Project,
    Prompt,
    SavedView,
    SubmitAttempt,
    Tag,
    Upload,
    Vote,
)

# A claim, a due time and a form's token mean something to one installation only.
GENERATION = columns(Generation, ("claim", "due_at", "form_token", "form_digest"))
EVENT = columns(Event)
ATTEMPT = columns(SubmitAttempt)
LEDGER = columns(LedgerEntry)
PROMPT = columns(Prompt)
UPLOAD = columns(Upload, ("created_at",))  # what decides when an unused one goes
PROJECT = columns(Project)
TAG = columns(Tag)
VIEW = columns(SavedView)
PRESET = columns(Preset)
COMMENT = columns(Comment)
COMPARISON = columns(Comparison, ("digest",))  # of keys, which are others elsewhere
VOTE = columns(Vote)
# Never a key, nor anything of one; what happened to it here and now stays here.
GATEWAY = {
    name: field
    for name, field in columns(Gateway).items()
    if name in {"name", "base_url", "offers", "priority", "max_creates", "max_active", "failure_policy"}
}
GROUP = columns(Group, ("form_token", "form_digest"))


def generation_line(row: Generation) -> Line:
    """Return a generation with all that belongs to it; prefetched as writing.WITH says."""
    return {
        "team": row.team_id,
        "person": row.created_by.get_username(),
        "prompt": row.prompt.digest,
        "gateway": row.gateway.name,
        "parent": str(row.parent.uuid) if row.parent else None,
        "deleted_by": row.deleted_by.get_username() if row.deleted_by else None,
        "project": row.project.name if row.project else None,
        "group": group_line(row),
        "row": values(row, GENERATION),
        "events": [values(event, EVENT) for event in row.events.all()],
        "attempts": [
            {
                **values(attempt, ATTEMPT),
                "decided_by": attempt.decided_by.get_username() if attempt.decided_by else None,
            }
            for attempt in row.attempts.all()
        ],
        "ledger": [values(entry, LEDGER) for entry in row.ledger.all()],
        "inputs": [
            {"option": item.option, "position": item.position, "upload": str(item.upload.uuid)}
            for item in row.inputs.all()
        ],
        "tags": sorted(tagging.tag.name for tagging in row.taggings.all()),
        "stars": [
            {"person": star.person.get_username(), "created_at": star.created_at}
            for star in sorted(row.stars.all(), key=lambda star: star.pk)
        ],
        "comments": [
            {"person": comment.person.get_username(), "row": values(comment, COMMENT)}
            for comment in sorted(row.comments.all(), key=lambda comment: comment.pk)
        ],
    }


def prompt_line(row: Prompt) -> Line:
    """Return a prompt, with the digests of what it was edited from and of the first of its versions."""
    return {
        "team": row.team_id,
        "edited_from": row.edited_from.digest if row.edited_from else None,
        "first": row.first.digest if row.first else None,
        "row": values(row, PROMPT),
    }


def preset_line(row: Preset) -> Line:
    return {
        "team": row.team_id,
        "person": row.created_by.get_username(),
        "prompt": row.promoted_from.digest if row.promoted_from else None,
        "row": values(row, PRESET),
    }


def view_line(row: SavedView, projects: dict[int, Project]) -> Line:
    """Return a saved view; the key of the project it filters by is another elsewhere, so its team and name go along."""
    filters = dict(parse_qsl(row.query))
    key = filters.get("project", "")
    project = projects.get(int(key)) if key.isdecimal() else None
    if key.isdecimal():
        del filters["project"]
    return {
        "team": row.team_id,
        "person": row.person.get_username(),
        "project": {"team": project.team_id, "name": project.name} if project else None,
        "row": values(row, VIEW) | {"query": urlencode(filters)},
    }


def comparison_line(row: Comparison) -> Line:
    """Return a comparison with its votes; who won follows from them."""
    return {
        "team": row.team_id,
        "person": row.created_by.get_username() if row.created_by else None,
        "generations": sorted(str(generation.uuid) for generation in row.generations.all()),
        "votes": [
            {
                "person": vote.person.get_username(),
                "choice": str(vote.choice.uuid) if vote.choice else None,
                "row": values(vote, VOTE),
            }
            for vote in row.votes.all()
        ],
        "row": values(row, COMPARISON),
    }


def group_line(row: Generation) -> Line | None:
    if row.group is None:
        return None
    return {**values(row.group, GROUP), "person": row.group.created_by.get_username()}
