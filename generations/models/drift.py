"""What gateways answered that no document says: counted, with a sample, for operators."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy

from generations.catalog import catalog
from generations.models.gateway import Gateway
from generations.specs import VideoModel

ASKED_OF = "model: "


class Drift(models.Model):
    """One word, field or shape that a gateway came up with: how often, since when, and the first answer it was in."""

    class Kind(models.TextChoices):
        WORD = "word", gettext_lazy("Unknown status")
        FIELD = "field", gettext_lazy("New field")
        SHAPE = "shape", gettext_lazy("Unexpected answer")

    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, related_name="drift")
    kind = models.CharField(max_length=20, choices=Kind)
    what = models.CharField(max_length=100)
    count = models.PositiveBigIntegerField(default=0)
    first_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)
    sample = models.TextField(blank=True, help_text=gettext_lazy("Without keys, tokens and the queries of links."))

    class Meta:
        ordering = ["gateway", "kind", "what"]
        verbose_name_plural = "drift"
        constraints = [models.UniqueConstraint(fields=["gateway", "kind", "what"], name="one_count_an_oddity")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.what}"

    @classmethod
    def sampled(cls, model_key: str, answer: str) -> str:
        """Return what is kept as the sample: the model whose answer it was in the first line, where it is known."""
        return f"{ASKED_OF}{model_key}\n{answer}" if model_key else answer

    @property
    def answer(self) -> str:
        """The first answer it was in."""
        return self.sample.partition("\n")[2] if self.sample.startswith(ASKED_OF) else self.sample

    @property
    def model(self) -> VideoModel | None:
        """The model whose answer that was; others may answer so too."""
        if not self.sample.startswith(ASKED_OF):
            return None
        key = self.sample.partition("\n")[0].removeprefix(ASKED_OF)
        return next((model for model in catalog().models if model.key == key), None)
