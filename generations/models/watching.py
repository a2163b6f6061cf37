"""What people say of videos: comparisons with their votes, comments, and links for people outside."""

import hashlib
import secrets
import uuid
from collections.abc import Iterable

from django.conf import settings
from django.db import models
from django.db.models import Count, F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from generations.fields import EncryptedTextField
from generations.models.library import OfTeamQuerySet
from generations.models.people import Team

LONGEST_COMMENT = 2000


# Comparisons


def set_digest(keys: Iterable[int]) -> str:
    """Return one name for a set of generations, whatever their order."""
    return hashlib.sha256(",".join(map(str, sorted(keys))).encode()).hexdigest()


class Comparison(models.Model):
    """Two to four videos that somebody voted on. A team has one for each set of videos."""

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="comparisons")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    digest = models.CharField(max_length=64, editable=False)
    generations = models.ManyToManyField("generations.Generation", related_name="comparisons")
    winner = models.ForeignKey(
        "generations.Generation",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="wins",
        help_text=gettext_lazy("The one with the most votes; none while two lead."),
    )
    created_at = models.DateTimeField(default=timezone.now)

    objects = OfTeamQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["team", "digest"], name="one_comparison_a_set")]

    def __str__(self) -> str:
        return f"comparison {self.uuid}"

    def count(self) -> None:
        """Keep the winner as the votes have it: the one that alone has the most."""
        votes = self.votes.exclude(choice=None).values("choice").annotate(count=Count("pk")).order_by("-count")[:2]
        leading = list(votes)
        alone = leading and (len(leading) == 1 or leading[0]["count"] > leading[1]["count"])
        self.winner_id = leading[0]["choice"] if alone else None
        self.save(update_fields=["winner"])


class Vote(models.Model):
    """What one person thinks is the best of a comparison, or that none is."""

    comparison = models.ForeignKey(Comparison, on_delete=models.CASCADE, related_name="votes")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="votes")
    choice = models.ForeignKey(
        "generations.Generation", null=True, blank=True, on_delete=models.CASCADE, related_name="votes"
    )
    is_blind = models.BooleanField(default=False, help_text=gettext_lazy("Given before the names were shown."))
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["comparison", "person"], name="one_vote_a_person")]

    def __str__(self) -> str:
        return f"{self.person_id} for {self.choice_id}"


# Comments


class Comment(models.Model):
    """A sentence of somebody of the team about a video, or about one moment of it."""

    generation = models.ForeignKey("generations.Generation", on_delete=models.CASCADE, related_name="comments")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="comments")
    at_seconds = models.FloatField(
        null=True, blank=True, help_text=gettext_lazy("The moment it is about, from the beginning.")
    )
    text = models.TextField(max_length=LONGEST_COMMENT)
    created_at = models.DateTimeField(default=timezone.now)
    edited_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = [F("at_seconds").asc(nulls_last=True), "id"]
        indexes = [models.Index(fields=["generation", "id"], name="comment_of_one")]

    def __str__(self) -> str:
        return f"comment {self.pk} on {self.generation_id}"


# Links


def token_digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class ShareLink(models.Model):
    """An address under which anybody may watch one video until it expires or is revoked.

    The link is found by the digest of its token; the token itself is kept encrypted under STUDIO_FIELD_KEY, so that
    people can copy the link again, and so that a copy of the database alone opens nothing.
    """

    generation = models.ForeignKey("generations.Generation", on_delete=models.CASCADE, related_name="share_links")
    token = EncryptedTextField(editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    shows_prompt = models.BooleanField(default=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    views = models.PositiveIntegerField(default=0)
    viewed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="a_link_expires_after_it_is_made"),
        ]

    def __str__(self) -> str:
        return f"link {self.pk} to {self.generation_id}"

    def save(self, *args, **kwargs) -> None:
        """Save; a new link gets its token."""
        if not self.digest:
            self.token = secrets.token_urlsafe(24)
            self.digest = token_digest(self.token)
        super().save(*args, **kwargs)

    @property
    def why_closed(self) -> str:
        """Say why nothing is shown any more; empty while the link is open."""
        generation = self.generation
        if self.revoked_at:
            return _("This link was withdrawn by the people who made it.")
        if self.expires_at <= timezone.now():
            return _("This link has expired.")
        if generation.deleted_at or not generation.is_ready:
            return _("The video behind this link was removed.")
        return ""

    @property
    def url(self) -> str:
        """The whole address, to be copied; empty when no key of ours opens the token any more."""
        return f"{settings.STUDIO_URL}{reverse('generations:shared', args=[self.token])}" if self.token else ""
