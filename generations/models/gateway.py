"""Gateways: the upstreams we hold a key for."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from generations.fields import EncryptedTextField, LockedText
from generations.models.prepared import Rows, Statement
from generations.specs import VideoModel
from videostudio.scrubbing import scrub

LOCKED_KEY = gettext_noop("The stored key cannot be decrypted with STUDIO_FIELD_KEY. Enter it again in the admin.")
NO_KEY = gettext_noop("No key is set.")


TRIP_AFTER = 5  # creates in a row without an answer
TRIP_SECONDS, LONGEST_TRIP_SECONDS = 15.0, 300.0


def validate_base_url(value: str) -> None:
    """Refuse anything but a plain http(s) address without credentials, query or fragment."""
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValidationError(_("Enter an address such as https://api.example.com"))
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValidationError(_("Enter the address alone, without a name, a password or a query."))


class GatewayQuerySet(models.QuerySet):
    def real(self) -> "GatewayQuerySet":
        return self.exclude(key_source=Gateway.KeySource.SANDBOX)

    def usable(self) -> "GatewayQuerySet":
        """Enabled gateways that hold a key, most wanted first."""
        return self.real().filter(enabled=True).exclude(key="").order_by("priority", "pk")

    def listing_due(self, now: datetime) -> "GatewayQuerySet":
        """Those whose list of models is to be fetched again."""
        return self.real().filter(Q(listing_due_at=None) | Q(listing_due_at__lte=now), lists_models=True, enabled=True)

    def paused(self) -> "GatewayQuerySet":
        return self.exclude(paused_reason="").filter(Q(paused_until=None) | Q(paused_until__gt=timezone.now()))

    def sandbox(self, *, is_alone: bool | None = None) -> "Gateway | None":
        """Return the sandbox while it takes new work, else None.

        `is_alone` says whether no other gateway is usable, where that is known already.
        """
        switch = settings.STUDIO_SANDBOX
        if switch == "off":
            return None
        if switch != "on" and (bool(OFFERING.all()) if is_alone is None else not is_alone):
            return None
        return SANDBOX.first()

    def is_sandbox_open(self, known: "Iterable[Gateway] | None" = None) -> bool:
        """Say whether `sandbox` returns one: what every page asks. `known` are all that are enabled, if known."""
        if known is None:
            kinds = {kind for (kind,) in OPEN.rows()}
        else:
            takers = (one for one in known if one.enabled and one.key_problem != NO_KEY)
            kinds = {one.key_source for one in takers}
        is_wanted = settings.STUDIO_SANDBOX == "on" or kinds == {Gateway.KeySource.SANDBOX}
        return settings.STUDIO_SANDBOX != "off" and is_wanted and Gateway.KeySource.SANDBOX in kinds

    def offered(self, models: Iterable[VideoModel], usable: "Sequence[Gateway] | None" = None) -> list[VideoModel]:
        """Return those of `models` that some gateway would render now; `usable` are those there are, if known."""
        usable = list(self.usable()) if usable is None else usable
        offers = {offer for gateway in usable for offer in gateway.offers}
        if self.sandbox(is_alone=not usable):
            return list(models)
        return [model for model in models if model.key in offers or model.family in offers]

    def offering(self, model: VideoModel, team=None, usable: "Sequence[Gateway] | None" = None) -> "Gateway | None":
        """Return the gateway that will render `model` for `team`, or None when nobody offers it; `usable` as above."""
        if usable is None:
            usable = OFFERING.all()
        candidates = [gateway for gateway in usable if gateway.does_offer(model)]
        preferred = team.preferred_gateway_id if team else None
        candidates.sort(key=lambda gateway: gateway.pk != preferred)  # stable: priority decides among the rest
        return candidates[0] if candidates else self.sandbox(is_alone=not usable)


class Gateway(models.Model):
    class KeySource(models.TextChoices):
        ENVIRONMENT = "environment", gettext_lazy("Environment")
        ADMIN = "admin", gettext_lazy("Admin")
        SANDBOX = "sandbox", gettext_lazy("Built in")

    class FailurePolicy(models.TextChoices):
        UNKNOWN = "unknown", gettext_lazy("Not known: what was reserved stays held")
        BILLED = "billed", gettext_lazy("Billed: it counts as spent")
        REFUNDED = "refunded", gettext_lazy("Not billed: it is released")

    name = models.SlugField(max_length=50, unique=True)
    base_url = models.CharField(
        gettext_lazy("base URL"),
        max_length=300,
        blank=True,
        validators=[validate_base_url],
        help_text=gettext_lazy("Without /v1."),
    )
    key = EncryptedTextField(blank=True, default="")
    key_hint = models.CharField(max_length=4, blank=True, editable=False)
    key_source = models.CharField(max_length=20, choices=KeySource, default=KeySource.ADMIN, editable=False)
    offers = models.JSONField(
        default=list,
        blank=True,
        help_text=gettext_lazy('Families or model keys it serves, for example ["veo", "wan/wan2.6"].'),
    )
    priority = models.PositiveSmallIntegerField(
        default=100, help_text=gettext_lazy("The lowest number is asked first.")
    )
    max_creates = models.PositiveSmallIntegerField(gettext_lazy("creates at once"), default=4)
    max_active = models.PositiveIntegerField(gettext_lazy("tasks at once"), default=200)
    enabled = models.BooleanField(default=True)
    failure_policy = models.CharField(
        gettext_lazy("failed tasks"),
        max_length=20,
        choices=FailurePolicy,
        default=FailurePolicy.UNKNOWN,
        db_default=FailurePolicy.UNKNOWN,
        help_text=gettext_lazy("What this gateway does about a task that it accepted and that then failed there."),
    )
    lists_models = models.BooleanField(
        gettext_lazy("lists its models"),
        default=False,
        db_default=False,
        help_text=gettext_lazy(
            "It publishes its models and prices at /api/models, as CometAPI does: they are fetched once a day."
        ),
    )
    listing_due_at = models.DateTimeField(null=True, editable=False)
    listing_problem = models.CharField(max_length=500, blank=True, db_default="", editable=False)
    paused_until = models.DateTimeField(null=True, blank=True)
    paused_reason = models.CharField(max_length=300, blank=True)
    trouble = models.PositiveIntegerField(
        default=0, editable=False, help_text=gettext_lazy("Creates in a row without an answer.")
    )
    tripped_until = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = GatewayQuerySet.as_manager()

    class Meta:
        ordering = ["priority", "pk"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args, **kwargs) -> None:
        if not isinstance(self.key, LockedText):
            self.key_hint = self.key[-4:] if len(self.key) >= 12 else ""
        super().save(*args, **kwargs)

    @property
    def is_sandbox(self) -> bool:
        return self.key_source == self.KeySource.SANDBOX

    @property
    def key_problem(self) -> str:
        """Why the key cannot be used, in words; empty when it can."""
        if self.is_sandbox:
            return ""
        if isinstance(self.key, LockedText):
            return LOCKED_KEY
        return "" if self.key else NO_KEY

    @property
    def is_paused(self) -> bool:
        return bool(self.paused_reason) and (self.paused_until is None or self.paused_until > timezone.now())

    @property
    def is_tripped(self) -> bool:
        """The circuit breaker is open: too many creates in a row went without an answer."""
        return self.rest > timedelta(0)

    @property
    def rest(self) -> timedelta:
        """How long the circuit breaker stays open from now."""
        return self.tripped_until - timezone.now() if self.tripped_until else timedelta(0)

    @property
    def is_on_trial(self) -> bool:
        """The circuit breaker is half open: one create at a time, until one is answered."""
        return self.trouble >= TRIP_AFTER

    def note_trouble(self) -> None:
        """Count a create that got no answer; after a few in a row let creates rest, longer each time."""
        Gateway.objects.filter(pk=self.pk).update(trouble=F("trouble") + 1)
        self.refresh_from_db(fields=["trouble"])
        if self.trouble >= TRIP_AFTER:
            seconds = min(TRIP_SECONDS * 2 ** min(self.trouble - TRIP_AFTER, 10), LONGEST_TRIP_SECONDS)
            Gateway.objects.filter(pk=self.pk).update(tripped_until=timezone.now() + timedelta(seconds=seconds))

    def note_health(self) -> None:
        """Close the circuit breaker: the gateway answered, be it with a refusal."""
        Gateway.objects.filter(pk=self.pk, trouble__gt=0).update(trouble=0, tripped_until=None)

    def does_offer(self, model: VideoModel) -> bool:
        return model.key in self.offers or model.family in self.offers

    def pause(self, reason: str, *, until: datetime | None = None) -> None:
        """Stop creates and polls for everyone on this gateway, until a time or until a person mends it.

        A pause that waits for a person, or lasts longer, is left as it is.
        """
        rows = Gateway.objects.filter(pk=self.pk).exclude(~Q(paused_reason=""), paused_until=None)
        if until is not None:
            rows = rows.exclude(~Q(paused_reason=""), paused_until__gt=until)
        rows.update(paused_reason=scrub(reason)[:300], paused_until=until)

    def pause_for(self, seconds: float, reason: str) -> None:
        self.pause(reason, until=timezone.now() + timedelta(seconds=seconds))

    def resume(self) -> None:
        rows = Gateway.objects.filter(pk=self.pk)
        rows.update(paused_reason="", paused_until=None, trouble=0, tripped_until=None)


# What choosing a gateway needs of it: everything but its key, which costs decrypting.
OFFERING = Rows(Gateway, lambda: Gateway.objects.usable(), without=["key"])
SANDBOX = Rows(Gateway, lambda: Gateway.objects.filter(key_source=Gateway.KeySource.SANDBOX, enabled=True)[:1])
# The kinds of gateways that take new work, and the sandbox.
OPEN = Statement(
    lambda: (
        Gateway.objects.filter(~Q(key="") | Q(key_source=Gateway.KeySource.SANDBOX), enabled=True)
        .order_by()
        .values_list("key_source")
    )
)
