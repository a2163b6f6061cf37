"""What happened to a generation: every paid request, every change of status."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy

from generations.models.prepared import add, insert
from generations.models.webhooks import announce


class SubmitAttempt(models.Model):
    """One paid POST and its outcome, committed before the first byte leaves."""

    class Outcome(models.TextChoices):
        OPEN = "", gettext_lazy("Open")
        ACCEPTED = "accepted", gettext_lazy("Accepted")
        REFUSED = "refused", gettext_lazy("Refused")
        NOT_SENT = "not_sent", gettext_lazy("Not sent")
        UNKNOWN = "unknown", gettext_lazy("Unknown")
        CONFIRMED_NOT_CREATED = "not_created", gettext_lazy("Confirmed not created")

    # Surely nothing was made for these, so another attempt may follow without asking anybody.
    SAFE_TO_FOLLOW = (Outcome.REFUSED, Outcome.NOT_SENT)

    generation = models.ForeignKey("generations.Generation", on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    token = models.CharField(max_length=40, unique=True)
    request_digest = models.CharField(max_length=64)
    opened_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=20, choices=Outcome, default=Outcome.OPEN, blank=True)
    http_status = models.PositiveSmallIntegerField(null=True)
    evidence = models.TextField(blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=gettext_lazy(
            "Who decided about an outcome that was not certain, and so let another attempt follow or not."
        ),
    )

    class Meta:
        ordering = ["generation", "number"]
        constraints = [
            models.UniqueConstraint(fields=["generation", "number"], name="one_attempt_a_number"),
            models.UniqueConstraint(fields=["generation"], condition=Q(outcome=""), name="one_open_attempt"),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.generation_id}: {self.get_outcome_display()}"


class EventQuerySet(models.QuerySet):
    def write(self, events: "Iterable[Event]") -> None:
        """Record what happened, and put it into the outbox of webhooks: the one way in, in the change's transaction."""
        listed = list(events)
        announce([insert(listed[0])] if len(listed) == 1 else self.bulk_create(listed))

    def note(self, **values: Any) -> None:
        """The same for one event, of which nothing more is wanted."""
        announce([add(self.model, **values)])


class Event(models.Model):
    """One change of status, or a notice when `before` equals `after`."""

    class ActorKind(models.TextChoices):
        PERSON = "person", gettext_lazy("Person")
        ENGINE = "engine", gettext_lazy("Engine")
        GATEWAY = "gateway", gettext_lazy("Gateway")

    generation = models.ForeignKey("generations.Generation", on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(auto_now_add=True)
    before = models.CharField(max_length=20, blank=True)
    after = models.CharField(max_length=20)
    actor = models.CharField(max_length=150)
    actor_kind = models.CharField(max_length=20, choices=ActorKind, default=ActorKind.ENGINE)
    reason = models.TextField(blank=True)
    evidence = models.JSONField(default=dict, blank=True)

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["generation", "id"]

    def __str__(self) -> str:
        return f"{self.before or 'new'} to {self.after}"
