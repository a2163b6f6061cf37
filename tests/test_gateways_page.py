"""The banner about a gateway that rests, and its button."""

from datetime import timedelta

from django.test import TestCase
from django.utils import timezone
from django_q.models import OrmQ

from generations.models import Gateway, Generation
from tests.factories import alice, begun, make_gateway, make_user
from tests.lifecycle.base import queued


class ResumeTests(TestCase):
    def setUp(self) -> None:
        self.gateway = make_gateway()
        self.boss = make_user("boss", is_staff=True, is_superuser=True)
        self.client.force_login(self.boss)

    def press(self, **data: str):
        return self.client.post(f"/gateways/{self.gateway.pk}/resume/", data)

    def test_a_paused_gateway_is_told_to_operators_with_a_button(self):
        self.gateway.pause("The key was refused (401).")
        self.assertContains(self.client.get("/models/"), "The key was refused (401).")
        self.assertContains(self.client.get("/models/"), f"/gateways/{self.gateway.pk}/resume/")
        self.client.force_login(alice())
        self.assertNotContains(self.client.get("/models/"), "The key was refused")

    def test_trying_again_ends_the_rest_and_makes_waiting_rows_due(self):
        self.gateway.pause("The key was refused (401).")
        Gateway.objects.update(trouble=7, tripped_until=timezone.now() + timedelta(minutes=3))
        generation = begun(user=self.boss)
        Generation.objects.update(due_at=timezone.now() + timedelta(minutes=5))
        OrmQ.objects.all().delete()
        self.assertRedirects(self.press(next="/queue/"), "/queue/")
        gateway = Gateway.objects.get(pk=self.gateway.pk)
        self.assertFalse(gateway.is_paused or gateway.is_tripped or gateway.is_on_trial)
        self.assertTrue(Generation.objects.due().filter(pk=generation.pk).exists())
        self.assertEqual(queued(), [("submit", (str(generation.pk),))])

    def test_it_takes_the_right_to_change_gateways(self):
        self.client.force_login(alice())
        self.gateway.pause("The key was refused (401).")
        self.assertEqual(self.press().status_code, 403)
        self.assertTrue(Gateway.objects.get(pk=self.gateway.pk).is_paused)

    def test_it_leads_back_to_this_site_only(self):
        self.assertRedirects(self.press(next="https://evil.invalid/"), "/", fetch_redirect_response=False)
