"""What becomes of a generation that had not ended when it was exported: here it ends, and says why.

The studio that it comes from goes on with it. Two that ask for one task, or send one create, would pay twice.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from generations.archive.layout import Line
from generations.models import TERMINAL, Event, Failure, LedgerEntry, Status, SubmitAttempt

ACTOR = "import"
NOT_SENT = "It was waiting to be sent when it was brought over from another studio. Nothing is sent for it here."
GOES_ON = (
    "It had not ended when it was brought over from another studio, which goes on with it. Nothing is sent or asked "
    "for it here by itself."
)


def ended(line: Line, row: Mapping, now: datetime) -> tuple[Line, Line]:
    """Return a generation's line and row as they come in: one that had not ended is withdrawn, or given up."""
    if row["status"] in TERMINAL:
        return line, dict(row)
    may_be_billed = any(attempt["outcome"] == SubmitAttempt.Outcome.UNKNOWN for attempt in line["attempts"])
    is_withdrawn = row["status"] == Status.QUEUED and not may_be_billed
    after = Status.CANCELLED if is_withdrawn else Status.FAILED
    words = NOT_SENT if is_withdrawn else GOES_ON
    event = {
        **{"at": now.isoformat(), "before": row["status"], "after": after, "actor": ACTOR},
        **{"actor_kind": Event.ActorKind.ENGINE, "reason": words, "evidence": {}},
    }
    changed = {
        **{"status": after, "failure": "" if is_withdrawn else Failure.GAVE_UP, "detail": words},
        **{"version": row["version"] + 1, "overdue_at": None},
    }
    return line | {
        "events": [*line["events"], event],
        "attempts": [closed(attempt, now) for attempt in line["attempts"]],
        "ledger": [*line["ledger"], *(released(line["ledger"], now) if is_withdrawn else ())],
    }, {**row, **changed}


def closed(attempt: Line, now: datetime) -> Line:
    """Return an attempt; one that was on the wire may have been accepted, and nobody here will know."""
    if attempt["outcome"] != SubmitAttempt.Outcome.OPEN:
        return attempt
    return attempt | {"outcome": SubmitAttempt.Outcome.UNKNOWN, "closed_at": now.isoformat()}


def released(ledger: list[Line], now: datetime) -> list[Line]:
    """Return the entry that gives back what is held for a request that was never sent; none when nothing is."""
    if not ledger:
        return []
    held = sum((Decimal(entry["held"]) for entry in ledger), Decimal(0))
    if not held:
        return []
    last = ledger[-1]
    return [
        {
            **{"number": last["number"], "kind": LedgerEntry.Kind.RELEASE, "held": str(-held), "spent": "0"},
            **{"currency": last["currency"], "at": now.isoformat(), "actor": ACTOR, "reason": NOT_SENT},
        }
    ]
