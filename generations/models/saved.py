"""Views of the library that somebody keeps: the filters as they are in the address, under a name."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy

from generations.models.people import Team, User
from generations.models.prepared import Statement, in_order, loaded


class SavedViewQuerySet(models.QuerySet):
    def visible_to(self, user) -> "SavedViewQuerySet":
        """Return this person's own, and what colleagues share with the team."""
        return self.filter(Q(person=user) | Q(is_shared=True), team__memberships__user=user)


class SavedView(models.Model):
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="saved_views")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=2000, help_text=gettext_lazy("The filters, as in the address of the library."))
    is_shared = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(default=timezone.now)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint("person", Lower("name"), name="one_saved_view_a_name")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return f"{reverse('generations:library')}?{self.query}"


MOST_VIEWS = 50
COLUMNS = in_order(SavedView, ("id", "person_id", "name", "query"))
VIEWS = Statement(
    lambda user: SavedView.objects.visible_to(user).values_list(*COLUMNS, "person__username")[:MOST_VIEWS], user=int
)


def views_of(user: User) -> list[SavedView]:
    """Return the views this person may use, by name, with whose they are."""
    found = []
    for *own, username in VIEWS.rows(user=user.pk):
        view = loaded(SavedView, COLUMNS, own)
        view.person = User(pk=view.person_id, username=username)
        found.append(view)
    return found
