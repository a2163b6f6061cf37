"""The operator's screen, and the desk of unknown outcomes: what may be edited, what is only read, who decides."""

from decimal import Decimal
from typing import Any
from unittest import mock

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext
from django_q.models import Failure as QueueFailure
from django_q.models import OrmQ, Schedule, Success

from generations.lifecycle import decisions
from generations.models import (
    Event,
    Failure,
    Gateway,
    Generation,
    LedgerEntry,
    Membership,
    ModelPrice,
    Prompt,
    Status,
    SubmitAttempt,
    Team,
    User,
)
from tests.factories import PASSWORD, alice, carol, make_gateway, make_generation, make_price, make_team, make_user
from tests.pages import Element, read

GATEWAYS = "/admin/generations/gateway/"
GENERATIONS = "/admin/generations/generation/"
PEOPLE = "/admin/generations/user/"
KEY = "sk-very-secret-key-9876"


def give(user: User, *codenames: str) -> User:
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    return user


class AdminTestCase(TestCase):
    """root may do everything; olga is an operator: staff, and nothing else."""

    @classmethod
    def setUpTestData(cls) -> None:
        cls.gateway = make_gateway(key=KEY)
        cls.root = make_user("root", is_staff=True, is_superuser=True)
        cls.olga = make_user("olga", is_staff=True)

    def setUp(self) -> None:
        self.client.force_login(self.root)

    def page(self, path: str, **query: Any) -> Element:
        response = self.client.get(path, query)
        self.assertEqual(response.status_code, 200)
        return read(response)

    def as_olga(self) -> None:
        self.client.force_login(self.olga)

    def act(self, action: str, *rows: Any, path: str = GENERATIONS, **data: Any) -> Element:
        """Return the page that follows an action on rows."""
        data |= {"action": action, "_selected_action": [row.pk for row in rows]}
        return read(self.client.post(path, data, follow=True))


class RegistryTests(TestCase):
    def test_the_queue_s_own_pages_are_not_there(self):
        for model in (Schedule, Success, QueueFailure, OrmQ):
            self.assertFalse(admin.site.is_registered(model))

    def test_what_happened_cannot_be_changed_by_anybody(self):
        root = User(username="root", is_staff=True, is_superuser=True)
        request = mock.Mock(user=root)
        for model in (Generation, Event, SubmitAttempt, Prompt, LedgerEntry):
            shown = admin.site.get_model_admin(model)
            with self.subTest(model.__name__):
                self.assertFalse(shown.has_add_permission(request))
                self.assertFalse(shown.has_change_permission(request))
                self.assertFalse(shown.has_delete_permission(request))

    def test_what_history_names_cannot_be_deleted(self):
        request = mock.Mock(user=User(username="root", is_staff=True, is_superuser=True))
        for model in (Gateway, User, Team):
            self.assertFalse(admin.site.get_model_admin(model).has_delete_permission(request))


