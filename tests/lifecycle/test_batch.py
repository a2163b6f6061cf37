"""What the poller writes, many rows in one statement: steps and verdicts, of rows it still holds."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from unittest import mock

from django.db import connection
from django.test import TestCase, TransactionTestCase
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ

from generations.gateways import TaskStatus, VideoTask
from generations.lifecycle import batch, verdicts
from generations.lifecycle.batch import write_steps
from generations.lifecycle.cadence import PolledRow, Step
from generations.lifecycle.poll import settle_all
from generations.models import Generation, Status
from tests.factories import make_generation
from tests.lifecycle.base import queued
from tests.racing import race

ME, SOMEBODY = "me", "somebody else"


def step_for(generation: Generation, **changes) -> Step:
    step = Step(
        pk=generation.pk,
        due_at=timezone.now() + timedelta(minutes=1),
        progress=40,
        upstream_status="processing",
        detail="",
        tries=0,
        overdue_at=None,
        is_news=True,
        answer={"status": "processing"},
    )
    return replace(step, **changes)


class WriteStepsTests(TestCase):
    def test_a_step_is_written_as_it_is(self):
        generation = make_generation(Status.IN_PROGRESS, claim=ME)
        overdue = timezone.now()
        step = step_for(generation, detail="late", tries=3, overdue_at=overdue, answer={"a": [1, "ä", None, "'\"\\"]})
        write_steps(ME, [step])
        row = Generation.objects.get(pk=generation.pk)
        self.assertEqual(
            (row.progress, row.upstream_status, row.detail, row.tries, row.overdue_at, row.due_at, row.last_answer),
            (40, "processing", "late", 3, overdue, step.due_at, {"a": [1, "ä", None, "'\"\\"]}),
        )
        self.assertEqual((row.version, row.claim, row.status), (generation.version + 1, "", Status.IN_PROGRESS))
        self.assertIn(row, Generation.objects.due(step.due_at))
        self.assertNotIn(row, Generation.objects.due(step.due_at - timedelta(microseconds=1)))

    def test_no_news_raises_no_version_and_keeps_the_last_answer(self):
        generation = make_generation(Status.IN_PROGRESS, claim=ME, last_answer={"kept": True})
        write_steps(ME, [step_for(generation, is_news=False, answer=None)])
        row = Generation.objects.get(pk=generation.pk)
        self.assertEqual((row.version, row.last_answer, row.overdue_at), (generation.version, {"kept": True}, None))

    def test_whoever_lost_the_row_writes_nothing(self):
        lost = make_generation(Status.IN_PROGRESS, claim=SOMEBODY)
        moved = make_generation(Status.DOWNLOADING, claim=ME)
        ended = make_generation(Status.COMPLETED, claim=ME)
        before = list(Generation.objects.order_by("pk").values())
        self.assertTrue(write_steps(ME, [step_for(row) for row in (lost, moved, ended)]))
        self.assertEqual(list(Generation.objects.order_by("pk").values()), before)

    def test_many_at_once_and_none(self):
        rows = [make_generation(Status.IN_PROGRESS, claim=ME) for _ in range(25)]
        with self.assertNumQueries(3):  # a savepoint, the statement, its release
            write_steps(ME, [step_for(row, progress=number) for number, row in enumerate(rows)])
        self.assertEqual(list(Generation.objects.order_by("pk").values_list("progress", flat=True)), list(range(25)))
        write_steps(ME, [])

    def test_what_is_stored_holds_no_secret(self):
        generation = make_generation(Status.IN_PROGRESS, claim=ME)
        secret = "https://x.invalid/v.mp4?sig=abc sk-abcdefgh12345678"
        write_steps(ME, [step_for(generation, detail=secret, answer={"url": secret, "quota": 5})])
        row = Generation.objects.get(pk=generation.pk)
        for text in (row.detail, str(row.last_answer)):
            self.assertIn("https://x.invalid/v.mp4?[signed] [key]", text)
            self.assertNotIn("abc", text)
        self.assertNotIn("quota", row.last_answer)

    def test_a_step_the_database_refuses_keeps_no_other_from_being_written(self):
        rows = [make_generation(Status.IN_PROGRESS, claim=ME) for _ in range(3)]
        steps = [step_for(row) for row in rows]
        steps[1] = replace(steps[1], progress=100)  # which only a completed row may show
        with self.assertLogs("generations.lifecycle.batch", "ERROR") as logs:
            self.assertTrue(write_steps(ME, steps))
        self.assertIn(f"generation {rows[1].pk}:", logs.output[0])
        self.assertEqual(list(Generation.objects.order_by("pk").values_list("progress", flat=True)), [40, 0, 40])


class SettleTests(TestCase):
    def verdict(self, status: TaskStatus = TaskStatus.COMPLETED) -> VideoTask:
        return VideoTask("", status, status.value, None, (), "", raw={"url": "https://x.invalid/v.mp4?sig=abc"})

    def test_only_rows_that_are_held_are_settled(self):
        held = make_generation(Status.IN_PROGRESS, claim=ME, overdue_at=timezone.now())
        lost = make_generation(Status.IN_PROGRESS, claim=SOMEBODY)
        ended = make_generation(Status.FAILED, claim=ME)
        self.assertTrue(settle_all(ME, {row.pk: self.verdict() for row in (held, lost, ended)}))
        statuses = [Generation.objects.get(pk=row.pk).status for row in (held, lost, ended)]
        self.assertEqual(statuses, [Status.DOWNLOADING, Status.IN_PROGRESS, Status.FAILED])
        held.refresh_from_db()
        self.assertEqual((held.overdue_at, held.last_answer), (None, {"url": "https://x.invalid/v.mp4?[signed]"}))

    def test_many_are_settled_as_one_by_one(self):
        for status in (status for status in TaskStatus if status.is_verdict):
            task = replace(self.verdict(status), error="refused by a safety filter, sk-abcdefgh12345678")
            one, many = (make_generation(Status.IN_PROGRESS, claim=ME, tries=2) for _ in range(2))
            self.assertTrue(verdicts.settle(one, task, actor="poller"))
            self.assertTrue(settle_all(ME, {many.pk: task}))
            with self.subTest(status):
                self.assertEqual(self.facts(one), self.facts(many))

    def facts(self, generation: Generation) -> tuple:
        """What a verdict left behind: the row, its last event, its messages."""
        row = Generation.objects.values().get(pk=generation.pk)
        for name in ("id", "uuid", "upstream_id", "created_at", "submitted_at"):
            del row[name]
        due_at = row.pop("due_at")
        event = generation.events.values("before", "after", "actor", "actor_kind", "reason", "evidence").latest("pk")
        messages = [name for name, arguments in queued() if arguments == (str(generation.pk),)]
        return row, due_at is None or due_at <= timezone.now(), due_at is None, event, messages

    def test_a_burst_is_settled_in_few_statements_and_keeps_the_queue_short(self):
        rows = [make_generation(Status.IN_PROGRESS, claim=ME) for _ in range(batch.HINTS + 20)]
        with CaptureQueriesContext(connection) as seen:
            settle_all(ME, {row.pk: self.verdict() for row in rows})
        messages = [query for query in seen if "INSERT" in query["sql"] and "ormq" in query["sql"]]
        self.assertEqual(len(messages), batch.HINTS)
        self.assertLess(len(seen) - len(messages), 10)
        self.assertEqual(Generation.objects.filter(status=Status.DOWNLOADING, claim="").count(), len(rows))
        settle_all(ME, {make_generation(Status.IN_PROGRESS, claim=ME).pk: self.verdict()})
        self.assertEqual(OrmQ.objects.count(), batch.HINTS)

    def test_a_verdict_the_database_refuses_keeps_no_other_from_being_settled(self):
        odd, good = (make_generation(Status.IN_PROGRESS, claim=ME) for _ in range(2))
        refused = mock.patch.object(batch, "_settle", side_effect=self.refusing(odd))
        with refused, self.assertLogs("generations.lifecycle.batch", "ERROR") as logs:
            self.assertTrue(settle_all(ME, {odd.pk: self.verdict(), good.pk: self.verdict()}))
        self.assertIn(f"generation {odd.pk}:", logs.output[0])
        for row, status in ((odd, Status.IN_PROGRESS), (good, Status.DOWNLOADING)):
            row.refresh_from_db()
            self.assertEqual(row.status, status)

    def refusing(self, odd: Generation, real=batch._settle):
        def settle(token, outcomes, actor):
            if odd.pk in outcomes:
                Generation.objects.filter(pk=odd.pk).update(progress=101)
            real(token, outcomes, actor)

        return settle


class RowTests(TestCase):
    def test_everything_the_poller_needs_is_a_column(self):
        columns = {field.attname for field in Generation._meta.concrete_fields}
        self.assertLessEqual(set(PolledRow.__dataclass_fields__), columns | {"pk"})


class RaceTests(TransactionTestCase):
    def test_two_flushes_of_the_same_row_write_once(self):
        generation = make_generation(Status.IN_PROGRESS, claim=ME)
        race([partial(write_steps, ME, [step_for(generation, progress=number)]) for number in (41, 42, 43)])
        row = Generation.objects.get(pk=generation.pk)
        self.assertEqual((row.version, row.claim), (generation.version + 1, ""))
