"""What is marked on one generation, for its page."""

from django.http import HttpRequest

from generations.models import Generation, Project, Star, Tag


def marks_context(request: HttpRequest, generation: Generation) -> dict:
    """Return what the form of marks shows of a generation, and what can be chosen."""
    return {
        "generation": generation,
        "is_starred": Star.objects.filter(person=request.user, generation=generation).exists(),
        "stars": Star.objects.filter(generation=generation).count(),
        "tags": list(Tag.objects.filter(taggings__generation=generation)),
        "known_tags": list(Tag.objects.filter(team=generation.team_id).values_list("name", flat=True)[:500]),
        "projects": list(Project.objects.filter(team=generation.team_id, archived_at=None)),
        "ratings": range(1, 6),
    }
