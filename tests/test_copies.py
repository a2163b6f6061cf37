"""Several copies at once: one group, one transaction, the price of all of them on the button, and its live page."""

from decimal import Decimal

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_q.models import OrmQ

from generations.lifecycle import begin as beginning
from generations.models import Event, Gateway, Generation, Group, LedgerEntry, Status
from generations.views.studio import SEEN_GROUP
from tests.factories import carol, make_generation, make_price
from tests.pages import read
from tests.test_studio import HTMX, WAN, StudioTestCase

GENERATE = {"id_": "generate"}


class CopiesTests(StudioTestCase):
    def test_each_copy_goes_the_whole_way(self):
        make_price("0.08")
        response = self.post(copies="3", form_token="a")
        group = Group.objects.get()
        self.assertRedirects(response, group.get_absolute_url())
        self.assertEqual(group.kind, Group.Kind.COPIES)
        rows = list(group.generations.order_by("id"))
        self.assertEqual([row.status for row in rows], [Status.QUEUED] * 3)
        self.assertEqual([row.relation for row in rows], ["", "copy", "copy"])
        self.assertEqual(len({row.prompt_id for row in rows}), 1)
        self.assertEqual(Event.objects.filter(generation__group=group).count(), 3)
        held = LedgerEntry.objects.filter(generation__group=group).values_list("held", flat=True)
        self.assertEqual(list(held), [Decimal("0.40")] * 3)
        self.assertEqual(OrmQ.objects.count(), 3)

    def test_the_button_says_what_all_of_them_cost(self):
        make_price("0.08")
        page = read(self.client.get("/", {"model": WAN, "copies": "3"}))
        self.assertIn("about 1.20 USD", page.one("button", **GENERATE).text)
        part = self.client.get("/price/", {"model": WAN, "copies": "10"}, headers=HTMX)
        self.assertIn("about 4.00 USD", part.content.decode())

    def test_sent_twice_it_is_one_group(self):
        first = self.post(copies="2", form_token="a")
        second = self.client.post("/", {"model": WAN, "prompt": "A fox", "copies": "2", "form_token": "a"}, follow=True)
        self.assertEqual(second.redirect_chain[-1][0], first["Location"])
        self.assertContains(second, SEEN_GROUP)
        self.assertEqual(Generation.objects.count(), 2)

    def test_the_same_token_with_another_number_is_another_group(self):
        self.post(copies="2", form_token="a")
        self.post(copies="3", form_token="a")
        self.assertEqual(Generation.objects.count(), 5)

    def test_with_htmx_every_card_arrives_and_a_fresh_form(self):
        page = read(self.post(copies="3", form_token="a", htmx=True))
        self.assertEqual(len(page.of_class("clip")), 3)
        form = page.one("form", id_="composer").controls()
        self.assertEqual(form["copies"], ["1"])
        self.assertNotEqual(form["form_token"], ["a"])

    def test_a_number_that_cannot_be_is_refused_and_nothing_is_lost(self):
        for wrong in ("0", "11", "-1", "two", "1.5"):
            with self.subTest(wrong):
                response = self.post(copies=wrong)
                self.assertContains(response, "Copies can be 1 to 10.", status_code=422)
                self.assertContains(response, "A fox", status_code=422)
        self.assertEqual(Generation.objects.count(), 0)

    def test_when_one_cannot_be_written_none_is(self):
        real, made = beginning.queue.hint, []

        def third_fails(*arguments):
            made.append(arguments)
            if len(made) == 3:
                raise RuntimeError("the disk is full")
            real(*arguments)

        self.addCleanup(setattr, beginning.queue, "hint", real)
        beginning.queue.hint = third_fails
        with self.assertRaisesMessage(RuntimeError, "the disk is full"):
            self.post(copies="4")
        self.assertEqual((Group.objects.count(), Generation.objects.count(), OrmQ.objects.count()), (0, 0, 0))

    def test_without_a_gateway_nothing_is_made(self):
        Gateway.objects.update(enabled=False)
        self.assertEqual(self.post(copies="4").status_code, 422)
        self.assertEqual(Group.objects.count(), 0)

    def test_each_further_copy_costs_five_statements(self):
        make_price("0.08")

        def statements(copies: int) -> int:
            with CaptureQueriesContext(
                connection,
            ) as found:
                self.post(copies=str(copies), form_token=f"of {copies}")
            return len(found)

        statements(2)  # the first use of a prompt costs more
        self.assertEqual(statements(10) - statements(3), 7 * 5)


