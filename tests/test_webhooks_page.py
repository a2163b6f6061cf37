"""The page of a team's webhooks: for its managers and operators, and what each button does."""

from datetime import timedelta

from django.http import QueryDict
from django.test import TestCase, override_settings
from django.utils import timezone

from generations.forms.webhooks import ChangeWebhookForm
from generations.lifecycle import webhooks as telling
from generations.models import Delivery, Membership, Status, User, Webhook
from tests.factories import alice, bob, carol, make_generation, make_user
from tests.lifecycle.base import queued
from tests.lifecycle.test_webhooks import make_delivery, make_webhook
from tests.pages import read

GOOD = {"name": "Our chat", "url": "https://hooks.example.com/T0/secret-part", "shape": "chat"}
GOOD_KINDS = ["generation.completed", "generation.failed"]
ACTIONS = ("test", "secret", "rotate", "disable", "enable", "delete")


class WebhooksPageCase(TestCase):
    """alice manages the team, bob is a member of it, olga an operator in it, carol manages another one."""

    @classmethod
    def setUpTestData(cls) -> None:
        cls.people = {"alice": alice(), "bob": bob(), "carol": carol(), "olga": make_user("olga", is_staff=True)}
        for name in ("alice", "carol"):
            Membership.objects.filter(user=cls.people[name]).update(role=Membership.Role.MANAGER)

    def sign_in(self, name: str) -> User:
        self.client.cookies.clear()  # with messages for whoever was here before
        self.client.force_login(self.people[name])
        return self.people[name]

    def add(self, **changes):
        return self.client.post("/team/webhooks/", {**GOOD, "kinds": GOOD_KINDS, **changes})


class AccessTests(WebhooksPageCase):
    def test_managers_and_operators_of_the_team_manage_its_webhooks(self):
        for person, expected in (("alice", 200), ("olga", 200), ("bob", 403), ("carol", 200)):
            self.sign_in(person)
            webhook = make_webhook(name="team secret")
            delivery = make_delivery(webhook, due_at=None, delivered_at=timezone.now())
            with self.subTest(person):
                page = self.client.get("/team/webhooks/")
                self.assertEqual(page.status_code, expected)
                is_theirs = person in {"alice", "olga"}
                self.assertEqual("team secret" in page.content.decode(), is_theirs)
                path = f"/team/webhooks/{webhook.pk}/"
                self.assertEqual(self.client.get(path).status_code, 200 if is_theirs else 404)
                for name in (f"deliveries/{delivery.uuid}/resend", *ACTIONS):
                    self.assertEqual(self.client.get(f"{path}{name}/").status_code, 405)
                    answer = self.client.post(f"{path}{name}/")
                    allowed = 200 if name == "secret" else 302
                    self.assertEqual(answer.status_code, allowed if is_theirs else 404, name)
                self.assertEqual(Webhook.objects.filter(pk=webhook.pk).exists(), not is_theirs)
            Webhook.objects.all().delete()

    def test_who_manages_nothing_is_told_who_does_and_adds_nothing(self):
        self.sign_in("bob")
        self.assertContains(self.client.get("/team/webhooks/"), "alice", status_code=403)
        self.assertEqual(self.add().status_code, 403)
        self.assertFalse(Webhook.objects.exists())

    def test_nobody_adds_to_a_team_that_is_not_theirs(self):
        self.sign_in("carol")
        self.assertEqual(self.add(team=alice().team.pk).status_code, 422)
        self.assertFalse(Webhook.objects.exists())


class AddingTests(WebhooksPageCase):
    def test_one_is_added_and_its_address_is_not_shown_again(self):
        self.sign_in("alice")
        response = self.add()
        webhook = Webhook.objects.get()
        self.assertRedirects(response, f"/team/webhooks/{webhook.pk}/")
        self.assertEqual((webhook.team, webhook.created_by), (alice().team, alice()))
        self.assertEqual((webhook.url, webhook.host, webhook.kinds), (GOOD["url"], "hooks.example.com", GOOD_KINDS))
        for path in ("/team/webhooks/", f"/team/webhooks/{webhook.pk}/"):
            page = self.client.get(path)
            self.assertContains(page, "hooks.example.com")
            self.assertNotContains(page, "secret-part")
            self.assertNotContains(page, webhook.secret)

    def test_a_refused_one_keeps_what_was_typed(self):
        self.sign_in("alice")
        for changes, words in (
            ({"url": "https://10.0.0.1/x"}, "not on the public internet"),
            ({"url": "http://example.com/x"}, "Only https addresses"),
            ({"url": ""}, "Enter an address."),
            ({"name": ""}, "Give it a name"),
            ({"kinds": []}, "Choose at least one thing"),
            ({"kinds": ["generation.nonsense"]}, "generation.nonsense"),
            ({"shape": "fax"}, "fax"),
        ):
            with self.subTest(changes):
                response = self.add(**changes)
                self.assertContains(response, words, status_code=422)
                controls = read(response).one("form", aria_labelledby="add-webhook").controls()
                self.assertEqual(controls["url"], [changes.get("url", GOOD["url"])])
                self.assertEqual(controls["name"], [changes.get("name", GOOD["name"])])
        self.assertFalse(Webhook.objects.exists())

    def test_a_team_has_so_many_and_no_more(self):
        self.sign_in("alice")
        for _ in range(20):
            make_webhook()
        self.assertContains(self.add(), "Delete one first", status_code=422)


