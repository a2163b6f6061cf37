"""The ledger: money follows every generation, in the transaction of each change, and entries are only ever added."""

from decimal import Decimal
from types import SimpleNamespace
from unittest import mock

from django.db import DatabaseError, connection
from django.db.models import Model
from django.http import HttpResponse
from django.test import TestCase
from django.test.utils import CaptureQueriesContext

from generations.gateways import TaskStatus, VideoTask
from generations.lifecycle import batch, decisions, submit, verdicts
from generations.lifecycle.begin import begin
from generations.models import AppendOnly, Failure, Gateway, Generation, LedgerEntry, ModelPrice, Status
from generations.models.money import Sums
from generations.models.prepared import add
from tests.factories import alice, begun, make_gateway, make_generation, make_order, make_price
from tests.lifecycle.base import UpstreamCase, make_due

Kind = LedgerEntry.Kind
QUOTE = Decimal("0.40")


def entries(generation: Generation) -> list[tuple[int, str, Decimal, Decimal]]:
    return list(generation.ledger.order_by("id").values_list("number", "kind", "held", "spent"))


def sums(generation: Generation) -> tuple[Decimal, Decimal]:
    """What is held and what is spent, in dollars."""
    found = generation.ledger.all().sums().get("USD", Sums("USD"))
    return found.held, found.spent


def in_all(generation: Generation) -> str:
    return ", ".join(one.words for one in generation.ledger.all().sums().values() if one.words)


def verdict(word: str, cost: str = "") -> VideoTask:
    return VideoTask("", TaskStatus(word), word, None, (), "", cost_usd=Decimal(cost) if cost else None)


class LedgerCase(UpstreamCase):
    """Wan 2.6 costs 0.08 USD a second, so five seconds 0.40 USD."""

    def setUp(self) -> None:
        super().setUp()
        make_price("0.08")

    def policy(self, policy: str) -> None:
        Gateway.objects.update(failure_policy=policy)


class ReserveTests(LedgerCase, TestCase):
    def test_what_is_asked_for_is_reserved_with_it(self):
        generation = self.begun()
        self.assertEqual((generation.quote_amount, generation.quote_currency), (QUOTE, "USD"))
        self.assertRegex(generation.quote_source, r"^operator, 0.08 USD a second, \d{4}-\d\d-\d\d: the contract$")
        self.assertEqual(entries(generation), [(1, Kind.RESERVE, QUOTE, 0)])
        self.assertEqual(generation.ledger.get().actor, "alice")

    def test_when_nothing_can_be_reserved_nothing_is_made(self):
        def refusing(kind: type[Model], /, **values: object) -> SimpleNamespace:
            if kind is LedgerEntry:
                raise DatabaseError
            return add(kind, **values)

        with mock.patch("generations.lifecycle.begin.add", refusing), self.assertRaises(DatabaseError):
            begin(make_order())
        self.assertFalse(Generation.objects.exists())

    def test_without_a_price_nothing_is_reserved_and_nothing_counts_as_zero(self):
        generation = self.begun(model="wan/wan2.7")
        self.assertIsNone(generation.quote_amount)
        self.assertEqual(entries(generation), [])
        submit.submit(generation.pk)
        self.assertEqual(entries(generation), [])

    def test_a_price_that_changes_later_changes_nothing_of_what_was_asked_before(self):
        generation = self.begun()
        make_price("0.50", option="seconds", value="5")
        self.assertEqual(self.refreshed(generation).quote_amount, QUOTE)
        self.assertEqual(self.begun(prompt="another").quote_amount, Decimal("2.50"))

    def test_the_sandbox_is_free_and_leaves_nothing_in_the_ledger(self):
        Gateway.objects.update(enabled=False)
        make_gateway("sandbox", key_source=Gateway.KeySource.SANDBOX, key="", base_url="")
        generation, _ = begin(make_order())
        self.assertEqual((generation.quote_amount, generation.quote_source), (None, "sandbox"))
        self.assertEqual(generation.price_words, "free")
        self.assertEqual(entries(generation), [])


