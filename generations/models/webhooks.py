"""Webhooks: where a team's programs want to hear of its videos, and the outbox of what they are told.

A delivery is written in the transaction of the event it tells of, so it exists exactly when the event does.
"""

import json
import secrets
import uuid
from base64 import b64encode
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from generations.fields import EncryptedTextField
from generations.models.people import Membership, Team, User
from generations.models.prepared import Statement
from generations.models.statuses import Status

PREFIX = "whsec_"
OVERLAP = timedelta(days=1)  # so long the secret before signs beside the new one
LONGEST_WORDS = 500


class Kind(models.TextChoices):
    """What is told, by the name that programs see."""

    CREATED = "generation.created", gettext_lazy("Asked for")
    COMPLETED = "generation.completed", gettext_lazy("Ready")
    FAILED = "generation.failed", gettext_lazy("Failed")
    UNKNOWN = "generation.unknown", gettext_lazy("Outcome unknown")


TEST = "webhook.test"
_KINDS: dict[str, str] = {
    Status.COMPLETED: Kind.COMPLETED,
    Status.FAILED: Kind.FAILED,
    Status.UNKNOWN: Kind.UNKNOWN,
}


def new_secret() -> str:
    """Return a signing secret as Standard Webhooks spells it: 32 random bytes in base64 behind its prefix."""
    return PREFIX + b64encode(secrets.token_bytes(32)).decode()


def managed_teams(user: User) -> models.QuerySet[Team]:
    """Return the teams whose webhooks this person looks after: those they manage; an operator, all they are in."""
    memberships = Membership.objects.filter(user=user)
    if not user.is_staff:
        memberships = memberships.filter(role=Membership.Role.MANAGER)
    return Team.objects.filter(pk__in=memberships.values("team")).order_by("pk")


class WebhookQuerySet(models.QuerySet):
    def managed_by(self, user: User) -> "WebhookQuerySet":
        """The one door: another team's is not there at all."""
        return self.filter(team__in=managed_teams(user))


class Webhook(models.Model):
    """One address that is told. The address is kept like a key, because at chat services it is one."""

    class Shape(models.TextChoices):
        STANDARD = "standard", gettext_lazy("For programs: signed JSON")
        CHAT = "chat", gettext_lazy("For a chat: Slack, Discord, Mattermost")

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="webhooks")
    name = models.CharField(max_length=100)
    url = EncryptedTextField()
    host = models.CharField(max_length=260, editable=False)
    shape = models.CharField(max_length=20, choices=Shape, default=Shape.STANDARD)
    kinds = models.JSONField(default=list)
    secret = EncryptedTextField(default=new_secret)
    old_secret = EncryptedTextField(blank=True, default="")
    old_secret_until = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True, help_text=gettext_lazy("Nothing got through since then."))
    disabled_at = models.DateTimeField(null=True)
    disabled_reason = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    objects = WebhookQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("generations:webhook", args=[self.pk])

    @property
    def kind_words(self) -> str:
        """What it is told, in words."""
        return ", ".join(str(kind.label) for kind in Kind if kind in self.kinds)

    def valid_secrets(self, now: datetime) -> list[str]:
        """Return the secrets to sign with: the present one, and the one before for a day. Empty ones cannot be used."""
        found = [self.secret]
        if self.old_secret_until and self.old_secret_until > now:
            found.append(self.old_secret)
        return [secret for secret in found if secret]

    def rotate(self) -> None:
        """Give it a new secret; the one before goes on signing for a day, so that its program can change over."""
        self.old_secret, self.old_secret_until = self.secret, timezone.now() + OVERLAP
        self.secret = new_secret()
        self.save(update_fields=["secret", "old_secret", "old_secret_until"])

    def disable(self, reason: str) -> bool:
        """Tell it nothing any more, and give up what waits. False when it was off already."""
        now = timezone.now()
        on = Webhook.objects.filter(pk=self.pk, disabled_at=None)
        if not on.update(disabled_at=now, disabled_reason=reason[:300]):
            return False
        words = "The webhook was switched off before this was delivered."
        self.deliveries.waiting().update(failed_at=now, due_at=None, claim="", answer=words)
        return True

    def enable(self) -> None:
        """Tell it again, from now on."""
        Webhook.objects.filter(pk=self.pk).update(disabled_at=None, disabled_reason="", failing_since=None)


class DeliveryQuerySet(models.QuerySet):
    def waiting(self) -> "DeliveryQuerySet":
        return self.filter(due_at__isnull=False)

    def due(self, now: datetime | None = None) -> "DeliveryQuerySet":
        return self.filter(due_at__lte=now or timezone.now())

    def newest(self) -> "DeliveryQuerySet":
        return self.order_by("-id")