class PageTests(AdminTestCase):
    def test_every_list_page_opens_searches_and_bears_nonsense(self):
        make_generation(Status.FAILED, failure=Failure.EXPIRED)
        for model, shown in admin.site._registry.items():
            path = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
            with self.subTest(path):
                self.assertEqual(self.client.get(path).status_code, 200)
                if shown.search_fields:
                    for words in ("fox", "\0", "'", "x" * 1000):
                        self.assertIn(self.client.get(path, {"q": words}).status_code, {200, 302})

    def test_every_page_of_one_opens(self):
        row = make_generation(Status.COMPLETED)
        for thing in (row, row.prompt, row.events.first(), row.attempts.first(), row.team, self.gateway, self.root):
            path = f"/admin/{thing._meta.app_label}/{thing._meta.model_name}/{thing.pk}/change/"
            with self.subTest(path):
                self.assertEqual(self.client.get(path).status_code, 200)

    def test_generations_are_found_by_words_ids_and_filters(self):
        row = make_generation(Status.IN_PROGRESS, prompt="A red fox")
        other = make_generation(prompt="A hen")
        for query in ({"q": "red fox"}, {"q": str(row.uuid)}, {"q": row.upstream_id}, {"status__exact": "in_progress"}):
            with self.subTest(query):
                page = self.page(GENERATIONS, **query)
                links = [link.text for link in page.one(id_="result_list").all("a")]
                self.assertIn(str(row.uuid), links)
                self.assertNotIn(str(other.uuid), links)

    def test_lists_take_the_same_statements_for_any_number_of_rows(self):
        for path in (GENERATIONS, "/admin/generations/event/", "/admin/generations/submitattempt/"):
            counts = set()
            for _ in range(2):
                for number in range(3):
                    make_generation(Status.UNKNOWN, prompt=f"number {number}")
                with CaptureQueriesContext(connection) as found:
                    self.page(path)
                counts.add(len(found))
            self.assertEqual(len(counts), 1, path)

    def test_words_of_people_are_only_words(self):
        row = make_generation(Status.UNKNOWN, prompt="<script>alert(1)</script>", detail="<script>alert(1)</script>")
        for path in (GENERATIONS, f"{GENERATIONS}{row.pk}/change/", "/admin/generations/prompt/"):
            self.assertNotContains(self.client.get(path), "<script>alert")
        for action in ("attach", "confirm_not_created"):
            self.assertNotIn("alert(1)", [script.text for script in self.act(action, row).all("script")])


class OperatorTests(AdminTestCase):
    """Staff status is all that an operator's work needs."""

    def test_every_page_of_the_studio_opens_and_none_of_django_s_groups(self):
        self.as_olga()
        index = self.page("/admin/").text
        for model in admin.site._registry:
            path = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
            with self.subTest(path):
                is_ours = model._meta.app_label == "generations"
                self.assertEqual(self.client.get(path).status_code, 200 if is_ours else 403)
                self.assertEqual(str(model._meta.verbose_name_plural).title() in index.title(), is_ours)
        for path in (f"{GATEWAYS}add/", f"{PEOPLE}add/", "/admin/generations/team/add/"):
            self.assertEqual(self.client.get(path).status_code, 200)

    def test_what_may_cost_twice_is_given_by_hand(self):
        row = make_generation(Status.UNKNOWN)
        self.as_olga()
        page = self.page("/queue/unknown/").one("main")
        self.assertEqual(len(page.all("form")), 2)
        response = self.client.post(f"/queue/unknown/{row.uuid}/send-again/", {"typed": "may cost twice"})
        self.assertEqual(response.status_code, 403)
        self.client.force_login(give(self.olga, "send_again"))
        self.assertEqual(len(self.page("/queue/unknown/").one("main").all("form")), 3)

    def test_whatever_a_page_offers_an_operator_opens(self):
        self.gateway.pause("401")
        self.as_olga()
        for link in self.page("/models/").all("a"):
            if link["href"].startswith("/") and not link["href"].startswith("/s/"):
                with self.subTest(link["href"]):
                    self.assertEqual(self.client.get(link["href"]).status_code, 200)

    def test_a_page_s_rights_of_an_operator_take_no_statement(self):
        olga = User.objects.get(pk=self.olga.pk)
        with self.assertNumQueries(0):
            self.assertTrue(olga.has_perm("generations.change_gateway"))
            self.assertTrue(olga.has_perm("generations.settle_unknown"))


