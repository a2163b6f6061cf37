"""All invariants of the rows in one statement: asked after every test and every step, in words only when it finds."""

from collections.abc import Sequence
from typing import Self

from django.db import connection
from django.db.models import QuerySet

from generations.lifecycle import invariants
from generations.lifecycle.invariants import Violation

# What is more than rows of a table: files, the texts of messages, keys.
BESIDE_ROWS = (invariants.receipts_are_used, invariants.messages_are_hints, invariants.nothing_holds_a_secret)


class Asked:
    """A statement that Django put together once, to be asked thousands of times."""

    def __init__(self, sql: str, params: Sequence[object]) -> None:
        self.sql, self.params = sql, params

    @classmethod
    def of(cls, rows: QuerySet) -> Self:
        return cls(*rows.query.sql_with_params())

    def rows(self) -> list[tuple]:
        with connection.cursor() as cursor:
            cursor.execute(self.sql, self.params)
            return cursor.fetchall()


def of_rows() -> Asked:
    """Return the queries of all checks of rows as one, which finds nothing when all is well.

    What is said of times goes by the moment it is put together.
    """
    found: list[Asked] = []

    def take_down(execute, sql, params, many, context):
        found.append(Asked(sql, params))
        return execute(sql, params, many, context)

    checks = [check for check in invariants.CHECKS if check not in BESIDE_ROWS]
    with connection.execute_wrapper(take_down):
        assert [violation for check in checks for violation in check()] == []
    sql = " UNION ALL ".join(f"SELECT 1 FROM ({asked.sql}) AS q{number}" for number, asked in enumerate(found))  # noqa: S608
    return Asked(sql, [value for asked in found for value in asked.params])


_of_rows: dict[str, Asked] = {}  # by database


def broken() -> list[Violation]:
    """Return what breaks an invariant, as `violations` does."""
    asked = _of_rows.get(connection.vendor)
    if asked and not asked.rows():
        return [*(found for check in BESIDE_ROWS for found in check()), *invariants.stored_files(is_thorough=False)]
    found = list(invariants.violations())
    if not asked and not found:
        _of_rows[connection.vendor] = of_rows()
    return found
