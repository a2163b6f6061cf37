"""People and teams. Everything made in the studio belongs to a team."""

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models, transaction
from django.utils.translation import gettext_lazy

from generations.catalog import model_choices


def language_choices() -> list[tuple[str, str]]:
    return settings.LANGUAGES


class TeamManager(models.Manager):
    def default(self) -> "Team":
        """Return the team that new people join: the oldest one, made when there is none yet."""
        return self.order_by("pk").first() or self.create(name="Studio")


class Team(models.Model):
    name = models.CharField(max_length=100)
    preferred_gateway = models.ForeignKey(
        "generations.Gateway",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text=gettext_lazy(
            "Used first for every model it offers; otherwise the gateway with the lowest priority number."
        ),
    )
    default_model = models.CharField(
        max_length=100,
        blank=True,
        choices=model_choices,
        db_default="",
        help_text=gettext_lazy("What the composer begins with for somebody who has made nothing yet."),
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TeamManager()

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    api_rate = models.PositiveIntegerField(
        gettext_lazy("API requests a minute"),
        null=True,
        blank=True,
        default=3000,
        db_default=3000,
        help_text=gettext_lazy("Of all tokens of this person together; empty for no limit."),
    )
    api_at_once = models.PositiveIntegerField(
        gettext_lazy("unfinished API videos at once"),
        null=True,
        blank=True,
        default=200,
        db_default=200,
        help_text=gettext_lazy("Asked for with any token of this person; empty for no limit."),
    )
    rate_spent_until = models.BigIntegerField(default=0, db_default=0, editable=False)

    language = models.CharField(
        max_length=20,
        blank=True,
        choices=language_choices,
        db_default="",
        help_text=gettext_lazy("Of the pages, wherever this person signs in; empty for the browser's."),
    )

    def save(self, *args, **kwargs) -> None:
        """Save; a new person joins the default team in the same transaction."""
        is_new = self._state.adding
        with transaction.atomic():
            super().save(*args, **kwargs)
            if is_new:
                Membership.objects.get_or_create(team=Team.objects.default(), user=self)

    @property
    def team(self) -> Team | None:
        """The team this person works in: the one joined first."""
        return Team.objects.filter(memberships__user=self).order_by("memberships__pk").first()


class Membership(models.Model):
    class Role(models.TextChoices):
        MEMBER = "member", gettext_lazy("Member")
        MANAGER = "manager", gettext_lazy("Manager")

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role, default=Role.MEMBER)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="one_membership_a_team")]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"
