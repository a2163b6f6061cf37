"""Searching prompts, the one place where the databases differ: SQLite FTS5, PostgreSQL tsvector with GIN.

Two tables have the words: `generations_search` one entry a generation that is not in the trash, for the library, and
`generations_prompt_search` one a prompt, for the history. `rowid` is the id of what it is about, so that the newest
that match come first without sorting; the column named like the table has the words of a prompt, `facets` its team's
token. Triggers keep them in the transaction that changes a row. A prompt never changes.

Scripts without spaces between words are kept letter by letter: what follows each other is then a phrase, which finds
what is inside of a sentence.

SQLite checks every trigger when a migration rebuilds a table, and loses those of the table it rebuilds. Hence they are
taken away before migrations and put back, with whatever was missed, after them.
"""

import re
import unicodedata
from dataclasses import dataclass

from django.db import connections, transaction

TABLE, PROMPTS = "generations_search", "generations_prompt_search"
MOST_TERMS = 20
# Letters of scripts without spaces between words, from Thai to the rarer ideographs.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uff9f"
    "\U00020000-\U0003ffff"
)
# What separates words, beside white space; PostgreSQL's own parser would keep web addresses and paths whole.
SEPARATORS = (
    "!-/:-@\\[-`{-~\u00a1-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf"
    "\u2000-\u206f\u2e00-\u2e7f\u3000-\u3003\u3008-\u3020"
)
# A flag, or a picture in its colour with whatever is joined to it.
_PICTURE = (
    "[\u231a-\u23ff\u2600-\u27bf\u2b05-\u2b55\U0001f000-\U0001f3fa\U0001f400-\U0001faff]"
    "[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]*"
)
EMOJI = re.compile(f"[\U0001f1e6-\U0001f1ff]{{2}}|{_PICTURE}(?:\u200d{_PICTURE})*")
# Accents, and the signs of those scripts that are no letters of their own.
MARKS = "\u0300-\u036f" + "".join(
    sign
    for sign in map(chr, range(0x0E00, 0x10000))
    if unicodedata.category(sign).startswith("M") and re.match(f"[{UNSPACED}]", sign)
)


@dataclass(frozen=True)
class Term:
    """Words that follow each other; the last of a prefix may go on."""

    words: tuple[str, ...]
    is_prefix: bool

    @property
    def text(self) -> str:
        return " ".join(self.words)


def terms(text: str) -> list[Term]:
    """Return what is searched for: each word as the beginning of one, what is in quotes as it stands.

    Whatever is no word is nothing to look for; no text is wrong.
    """
    found = []
    for quoted, bare in re.findall(r'"([^"]*)(?:"|$)|([^\s"]+)', text):
        words = words_of(unicodedata.normalize("NFKC", quoted or bare))
        if words:
            # Nearly every prompt has a word that begins with any one letter: alone it is a word.
            found.append(Term(words, is_prefix=bool(bare) and len(words[-1]) > 1))
    return found[:MOST_TERMS]


def signs(text: str) -> list[str]:
    """Return what is searched for as it stands, because it is in no index: emoji, and signs where no word is given."""
    found = EMOJI.findall(text)
    if not found and not terms(text):
        found = text.replace('"', " ").replace("\0", "").split()
    # How an emoji is drawn, which its last letter may say, is not what it is.
    return [sign.rstrip("\ufe0e\ufe0f") or sign for sign in dict.fromkeys(found)][:MOST_TERMS]


def words_of(text: str) -> tuple[str, ...]:
    return tuple(re.findall(rf"[^\W_{UNSPACED}]+|[{UNSPACED}](?<=\w)", text))


def spaced(text: str) -> str:
    """Return a prompt as it is indexed: one way to write each letter, and those that no spaces separate apart."""
    if text.isascii():
        return text
    return re.sub(f"([{UNSPACED}])", r" \1 ", unicodedata.normalize("NFKC", text))


def fts5(found: list[Term], teams: list[int]) -> str:
    """Return terms as FTS5 reads them: only within quotes, where nothing is an operator."""
    words = " AND ".join(f'"{term.text}"' + (" *" if term.is_prefix else "") for term in found)
    inside = " OR ".join(f'"t{team}"' for team in teams)
    return f"{{words}} : ({words})" + (f" AND {{facets}} : ({inside})" if inside else "")


def tsquery(found: list[Term]) -> str:
    """Return terms as to_tsquery reads them, folded as the index is."""
    return " & ".join(f"({' <-> '.join(lexemes(term))})" for term in found)


def lexemes(term: Term) -> list[str]:
    *before, last = (f"'{word}'" for word in words_of(fold(term.text)))
    return [*before, last + (":*" if term.is_prefix else "")]


def fold(text: str) -> str:
    """Return text as PostgreSQL's index has it: without accents."""
    return re.sub(f"[{MARKS}]", "", unicodedata.normalize("NFKD", text))


