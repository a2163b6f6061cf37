"""What gateways list of themselves: dated snapshots, and notices about what is new, gone or priced otherwise."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy

from generations.models.gateway import Gateway


class CatalogSnapshot(models.Model):
    """The video models a gateway listed from `taken_at` to `seen_at`: a list that did not change is kept once.

    `listed` holds one object each, by upstream id: name, provider, features, endpoints, document, and per, amount
    (as text) and currency of its price.
    """

    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, related_name="snapshots")
    taken_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)
    listed = models.JSONField(default=dict)

    class Meta:
        ordering = ["gateway", "-id"]
        get_latest_by = "id"

    def __str__(self) -> str:
        return f"{self.gateway}, {self.taken_at:%Y-%m-%d %H:%M}"


class CatalogNoticeQuerySet(models.QuerySet):
    def open(self) -> "CatalogNoticeQuerySet":
        return self.filter(dismissed_at=None)


class CatalogNotice(models.Model):
    """What an operator should know of a gateway's list; a new model with a `draft` of its catalogue entry."""

    class Kind(models.TextChoices):
        NEW = "new", gettext_lazy("New model")
        VANISHED = "vanished", gettext_lazy("No longer listed")
        PRICE = "price", gettext_lazy("Another price")

    gateway = models.ForeignKey(Gateway, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=20, choices=Kind)
    upstream_id = models.CharField(max_length=100)
    words = models.CharField(max_length=300)
    draft = models.TextField(blank=True)
    at = models.DateTimeField(default=timezone.now)
    dismissed_at = models.DateTimeField(null=True)
    dismissed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    objects = CatalogNoticeQuerySet.as_manager()

    class Meta:
        ordering = ["kind", "upstream_id", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["gateway", "kind", "upstream_id"],
                condition=Q(dismissed_at=None),
                name="one_open_notice_a_matter",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.upstream_id}"
