"""Views of the library that somebody keeps: the filters as they are in the address, under a name."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy

from generations.models.people import Team


class SavedView(models.Model):
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="saved_views")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=2000, help_text=gettext_lazy("The filters, as in the address of the library."))
    is_shared = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint("person", Lower("name"), name="one_saved_view_a_name")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return f"{reverse('generations:library')}?{self.query}"
