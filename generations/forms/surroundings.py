"""What a person filters by: their teams, these teams' people, projects and tags, and saved views, in one statement."""

from dataclasses import dataclass, field

from django.db import connection

from generations.models import Membership, Project, SavedView, Tag, User

MOST_VIEWS = 50


@dataclass(frozen=True)
class Named:
    pk: int
    name: str
    is_archived: bool = False


@dataclass(frozen=True)
class View:
    """A saved view of this person's, or one that somebody shares with the team."""

    pk: int
    name: str
    url: str
    person: str
    is_own: bool


@dataclass
class Surroundings:
    teams: list[int] = field(default_factory=list)
    people: list[Named] = field(default_factory=list)
    projects: list[Named] = field(default_factory=list)
    tags: list[Named] = field(default_factory=list)
    views: list[View] = field(default_factory=list)


def table(model) -> str:
    return connection.ops.quote_name(model._meta.db_table)


# Written out, for the ORM takes ten times as long to put five such questions together as the database to answer them.
MINE = f"SELECT team_id FROM {table(Membership)} WHERE user_id = %s"  # noqa: S608 (names of tables)
STATEMENT = f"""
SELECT 'teams', team_id, '', 0, '', '' FROM {table(Membership)} WHERE user_id = %s
UNION ALL SELECT DISTINCT 'people', person.id, person.username, 0, '', ''
FROM {table(User)} person JOIN {table(Membership)} member ON member.user_id = person.id WHERE member.team_id IN ({MINE})
UNION ALL SELECT 'projects', id, name, CASE WHEN archived_at IS NULL THEN 0 ELSE 1 END, '', ''
FROM {table(Project)} WHERE team_id IN ({MINE})
UNION ALL SELECT 'tags', id, name, 0, '', '' FROM {table(Tag)} WHERE team_id IN ({MINE})
UNION ALL SELECT 'views', view.id, view.name, CASE WHEN person_id = %s THEN 1 ELSE 0 END, view.query, person.username
FROM {table(SavedView)} view JOIN {table(User)} person ON person.id = view.person_id
WHERE (person_id = %s OR is_shared) AND view.team_id IN ({MINE})
"""  # noqa: S608 (names of tables)


def surroundings_of(user: User) -> Surroundings:
    """Return what belongs to this person's teams, each by name; archived projects after the others.

    Of views this person's own, and what colleagues share with the team.
    """
    found = Surroundings()
    with connection.cursor() as cursor:
        cursor.execute(STATEMENT, [user.pk] * STATEMENT.count("%s"))
        for kind, pk, name, flag, query, person in cursor.fetchall():
            if kind == "teams":
                found.teams.append(pk)
            elif kind == "views":
                url = SavedView(query=query).get_absolute_url()
                found.views.append(View(pk, name, url, person, is_own=bool(flag)))
            else:
                getattr(found, kind).append(Named(pk, name, is_archived=bool(flag)))
    found.views.sort(key=lambda view: view.name)
    del found.views[MOST_VIEWS:]
    for listed in (found.people, found.projects, found.tags):
        listed.sort(key=lambda named: (named.is_archived, named.name.lower(), named.name))
    return found