# What is installed. Names are ours, and no value of anybody gets into a statement here.

# SQLite calls `spaced` back, by this name, on every connection of ours: `on_connection`.
SPACED = "generations_spaced"


def sqlite_table(table: str) -> str:
    # Prefixes of two and three letters are kept apart: gathered at each search, they would take a third of a second.
    return f"""
        CREATE VIRTUAL TABLE {table}
        USING fts5(words, facets, content='', tokenize='unicode61 remove_diacritics 2', prefix='2 3')
    """


def added(table: str, row: str, source: str, condition: str) -> str:
    """Return the statement that adds the words of `source`, a prompt's row, for the one named `row`."""
    return f"""
        INSERT INTO {table}(rowid, words, facets)
        SELECT {row}.id, {SPACED}(text), 't' || {row}.team_id FROM {source} WHERE {condition};
    """


def removed(table: str, row: str, source: str, condition: str) -> str:
    return f"""
        INSERT INTO {table}({table}, rowid, words, facets)
        SELECT 'delete', {row}.id, {SPACED}(text), 't' || {row}.team_id FROM {source} WHERE {condition};
    """


SQLITE_ADD = added(TABLE, "NEW", "generations_prompt", "id = NEW.prompt_id")
SQLITE_REMOVE = removed(TABLE, "OLD", "generations_prompt", "id = OLD.prompt_id")
# Only `flush` takes a prompt away before its generations; their entries can't be found without it.
SQLITE_REMOVE_ALL = f"""
    INSERT INTO {TABLE}({TABLE}, rowid, words, facets)
    SELECT 'delete', id, {SPACED}(OLD.text), 't' || team_id FROM generations_generation
    WHERE prompt_id = OLD.id AND deleted_at IS NULL;
"""
SQLITE_TRIGGERS = {
    f"{TABLE}_add": f"""AFTER INSERT ON generations_generation
        WHEN NEW.deleted_at IS NULL BEGIN {SQLITE_ADD} END""",
    f"{TABLE}_remove": f"""AFTER DELETE ON generations_generation
        WHEN OLD.deleted_at IS NULL BEGIN {SQLITE_REMOVE} END""",
    f"{TABLE}_into_trash": f"""AFTER UPDATE OF deleted_at ON generations_generation
        WHEN OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL BEGIN {SQLITE_REMOVE} END""",
    f"{TABLE}_out_of_trash": f"""AFTER UPDATE OF deleted_at ON generations_generation
        WHEN OLD.deleted_at IS NOT NULL AND NEW.deleted_at IS NULL BEGIN {SQLITE_ADD} END""",
    f"{TABLE}_remove_all": f"AFTER DELETE ON generations_prompt BEGIN {SQLITE_REMOVE_ALL} END",
    f"{PROMPTS}_add": f"""AFTER INSERT ON generations_prompt
        BEGIN {added(PROMPTS, "NEW", "(SELECT NEW.text AS text)", "true")} END""",
    f"{PROMPTS}_remove": f"""AFTER DELETE ON generations_prompt
        BEGIN {removed(PROMPTS, "OLD", "(SELECT OLD.text AS text)", "true")} END""",
}
SQLITE_MISSED = (
    f"""
    INSERT INTO {TABLE}(rowid, words, facets)
    SELECT generation.id, {SPACED}(prompt.text), 't' || generation.team_id
    FROM generations_generation generation JOIN generations_prompt prompt ON prompt.id = generation.prompt_id
    WHERE generation.deleted_at IS NULL AND generation.id NOT IN (SELECT id FROM {TABLE}_docsize)
    """,
    f"""
    INSERT INTO {PROMPTS}(rowid, words, facets) SELECT id, {SPACED}(text), 't' || team_id
    FROM generations_prompt WHERE id NOT IN (SELECT id FROM {PROMPTS}_docsize)
    """,
)

POSTGRESQL_VECTOR = f"""
    CREATE OR REPLACE FUNCTION {TABLE}_vector(words text) RETURNS tsvector LANGUAGE sql IMMUTABLE AS $function$
        SELECT to_tsvector('simple', regexp_replace(regexp_replace(normalize(
            regexp_replace(normalize(words, NFKC), '([{UNSPACED}])', ' \\1 ', 'g'), NFKD
        ), '[{MARKS}]', '', 'g'), '[{SEPARATORS}]+', ' ', 'g'))
    $function$
"""


