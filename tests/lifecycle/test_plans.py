"""The engine's clockwork runs every second or two: it may never read a year of history to find what is due."""

from django.db import connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext

from generations.lifecycle import poll, recovery, submit
from generations.lifecycle.fairness import next_in_line
from tests.factories import make_generation
from tests.lifecycle.base import UpstreamCase


def plan(sql: str) -> str:
    """Return how the database would run a statement, reading whole tables only where it has no other way."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {sql}")
        else:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


def scans_generations(sql: str) -> bool:
    steps = plan(sql).splitlines()
    return any("Seq Scan on generations_generation" in step or "SCAN generations_generation" in step for step in steps)


class PlanTests(UpstreamCase, TestCase):
    def assert_no_scan(self, work, *arguments) -> None:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            work(*arguments)
        about_rows = [query["sql"] for query in seen if '"generations_generation"' in query["sql"]]
        # Without a condition the first row of an order is the first row that is read.
        reading = [sql for sql in about_rows if sql.startswith(("SELECT", "UPDATE")) and " WHERE " in sql]
        self.assertTrue(reading)
        for sql in reading:
            self.assertFalse(scans_generations(sql), f"{sql}\n{plan(sql)}")

    def test_the_sweep(self):
        self.assert_no_scan(recovery.sweep)

    def test_claiming_what_is_due(self):
        make_generation("in_progress", gateway=self.gateway)
        self.assert_no_scan(poll.claim, "token", {self.gateway.pk: 10})

    def test_whose_turn_it_is_and_whether_a_gateway_has_room(self):
        waiting = make_generation(gateway=self.gateway)
        self.assert_no_scan(next_in_line, waiting.pk)
        self.assert_no_scan(submit._has_room, self.gateway)