class FollowTests(LedgerCase, TestCase):
    def test_a_whole_life(self):
        for status, held, spent in (
            (Status.QUEUED, QUOTE, 0),
            (Status.SUBMITTING, QUOTE, 0),
            (Status.UNKNOWN, QUOTE, 0),
            (Status.IN_PROGRESS, QUOTE, 0),
            (Status.DOWNLOADING, 0, QUOTE),
            (Status.COMPLETED, 0, QUOTE),
            (Status.CANCELLED, 0, 0),
        ):
            with self.subTest(status):
                self.assertEqual(sums(make_generation(status, quote="0.40")), (held, spent))

    def test_a_failure_is_released_where_nothing_was_made(self):
        for failure in (Failure.NOT_SENT, Failure.REJECTED):
            generation = make_generation(Status.FAILED, failure=failure, quote="0.40")
            self.assertEqual(sums(generation), (0, 0))
            self.assertEqual(entries(generation)[-1], (1, Kind.RELEASE, -QUOTE, 0))

    def test_a_failure_upstream_follows_the_gateway_s_policy(self):
        for policy, expected in (
            (Gateway.FailurePolicy.UNKNOWN, (QUOTE, 0)),
            (Gateway.FailurePolicy.BILLED, (0, QUOTE)),
            (Gateway.FailurePolicy.REFUNDED, (0, 0)),
        ):
            for failure in (Failure.UPSTREAM_FAILED, Failure.MODERATED):
                with self.subTest(policy, failure=failure):
                    self.policy(policy)
                    self.assertEqual(sums(make_generation(Status.FAILED, failure=failure, quote="0.40")), expected)

    def test_what_was_delivered_without_a_file_is_spent_whatever_the_policy_says(self):
        self.policy(Gateway.FailurePolicy.REFUNDED)
        for failure in (Failure.NO_RESULT, Failure.EXPIRED):
            self.assertEqual(sums(make_generation(Status.FAILED, failure=failure, quote="0.40")), (0, QUOTE))

    def test_what_is_given_up_stays_held(self):
        self.policy(Gateway.FailurePolicy.REFUNDED)
        generation = make_generation(Status.FAILED, failure=Failure.GAVE_UP, quote="0.40")
        self.assertEqual(sums(generation), (QUOTE, 0))
        decisions.ask_again(generation, alice())
        self.assertEqual(entries(generation), [(1, Kind.RESERVE, QUOTE, 0)])

    def test_what_was_spent_is_spent_once_however_often_it_is_asked_about(self):
        generation = make_generation(Status.FAILED, failure=Failure.NO_RESULT, quote="0.40")
        decisions.ask_again(generation, alice())
        self.assertTrue(generation.move_to(Status.DOWNLOADING, actor="test", reason="finished upstream"))
        self.assertEqual(sums(generation), (0, QUOTE))

    def test_what_was_released_is_held_again_when_upstream_is_asked_again(self):
        self.policy(Gateway.FailurePolicy.REFUNDED)
        generation = make_generation(Status.IN_PROGRESS, quote="0.40")
        generation.move_to(Status.FAILED, actor="test", reason="expired", failure=Failure.EXPIRED)
        self.assertEqual(sums(generation), (0, 0))
        decisions.ask_again(generation, alice())
        self.assertEqual(sums(generation), (QUOTE, 0))
        generation.move_to(Status.DOWNLOADING, actor="test", reason="finished upstream", failure="")
        self.assertEqual(sums(generation), (0, QUOTE))

    def test_a_move_that_does_not_happen_moves_no_money(self):
        generation = make_generation(Status.IN_PROGRESS, quote="0.40")
        stale = Generation.objects.get(pk=generation.pk)
        generation.move_to(Status.DOWNLOADING, actor="test", reason="finished upstream")
        self.assertFalse(stale.move_to(Status.FAILED, actor="test", reason="", failure=Failure.UPSTREAM_FAILED))
        self.assertEqual(len(entries(generation)), 2)

    def test_when_the_ledger_cannot_be_written_the_row_stays_where_it_is(self):
        generation = make_generation(Status.IN_PROGRESS, quote="0.40")
        with (
            mock.patch.object(LedgerEntry.objects, "bulk_create", side_effect=DatabaseError),
            self.assertRaises(DatabaseError),
        ):
            generation.move_to(Status.DOWNLOADING, actor="test", reason="finished upstream")
        self.assertEqual(self.refreshed(generation).status, Status.IN_PROGRESS)

    def test_what_the_gateway_says_it_cost_is_what_is_spent(self):
        generation = make_generation(Status.IN_PROGRESS, quote="0.40")
        generation.move_to(Status.DOWNLOADING, actor="test", reason="finished upstream", cost=Decimal("0.25"))
        self.assertEqual(entries(generation)[-1], (1, Kind.SETTLE, -QUOTE, Decimal("0.25")))

    def test_what_an_unpriced_one_did_cost_is_known_when_the_gateway_says_so(self):
        generation = make_generation(Status.IN_PROGRESS)
        generation.move_to(Status.DOWNLOADING, actor="test", reason="finished upstream", cost=Decimal("0.05"))
        self.assertEqual(entries(generation), [(1, Kind.SETTLE, 0, Decimal("0.05"))])
        self.assertEqual(generation.ledger.get().currency, "USD")