class KeyTests(AdminTestCase):
    """A key goes in and never comes out."""

    def save(self, gateway: Gateway | None = None, **changed: Any) -> Any:
        known = {"name": "fake", "base_url": "https://gateway.invalid", "offers": '["veo", "wan"]', "priority": "100"}
        known |= {"max_creates": "4", "max_active": "200", "enabled": "on", "new_key": "", "failure_policy": "unknown"}
        path = f"{GATEWAYS}{gateway.pk}/change/" if gateway else f"{GATEWAYS}add/"
        return self.client.post(path, known | changed)

    def test_no_page_shows_it_only_its_last_four(self):
        make_generation(Status.UNKNOWN)
        for path in (
            GATEWAYS,
            f"{GATEWAYS}{self.gateway.pk}/change/",
            f"{GATEWAYS}{self.gateway.pk}/history/",
            GENERATIONS,
        ):
            with self.subTest(path):
                response = self.client.get(path)
                self.assertNotContains(response, KEY)
                self.assertNotContains(response, "very-secret")
        self.assertContains(self.client.get(GATEWAYS), "…9876")
        self.assertEqual(
            self.page(f"{GATEWAYS}{self.gateway.pk}/change/").one("input", name="new_key").get("value"), ""
        )

    def test_an_empty_field_keeps_it(self):
        self.assertEqual(self.save(self.gateway, priority="7").status_code, 302)
        self.gateway.refresh_from_db()
        self.assertEqual((self.gateway.key, self.gateway.priority), (KEY, 7))

    def test_a_new_one_takes_its_place_and_ends_the_pause(self):
        Gateway.objects.update(key_source=Gateway.KeySource.ENVIRONMENT)
        self.gateway.pause("401")
        self.assertEqual(self.save(self.gateway, new_key="  sk-another-key-5555 ").status_code, 302)
        self.gateway.refresh_from_db()
        self.assertEqual((self.gateway.key, self.gateway.key_hint), ("sk-another-key-5555", "5555"))
        self.assertEqual((self.gateway.key_source, self.gateway.is_paused), (Gateway.KeySource.ADMIN, False))
        for entry in LogEntry.objects.all():
            self.assertNotIn("another", entry.change_message)

    def test_a_refused_form_does_not_show_what_was_typed_as_the_key(self):
        response = self.save(self.gateway, new_key="sk-typed-key-4444", base_url="nonsense")
        self.assertContains(response, "Enter an address such as")
        self.assertNotContains(response, "sk-typed-key-4444")

    def test_what_no_header_can_carry_is_refused(self):
        for given in ("sk with space", "sk-ключ-0000", "sk-a\tb-000000", "sk-a\0b"):
            with self.subTest(given):
                response = self.save(self.gateway, new_key=given)
                self.assertEqual(response.status_code, 200)
                self.assertTrue(read(response).of_class("errorlist"))
        self.gateway.refresh_from_db()
        self.assertEqual(self.gateway.key, KEY)

    def test_a_key_goes_to_no_other_address(self):
        response = self.save(self.gateway, base_url="https://evil.invalid")
        self.assertContains(response, "Enter the key again: the address changed")
        self.assertEqual(self.save(self.gateway, base_url="https://moved.invalid", new_key=KEY).status_code, 302)
        self.gateway.refresh_from_db()
        self.assertEqual(self.gateway.base_url, "https://moved.invalid")

    def test_not_even_one_that_cannot_be_read_now(self):
        with self.settings(FIELD_KEYS=["another"]):
            self.assertContains(self.client.get(GATEWAYS), "cannot be decrypted")
            response = self.save(self.gateway, base_url="https://evil.invalid")
            self.assertContains(response, "Enter the key again: the address changed")
            self.assertEqual(self.save(self.gateway, priority="7").status_code, 302)
        self.gateway.refresh_from_db()
        self.assertEqual((self.gateway.key, self.gateway.priority), (KEY, 7))

    def test_a_gateway_is_added(self):
        self.assertEqual(self.save(name="new", new_key=KEY).status_code, 302)
        added = Gateway.objects.get(name="new")
        self.assertEqual((added.key, added.offers, added.key_source), (KEY, ["veo", "wan"], Gateway.KeySource.ADMIN))

    def test_what_makes_no_sense_is_refused_at_its_field(self):
        for changed, words in (
            ({"base_url": ""}, "Enter the gateway's address."),
            ({"base_url": "https://gateway.invalid/v1/"}, "Leave /v1 out"),
            ({"base_url": "ftp://gateway.invalid"}, "Enter an address such as"),
            ({"base_url": "https://user:pass@gateway.invalid"}, "Enter the address alone"),
            ({"base_url": "https://["}, "Enter an address"),
            ({"offers": '"veo"'}, "Enter a list of texts"),
            ({"offers": "[1]"}, "Enter a list of texts"),
            ({"offers": '["veoo"]'}, "Nothing is called 'veoo'. It can be grok, grok/grok-imagine-video"),
            ({"offers": "nonsense"}, "Enter a valid JSON."),
            ({"offers": '["\\u0000"]'}, "Nothing is called"),
            ({"max_creates": "0"}, "nothing would ever be sent"),
            ({"max_active": "-1"}, "greater than or equal to"),
            ({"priority": "9" * 30}, "less than or equal to"),
            ({"name": "two words"}, "Enter a valid"),
        ):
            with self.subTest(str(changed)[:40]):
                response = self.save(**({"name": "new", "new_key": KEY} | changed))
                self.assertEqual(response.status_code, 200)
                self.assertIn(words, " ".join(read(response).text.split()))
        self.assertFalse(Gateway.objects.filter(name="new").exists())

    def test_a_gateway_keeps_its_name(self):
        self.save(self.gateway, name="renamed")
        self.gateway.refresh_from_db()
        self.assertEqual(self.gateway.name, "fake")

    def test_the_sandbox_has_no_key_to_set(self):
        sandbox = make_gateway("sandbox", key_source=Gateway.KeySource.SANDBOX, key="", base_url="")
        page = self.page(f"{GATEWAYS}{sandbox.pk}/change/")
        for name in ("new_key", "base_url", "offers"):
            self.assertFalse(page.all(name=name))
        self.assertEqual(self.save(sandbox, new_key=KEY, priority="8").status_code, 302)
        sandbox.refresh_from_db()
        self.assertEqual((sandbox.key, sandbox.is_sandbox, sandbox.priority), ("", True, 8))


