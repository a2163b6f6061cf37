"""Rows that the engine keeps about itself."""

from django.db import models


class PollerSlot(models.Model):
    """A lease: whoever owns it before `until` is the poller of this slot."""

    name = models.CharField(max_length=20, unique=True)
    owner = models.CharField(max_length=40, blank=True)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Canary(models.Model):
    """When a cluster last ran the supervisor's test task, and when a step of its kind last gave a sign of life."""

    cluster = models.CharField(max_length=20, unique=True)
    at = models.DateTimeField(null=True)
    beat_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.cluster
