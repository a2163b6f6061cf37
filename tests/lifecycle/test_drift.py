"""What gateways answer that no document says is counted with a scrubbed sample, and never costs a poll anything."""

from unittest import mock

from django.db import OperationalError
from django.test import TestCase, TransactionTestCase

from generations.gateways import GatewayProtocolError, TaskStatus, VideoTask
from generations.lifecycle import drift, submit
from generations.lifecycle.drift import MOST, OTHERS, DriftCounter, note_answer, write_down
from generations.models import Drift, Gateway, Status
from tests.factories import any_gateway, make_generation
from tests.lifecycle.test_poll import OneRound, PollCase, run_poller


def task(word: str = "queued", **raw) -> VideoTask:
    status = TaskStatus.UNKNOWN if word == "warming_up" else TaskStatus.WAITING
    return VideoTask("task_1", status, word, None, (), "", raw={"id": "task_1", "status": word, **raw})


class CountingTests(TestCase):
    def setUp(self):
        self.gateway = any_gateway()
        self.counter = DriftCounter()
        self.row = make_generation(model="wan/wan2.7").pk

    def rows(self) -> dict[tuple[str, str], int]:
        return {(row.kind, row.what): row.count for row in Drift.objects.all()}

    def test_each_is_counted_and_the_first_answer_kept(self):
        for number in range(3):
            self.counter.note(self.gateway.pk, task("warming_up", shard=number), self.row)
        write_down(self.counter.take())
        self.counter.note(self.gateway.pk, task("warming_up", shard=9), self.row)
        write_down(self.counter.take())
        self.assertEqual(self.rows(), {("word", "warming_up"): 4, ("field", "shard"): 4})
        row = Drift.objects.get(kind="word")
        self.assertIn('"shard": 0', row.answer)
        self.assertEqual(row.model.key, "wan/wan2.7")
        self.assertGreater(row.last_at, row.first_at)

    def test_a_sample_holds_no_secret_and_is_not_endless(self):
        secret = "https://x.invalid/v.mp4?sig=abc sk-abcdefgh12345678 of payer.one@example.com"
        note_answer(self.gateway.pk, task(odd=secret, quota=5, long="word " * 5000), self.row)
        sample = Drift.objects.get(what="odd").sample
        self.assertIn("https://x.invalid/v.mp4?[signed] [key] of [address]", sample)
        self.assertNotIn("quota", sample)
        self.assertLessEqual(len(sample), 4096 + len("model: wan/wan2.7 "))
        error = GatewayProtocolError("It gave no task: x", evidence="key my-very-own-key here, x@y.example")
        drift.note_trouble(self.gateway.pk, error, self.row, "my-very-own-key")
        self.assertEqual(Drift.objects.get(kind="shape").answer, "key [key] here, [address]")

    def test_what_is_as_documented_takes_no_statement(self):
        with self.assertNumQueries(0):
            note_answer(self.gateway.pk, task(), self.row)
        self.assertFalse(self.counter.seen)

    def test_a_gateway_that_invents_without_end_fills_no_table(self):
        for number in range(MOST + 20):
            note_answer(self.gateway.pk, task(**{f"field_{number}": 1}), self.row)
        rows = self.rows()
        self.assertEqual((len(rows), rows["field", OTHERS]), (MOST + 1, 20))

    def test_an_answer_full_of_inventions_costs_one_sample_and_few_statements(self):
        with mock.patch.object(drift, "sample_of", wraps=drift.sample_of) as sampled:
            for answer in range(3):
                odd = task(**{f"field_{answer}_{number}": 1 for number in range(2000)})
                self.counter.note(self.gateway.pk, odd, self.row)
        self.assertEqual(sampled.call_count, 2)  # the third told nothing that is kept
        self.assertEqual(len(self.counter.seen), MOST + 1)
        write_down(self.counter.take())
        rows = self.rows()
        self.assertEqual((len(rows), rows["field", OTHERS]), (MOST + 1, 2 * MOST))

    def test_gateways_do_not_mix(self):
        other = Gateway.objects.create(name="other", base_url="https://other.invalid")
        for gateway in (self.gateway, other, other):
            note_answer(gateway.pk, task(shard=1), self.row)
        counts = dict(Drift.objects.values_list("gateway__name", "count"))
        self.assertEqual(counts, {"fake": 1, "other": 2})

    def test_what_could_not_be_written_is_counted_later(self):
        self.counter.note(self.gateway.pk, task(shard=1), self.row)
        seen = self.counter.take()
        self.counter.note(self.gateway.pk, task(shard=1), self.row)
        self.counter.give_back(seen)
        write_down(self.counter.take())
        self.assertEqual(self.rows(), {("field", "shard"): 2})


class PollerTests(PollCase, TransactionTestCase):
    def test_the_poller_counts_and_asks_on(self):
        self.upstream.says("warming_up")
        generation = self.polled(self.in_progress())
        self.assertEqual((generation.status, generation.upstream_status), (Status.IN_PROGRESS, "warming_up"))
        row = Drift.objects.get()
        self.assertEqual((row.kind, row.what, row.count, row.gateway), ("word", "warming_up", 1, self.gateway))
        self.polled(generation)
        self.assertEqual(Drift.objects.get().count, 2)

    def test_a_database_that_is_away_costs_no_count(self):
        self.upstream.says("warming_up")
        generation = self.in_progress()
        real, calls = drift.write_down, []

        def away_once(seen):
            calls.append(seen)
            if len(calls) == 1:
                raise OperationalError("away")
            return real(seen)

        class CountsTwice(OneRound):
            async def flush_all(self) -> None:
                await super().flush_all()
                await self.flush_drift()

        with mock.patch.object(drift, "write_down", away_once):
            run_poller(CountsTwice)
        self.assertEqual(Drift.objects.get().count, 1)
        self.assertEqual(self.refreshed(generation).upstream_status, "warming_up")


class CreateTests(PollCase, TestCase):
    def test_an_accepted_create_is_looked_at_and_goes_its_way(self):
        self.upstream.answers_status(200, {"id": "task_1", "status": "queued", "eta": 40})
        generation = self.begun()
        submit.submit(generation.pk)
        self.assertEqual(self.refreshed(generation).status, Status.IN_PROGRESS)
        self.assertEqual(Drift.objects.get().what, "eta")

    def test_an_answer_that_cannot_be_read_is_counted_and_unknown(self):
        self.upstream.answers_status(200, "<html>all is well</html>")
        generation = self.begun()
        submit.submit(generation.pk)
        self.assertEqual(self.refreshed(generation).status, Status.UNKNOWN)
        row = Drift.objects.get()
        self.assertEqual((row.kind, row.answer, row.model.key), ("shape", "<html>all is well</html>", "wan/wan2.6"))