class MoneyTests(AdminTestCase):
    """Prices are entered here; what happened to money is only read, and corrected by another entry."""

    PRICES = "/admin/generations/modelprice/"

    def enter(self, **changed: Any) -> Any:
        known = {"model_key": "wan/wan2.6", "per": "second", "amount": "0.08", "currency": "USD", "as_of": "2026-11-20"}
        return self.client.post(f"{self.PRICES}add/", known | {"source": "invoice 7"} | changed)

    def test_a_price_is_entered(self):
        self.assertEqual(self.enter(option="size", value="1080p").status_code, 302)
        price = ModelPrice.objects.get()
        self.assertEqual((price.amount, price.value, price.origin), (Decimal("0.08"), "1080p", "operator"))
        self.assertIn("0.08", self.page(self.PRICES).text)

    def test_a_wrong_one_is_refused_with_a_reason(self):
        self.enter()
        for changed, words in (
            ({}, "There is a price for this case already."),
            ({"option": "size", "value": "8K"}, "Size can be"),
            ({"option": "size"}, "An option and its value go together."),
            ({"amount": "-1", "option": "seconds", "value": "5"}, "is not a sum"),
            ({"model_key": "nobody/knows"}, "is not one of the available choices"),
        ):
            with self.subTest(words):
                self.assertContains(self.enter(**changed), words)
        self.assertEqual(ModelPrice.objects.count(), 1)

    def test_a_price_per_token_is_kept_as_what_a_second_costs_so_that_the_button_can_say_it(self):
        per_token = {"per": "million_tokens", "amount": "2.50"}
        self.assertContains(self.enter(tokens_per_second="21600"), "It goes with a price a million tokens.")
        self.assertContains(self.enter(**per_token, tokens_per_second="999999999999"), "No second of video costs that")
        self.enter(**per_token, tokens_per_second="21600")
        price = ModelPrice.objects.get()
        self.assertEqual((price.per, price.amount), ("second", Decimal("0.054")))
        self.assertEqual(price.source, "invoice 7 (2.50 USD a million tokens, 21600 tokens a second)")
        said = self.client.get("/price/", {"model": "wan/wan2.6", "seconds": "10"})
        self.assertContains(said, "about 0.54 USD")
        self.enter(**per_token, model_key="veo/veo3.1")
        self.assertContains(self.client.get("/price/", {"model": "veo/veo3.1"}), "price unknown")

    def test_what_the_gateway_s_list_says_is_only_read(self):
        listed = make_price("0.02", model="", upstream_id="wan2.6", gateway=self.gateway, origin="listing")
        path = f"{self.PRICES}{listed.pk}/change/"
        self.assertEqual(self.client.get(path).status_code, 200)
        self.assertEqual(self.client.post(path, {"amount": "9"}).status_code, 403)
        self.assertEqual(self.client.post(f"{self.PRICES}{listed.pk}/delete/", {"post": "yes"}).status_code, 403)
        self.act("delete_selected", listed, path=self.PRICES, post="yes")
        self.assertEqual(ModelPrice.objects.get().amount, Decimal("0.02"))

    def test_a_failure_s_cost_is_corrected_by_one_more_entry(self):
        row = make_generation(Status.FAILED, quote="0.40")
        asked = self.act("correct_cost", row)
        self.assertIn("In the ledger: 0.40 USD held. What you enter, in USD, is", asked.text)
        self.assertEqual(row.ledger.count(), 1)
        page = self.act("correct_cost", row, spent="0.10", reason="invoice 7")
        self.assertIn("Written into the ledger", page.text)
        entry = row.ledger.last()
        self.assertEqual((entry.held, entry.spent, entry.actor), (Decimal("-0.40"), Decimal("0.10"), "root"))
        self.assertIn("invoice 7", self.page(f"{GENERATIONS}{row.pk}/change/").text)

    def test_nonsense_and_what_has_not_ended_is_not_corrected(self):
        row = make_generation(Status.FAILED, quote="0.40")
        for spent, reason in (("-1", "x"), ("much", "x"), ("1", ""), ("", "x")):
            self.assertTrue(self.act("correct_cost", row, spent=spent, reason=reason).all(class_="errorlist"))
        running = make_generation(Status.IN_PROGRESS, quote="0.40")
        self.assertIn("Choose one generation that has ended.", self.act("correct_cost", running).text)
        self.assertEqual(LedgerEntry.objects.count(), 2)

    def test_staff_status_alone_is_enough(self):
        row = make_generation(Status.FAILED, quote="0.40")
        self.as_olga()
        self.act("correct_cost", row, spent="0", reason="x")
        self.assertEqual(row.ledger.last().actor, "olga")


