"""Tokens of programs, and the answers that a repeated create gets again."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy

from generations.models.prepared import Statement

PREFIX = "vs_"
SHOWN = 10  # characters of a token that stay readable, so that people know which one it is
SCOPES = {
    "read": gettext_lazy("Read: see videos, models and files"),
    "create": gettext_lazy("Create: ask for videos, which may cost money"),
    "manage": gettext_lazy("Manage: move videos to the trash"),
}
USED_EVERY = timedelta(minutes=1)
REPEATED_FOR = timedelta(hours=24)


def digest_of(secret: str) -> str:
    """Return what is stored of a token: sha256 in hex. A token is random, so it needs no salt and no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a token speaks for, with its limits: what one statement says of it.

    `rate` and `person_rate` are requests a minute, `at_once` and `person_at_once` unfinished videos; None is no limit.
    Until `spent_until` and `person_spent_until` (Unix microseconds) such requests are spent: see api/rates.py.
    """

    token_id: int
    user_id: int
    username: str
    scopes: tuple[str, ...]
    rate: int | None
    at_once: int | None
    person_rate: int | None
    person_at_once: int | None
    spent_until: int
    person_spent_until: int
    last_used_at: datetime | None


class ApiTokenQuerySet(models.QuerySet):
    def usable(self, now: datetime | None = None) -> "ApiTokenQuerySet":
        """Neither revoked nor expired, of a person whose account is active."""
        alive = Q(expires_at=None) | Q(expires_at__gt=now or timezone.now())
        return self.filter(alive, revoked_at=None, user__is_active=True)

    def caller(self, secret: str) -> Caller | None:
        """Return whom a token speaks for, None when it does not let anybody in. One statement."""
        found = CALLER.first(digest=digest_of(secret), now=timezone.now())
        if found is None:
            return None
        token, user, username, scopes, *limits = found
        return Caller(token, user, username, tuple(scopes), *limits)

    def note_use(self, caller: Caller) -> None:
        """Write down that a token was used, at most once a minute."""
        now = timezone.now()
        if caller.last_used_at is None or now - caller.last_used_at >= USED_EVERY:
            stale = Q(last_used_at=None) | Q(last_used_at__lte=now - USED_EVERY)
            self.filter(stale, pk=caller.token_id).update(last_used_at=now)


class ApiTokenManager(models.Manager.from_queryset(ApiTokenQuerySet)):
    def issue(self, **fields) -> "tuple[ApiToken, str]":
        """Return a new token and its secret, which is kept nowhere."""
        secret = PREFIX + secrets.token_urlsafe(32)
        return self.create(digest=digest_of(secret), start=secret[:SHOWN], **fields), secret


class ApiToken(models.Model):
    """What a program shows instead of a password: it speaks for one person, as far as its scopes go."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="api_tokens")
    name = models.CharField(
        max_length=100, help_text=gettext_lazy("Where it is used, so that you know which one to revoke.")
    )
    start = models.CharField(gettext_lazy("begins with"), max_length=SHOWN, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list)
    rate = models.PositiveIntegerField(gettext_lazy("requests a minute"), null=True, blank=True, default=1200)
    at_once = models.PositiveIntegerField(gettext_lazy("unfinished videos at once"), null=True, blank=True, default=100)
    rate_spent_until = models.BigIntegerField(default=0, db_default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)

    objects = ApiTokenManager()

    class Meta:
        ordering = ["-id"]
        verbose_name = gettext_lazy("API token")

    def __str__(self) -> str:
        return f"{self.name} ({self.start}…)"

    @property
    def is_usable(self) -> bool:
        return self.revoked_at is None and not self.is_expired

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def state(self) -> str:
        """In words: usable, expired or revoked."""
        return "revoked" if self.revoked_at else "expired" if self.is_expired else "usable"

    def revoke(self) -> None:
        """Let it open nothing from the next request on. Revoking again changes nothing."""
        ApiToken.objects.filter(pk=self.pk, revoked_at=None).update(revoked_at=timezone.now())


COLUMNS = (
    *("pk", "user", "user__username", "scopes", "rate", "at_once", "user__api_rate", "user__api_at_once"),
    *("rate_spent_until", "user__rate_spent_until", "last_used_at"),
)
CALLER = Statement(
    lambda digest, now: ApiToken.objects.usable(now).filter(digest=digest).order_by().values_list(*COLUMNS),
    digest=str,
    now=datetime,
)


class ApiAnswerQuerySet(models.QuerySet):
    def fresh(self) -> "ApiAnswerQuerySet":
        return self.filter(created_at__gt=timezone.now() - REPEATED_FOR)

    def stale(self) -> "ApiAnswerQuerySet":
        return self.filter(created_at__lte=timezone.now() - REPEATED_FOR)


class ApiAnswer(models.Model):
    """What a create with an Idempotency-Key was answered: the same key and content get it again for a day."""

    token = models.ForeignKey(ApiToken, on_delete=models.CASCADE, related_name="answers")
    key = models.CharField(max_length=255)
    digest = models.CharField(max_length=64, help_text=gettext_lazy("Of what was asked."))
    generation = models.ForeignKey("generations.Generation", on_delete=models.CASCADE, related_name="+")
    body = models.TextField(help_text=gettext_lazy("JSON, as it was answered."))
    created_at = models.DateTimeField(default=timezone.now)

    objects = ApiAnswerQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "key"], name="one_answer_a_key")]
        indexes = [models.Index(fields=["created_at"], name="answer_age")]

    def __str__(self) -> str:
        return f"answer {self.pk} of token {self.token_id}"