class GroupPageTests(StudioTestCase):
    def setUp(self):
        super().setUp()
        self.group = Group.objects.create(team=self.alice.team, created_by=self.alice, kind=Group.Kind.BATCH)

    def member(self, status: str, **fields) -> Generation:
        return make_generation(status, group=self.group, **fields)

    def test_it_sums_up(self):
        self.member(Status.COMPLETED, quote="0.40")
        self.member(Status.QUEUED, quote="0.40")
        self.member(Status.FAILED)
        page = read(self.client.get(self.group.get_absolute_url())).one("div", id_="group-summary")
        self.assertIn("1 of 3 ready , 1 waiting, 1 failed", page.text)
        self.assertIn("Quoted 0.80 USD", page.text)
        self.assertIn("Held 0.40 USD", page.text)
        self.assertIn("Spent 0.40 USD", page.text)
        self.assertIn("Price unknown, in no sum 1", page.text)

    def test_its_videos_play_side_by_side(self):
        def link() -> list[str]:
            page = read(self.client.get(self.group.get_absolute_url())).one("div", id_="group-summary")
            return [link["href"] for link in page.all("a")]

        rows = [self.member(Status.COMPLETED), self.member(Status.QUEUED)]
        self.member(Status.COMPLETED, purged_at=rows[0].created_at)
        self.assertEqual(link(), [])
        rows = [rows[0], *(self.member(Status.COMPLETED) for _ in range(3))]
        asked = "/compare/?" + "&".join(f"v={row.uuid}" for row in rows)
        self.assertEqual(link(), [asked])
        self.assertEqual(len(read(self.client.get(asked)).all("video")), 4)
        self.member(Status.COMPLETED)
        self.assertEqual(link(), [f"{asked}&pick=1"])

    def test_its_summary_comes_with_the_cards_that_changed(self):
        row = self.member(Status.IN_PROGRESS)
        asked = {"v": f"{row.uuid}:0", "page": f"group-{self.group.uuid}"}
        page = read(self.client.get("/live/", asked, headers=HTMX))
        self.assertEqual(page.one("div", id_="group-summary")["hx-swap-oob"], "true")
        self.assertEqual(len(page.of_class("clip")), 1)

    def test_it_is_the_team_s_alone(self):
        row = self.member(Status.QUEUED)
        self.client.force_login(carol())
        self.assertEqual(self.client.get(self.group.get_absolute_url()).status_code, 404)
        asked = {"v": f"{row.uuid}:0", "page": f"group-{self.group.uuid}"}
        self.assertEqual(self.client.get("/live/", asked).status_code, 204)

    def test_cards_and_the_detail_lead_back(self):
        row = self.member(Status.QUEUED)
        for path in ("/generations/", row.get_absolute_url()):
            self.assertContains(self.client.get(path), f'href="{self.group.get_absolute_url()}"')

    def test_its_statements_do_not_grow(self):
        def statements() -> int:
            with CaptureQueriesContext(connection) as found:
                self.client.get(self.group.get_absolute_url())
            return len(found)

        self.member(Status.QUEUED)
        self.client.get(self.group.get_absolute_url())
        before = statements()
        for _ in range(5):
            self.member(Status.COMPLETED)
        self.assertEqual(statements(), before)