class PauseTests(AdminTestCase):
    def test_a_gateway_is_paused_and_works_again(self):
        page = self.act("pause", self.gateway, path=GATEWAYS)
        self.assertIn("Paused. What is waiting waits", page.text)
        self.gateway.refresh_from_db()
        self.assertTrue(self.gateway.is_paused)
        self.assertIn("paused: Paused by root.", self.page(GATEWAYS).text)
        self.act("resume", self.gateway, path=GATEWAYS)
        self.gateway.refresh_from_db()
        self.assertFalse(self.gateway.is_paused)

    def test_staff_status_alone_is_enough(self):
        self.as_olga()
        self.act("pause", self.gateway, path=GATEWAYS)
        self.gateway.refresh_from_db()
        self.assertEqual(self.gateway.paused_reason, "Paused by olga.")


class DecisionTests(AdminTestCase):
    """Attach, confirm, ask: in the admin's list."""

    def setUp(self) -> None:
        super().setUp()
        self.row = make_generation(Status.UNKNOWN, prompt="A lost fox")

    def retrieved(self, **raw: Any) -> Any:
        task = mock.Mock(word="processing", raw={"model": self.row.upstream_model, **raw})
        return mock.patch.object(decisions, "retrieve", return_value=task)

    def test_an_id_is_asked_for_checked_and_attached(self):
        page = self.act("attach", self.row)
        form = next(form for form in page.all("form") if form.all(name="upstream_id"))
        self.assertIn("A lost fox", page.text)
        with self.retrieved() as asked:
            response = self.client.post(GENERATIONS, form.controls() | {"upstream_id": [" task_77 "]}, follow=True)
        self.assertContains(response, "Attached.")
        asked.assert_called_once()
        self.row.refresh_from_db()
        self.assertEqual((self.row.status, self.row.upstream_id), (Status.IN_PROGRESS, "task_77"))
        self.assertEqual(self.row.attempts.get().decided_by, self.root)
        self.assertEqual(self.row.events.last().actor, "root")

    def test_an_id_that_is_refused_stays_in_the_field_with_the_reason(self):
        held = make_generation(Status.IN_PROGRESS)
        for given, words in (
            (held.upstream_id, "Another generation already holds"),
            ("a b", "That is not an upstream id."),
        ):
            with self.subTest(given):
                page = self.act("attach", self.row, upstream_id=given)
                self.assertIn(words, page.text)
                self.assertEqual(page.one("input", name="upstream_id")["value"], given)
        with mock.patch.object(decisions, "retrieve", side_effect=decisions.CannotDo("The gateway says 404.")):
            self.assertIn("The gateway says 404.", self.act("attach", self.row, upstream_id="task_1").text)
        for given in ("", "\0", "x" * 513):
            self.assertTrue(self.act("attach", self.row, upstream_id=given).of_class("errorlist"))
        self.row.refresh_from_db()
        self.assertEqual(self.row.status, Status.UNKNOWN)

    def test_one_at_a_time_and_only_unknown_ones_take_an_id(self):
        other = make_generation(Status.UNKNOWN)
        for rows in ((self.row, other), (make_generation(),)):
            self.assertIn("Choose one generation whose outcome is unknown.", self.act("attach", *rows).text)

    def test_confirming_asks_first_and_then_ends_them(self):
        other = make_generation(Status.COMPLETED)
        page = self.act("confirm_not_created", self.row, other)
        self.assertIn("A lost fox", page.text)
        self.row.refresh_from_db()
        self.assertEqual(self.row.status, Status.UNKNOWN)
        [form] = [form for form in page.all("form") if form.all(name="confirmed")]
        response = self.client.post(GENERATIONS, form.controls() | {"confirmed": ["yes"]}, follow=True)
        self.assertContains(response, "Confirmed (1).")
        self.assertContains(response, "Only a generation whose outcome is unknown")
        self.row.refresh_from_db()
        self.assertEqual((self.row.status, self.row.failure), (Status.FAILED, Failure.NOT_SENT))
        other.refresh_from_db()
        self.assertEqual(other.status, Status.COMPLETED)

    def test_asking_again_creates_nothing(self):
        expired = make_generation(Status.FAILED, failure=Failure.EXPIRED)
        attempts = SubmitAttempt.objects.count()
        self.assertIn("Asking upstream (1).", self.act("ask_now", expired).text)
        expired.refresh_from_db()
        self.assertEqual(expired.status, Status.IN_PROGRESS)
        self.assertIn("There is no upstream id", self.act("ask_now", make_generation()).text)
        self.assertEqual(SubmitAttempt.objects.count(), attempts)

    def test_staff_status_alone_is_enough_to_decide(self):
        self.as_olga()
        self.act("confirm_not_created", self.row, confirmed="yes")
        self.row.refresh_from_db()
        self.assertEqual(self.row.status, Status.FAILED)

    def test_the_right_to_decide_without_staff_status_opens_no_page(self):
        self.client.force_login(give(alice(), "settle_unknown", "view_generation"))
        for path in (GENERATIONS, f"{GENERATIONS}{self.row.pk}/change/"):
            self.assertEqual(self.client.get(path).status_code, 302)


