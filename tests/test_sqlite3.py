"""Our backend for SQLite: statements mean what they mean to Django's own, however often they are sent."""

from django.db.utils import ConnectionHandler
from django.test import SimpleTestCase, TestCase


class TranslationTests(TestCase):
    def setUp(self):  # a connection of its own, so that this holds whatever the suite's database is
        handler = ConnectionHandler({"default": {"ENGINE": "videostudio.sqlite3", "NAME": ":memory:"}})
        self.connection = handler["default"]
        self.addCleanup(handler.close_all)

    def ask(self, statement: str, values=None) -> tuple:
        with self.connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchone()

    def test_places_percent_signs_and_names_stay_apart(self):
        for _ in range(2):
            self.assertEqual(self.ask("SELECT %s, '5 %%', '%%s'", ["a"]), ("a", "5 %", "%s"))
            self.assertEqual(self.ask("SELECT %(one)s || %(two)s", {"one": "a", "two": "b"}), ("ab",))
            self.assertEqual(self.ask("SELECT '5 %%'"), ("5 %%",))

    def test_a_statement_goes_with_other_values_each_time(self):
        self.assertEqual([self.ask("SELECT %s + 1", [number]) for number in (1, 2)], [(2,), (3,)])

    def test_many_at_once_are_translated_too(self):
        with self.connection.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE pairs (one, two)")
            cursor.executemany("INSERT INTO pairs VALUES (%s, '%%' || %s)", [(1, "a"), (2, "b")])
            cursor.execute("SELECT group_concat(two) FROM pairs")
            self.assertEqual(cursor.fetchone(), ("%a,%b",))


class TimeTests(SimpleTestCase):
    def test_times_are_read_as_django_reads_them(self):
        handler = ConnectionHandler({"default": {"ENGINE": "videostudio.sqlite3", "NAME": ":memory:"}})
        ours = handler["default"].ops
        plain = ConnectionHandler({"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
        django = plain["default"].ops
        for text in ("2026-11-27 12:00:00", "2026-11-27 12:00:00.000001", "2026-11-27T12:00:00+02:00", None):
            with self.subTest(text):
                expected = django.convert_datetimefield_value(text, None, None)
                self.assertEqual(ours.convert_datetimefield_value(text, None, None), expected)
                self.assertEqual(str(ours.convert_datetimefield_value(text, None, None)), str(expected))
