"""Django's own backend, quicker at what every page does.

Django writes %s where a value goes, SQLite reads ?: each statement is translated once, not each time it is sent. A time
is stored as text in UTC: it is read as such, without asking the settings what they say of zones.
"""

from datetime import datetime
from functools import lru_cache

from django.db.backends.sqlite3 import base, operations

STATEMENTS = 1024  # different ones a process remembers; a page has few, and the ORM makes the same again and again

_plain = base.SQLiteCursorWrapper.convert_query


class SQLiteCursorWrapper(base.SQLiteCursorWrapper):
    def convert_query(self, query, *, param_names=None):
        return _with_marks(query) if param_names is None else super().convert_query(query, param_names=param_names)


@lru_cache(STATEMENTS)
def _with_marks(query: str) -> str:
    return _plain(None, query)  # nothing of the cursor is in it


class DatabaseOperations(operations.DatabaseOperations):
    def convert_datetimefield_value(self, value, expression, connection):
        if not isinstance(value, str):
            return super().convert_datetimefield_value(value, expression, connection)
        found = datetime.fromisoformat(value)
        return found if found.tzinfo else found.replace(tzinfo=self.connection.timezone)


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations

    def create_cursor(self, name=None):
        return self.connection.cursor(factory=SQLiteCursorWrapper)