class DeskTests(AdminTestCase):
    """The same decisions on the team's own page."""

    def setUp(self) -> None:
        super().setUp()
        self.row = make_generation(Status.UNKNOWN, prompt="A lost fox")
        self.client.force_login(give(self.olga, "settle_unknown", "send_again"))

    def decide(self, name: str, **data: Any) -> Any:
        return self.client.post(f"/queue/unknown/{self.row.uuid}/{name}/", {"attempt": 1, **data}, follow=True)

    def status(self) -> str:
        return Generation.objects.get(pk=self.row.pk).status

    def test_everybody_sees_them_and_who_may_decide_has_the_forms(self):
        page = self.page("/queue/unknown/")
        self.assertIn("A lost fox", page.text)
        self.assertEqual(len(page.one("main").all("form")), 3)
        self.client.force_login(alice())
        page = self.page("/queue/unknown/")
        self.assertIn("A lost fox", page.text)
        self.assertFalse(page.one("main").all("form"))
        self.assertIn("An operator decides about these.", page.text)

    def test_it_takes_the_same_statements_for_any_number(self):
        self.page("/queue/unknown/")
        with self.assertNumQueries(8):
            self.page("/queue/unknown/")
        for number in range(4):
            make_generation(Status.UNKNOWN, prompt=f"number {number}")
        with self.assertNumQueries(8):
            self.page("/queue/unknown/")

    def test_not_created(self):
        self.assertContains(self.decide("not-created"), "Noted: nothing was created.")
        self.assertEqual(self.status(), Status.FAILED)
        self.assertContains(self.decide("not-created"), "Only a generation whose outcome is unknown")

    def test_sending_again_needs_the_words_and_what_was_typed_stays(self):
        response = self.decide("send-again", typed="may <cost>")
        self.assertContains(response, "Nothing was sent.", status_code=422)
        self.assertEqual(read(response).one("input", name="typed")["value"], "may <cost>")
        self.assertEqual(self.status(), Status.UNKNOWN)
        self.assertContains(self.decide("send-again", typed=" May cost  TWICE"), "It is sent again.")
        self.assertEqual((self.status(), OrmQ.objects.count()), (Status.QUEUED, 1))
        self.assertEqual(self.row.attempts.get().decided_by, self.olga)

    def test_a_refused_id_stays_with_the_reason(self):
        response = self.decide("attach", upstream_id="not an id")
        self.assertContains(response, "That is not an upstream id.", status_code=422)
        self.assertEqual(read(response).one("input", name="upstream_id")["value"], "not an id")
        for given in ("", "\0", "x" * 100_000):
            self.assertEqual(self.decide("attach", upstream_id=given).status_code, 422)
        self.assertEqual(self.status(), Status.UNKNOWN)

    def test_an_id_is_attached(self):
        task = mock.Mock(word="processing", raw={"model": self.row.upstream_model})
        with mock.patch.object(decisions, "retrieve", return_value=task):
            self.assertContains(self.decide("attach", upstream_id="task_9"), "Attached.")
        self.assertEqual(self.status(), Status.IN_PROGRESS)