class ToldTests(LedgerCase, TestCase):
    """Grok's answers say what a task took, in USD: that is written down whatever became of the task."""

    GROK = "grok/grok-imagine-video"

    def ended(self, **price: str) -> Generation:
        """Ask for a clip of Grok at this price, and carry out what the gateway says of it at the second poll."""
        if price:
            make_price(**price, model=self.GROK)
        generation = self.begun(model=self.GROK)
        submit.submit(generation.pk)
        generation = self.refreshed(generation)
        decisions.retrieve(generation, generation.upstream_id)
        verdicts.settle(generation, decisions.retrieve(generation, generation.upstream_id), actor="poller")
        return self.refreshed(generation)

    def test_a_failed_one_is_spent_as_far_as_the_gateway_says_whatever_its_policy(self):
        for policy in Gateway.FailurePolicy.values:
            with self.subTest(policy):
                self.policy(policy)
                self.upstream.fails("no luck", ticks=2_000_000_000)
                generation = self.ended(amount="0.30", per="request")
                self.assertEqual(generation.status, Status.FAILED)
                self.assertEqual(entries(generation)[1:], [(1, Kind.SETTLE, Decimal("-0.30"), Decimal("0.20"))])
                ModelPrice.objects.filter(model_key=self.GROK).delete()

    def test_a_failed_one_that_took_nothing_is_not_held_any_more(self):
        self.upstream.fails("no luck", ticks=0)
        generation = self.ended(amount="0.30", per="request")
        self.assertEqual((sums(generation), generation.ledger.last().reason), ((0, 0), "as the gateway says"))

    def test_a_failed_one_without_a_price_is_spent_all_the_same(self):
        self.upstream.fails("no luck", ticks=2_000_000_000)
        generation = self.ended()
        self.assertEqual(entries(generation), [(1, Kind.SETTLE, 0, Decimal("0.20"))])

    def test_a_price_in_another_currency_is_given_back_and_what_was_told_is_spent(self):
        generation = self.ended(amount="0.30", per="request", currency="EUR")
        self.assertEqual(in_all(generation), "0.25 USD spent")
        self.assertEqual(
            entries(generation)[1:], [(1, Kind.RELEASE, Decimal("-0.30"), 0), (1, Kind.SETTLE, 0, Decimal("0.25"))]
        )
        record = self.page(f"{generation.get_absolute_url().rstrip('/')}.json").json()["price"]
        self.assertEqual((record["quoted"], record["currency"], record["spent"]), ("0.300000", "EUR", "0.000000"))
        self.assertEqual(record["others"], [{"currency": "USD", "held": "0.000000", "spent": "0.250000"}])
        self.assertContains(self.page(generation.get_absolute_url()), "0.25 USD spent")
        self.assertContains(self.page("/generations/export.csv"), "0.300000,EUR,0.000000,0.000000,0.250000 USD")

        generation.move_to(Status.FAILED, actor="test", reason="no file", failure=Failure.NO_RESULT)
        decisions.correct_cost(generation, Decimal("0.20"), alice(), reason="the invoice is in euros")
        self.assertEqual(in_all(generation), "0.20 EUR spent")

    def test_what_is_told_only_when_upstream_is_asked_again_replaces_what_was_quoted(self):
        for currency, quoted, sums_then in (
            ("USD", "0.30 USD spent", "0.25 USD spent"),
            ("EUR", "0.30 EUR spent", "0.25 USD spent"),
        ):
            with self.subTest(currency):
                ModelPrice.objects.filter(model_key=self.GROK).delete()
                make_price("0.30", per="request", currency=currency, model=self.GROK)
                generation = self.begun(model=self.GROK, prompt=currency)
                submit.submit(generation.pk)
                generation = self.refreshed(generation)
                self.assertTrue(generation.move_to(Status.DOWNLOADING, actor="test", reason="finished upstream"))
                generation.move_to(Status.FAILED, actor="test", reason="no file", failure=Failure.NO_RESULT)
                self.assertEqual(in_all(generation), quoted)
                decisions.ask_again(generation, alice())
                for _ in range(2):
                    task = decisions.retrieve(generation, generation.upstream_id)
                verdicts.settle(self.refreshed(generation), task, actor="poller")
                self.assertEqual(in_all(generation), sums_then)
                self.assertEqual(generation.ledger.last().reason, "as the gateway says")

    def test_what_a_person_corrected_stays_whatever_is_told_later(self):
        generation = self.ended(amount="0.30", per="request")
        generation.move_to(Status.FAILED, actor="test", reason="no file", failure=Failure.NO_RESULT)
        decisions.correct_cost(generation, Decimal("0.10"), alice(), reason="invoice")
        decisions.ask_again(generation, alice())
        verdicts.settle(self.refreshed(generation), verdict("completed", "0.25"), actor="poller")
        self.assertEqual(in_all(generation), "0.10 USD spent")

    def page(self, path: str) -> HttpResponse:
        self.client.force_login(alice())
        return self.client.get(path)


