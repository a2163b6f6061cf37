"""The statuses of a generation, the kinds of failure, and which status may follow which."""

from django.db import models


class Status(models.TextChoices):
    """docs/architecture.md section 3 says what each means for money."""

    QUEUED = "queued", "Waiting"
    SUBMITTING = "submitting", "Sending"
    UNKNOWN = "unknown", "Outcome unknown"
    IN_PROGRESS = "in_progress", "Generating"
    DOWNLOADING = "downloading", "Saving"
    COMPLETED = "completed", "Ready"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class Failure(models.TextChoices):
    """Which kind of failure ended a generation; `Generation.detail` says it in words."""

    NOT_SENT = "not_sent", "Could not be sent"
    REJECTED = "rejected", "Refused by the gateway"
    MODERATED = "moderated", "Stopped by the safety filter"
    UPSTREAM_FAILED = "upstream_failed", "The model failed"
    NO_RESULT = "no_result", "Finished without a file"
    EXPIRED = "expired", "The result has expired"
    GAVE_UP = "gave_up", "Given up by a person"


TRANSITIONS: dict[str, frozenset[str]] = {
    # A queued row fails only when its request cannot even be built: nothing has left.
    Status.QUEUED: frozenset({Status.SUBMITTING, Status.CANCELLED, Status.FAILED}),
    Status.SUBMITTING: frozenset({Status.IN_PROGRESS, Status.FAILED, Status.QUEUED, Status.UNKNOWN}),
    Status.UNKNOWN: frozenset({Status.IN_PROGRESS, Status.FAILED, Status.QUEUED}),
    Status.IN_PROGRESS: frozenset({Status.DOWNLOADING, Status.FAILED}),
    Status.DOWNLOADING: frozenset({Status.COMPLETED, Status.FAILED}),
    Status.COMPLETED: frozenset(),
    Status.FAILED: frozenset({Status.IN_PROGRESS}),  # REVIVABLE kinds only, by a person, without a create
    Status.CANCELLED: frozenset(),
}

# What a person may ask the gateway about again: the task exists there, only its file did not reach us.
REVIVABLE = frozenset({Failure.NO_RESULT, Failure.EXPIRED, Failure.GAVE_UP})

TERMINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})
UNFINISHED = frozenset(Status) - TERMINAL
# What moves on by itself, so that a page watches it. An unknown outcome waits for a person.
ACTIVE = UNFINISHED - {Status.UNKNOWN}