class Delivery(models.Model):
    """One message to one webhook: what it says, whether it got there, and when it is tried next."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    generation = models.ForeignKey(
        "generations.Generation", null=True, on_delete=models.CASCADE, related_name="deliveries"
    )
    kind = models.CharField(max_length=40)
    payload = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    due_at = models.DateTimeField(null=True, default=timezone.now)
    claim = models.CharField(max_length=40, blank=True)
    tries = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    http_status = models.PositiveSmallIntegerField(null=True)
    answer = models.CharField(max_length=LONGEST_WORDS, blank=True)
    seconds = models.FloatField(null=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="delivery_due"),
            models.Index(fields=["webhook", "-id"], name="delivery_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.webhook_id}"

    @property
    def message_id(self) -> str:
        """What the receiver sees as `webhook-id`: the same at every try."""
        return f"msg_{self.uuid.hex}"

    @property
    def kind_words(self) -> str:
        return Kind(self.kind).label if self.kind in Kind else _("Test")

    @property
    def is_waiting(self) -> bool:
        return self.due_at is not None

    @property
    def can_be_sent_again(self) -> bool:
        """Whether it is neither on its way now nor about to be tried for the first time."""
        return not self.is_waiting or (self.tries > 0 and not self.claim)

    @property
    def state_words(self) -> str:
        """How far it is, in a few words."""
        if self.delivered_at:
            return _("Delivered")
        if self.failed_at:
            return _("Given up")
        return _("Trying again") if self.tries else _("Waiting")

    @property
    def pretty(self) -> str:
        """What it says, for reading."""
        return json.dumps(self.payload, ensure_ascii=False, indent=2)

    def send_again(self) -> None:
        """Let it be tried from the beginning, under the same id."""
        Delivery.objects.filter(pk=self.pk).update(
            due_at=timezone.now(), claim="", tries=0, delivered_at=None, failed_at=None
        )


def announce(events: Iterable[Any]) -> None:
    """Put events into the outbox of every webhook that wants to hear of them, in their own transaction.

    One statement when nobody does. What is told is what the rows say at this moment.
    """
    told = {event.generation_id: event for event in events if kind_of(event)}
    listeners = LISTENING.rows() if told else []
    wanted = {kind for _, _, kinds in listeners for kind in kinds}
    told = {generation: event for generation, event in told.items() if kind_of(event) in wanted}
    if not told:
        return
    generations = Delivery.generation.field.related_model.objects
    rows = generations.for_cards().in_bulk(told)
    Delivery.objects.bulk_create(
        Delivery(
            webhook_id=webhook,
            generation_id=event.generation_id,
            kind=kind_of(event),
            payload=message(kind_of(event), event.at, facts(rows[event.generation_id])),
        )
        for webhook, team, kinds in listeners
        for event in told.values()
        if kind_of(event) in kinds and rows[event.generation_id].team_id == team
    )


# Asked at every change of status: what listens, in whatever team; there are few.
LISTENING = Statement(
    lambda: Webhook.objects.filter(disabled_at=None).order_by("pk").values_list("pk", "team", "kinds")
)


def kind_of(event: Any) -> str:
    """Return the name under which an event is told; "" for one that is not."""
    if event.before == event.after:
        return ""
    return _KINDS.get(event.after, "") if event.before else Kind.CREATED


def message(kind: str, at: datetime, data: dict[str, Any]) -> dict[str, Any]:
    """Return a message as Standard Webhooks lays it out."""
    return {"type": str(kind), "timestamp": at.isoformat(), "data": data}


def facts(row: Any) -> dict[str, Any]:
    """Return what is told of a generation: what its page says, and nothing that only the engine knows."""
    page = f"{settings.STUDIO_URL}{row.get_absolute_url()}"
    return {
        "id": str(row.uuid),
        "status": str(row.status),
        "failure": str(row.failure) or None,
        "detail": row.detail,
        "prompt": row.prompt.text,
        "model": row.model_key,
        "model_label": row.model_label,
        "created_by": row.created_by.get_username(),
        "created_at": row.created_at.isoformat(),
        "completed_at": row.completed_at.isoformat() if row.completed_at else None,
        "asked": {"width": row.asked_width, "height": row.asked_height, "seconds": row.asked_seconds},
        "measured": measured(row),
        "differs": row.differs,
        "page": page,
        "record": f"{page.rstrip('/')}.json",
        "video": f"{settings.STUDIO_URL}{row.video_url}" if row.video_url else None,
    }


def measured(row: Any) -> dict[str, Any] | None:
    if not row.sha256:
        return None
    return {
        "width": row.measured_width,
        "height": row.measured_height,
        "seconds": row.measured_seconds,
        "has_audio": row.measured_has_audio,
        "bytes": row.bytes,
        "sha256": row.sha256,
    }


def trial_message(webhook: Webhook) -> dict[str, Any]:
    """Return a message that says nothing but that messages arrive."""
    return message(TEST, timezone.now(), {"webhook": webhook.name, "page": f"{settings.STUDIO_URL}/"})
