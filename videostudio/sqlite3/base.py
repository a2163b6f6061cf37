"""Django writes %s where a value goes, SQLite reads ?: each statement is translated once, not each time it is sent."""

from functools import lru_cache

from django.db.backends.sqlite3 import base

STATEMENTS = 1024  # different ones a process remembers; a page has few, and the ORM makes the same again and again

_plain = base.SQLiteCursorWrapper.convert_query


class SQLiteCursorWrapper(base.SQLiteCursorWrapper):
    def convert_query(self, query, *, param_names=None):
        return _with_marks(query) if param_names is None else super().convert_query(query, param_names=param_names)


@lru_cache(STATEMENTS)
def _with_marks(query: str) -> str:
    return _plain(None, query)  # nothing of the cursor is in it


class DatabaseWrapper(base.DatabaseWrapper):
    def create_cursor(self, name=None):
        return self.connection.cursor(factory=SQLiteCursorWrapper)
