"""Statements made once: what they write and find is what the ORM's own would."""

from typing import Any

from django.db import connection, models
from django.test import TestCase
from django.utils import timezone
from django_q.models import OrmQ

from generations.models import Event, Generation, LedgerEntry, Prompt, Status
from generations.models.prepared import add, insert
from tests.factories import begun, make_generation
from tests.lifecycle.test_plans import plan

NOW = timezone.now()


def stored(row: models.Model) -> dict[str, Any]:
    return type(row)._base_manager.filter(pk=row.pk).values().get()


class InsertTests(TestCase):
    def assert_same_as_saved(self, one: models.Model, other: models.Model, *, apart: frozenset[str] = frozenset()):
        one.save()
        self.assertIs(insert(other), other)
        names = {field.attname for field in one._meta.concrete_fields} - {"id"} - apart
        saved, inserted = stored(one), stored(other)
        self.assertEqual({name: inserted[name] for name in names}, {name: saved[name] for name in names})
        self.assertEqual((other._state.adding, other._state.db), (False, "default"))

    def test_every_kind_of_column_holds_what_save_would_write(self):
        source = begun()
        values = {
            **{"asked_width": "1280", "options": {"a": [1, None, "ü"]}, "measured_seconds": 5, "due_at": NOW},
            **{"quote_amount": "0.400000", "quote_currency": "USD", "measured_has_audio": True, "rating": None},
            **{"status": Status.UNKNOWN, "detail": "a lone \u2028 and 😀", "origin": Generation.Origin.API},
        }
        rows = []
        for _ in range(2):
            whose = {"team": source.team, "created_by": source.created_by, "prompt": source.prompt}
            rows.append(Generation(gateway=source.gateway, model_key="wan/wan2.6", created_at=NOW, **whose, **values))
        self.assert_same_as_saved(*rows, apart=frozenset({"uuid"}))
        for kind, fields in (
            (Event, {"generation": source, "after": Status.QUEUED, "actor": "alice", "evidence": {"n": 1}}),
            (LedgerEntry, {"generation": source, "kind": "adjust", "held": 1, "currency": "USD", "reason": "why"}),
        ):
            one, other = kind(**fields), kind(**fields)
            self.assert_same_as_saved(one, other, apart=frozenset({"at"}))

    def test_values_alone_are_written_as_the_instance_would_be(self):
        row = begun()
        for kind, fields in (
            (Event, {"generation_id": row.pk, "after": Status.QUEUED, "actor": "alice", "evidence": {"n": [1, "ü"]}}),
            (LedgerEntry, {"generation_id": row.pk, "kind": LedgerEntry.Kind.ADJUST, "held": 1, "currency": "USD"}),
            (OrmQ, {"key": "submit", "payload": "signed", "lock": NOW}),
        ):
            saved, added = kind(**fields), add(kind, **fields)
            saved.save()
            apart = {"id", "at"}
            written = kind._base_manager.filter(pk=added.pk).values().get()
            self.assertEqual(
                {name: value for name, value in written.items() if name not in apart},
                {name: value for name, value in stored(saved).items() if name not in apart},
            )
            if kind is Event:
                self.assertEqual(added.at, written["at"])


class KeyTests(TestCase):
    def test_rows_are_found_by_each_key_through_an_index(self):
        """Most keys are empty on most rows; their indexes have only the others."""
        row = make_generation()
        for model in (Generation, Prompt):
            for key in (field for field in model._meta.concrete_fields if field.many_to_one):
                if key.name == "api_token":
                    continue  # nobody looks for the rows of one token but those on their way, by person and token
                column = connection.ops.quote_name(key.column)
                sql = f'SELECT id FROM "{model._meta.db_table}" WHERE {column} = {row.pk}'  # noqa: S608 (our names)
                with self.subTest(f"{model.__name__}.{key.name}"):
                    self.assertNotRegex(plan(sql), r"Seq Scan|\bSCAN\b")