class UnknownTests(LedgerCase, TestCase):
    def lost(self) -> Generation:
        self.upstream.closes_before_answer()
        generation = begun()
        submit.submit(generation.pk)
        return self.refreshed(generation)

    def test_an_unknown_outcome_stays_held(self):
        generation = self.lost()
        self.assertEqual(generation.status, Status.UNKNOWN)
        self.assertEqual(entries(generation), [(1, Kind.RESERVE, QUOTE, 0)])

    def test_sending_again_reserves_anew_and_the_first_stays_held(self):
        generation = self.lost()
        decisions.send_again(generation, alice(), typed="may cost twice")
        self.assertEqual(entries(generation), [(1, Kind.RESERVE, QUOTE, 0), (2, Kind.RESERVE, QUOTE, 0)])
        make_due(generation)
        submit.submit(generation.pk)
        generation = self.refreshed(generation)
        generation.move_to(Status.DOWNLOADING, actor="test", reason="finished upstream")
        self.assertEqual(entries(generation)[2:], [(2, Kind.SETTLE, -QUOTE, QUOTE)])
        self.assertEqual(sums(generation), (QUOTE, QUOTE))

    def test_a_person_s_word_that_nothing_was_created_releases_it(self):
        generation = self.lost()
        decisions.confirm_not_created(generation, alice())
        self.assertEqual(entries(generation)[1:], [(1, Kind.RELEASE, -QUOTE, 0)])
        entry = generation.ledger.last()
        self.assertEqual((entry.actor, entry.reason), ("alice", "confirmed not created"))
        self.assertEqual(self.refreshed(generation).failure_words, "Confirmed not created")

    def test_the_second_one_refused_leaves_the_first_held(self):
        generation = self.lost()
        decisions.send_again(generation, alice(), typed="may cost twice")
        self.upstream.answers_status(400, {"error": {"message": "no"}})
        make_due(generation)
        submit.submit(generation.pk)
        self.assertEqual(self.refreshed(generation).failure, Failure.REJECTED)
        self.assertEqual(entries(generation)[2:], [(2, Kind.RELEASE, -QUOTE, 0)])
        self.assertEqual(sums(generation), (QUOTE, 0))