class PeopleTests(AdminTestCase):
    def add(self, **changed: Any) -> Any:
        known = {"username": "newcomer", "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
        return self.client.post(f"{PEOPLE}add/", known | changed)

    def test_a_new_person_joins_the_default_team_and_can_sign_in(self):
        self.assertEqual(self.add().status_code, 302)
        person = User.objects.get(username="newcomer")
        self.assertEqual(person.team, Team.objects.default())
        self.assertEqual(Membership.objects.filter(user=person).count(), 1)
        self.client.logout()
        response = self.client.post("/accounts/login/", {"login": "newcomer", "password": PASSWORD})
        self.assertRedirects(response, "/")

    def test_an_operator_adds_people(self):
        self.as_olga()
        self.assertEqual(self.add().status_code, 302)
        self.assertTrue(User.objects.filter(username="newcomer").exists())

    def test_a_weak_password_is_refused_with_a_sentence(self):
        response = self.add(password1="short", password2="short")
        self.assertContains(response, "at least 10 characters")

    def change(self, person: User, **changed: Any) -> Any:
        form = self.page(f"{PEOPLE}{person.pk}/change/").one(id_="user_form")
        return self.client.post(f"{PEOPLE}{person.pk}/change/", form.controls() | changed)

    def test_a_person_is_switched_off_and_moved_to_another_team(self):
        person = alice()
        sent = self.page(f"{PEOPLE}{person.pk}/change/").one(id_="user_form").controls()
        sent.pop("is_active")
        sent["memberships-0-team"] = [str(make_team("Elsewhere").pk)]
        self.assertEqual(self.client.post(f"{PEOPLE}{person.pk}/change/", sent).status_code, 302)
        person.refresh_from_db()
        self.assertEqual((person.is_active, person.team.name), (False, "Elsewhere"))

    def test_only_superusers_hand_out_rights(self):
        self.as_olga()
        person = alice()
        rights = {"is_staff": ["on"], "is_superuser": ["on"]}
        rights["user_permissions"] = [str(Permission.objects.get(codename="send_again").pk)]
        self.assertEqual(self.change(person, first_name=["Alice"], **rights).status_code, 302)
        person = User.objects.get(pk=person.pk)
        self.assertEqual((person.first_name, person.is_staff, person.is_superuser), ("Alice", False, False))
        self.assertFalse(person.user_permissions.exists())
        self.change(self.olga, is_superuser=["on"])
        self.assertFalse(User.objects.get(pk=self.olga.pk).is_superuser)

    def test_only_superusers_touch_a_superuser_s_account(self):
        self.as_olga()
        path = f"{PEOPLE}{self.root.pk}"
        self.assertEqual(self.client.get(f"{path}/password/").status_code, 403)
        new = {"password1": "taken over by olga", "password2": "taken over by olga", "usable_password": "true"}
        self.assertEqual(self.client.post(f"{path}/password/", new).status_code, 403)
        self.client.post(f"{path}/change/", {"username": "olgas", "email": "olga@example.com"})
        self.root.refresh_from_db()
        self.assertEqual((self.root.username, self.root.email), ("root", ""))
        self.assertTrue(self.root.check_password(PASSWORD))

    def test_nobody_takes_the_account_of_somebody_who_may_more(self):
        by_hand, by_group = give(make_user("bob"), "send_again"), make_user("erin", is_active=False)
        group = Group.objects.create(name="Payers")
        group.permissions.set(Permission.objects.filter(codename="send_again"))
        by_group.groups.add(group)
        self.as_olga()
        for person in (by_hand, by_group):
            with self.subTest(person):
                self.assertEqual(self.client.get(f"{PEOPLE}{person.pk}/password/").status_code, 403)
                self.assertFalse(self.page(f"{PEOPLE}{person.pk}/change/").all("input", name="email"))
        give(self.olga, "send_again")
        for person in (by_hand, by_group):
            self.assertEqual(self.client.get(f"{PEOPLE}{person.pk}/password/").status_code, 200)

    def test_operators_set_passwords_of_others(self):
        self.as_olga()
        new = {"password1": "a new one for alice", "password2": "a new one for alice", "usable_password": "true"}
        person = alice()
        self.assertEqual(self.client.post(f"{PEOPLE}{person.pk}/password/", new).status_code, 302)
        person.refresh_from_db()
        self.assertTrue(person.check_password("a new one for alice"))


class TeamTests(AdminTestCase):
    def test_a_team_is_added_with_its_people(self):
        sent = self.page("/admin/generations/team/add/").one(id_="team_form").controls()
        sent |= {"name": ["Third"], "memberships-TOTAL_FORMS": ["1"], "memberships-0-user": [str(carol().pk)]}
        sent["memberships-0-role"] = ["member"]
        self.assertEqual(self.client.post("/admin/generations/team/add/", sent).status_code, 302)
        team = Team.objects.get(name="Third")
        self.assertEqual([membership.user for membership in team.memberships.all()], [carol()])
