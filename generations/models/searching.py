"""The search index as a table beside Generation, and the generations that match."""

from django.db import connection, models
from django.db.models import F
from django.db.models.expressions import RawSQL

from generations import search

# More than this many, and PostgreSQL finds the newest sooner by looking at one after the other.
COMMON = 20_000


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

    class Meta:
        managed = False
        db_table = search.TABLE

    def __str__(self) -> str:
        return f"words of {self.pk}"


def matching(generations: models.QuerySet, text: str, *, teams: list[int]) -> models.QuerySet:
    """Return the generations whose prompt has everything that is searched for; `teams` are where they may be.

    `newest_key` says what to order the result by. PostgreSQL is asked one statement more.
    """
    indexed, read = search.split(text)
    for term in read:
        generations = generations.filter(prompt__text__icontains=term.text)
    if not indexed:
        return generations
    if connection.vendor == "sqlite":
        found = generations.filter(search__words__match=search.fts5(indexed, teams))
        return found.annotate(found_id=F("search__generation_id"))
    query = search.tsquery(indexed)
    if search.estimate(connection, query) > COMMON:
        return generations.filter(search__words__match=query)
    # OFFSET 0 lets the planner do nothing but find these first; by itself it would walk all the newest for a rare word.
    entries = f"SELECT rowid FROM {search.TABLE} WHERE {search.TABLE} @@ to_tsquery('simple', %s) OFFSET 0"  # noqa: S608
    return generations.filter(pk__in=RawSQL(entries, [query]))  # noqa: S611 (the words are a parameter)


def entries_of(text: str, *, teams: list[int]) -> models.QuerySet | None:
    """Return the entries of the index that match, to be counted; None when they alone do not say it.

    They are those of everything that is not in the trash.
    """
    indexed, read = search.split(text)
    if read or not indexed or connection.vendor != "sqlite":
        return None
    return SearchEntry.objects.filter(words__match=search.fts5(indexed, teams))


def newest_key(generations: models.QuerySet) -> str:
    """Return the column of generations that is their id and, where they were searched for, in the order they come."""
    return "found_id" if "found_id" in generations.query.annotations else "pk"
