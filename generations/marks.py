"""What a team writes on its work: stars, ratings, tags, projects, pins. Nothing here costs or moves anything."""

from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from generations.models import Generation, Project, Star, Tag, Tagging, Team, User

LONGEST_TAG = Tag._meta.get_field("name").max_length
LONGEST_NAME = Project._meta.get_field("name").max_length
MOST_TAGS = 20  # on one generation, by one form


class CannotMark(Exception):
    """It does not fit; the message says why to a person."""


def star(user: User, pks: Iterable[int]) -> None:
    Star.objects.bulk_create([Star(person=user, generation_id=pk) for pk in pks], ignore_conflicts=True)


def unstar(user: User, pks: Iterable[int]) -> None:
    Star.objects.filter(person=user, generation__in=list(pks)).delete()


def rate(pks: Iterable[int], rating: int | None) -> None:
    """Give the team's rating, 1 to 5, or take it away. Raises CannotMark."""
    if rating is not None and not 1 <= rating <= 5:
        raise CannotMark(_("A rating is one to five stars."))
    Generation.objects.filter(pk__in=list(pks)).update(rating=rating)


def pin(pks: Iterable[int], *, is_pinned: bool) -> None:
    """Keep files even from the trash's purge, or no longer."""
    Generation.objects.filter(pk__in=list(pks)).update(pinned_at=timezone.now() if is_pinned else None)


def tag_names(text: str) -> list[str]:
    """Return the tags typed in "night, rain": blanks tidied, each once, whatever its case. Raises CannotMark."""
    names: dict[str, str] = {}
    for part in text.replace("\0", "").replace("\n", ",").split(","):
        name = " ".join(part.split()).removeprefix("#").strip()
        if len(name) > LONGEST_TAG:
            raise CannotMark(
                _("A tag has at most {longest_tag} characters: “{name}…” is longer.").format(
                    longest_tag=LONGEST_TAG, name=name[:20]
                )
            )
        if name:
            names.setdefault(name.lower(), name)
    if not names:
        raise CannotMark(_("Type a tag, or several with commas between them."))
    if len(names) > MOST_TAGS:
        raise CannotMark(_("At most {most_tags} tags at once.").format(most_tags=MOST_TAGS))
    return list(names.values())


def tag(generations: Iterable[Generation], names: Iterable[str]) -> None:
    """Put tags on generations, each of its own team; a tag that is new is made."""
    by_team: dict[int, list[int]] = {}
    for row in generations:
        by_team.setdefault(row.team_id, []).append(row.pk)
    for team, pks in by_team.items():
        for name in names:
            found = named(Tag, team, name)
            Tagging.objects.bulk_create([Tagging(tag=found, generation_id=pk) for pk in pks], ignore_conflicts=True)


def untag(generation: Generation, name: str) -> None:
    Tagging.objects.filter(generation=generation, tag__team=generation.team_id, tag__name__iexact=name).delete()


def named[M: (Tag, Project)](model: type[M], team: int, name: str, **fields) -> M:
    """Return the team's one tag or project of a name, made when there is none; two at once make one."""
    same = model.objects.filter(team=team, name__iexact=name)
    if found := same.first():
        return found
    try:
        with transaction.atomic():
            return model.objects.create(team_id=team, name=name, **fields)
    except IntegrityError:
        return same.get()


def move(generations: Iterable[Generation], project: Project | None) -> int:
    """Put generations into a project of their team, or into none; those of another team stay. Return how many moved."""
    rows = Generation.objects.filter(pk__in=[row.pk for row in generations])
    return (rows.filter(team=project.team_id) if project else rows).update(project=project)


def name_of(thing: Tag | Project, text: str) -> str:
    """Return a name as it can be given to `thing`. Raises CannotMark when it is no name, or taken."""
    name = " ".join(text.replace("\0", "").split())
    longest = LONGEST_TAG if isinstance(thing, Tag) else LONGEST_NAME
    if not 0 < len(name) <= longest:
        raise CannotMark(_("A name has 1 to {longest} characters.").format(longest=longest))
    others = type(thing).objects.filter(team=thing.team_id, name__iexact=name).exclude(pk=thing.pk)
    if others.exists():
        raise CannotMark(_("There is one called “{name}” already.").format(name=name))
    return name


def rename(thing: Tag | Project, text: str) -> None:
    """Give a tag or a project, also a new one, this name. Raises CannotMark."""
    thing.name = name_of(thing, text)
    try:
        with transaction.atomic():
            thing.save()
    except IntegrityError:  # somebody else took it this very moment
        raise CannotMark(_("There is one called “{name}” already.").format(name=thing.name)) from None


def merge(tag: Tag, into: Tag) -> None:
    """Let one tag take the place of another, which goes. Raises CannotMark."""
    if tag.pk == into.pk or tag.team_id != into.team_id:
        raise CannotMark(_("Choose another tag of the same team to merge into."))
    with transaction.atomic():
        rows = Tagging.objects.filter(tag=tag).values_list("generation", flat=True)
        Tagging.objects.bulk_create(
            [Tagging(tag=into, generation_id=pk) for pk in rows.iterator()], ignore_conflicts=True, batch_size=500
        )
        tag.delete()


def new_project(team: Team, name: str, user: User) -> Project:
    """Raises CannotMark when the name is no name, or taken."""
    project = Project(team=team, created_by=user)
    rename(project, name)
    return project
