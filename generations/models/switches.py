"""What operators decide about single video models, beside what the catalogue says."""

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from generations.catalog import catalog, model_choices
from generations.models.prepared import Rows
from generations.specs import VideoModel


class ModelSwitchQuerySet(models.QuerySet):
    def by_key(self) -> "dict[str, ModelSwitch]":
        """Return every switch there is by the key of its model: one statement."""
        return {switch.model_key: switch for switch in EVERY.all()}

    def why_not(self, model: VideoModel) -> str:
        """Return why this model cannot be asked for, "" when it can."""
        return why_not(model, self.filter(model_key=model.key).first())


class ModelSwitch(models.Model):
    """One model of the catalogue, switched by hand. A model without a switch is as the catalogue says."""

    class Position(models.TextChoices):
        CATALOGUE = "catalogue", gettext_lazy("As the catalogue says")
        ON = "on", gettext_lazy("On")
        OFF = "off", gettext_lazy("Off")

    model_key = models.CharField("model", max_length=100, choices=model_choices, unique=True)
    position = models.CharField(
        max_length=10,
        choices=Position,
        default=Position.CATALOGUE,
        help_text=gettext_lazy(
            "Off: nobody can choose it. On: it can be chosen although the catalogue says paused or retired."
        ),
    )
    is_hidden = models.BooleanField(
        "hidden",
        default=False,
        help_text=gettext_lazy(
            "Left out of the composer's list and of the models page. Whoever names it is still served."
        ),
    )
    reason = models.CharField(
        max_length=200, blank=True, help_text=gettext_lazy("Shown to people when it is switched off.")
    )
    changed_at = models.DateTimeField(auto_now=True)

    objects = ModelSwitchQuerySet.as_manager()

    class Meta:
        ordering = ["model_key"]
        verbose_name_plural = gettext_lazy("model switches")

    def __str__(self) -> str:
        return f"{self.model_key}: {self.get_position_display()}"


EVERY = Rows(ModelSwitch, lambda: ModelSwitch.objects.all())


def is_in_use(model: VideoModel, position: str | None) -> bool:
    """Say whether a model whose switch stands in this position (None: it has none) can be asked for."""
    if position in {ModelSwitch.Position.ON, ModelSwitch.Position.OFF}:
        return position == ModelSwitch.Position.ON
    return model.is_choosable


def why_not(model: VideoModel, switch: ModelSwitch | None) -> str:
    """Return why a model with this switch cannot be asked for, in a sentence or two; "" when it can."""
    if is_in_use(model, switch.position if switch else None):
        return ""
    if switch and switch.position == ModelSwitch.Position.OFF:
        reason = switch.reason.strip().rstrip(".")
        return (
            _("{label} is switched off: {reason}.").format(label=model.label, reason=reason)
            if reason
            else _("{label} is switched off.").format(label=model.label)
        )
    if model.status != "retired":
        return _("{label} is {status}.").format(label=model.label, status=model.status)
    sentence = _("{label} is retired since {retired_on}.").format(label=model.label, retired_on=model.retired_on)
    successor = successor_of(model)
    return (
        _("{sentence} {label} succeeds it.").format(sentence=sentence, label=successor.label) if successor else sentence
    )


def successor_of(model: VideoModel) -> VideoModel | None:
    """Return the model that takes over from a retired one."""
    return catalog().get(model.successor) if model.successor else None