class ChangingTests(WebhooksPageCase):
    def setUp(self):
        self.sign_in("alice")
        self.webhook = make_webhook(
            "https://old.example.com/secret-part", host="old.example.com", kinds=["generation.failed"]
        )
        self.path = f"/team/webhooks/{self.webhook.pk}/change/"

    def change(self, **fields):
        return self.client.post(self.path, {**GOOD, "kinds": GOOD_KINDS, **fields})

    def test_its_address_name_form_and_events_change_and_its_secret_and_log_stay(self):
        delivery = make_delivery(self.webhook)
        Webhook.objects.update(failing_since=timezone.now())
        self.assertRedirects(self.change(), self.webhook.get_absolute_url())
        changed = Webhook.objects.get()
        self.assertEqual((changed.name, changed.shape, changed.kinds), ("Our chat", "chat", GOOD_KINDS))
        self.assertEqual((changed.url, changed.host, changed.failing_since), (GOOD["url"], "hooks.example.com", None))
        self.assertEqual((changed.secret, changed.team, changed.created_at), self.kept())
        self.assertTrue(Delivery.objects.get(pk=delivery.pk).is_waiting)

    def kept(self) -> tuple:
        return self.webhook.secret, self.webhook.team, self.webhook.created_at

    def test_an_empty_address_keeps_the_one_it_has_which_is_not_shown(self):
        page = self.client.get(self.path)
        self.assertNotContains(page, "secret-part")
        self.assertContains(page, "old.example.com")
        controls = read(page).one("form", action=self.path).controls()
        self.assertEqual((controls["url"], controls["kinds"]), ([""], ["generation.failed"]))
        Webhook.objects.update(failing_since=timezone.now())
        self.assertEqual(self.change(url="").status_code, 302)
        changed = Webhook.objects.get()
        self.assertEqual((changed.url, changed.host, changed.name), (self.webhook.url, "old.example.com", "Our chat"))
        self.assertIsNotNone(changed.failing_since)

    def test_a_refused_change_changes_nothing_and_keeps_what_was_typed(self):
        for fields, words in (
            ({"url": "https://10.0.0.1/x"}, "not on the public internet"),
            ({"name": ""}, "Give it a name"),
            ({"kinds": []}, "Choose at least one thing"),
        ):
            with self.subTest(fields):
                response = self.change(**fields)
                self.assertContains(response, words, status_code=422)
                self.assertContains(response, f"Change {self.webhook.name}", status_code=422)
                controls = read(response).one("form", action=self.path).controls()
                self.assertEqual(controls["name"], [fields.get("name", GOOD["name"])])
        changed = Webhook.objects.get()
        self.assertEqual((changed.url, changed.name), (self.webhook.url, self.webhook.name))

    def test_a_secret_that_changes_meanwhile_stays_changed(self):
        form = ChangeWebhookForm(QueryDict("name=a&url=&shape=chat&kinds=generation.failed"), instance=self.webhook)
        self.assertTrue(form.is_valid())
        rotated = Webhook.objects.get()
        rotated.rotate()
        form.save()
        self.assertEqual(Webhook.objects.get().secret, rotated.secret)

    def test_an_address_that_cannot_be_decrypted_must_be_entered_again(self):
        with override_settings(FIELD_KEYS=["another key of the studio, 0123456789"]):
            self.assertContains(self.change(url=""), "Enter an address.", status_code=422)

    def test_a_team_it_does_not_belong_to_cannot_be_given_to_it(self):
        self.change(team=carol().team.pk)
        self.assertEqual(Webhook.objects.get().team, alice().team)

    def test_others_find_nothing_to_change(self):
        for person in ("bob", "carol"):
            self.sign_in(person)
            self.assertEqual((self.client.get(self.path).status_code, self.change().status_code), (404, 404))
        self.assertEqual(Webhook.objects.get().name, self.webhook.name)


