"""Which columns of which tables go into an archive, and what stands for the rows they point to."""

from generations.archive.layout import Line, columns, values
from generations.models import (
    Event,
    Gateway,
    Generation,
    LedgerEntry,
    Project,
    Prompt,
    SubmitAttempt,
    Upload,
)

# A claim, a due time and a form's token mean something to one installation only.
GENERATION = columns(Generation, ("claim", "due_at", "form_token", "form_digest"))
EVENT = columns(Event)
ATTEMPT = columns(SubmitAttempt)
LEDGER = columns(LedgerEntry)
PROMPT = columns(Prompt)
UPLOAD = columns(Upload, ("created_at",))  # what decides when an unused one goes
PROJECT = columns(Project)
# Never a key, nor anything of one; what happened to it here and now stays here.
GATEWAY = {
    name: field
    for name, field in columns(Gateway).items()
    if name in {"name", "base_url", "offers", "priority", "max_creates", "max_active", "failure_policy"}
}
GROUP = ("uuid", "kind", "created_at")


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
    }


def group_line(row: Generation) -> Line | None:
    if row.group is None:
        return None
    return {**values(row.group, GROUP), "person": row.group.created_by.get_username()}
