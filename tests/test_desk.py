"""The desk of unknown outcomes, as people use it: pages, a real gateway behind them, double clicks, stale pages."""

from collections.abc import Callable
from functools import partial

from django.contrib.auth.models import Permission
from django.test import Client, TestCase, TransactionTestCase
from django_q.models import OrmQ

from generations.lifecycle import submit
from generations.models import Failure, Generation, Status, User
from tests.factories import alice, begun, bob, carol, make_generation
from tests.lifecycle.base import UpstreamCase, queued, run_queue
from tests.pages import read
from tests.racing import race

DESK = "/queue/unknown/"


def give(user: User, *codenames: str) -> User:
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    return User.objects.get(pk=user.pk)


class DeskCase(UpstreamCase):
    def setUp(self) -> None:
        super().setUp()
        self.row = self.lost()
        self.upstream_id = self.upstream.creates[0].upstream_id

    def lost(self, **fields) -> Generation:
        """A row whose create was accepted upstream, but whose answer was lost."""
        self.upstream.closes_before_answer()
        generation = begun(**fields)
        submit.submit(generation.pk)
        OrmQ.objects.all().delete()
        return self.refreshed(generation)

    def signed_in(self, user: User, *rights: str) -> Client:
        client = Client()
        client.force_login(give(user, *rights))
        return client

    def settler(self, user: User | None = None) -> Client:
        return self.signed_in(user or alice(), "settle_unknown", "send_again")

    def press(self, client: Client, name: str, row: Generation | None = None, **data: str):
        row = row or self.row
        return client.post(f"{DESK}{row.uuid}/{name}/", {"attempt": row.attempts.count(), **data}, follow=True)

    def attach(self, client: Client, row: Generation | None = None):
        return self.press(client, "attach", row, upstream_id=self.upstream_id)

    def send_again(self, client: Client):
        return self.press(client, "send-again", typed="may cost twice")

    def creates_after_the_queue_has_run(self) -> int:
        run_queue()
        return len(self.upstream.creates)


