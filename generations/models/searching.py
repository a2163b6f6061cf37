"""The search indexes as tables beside Generation and Prompt, and the rows that match."""

from typing import Self

from django.db import connection, models
from django.db.models import F
from django.db.models.expressions import RawSQL

from generations import search
from generations.models.prompt import Prompt

# More than this many, and PostgreSQL finds the newest sooner by looking at one after the other.
COMMON = 20_000
# To order by what no index has: the planner finds what matches first, and does not walk all the newest for a rare word.
UNWALKED = F("pk") + 0


class Words(models.Field):
    """What a database searches in: no text, and never read."""

    def db_type(self, connection) -> str:
        return "tsvector" if connection.vendor == "postgresql" else "text"


@Words.register_lookup
class Match(models.Lookup):
    lookup_name = "match"

    def as_sql(self, compiler, connection) -> tuple[str, list]:
        left, left_params = self.process_lhs(compiler, connection)
        sign = "MATCH %s" if connection.vendor == "sqlite" else "@@ to_tsquery('simple', %s)"
        return f"{left} {sign}", [*left_params, self.rhs]


class SearchEntry(models.Model):
    """The words of one generation; triggers write it: generations/search.py."""

    generation = models.OneToOneField(
        "generations.Generation", models.DO_NOTHING, primary_key=True, db_column="rowid", related_name="search"
    )
    words = Words(db_column=search.TABLE)
    # PostgreSQL's own; SQLite has it among the facets.
    team = models.ForeignKey("generations.Team", models.DO_NOTHING, null=True, related_name="+")

    class Meta:
        managed = False
        db_table = search.TABLE

    def __str__(self) -> str:
        return f"words of {self.pk}"


class PromptEntry(models.Model):
    """The words of one prompt; triggers write it: generations/search.py."""

    prompt = models.OneToOneField(
        "generations.Prompt", models.DO_NOTHING, primary_key=True, db_column="rowid", related_name="search"
    )
    words = Words(db_column=search.PROMPTS)

    class Meta:
        managed = False
        db_table = search.PROMPTS

    def __str__(self) -> str:
        return f"words of prompt {self.pk}"


def matching(rows: models.QuerySet, text: str, *, teams: list[int]) -> models.QuerySet:
    """Return the generations, or prompts, with everything that is searched for; `teams` are where they may be.

    `newest_key` says what to order the result by. PostgreSQL is asked one statement more. Emoji are in no index: they
    are looked for in the prompts themselves.
    """
    for sign in search.signs(text):
        rows = rows.filter(**{"text__contains" if rows.model is Prompt else "prompt__text__contains": sign})
    terms = search.terms(text)
    if not terms:
        return rows
    if connection.vendor == "sqlite":
        return rows.filter(search__words__match=search.fts5(terms, teams)).annotate(found_id=F("search__pk"))
    table, query = rows.model.search.related.related_model._meta.db_table, search.tsquery(terms)
    if is_common(table, query):
        return rows.filter(search__words__match=query)
    # OFFSET 0 lets the planner find these for themselves.
    condition = f"{table} @@ to_tsquery('simple', %s) AND team_id = ANY(%s)"
    entries = f"SELECT rowid FROM {table} WHERE {condition} OFFSET 0"  # noqa: S608
    found = rows.filter(pk__in=RawSQL(entries, [query, teams]))  # noqa: S611 (words and teams are parameters)
    return found.annotate(found_id=UNWALKED)


def is_common(table: str, query: str) -> bool:
    return search.estimate(connection, table, query) > COMMON


def newest_key(rows: models.QuerySet) -> str:
    """Return the column of rows that is their id and, where they were searched for, in the order they come."""
    return "found_id" if "found_id" in rows.query.annotations else "pk"


def to_count(rows: models.QuerySet) -> models.QuerySet:
    """Return rows in the order in which they are counted soonest.

    In the page's order SQLite takes the page's index, and none that it would have to look up every row for.
    """
    return rows.order_by(f"-{newest_key(rows)}") if connection.vendor == "sqlite" else rows.order_by()


class Entries:
    """What matches in `teams` outside of the trash, as the index of words alone knows it: the ids of generations.

    SQLite walks it newest first, and so does PostgreSQL where very much matches. Otherwise PostgreSQL has to read all
    that matches before it knows the newest: then it counts them at the same time.
    """

    def __init__(self, text: str, *, teams: list[int]) -> None:
        self.teams = teams
        terms = search.terms(text)
        if connection.vendor == "sqlite":
            self.query, self.are_walked = search.fts5(terms, teams), True
        else:
            self.query = search.tsquery(terms)
            self.are_walked = is_common(search.TABLE, self.query)
        self._count: int | None = None

    @property
    def rows(self) -> models.QuerySet:
        found = SearchEntry.objects.filter(words__match=self.query)
        return found if connection.vendor == "sqlite" else found.filter(team__in=self.teams)

    @classmethod
    def of(cls, text: str, *, teams: list[int]) -> Self | None:
        """Return those of a text; None when the index alone does not say what matches."""
        return cls(text, teams=teams) if search.terms(text) and not search.signs(text) else None

    def read(self, count: int, after: int | None, before: int | None) -> list[int]:
        """Return so many ids: the oldest after a key, the newest before a key, or the newest of all."""
        if after is None and before is None and not self.are_walked:
            found, self._count = search.newest(connection, self.query, self.teams, count)
            return found
        key = F("pk") if self.are_walked else UNWALKED
        if after is not None:
            rows = self.rows.filter(pk__gt=after).order_by(key.asc())
        else:
            rows = (self.rows if before is None else self.rows.filter(pk__lt=before)).order_by(key.desc())
        return list(rows.values_list("pk", flat=True)[:count])

    def count(self, most: int) -> int:
        """Count up to `most`."""
        if self._count is None:
            self._count = self.rows[:most].count()
        return min(self._count, most)
