"""A team's presets: prompts with {placeholders}, and if they like a model and its options with them."""

import re

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone

from generations.catalog import model_choices
from generations.models.library import OfTeamQuerySet
from generations.models.people import Team
from generations.models.prompt import Prompt

PLACEHOLDER = re.compile(r"\{([^\W\d_][\w -]{0,39})\}")


def placeholders(text: str) -> list[str]:
    """Return the names in {braces} of a text, each once, in their order. A name begins with a letter."""
    return list(dict.fromkeys(PLACEHOLDER.findall(text)))


def filled(text: str, values: dict[str, str]) -> str:
    """Return a text with each {name} that `values` has put in its place; values are not looked into again."""
    return PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


class Preset(models.Model):
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="presets")
    name = models.CharField(max_length=80)
    text = models.TextField()
    model_key = models.CharField("model", max_length=100, choices=model_choices, blank=True)
    options = models.JSONField(default=dict, blank=True)
    promoted_from = models.ForeignKey(Prompt, null=True, blank=True, on_delete=models.SET_NULL, related_name="presets")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    objects = OfTeamQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint("team", Lower("name"), name="one_preset_a_name")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("generations:preset", args=[self.pk])

    @property
    def placeholders(self) -> list[str]:
        return placeholders(self.text)