class DeskTests(DeskCase, TestCase):
    def test_a_case_says_what_one_needs_to_find_it_at_the_gateway(self):
        page = self.settler().get(DESK)
        attempt = self.row.attempts.get()
        for words in (
            f"{attempt.opened_at:%Y-%m-%d %H:%M:%S}",
            f"{attempt.closed_at:%H:%M:%S}",
            self.row.upstream_model,
            self.gateway.name,
            self.row.prompt.text,
            "<dt>Price</dt><dd>Unknown</dd>",
            "alice",
        ):
            self.assertContains(page, words)

    def test_an_id_the_gateway_knows_is_attached_and_the_row_goes_on(self):
        page = self.attach(self.settler())
        self.assertContains(page, "Attached.")
        self.assertNotContains(page, self.row.prompt.text)
        row = self.refreshed(self.row)
        self.assertEqual((row.status, row.upstream_id), (Status.IN_PROGRESS, self.upstream_id))
        self.assertEqual(self.creates_after_the_queue_has_run(), 1)

    def test_what_does_not_fit_is_said_beside_the_form(self):
        other = self.lost(model="wan/wan2.7")
        held = self.refreshed(begun())
        submit.submit(held.pk)
        held = self.refreshed(held)
        self.upstream.tasks["alias"] = self.upstream.tasks[held.upstream_id]
        client = self.settler()
        for upstream_id, words in (
            ("task_unheard_of", "does not know this task"),
            ("alias", f"answered about another task: {held.upstream_id}"),
            (self.upstream.creates[1].upstream_id, "made by wan2.7, not by wan2.6"),
            (held.upstream_id, "already holds"),
        ):
            with self.subTest(words):
                page = self.press(client, "attach", upstream_id=upstream_id)
                self.assertContains(page, words, status_code=422)
                self.assertEqual(self.refreshed(self.row).status, Status.UNKNOWN)
        self.assertEqual(self.refreshed(other).status, Status.UNKNOWN)

    def test_each_decision_takes_its_right(self):
        for name, wrong in (("attach", "send_again"), ("not-created", "send_again"), ("send-again", "settle_unknown")):
            bob().user_permissions.clear()
            for client in (self.signed_in(bob()), self.signed_in(bob(), wrong)):
                with self.subTest(name):
                    page = self.press(client, name, upstream_id=self.upstream_id, typed="may cost twice")
                    self.assertEqual(page.status_code, 403)
        self.assertEqual(self.refreshed(self.row).status, Status.UNKNOWN)

    def test_another_team_neither_sees_nor_decides_whatever_its_rights(self):
        client = self.settler(carol())
        self.assertNotContains(client.get(DESK), self.row.prompt.text)
        for name in ("attach", "not-created", "send-again"):
            page = self.press(client, name, upstream_id=self.upstream_id, typed="may cost twice")
            self.assertEqual(page.status_code, 404)
        self.assertEqual(self.refreshed(self.row).status, Status.UNKNOWN)

    def test_a_task_that_another_team_holds_is_not_attached(self):
        make_generation(Status.IN_PROGRESS, user=carol(), upstream_id=self.upstream_id)
        self.assertContains(self.attach(self.settler()), "already holds", status_code=422)

    def test_a_page_that_is_stale_changes_nothing_and_says_so(self):
        decisions: dict[str, Callable[[Client], object]] = {
            "attach": self.attach,
            "not-created": partial(self.press, name="not-created"),
            "send-again": self.send_again,
        }
        client = self.settler()
        self.press(self.settler(bob()), "not-created")
        facts = Generation.objects.filter(pk=self.row.pk).values().get()
        for name, decide in decisions.items():
            with self.subTest(name):
                self.assertContains(decide(client), "Only a generation whose outcome is unknown")
        self.assertEqual(Generation.objects.filter(pk=self.row.pk).values().get(), facts)
        self.assertEqual((facts["failure"], self.creates_after_the_queue_has_run()), (Failure.NOT_SENT, 1))

    def test_sending_again_twice_in_a_row_sends_once_more(self):
        client = self.settler()
        self.assertContains(self.send_again(client), "It is sent again.")
        self.assertEqual(self.creates_after_the_queue_has_run(), 2)
        self.assertContains(self.send_again(client), "Only a generation whose outcome is unknown")
        self.assertEqual(self.creates_after_the_queue_has_run(), 2)

    def test_a_page_that_shows_the_first_attempt_decides_nothing_about_the_second(self):
        client = self.settler()
        self.upstream.closes_before_answer()
        self.send_again(client)
        self.assertEqual(self.creates_after_the_queue_has_run(), 2)
        facts = Generation.objects.filter(pk=self.row.pk).values().get()
        self.assertEqual(facts["status"], Status.UNKNOWN)
        for name in ("attach", "not-created", "send-again"):
            with self.subTest(name):
                sent = {"upstream_id": self.upstream_id, "typed": "may cost twice", "attempt": "1"}
                page = self.press(client, name, **sent)
                self.assertContains(page, "sent again since this page was loaded", status_code=422)
                self.assertEqual({field["value"] for field in read(page).all("input", name="attempt")}, {"2"})
                self.assertNotContains(page, 'value="may cost twice"', status_code=422)
        self.assertEqual(Generation.objects.filter(pk=self.row.pk).values().get(), facts)
        self.assertEqual(self.creates_after_the_queue_has_run(), 2)


class AtOnceTests(DeskCase, TransactionTestCase):
    """Two people, or one double click."""

    def test_a_double_click_on_send_again_sends_one_create_more(self):
        clients = [self.settler(), self.settler(bob())]
        race([partial(self.send_again, client) for client in clients])
        self.assertEqual(len(queued()), 1)
        self.assertEqual(self.creates_after_the_queue_has_run(), 2)
        self.assertEqual(self.row.attempts.count(), 2)

    def test_of_two_different_decisions_one_counts(self):
        clients = [self.settler(), self.settler(bob())]
        race([partial(self.press, clients[0], "not-created"), partial(self.send_again, clients[1])])
        row = self.refreshed(self.row)
        self.assertIn(row.status, {Status.FAILED, Status.QUEUED})
        self.assertEqual(self.creates_after_the_queue_has_run(), 1 + (row.status == Status.QUEUED))
        self.assertEqual(row.events.filter(before=Status.UNKNOWN).count(), 1)

    def test_of_two_rows_that_are_given_one_task_one_gets_it(self):
        other = self.lost()
        clients = [self.settler(), self.settler(bob())]
        race([partial(self.attach, clients[0], self.row), partial(self.attach, clients[1], other)])
        statuses = sorted(self.refreshed(row).status for row in (self.row, other))
        self.assertEqual(statuses, [Status.IN_PROGRESS, Status.UNKNOWN])