class CorrectionTests(LedgerCase, TestCase):
    def test_a_person_writes_what_it_did_cost_and_nothing_stays_held(self):
        generation = make_generation(Status.FAILED, quote="0.40")
        decisions.correct_cost(generation, Decimal("0.10"), alice(), reason="invoice of November")
        self.assertEqual(entries(generation)[1:], [(1, Kind.ADJUST, -QUOTE, Decimal("0.10"))])
        entry = generation.ledger.last()
        self.assertEqual((entry.actor, entry.reason), ("alice", "invoice of November"))
        decisions.correct_cost(generation, Decimal("0.05"), alice(), reason="the invoice was corrected")
        self.assertEqual(sums(generation), (0, Decimal("0.05")))

    def test_all_its_reservations_at_once(self):
        generation = make_generation(Status.UNKNOWN, quote="0.40")
        decisions.send_again(generation, alice(), typed="may cost twice")
        decisions.cancel(generation, alice())
        generation.move_to(Status.FAILED, actor="test", reason="cannot be built", failure=Failure.NOT_SENT)
        self.assertEqual(sums(generation), (QUOTE, 0))
        decisions.correct_cost(generation, QUOTE, alice(), reason="it was billed")
        self.assertEqual(sums(generation), (0, QUOTE))

    def test_what_an_unpriced_one_did_cost(self):
        generation = make_generation(Status.COMPLETED)
        decisions.correct_cost(generation, Decimal("1.20"), alice(), reason="invoice")
        self.assertEqual(sums(generation), (0, Decimal("1.20")))

    def test_not_while_it_is_on_its_way_not_below_nothing_and_not_without_a_reason(self):
        running = make_generation(Status.IN_PROGRESS, quote="0.40")
        ended = make_generation(Status.COMPLETED, quote="0.40")
        for generation, amount, reason in (
            (running, "1", "x"),
            (make_generation(Status.UNKNOWN, quote="0.40"), "1", "x"),
            (ended, "-1", "x"),
            (ended, "0.0000001", "x"),
            (ended, "1000000", "x"),
            (ended, "NaN", "x"),
            (ended, "1", "  "),
        ):
            with self.subTest(amount, reason=reason), self.assertRaises(decisions.CannotDo):
                decisions.correct_cost(generation, Decimal(amount), alice(), reason=reason)
        self.assertEqual(sums(ended), (0, QUOTE))


