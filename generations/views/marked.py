"""What is marked on one generation, for its page."""

from django.db.models import Q
from django.http import HttpRequest

from generations.models import Generation, Project, Star, Tag

MOST_TAGS = 500  # to suggest


def marks_context(request: HttpRequest, generation: Generation) -> dict:
    """Return what the form of marks shows of a generation, and what can be chosen."""
    starred = set(Star.objects.filter(generation=generation).values_list("person", flat=True))
    projects = Project.objects.filter(Q(archived_at=None) | Q(pk=generation.project_id), team=generation.team_id)
    return {
        "generation": generation,
        "is_starred": request.user.pk in starred,
        "stars": len(starred),
        "tags": list(Tag.objects.filter(taggings__generation=generation)),
        "known_tags": list(Tag.objects.filter(team=generation.team_id).values_list("name", flat=True)[:MOST_TAGS]),
        "projects": list(projects),
        "ratings": range(1, 6),
    }
