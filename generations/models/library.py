"""How a team keeps order: projects, tags, stars, ratings, and groups of generations made at once."""

import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy

from generations.models.people import Team


class OfTeamQuerySet(models.QuerySet):
    def visible_to(self, user) -> "OfTeamQuerySet":
        """Return what belongs to this person's teams."""
        return self.filter(team__memberships__user=user)


class Project(models.Model):
    """A folder of a team: a generation is in one, or in none."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="projects")
    name = models.CharField(max_length=100)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = OfTeamQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint("team", Lower("name"), name="one_project_a_name")]

    def __str__(self) -> str:
        return self.name


class Tag(models.Model):
    """A word a team sorts by; upper and lower case are the same."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="tags")
    name = models.CharField(max_length=50)
    created_at = models.DateTimeField(default=timezone.now)

    objects = OfTeamQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint("team", Lower("name"), name="one_tag_a_name")]

    def __str__(self) -> str:
        return self.name


class Tagging(models.Model):
    """A tag on a generation."""

    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="taggings")
    generation = models.ForeignKey("generations.Generation", on_delete=models.CASCADE, related_name="taggings")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tag", "generation"], name="one_tagging_a_pair")]
        indexes = [models.Index(fields=["tag", "-generation"], name="tagging_newest")]

    def __str__(self) -> str:
        return f"{self.tag} on {self.generation_id}"


class Star(models.Model):
    """A person's star on a generation: their own, though the team sees that it is there."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="stars")
    generation = models.ForeignKey("generations.Generation", on_delete=models.CASCADE, related_name="stars")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "generation"], name="one_star_a_person")]
        indexes = [models.Index(fields=["person", "-generation"], name="star_newest")]

    def __str__(self) -> str:
        return f"{self.person} stars {self.generation_id}"


class Group(models.Model):
    """Generations asked for at once: copies, several models, or a batch."""

    class Kind(models.TextChoices):
        COPIES = "copies", gettext_lazy("Copies")
        MODELS = "models", gettext_lazy("Several models")
        BATCH = "batch", gettext_lazy("Batch")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="groups")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind)
    form_token = models.CharField(max_length=64, blank=True)
    form_digest = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = OfTeamQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["created_by", "form_token", "form_digest"],
                condition=~Q(form_token=""),
                name="one_group_a_form_token",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.uuid}"

    def get_absolute_url(self) -> str:
        return reverse("generations:group", args=[self.uuid])


RATING_VALIDATORS = [MinValueValidator(1), MaxValueValidator(5)]
