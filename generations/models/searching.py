"""The search indexes as tables beside Generation and Prompt, and the rows that match."""

from django.db import connection, models
from django.db.models import F
from django.db.models.expressions import RawSQL

from generations import search
from generations.models.prompt import Prompt

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
    if search.estimate(connection, table, query) > COMMON:
        return rows.filter(search__words__match=query)
    # OFFSET 0 lets the planner do nothing but find these first; by itself it would walk all the newest for a rare word.
    entries = f"SELECT rowid FROM {table} WHERE {table} @@ to_tsquery('simple', %s) OFFSET 0"  # noqa: S608
    return rows.filter(pk__in=RawSQL(entries, [query]))  # noqa: S611 (the words are a parameter)


def entries_of(text: str, *, teams: list[int]) -> models.QuerySet | None:
    """Return the entries of generations that match, to be counted; None when they alone do not say it.

    They are those of everything that is not in the trash.
    """
    terms = search.terms(text)
    if not terms or search.signs(text) or connection.vendor != "sqlite":
        return None
    return SearchEntry.objects.filter(words__match=search.fts5(terms, teams))


def newest_key(rows: models.QuerySet) -> str:
    """Return the column of rows that is their id and, where they were searched for, in the order they come."""
    return "found_id" if "found_id" in rows.query.annotations else "pk"