class ButtonTests(WebhooksPageCase):
    def setUp(self):
        self.sign_in("alice")
        self.webhook = make_webhook()
        self.path = f"/team/webhooks/{self.webhook.pk}/"

    def press(self, name: str):
        return self.client.post(f"{self.path}{name}/", follow=True)

    def test_a_test_is_queued_and_the_page_does_not_wait_for_it(self):
        self.assertContains(self.press("test"), "A test is on its way")
        self.assertEqual(Delivery.objects.get().kind, "webhook.test")
        self.assertEqual(queued(), [("webhooks", ())])
        log = read(self.client.get(self.path)).one("section", id_="log")
        self.assertEqual(log["hx-get"], self.path)
        self.assertIn("Waiting", log.text)
        part = self.client.get(self.path, headers={"HX-Request": "true"})
        self.assertEqual(read(part).children[0]["id"], "log")

    def test_the_secret_is_shown_to_who_asks_and_kept_by_nobody(self):
        response = self.press("secret")
        self.assertContains(response, self.webhook.secret)
        self.assertIn("no-store", response.headers["Cache-Control"])
        self.assertNotContains(self.client.get(self.path), self.webhook.secret)

    def test_the_secret_changes(self):
        before = self.webhook.secret
        self.assertContains(self.press("rotate"), "It has a new secret.")
        self.webhook.refresh_from_db()
        self.assertNotEqual(self.webhook.secret, before)
        self.assertEqual(self.webhook.valid_secrets(timezone.now()), [self.webhook.secret, before])

    def test_what_was_given_up_is_sent_again_under_its_id(self):
        row = make_generation(Status.FAILED, prompt="A fox that failed")
        delivery = self.webhook.deliveries.get(kind="generation.failed")
        Delivery.objects.update(due_at=None, failed_at=timezone.now(), tries=11, http_status=500, answer="no room")
        page = self.client.get(self.path)
        self.assertContains(page, "no room")
        self.assertContains(page, row.get_absolute_url())
        self.assertContains(self.press(f"deliveries/{delivery.uuid}/resend"), "under the same id")
        again = Delivery.objects.get(pk=delivery.pk)
        self.assertEqual((again.uuid, again.tries, again.failed_at, again.is_waiting), (delivery.uuid, 0, None, True))
        self.assertContains(self.press(f"deliveries/{delivery.uuid}/resend"), "on its way already")

    def test_what_waits_for_its_next_try_is_sent_now(self):
        delivery = make_delivery(self.webhook)
        Delivery.objects.update(due_at=timezone.now() + timedelta(hours=10), tries=8)
        self.assertContains(self.client.get(self.path), f"deliveries/{delivery.uuid}/resend")
        self.assertContains(self.press(f"deliveries/{delivery.uuid}/resend"), "under the same id")
        self.assertLessEqual(Delivery.objects.get().due_at, timezone.now())
        Delivery.objects.update(tries=1, claim="a courier has it")
        self.assertContains(self.press(f"deliveries/{delivery.uuid}/resend"), "on its way already")

    def test_one_is_switched_off_by_hand_and_keeps_its_log(self):
        make_delivery(self.webhook)
        self.assertContains(self.press("disable"), "is told nothing more until it is switched on")
        self.webhook.refresh_from_db()
        self.assertIn(self.webhook.team.memberships.first().user.username, self.webhook.disabled_reason)
        make_generation(Status.FAILED)
        self.assertEqual(Delivery.objects.filter(due_at__isnull=False).count(), 0)
        self.assertEqual(Delivery.objects.count(), 1)

    def test_one_that_was_switched_off_says_so_and_is_switched_on(self):
        telling.switch_off(self.webhook, "Nothing got through to hooks for a day.")
        self.assertContains(self.client.get(self.path), "Nothing got through to hooks for a day.")
        self.assertContains(self.press("test"), "Switch it on first")
        self.assertFalse(Delivery.objects.exists())
        self.sign_in("olga")
        self.assertContains(self.client.get("/"), "The webhook ours is switched off.")
        self.press("enable")
        self.webhook.refresh_from_db()
        self.assertIsNone(self.webhook.disabled_at)
        self.assertNotContains(self.client.get("/"), "switched off")

    def test_a_deleted_one_takes_its_log_along(self):
        make_delivery(self.webhook)
        self.assertContains(self.press("delete"), "is deleted")
        self.assertFalse(Webhook.objects.exists() or Delivery.objects.exists())

    def test_a_prompt_in_the_log_is_text(self):
        make_generation(Status.FAILED, prompt="<script>alert(1)</script>")
        self.assertNotContains(self.client.get(self.path), "<script>alert")