class BatchTests(LedgerCase, TestCase):
    """The poller settles whole batches: the ledger follows in one INSERT, however many rows there are."""

    def settle(self, tasks: dict[Generation, VideoTask]) -> list[str]:
        Generation.objects.filter(pk__in=[row.pk for row in tasks]).update(claim="mine")
        with CaptureQueriesContext(connection) as found:
            batch.settle("mine", {row.pk: task for row, task in tasks.items()}, actor="poller")
        return [query["sql"] for query in found]

    def test_it_is_as_it_would_be_one_by_one(self):
        self.policy(Gateway.FailurePolicy.REFUNDED)
        done, failed, unpriced, told, unpriced_told = [
            make_generation(Status.IN_PROGRESS, quote=quote) for quote in ("0.40", "0.40", "", "0.40", "")
        ]
        self.settle(
            {
                done: verdict("completed"),
                failed: verdict("failed"),
                unpriced: verdict("completed"),
                told: verdict("completed", "0.05"),
                unpriced_told: verdict("completed", "0.05"),
            }
        )
        self.assertEqual(entries(done)[1:], [(1, Kind.SETTLE, -QUOTE, QUOTE)])
        self.assertEqual(entries(failed)[1:], [(1, Kind.RELEASE, -QUOTE, 0)])
        self.assertEqual(entries(unpriced), [])
        self.assertEqual(entries(told)[1:], [(1, Kind.SETTLE, -QUOTE, Decimal("0.05"))])
        self.assertEqual(entries(unpriced_told), [(1, Kind.SETTLE, 0, Decimal("0.05"))])

    def test_what_the_sandbox_says_it_cost_is_nobody_s_money(self):
        for settle in (self.settle, lambda tasks: [verdicts.settle(*one, actor="poller") for one in tasks.items()]):
            row = make_generation(Status.IN_PROGRESS)
            Generation.objects.filter(pk=row.pk).update(quote_source="sandbox")
            row = self.refreshed(row)
            settle({row: verdict("completed", "0.20")})
            self.assertEqual((self.refreshed(row).status, entries(row)), (Status.DOWNLOADING, []))

    def test_what_no_task_costs_is_not_believed_and_holds_no_verdict_up(self):
        for cost in ("1000000", "1e30", "-1", "0.00000001"):
            with self.subTest(cost):
                row = make_generation(Status.IN_PROGRESS, quote="0.40")
                self.settle({row: verdict("completed", cost)})
                spent = Decimal(0) if cost == "0.00000001" else QUOTE
                self.assertEqual(entries(row)[1:], [(1, Kind.SETTLE, -QUOTE, spent)])

    def test_a_row_that_is_somebody_else_s_by_now_moves_no_money(self):
        mine, other = [make_generation(Status.IN_PROGRESS, quote="0.40") for _ in range(2)]
        Generation.objects.filter(pk=mine.pk).update(claim="mine")
        batch.settle("mine", {mine.pk: verdict("completed"), other.pk: verdict("completed")}, actor="poller")
        self.assertEqual((sums(mine), sums(other)), ((0, QUOTE), (QUOTE, 0)))

    def test_many_take_as_many_statements_as_few(self):
        counts = []
        for size in (2, 40):
            rows = [make_generation(Status.IN_PROGRESS, quote="0.40") for _ in range(size)]
            spoken = self.settle({row: verdict("failed") for row in rows})
            counts.append(len(spoken))
        self.assertEqual(counts[0], counts[1])

    def test_without_any_price_the_ledger_is_not_touched(self):
        row = make_generation(Status.IN_PROGRESS)
        self.assertFalse([sql for sql in self.settle({row: verdict("failed")}) if "ledger" in sql])


class AppendOnlyTests(TestCase):
    def test_nobody_changes_or_deletes_an_entry(self):
        generation = make_generation(quote="0.40")
        entry = generation.ledger.get()
        entry.held = Decimal(1)
        for attempt in (
            entry.save,
            entry.delete,
            lambda: LedgerEntry.objects.update(held=1),
            lambda: generation.ledger.all().delete(),
            lambda: LedgerEntry.objects.bulk_update([entry], ["held"]),
            lambda: LedgerEntry.objects.update_or_create(pk=entry.pk, defaults={"held": 1}),
        ):
            with self.subTest(attempt), self.assertRaises(AppendOnly):
                attempt()
        self.assertEqual(LedgerEntry.objects.get().held, QUOTE)