def postgresql_table(table: str, about: str, changes: str, entries: str, is_new_one: str) -> str:
    """Return what makes one table, fills it with `entries` and keeps it: `about` is the table whose rows it is about.

    `changes` are the columns whose change matters; `is_new_one` says which entry is that of the row NEW.
    """
    return f"""
        DROP TABLE IF EXISTS {table};
        DROP FUNCTION IF EXISTS {table}_keep() CASCADE;
        CREATE TABLE {table} (rowid bigint PRIMARY KEY, {table} tsvector NOT NULL, team_id bigint NOT NULL);
        CREATE FUNCTION {table}_keep() RETURNS trigger LANGUAGE plpgsql AS $function$
        BEGIN
            IF TG_OP = 'TRUNCATE' THEN
                DELETE FROM {table};
                RETURN NULL;
            END IF;
            IF TG_OP <> 'INSERT' THEN
                DELETE FROM {table} WHERE rowid = OLD.id;
            END IF;
            IF TG_OP <> 'DELETE' THEN
                INSERT INTO {table} {entries} AND {is_new_one};
            END IF;
            RETURN NULL;
        END
        $function$;
        INSERT INTO {table} {entries};
        CREATE INDEX {table}_words ON {table} USING gin ({table}) WITH (fastupdate = off);
        CREATE TRIGGER {table}_keep AFTER INSERT OR DELETE OR UPDATE OF {changes} ON {about}
        FOR EACH ROW EXECUTE FUNCTION {table}_keep();
        CREATE TRIGGER {table}_empty AFTER TRUNCATE ON {about}
        FOR EACH STATEMENT EXECUTE FUNCTION {table}_keep()
    """


POSTGRESQL = (
    POSTGRESQL_VECTOR,
    postgresql_table(
        TABLE,
        "generations_generation",
        "deleted_at",
        f"""SELECT generation.id, {TABLE}_vector(prompt.text), generation.team_id
        FROM generations_generation generation JOIN generations_prompt prompt ON prompt.id = generation.prompt_id
        WHERE generation.deleted_at IS NULL""",
        "generation.id = NEW.id",
    ),
    postgresql_table(
        PROMPTS,
        "generations_prompt",
        "text",
        f"SELECT prompt.id, {TABLE}_vector(prompt.text), prompt.team_id FROM generations_prompt prompt WHERE true",
        "prompt.id = NEW.id",
    ),
)

NEWEST = f"""
    SELECT (array_agg(rowid ORDER BY rowid DESC))[:%s], count(*) FROM {TABLE}
    WHERE {TABLE} @@ to_tsquery('simple', %s) AND team_id = ANY(%s)
"""


def make(connection) -> None:
    """Make both tables anew, for a migration. SQLite's are filled after it, by `go_on`."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            for statement in POSTGRESQL:
                cursor.execute(statement)
            return
        for table in (TABLE, PROMPTS):
            cursor.execute(f"DROP TABLE IF EXISTS {table}")
            cursor.execute(sqlite_table(table))


def rest(connection) -> None:
    """Take SQLite's triggers away, so that a migration may rebuild the tables they are about."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            for name in SQLITE_TRIGGERS:
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")


def go_on(connection) -> None:
    """Put SQLite's triggers back and add whatever came without them; nothing where they are in place."""
    if connection.vendor != "sqlite":
        return
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE name LIKE 'generations_%search%'")
        there = {name for (name,) in cursor.fetchall()}
        if not there >= {TABLE, PROMPTS} or there >= SQLITE_TRIGGERS.keys():
            return
        for name, body in SQLITE_TRIGGERS.items():
            cursor.execute(f"CREATE TRIGGER IF NOT EXISTS {name} {body}")
        for statement in SQLITE_MISSED:
            cursor.execute(statement)


def on_connection(connection, **kwargs) -> None:
    """Give SQLite the function that its triggers call."""
    if connection.vendor == "sqlite":
        connection.connection.create_function(SPACED, 1, spaced, deterministic=True)


def before_migrations(using: str, plan: list, **kwargs) -> None:
    if plan:
        rest(connections[using])


def after_migrations(using: str, **kwargs) -> None:
    go_on(connections[using])


def count_again(connection) -> None:
    """Let PostgreSQL count what is in its tables, as it does by itself a while after many rows came: plans rest on it.

    SQLite plans without.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def newest(connection, query: str, teams: list[int], count: int) -> tuple[list[int], int]:
    """Return the newest generations that match a query of to_tsquery, so many of them, and how many there are."""
    with connection.cursor() as cursor:
        cursor.execute(NEWEST, [count, query, teams])
        found, number = cursor.fetchone()
    return found or [], number


def estimate(connection, table: str, query: str) -> float:
    """Return how many entries PostgreSQL expects a query of to_tsquery to find: from its statistics, at no cost."""
    with connection.cursor() as cursor:
        statement = f"EXPLAIN (FORMAT JSON) SELECT 1 FROM {table} WHERE {table} @@ to_tsquery('simple', %s)"
        cursor.execute(statement, [query])
        return cursor.fetchone()[0][0]["Plan"]["Plan Rows"]
