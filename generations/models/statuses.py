"""The statuses of a generation, the kinds of failure, and which status may follow which."""

from django.db import models
from django.utils.translation import gettext_lazy


class Status(models.TextChoices):
    """docs/architecture.md section 3 says what each means for money."""

    QUEUED = "queued", gettext_lazy("Waiting")
    SUBMITTING = "submitting", gettext_lazy("Sending")
    UNKNOWN = "unknown", gettext_lazy("Outcome unknown")
    IN_PROGRESS = "in_progress", gettext_lazy("Generating")
    DOWNLOADING = "downloading", gettext_lazy("Saving")
    COMPLETED = "completed", gettext_lazy("Ready")
    FAILED = "failed", gettext_lazy("Failed")
    CANCELLED = "cancelled", gettext_lazy("Cancelled")


class Failure(models.TextChoices):
    """Which kind of failure ended a generation; `Generation.detail` says it in words."""

    NOT_SENT = "not_sent", gettext_lazy("Could not be sent")
    REJECTED = "rejected", gettext_lazy("Refused by the gateway")
    MODERATED = "moderated", gettext_lazy("Stopped by the safety filter")
    UPSTREAM_FAILED = "upstream_failed", gettext_lazy("The model failed")
    NO_RESULT = "no_result", gettext_lazy("Finished without a file")
    EXPIRED = "expired", gettext_lazy("The result has expired")
    GAVE_UP = "gave_up", gettext_lazy("Given up by a person")


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
