"""Searching prompts, the one place where the databases differ: SQLite FTS5, PostgreSQL tsvector with GIN.

The table `generations_search` holds one entry a generation that is not in the trash: `rowid` is its id, so that the
newest that match come first without sorting, `generations_search` the words of its prompt, `facets` its team's token.
Triggers keep it in the transaction that changes a generation. A prompt never changes.

SQLite checks every trigger when a migration rebuilds a table, and loses those of the table it rebuilds. Hence they are
taken away before migrations and put back, with whatever was missed, after them.
"""

import re
import unicodedata
from dataclasses import dataclass

from django.db import connections, transaction

TABLE = "generations_search"
MOST_TERMS = 20
# Scripts without spaces between words: an index of words does not find what is inside of a sentence.
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uff9f]"
)
# What separates words, beside white space; PostgreSQL's own parser would keep web addresses and paths whole.
SEPARATORS = (
    "!-/:-@\\[-`{-~\u00a1-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf"
    "\u2000-\u206f\u2e00-\u2e7f\u3000-\u3003\u3008-\u3020"
)
MARKS = "\u0300-\u036f"


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
        words = words_of(unicodedata.normalize("NFC", quoted or bare))
        if words:
            # Nearly every prompt has a word that begins with any one letter: alone it is a word.
            found.append(Term(words, is_prefix=bool(bare) and len(words[-1]) > 1))
    return found[:MOST_TERMS]


def words_of(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[^\W_]+", text))


def split(text: str) -> tuple[list[Term], list[Term]]:
    """Return the terms an index of words can find, and those that have to be read for."""
    indexed, read = [], []
    for term in terms(text):
        (read if UNSPACED.search(term.text) else indexed).append(term)
    return indexed, read


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

# The prefixes of two and three letters are kept apart: gathered at each search, they would take a third of a second.
SQLITE_TABLE = f"""
CREATE VIRTUAL TABLE {TABLE}
USING fts5(words, facets, content='', tokenize='unicode61 remove_diacritics 2', prefix='2 3')
"""
SQLITE_ADD = f"""
INSERT INTO {TABLE}(rowid, words, facets)
SELECT NEW.id, text, 't' || NEW.team_id FROM generations_prompt WHERE id = NEW.prompt_id;
"""
SQLITE_REMOVE = f"""
INSERT INTO {TABLE}({TABLE}, rowid, words, facets)
SELECT 'delete', OLD.id, text, 't' || OLD.team_id FROM generations_prompt WHERE id = OLD.prompt_id;
"""
# Only `flush` takes a prompt away before its generations; their entries can't be found without it.
SQLITE_REMOVE_ALL = f"""
INSERT INTO {TABLE}({TABLE}, rowid, words, facets)
SELECT 'delete', id, OLD.text, 't' || team_id FROM generations_generation
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
}
SQLITE_MISSED = f"""
INSERT INTO {TABLE}(rowid, words, facets)
SELECT generation.id, prompt.text, 't' || generation.team_id
FROM generations_generation generation JOIN generations_prompt prompt ON prompt.id = generation.prompt_id
WHERE generation.deleted_at IS NULL AND generation.id NOT IN (SELECT id FROM {TABLE}_docsize)
"""

POSTGRESQL = f"""
CREATE TABLE {TABLE} (rowid bigint PRIMARY KEY, {TABLE} tsvector NOT NULL);
CREATE FUNCTION {TABLE}_vector(words text) RETURNS tsvector LANGUAGE sql IMMUTABLE AS $function$
    SELECT to_tsvector('simple', regexp_replace(
        regexp_replace(normalize(words, NFKD), '[{MARKS}]', '', 'g'), '[{SEPARATORS}]+', ' ', 'g'
    ))
$function$;
CREATE FUNCTION {TABLE}_keep() RETURNS trigger LANGUAGE plpgsql AS $function$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM {TABLE};
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM {TABLE} WHERE rowid = OLD.id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO {TABLE} SELECT NEW.id, {TABLE}_vector(text) FROM generations_prompt
        WHERE id = NEW.prompt_id AND NEW.deleted_at IS NULL;
    END IF;
    RETURN NULL;
END
$function$;
INSERT INTO {TABLE} SELECT generation.id, {TABLE}_vector(prompt.text)
FROM generations_generation generation JOIN generations_prompt prompt ON prompt.id = generation.prompt_id
WHERE generation.deleted_at IS NULL;
CREATE INDEX {TABLE}_words ON {TABLE} USING gin ({TABLE}) WITH (fastupdate = off);
CREATE TRIGGER {TABLE}_keep AFTER INSERT OR DELETE OR UPDATE OF deleted_at ON generations_generation
FOR EACH ROW EXECUTE FUNCTION {TABLE}_keep();
CREATE TRIGGER {TABLE}_empty AFTER TRUNCATE ON generations_generation
FOR EACH STATEMENT EXECUTE FUNCTION {TABLE}_keep();
"""


def make(connection) -> None:
    """Make the index, for the migration; what it holds then is everything there is."""
    with connection.cursor() as cursor:
        cursor.execute(SQLITE_TABLE if connection.vendor == "sqlite" else POSTGRESQL)


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
        cursor.execute("SELECT name FROM sqlite_master WHERE name LIKE %s", [f"{TABLE}%"])
        there = {name for (name,) in cursor.fetchall()}
        if TABLE not in there or there >= SQLITE_TRIGGERS.keys():
            return
        for name, body in SQLITE_TRIGGERS.items():
            cursor.execute(f"CREATE TRIGGER IF NOT EXISTS {name} {body}")
        cursor.execute(SQLITE_MISSED)


def before_migrations(using: str, plan: list, **kwargs) -> None:
    if plan:
        rest(connections[using])


def after_migrations(using: str, **kwargs) -> None:
    go_on(connections[using])


def estimate(connection, query: str) -> float:
    """Return how many entries PostgreSQL expects a query of to_tsquery to find: from its statistics, at no cost."""
    with connection.cursor() as cursor:
        statement = f"EXPLAIN (FORMAT JSON) SELECT 1 FROM {TABLE} WHERE {TABLE} @@ to_tsquery('simple', %s)"
        cursor.execute(statement, [query])
        return cursor.fetchone()[0][0]["Plan"]["Plan Rows"]
