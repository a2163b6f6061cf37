"""The operators' page of gateways: what is listed, new, gone, priced otherwise, and answered as no document says."""

from django.test import TestCase
from django.utils import timezone

from generations.catalog import catalog
from generations.models import CatalogNotice, CatalogSnapshot, Drift, Gateway, ModelSwitch
from tests.factories import make_gateway, make_user
from tests.lifecycle.base import queued
from tests.pages import Element, read


class NewsTests(TestCase):
    def setUp(self):
        self.gateway = make_gateway(lists_models=True)
        self.client.force_login(make_user("boss", is_staff=True, is_superuser=True))

    def page(self, path: str = "/gateways/") -> Element:
        response = self.client.get(path)
        self.assertEqual(response.status_code, 200)
        return read(response)

    def notice(self, **fields) -> CatalogNotice:
        known = {"gateway": self.gateway, "kind": "new", "upstream_id": "new-one", "words": "New One by Acme."}
        return CatalogNotice.objects.create(**known | fields)

    def test_a_quiet_gateway(self):
        text = self.page().text
        self.assertIn("fake", text)
        self.assertIn("Not fetched yet", text)
        self.assertNotIn("no document says Unknown", text)
        self.assertNotIn("Look", [link.text for link in self.page("/models/").all("a")])

    def test_its_list_and_what_went_wrong_with_it(self):
        CatalogSnapshot.objects.create(gateway=self.gateway, listed={}, taken_at=timezone.now())
        Gateway.objects.update(listing_problem="The gateway failed while answering (500).")
        text = self.page().text
        self.assertIn("unchanged since", text)
        self.assertIn("The gateway failed while answering (500). Nothing changed by it.", text)

    def test_a_draft_is_text_and_nothing_else(self):
        self.notice(draft='[[model]]\nlabel = "<script>alert(1)</script>"\n')
        self.assertEqual(self.page().one("pre").raw_text, '[[model]]\nlabel = "<script>alert(1)</script>"\n')

    def test_a_banner_leads_operators_there_until_it_is_seen_to(self):
        notice = self.notice()
        self.notice(kind="price", upstream_id="wan2.6", words="It was less.")
        banner = self.page("/models/").of_class("page-notices")[0]
        self.assertIn("2 notices about the models and prices of gateways.", banner.text)
        self.assertEqual(banner.one("a")["href"], "/gateways/")
        for row in CatalogNotice.objects.all():
            self.client.post(f"/gateways/notices/{row.pk}/dismiss/")
        notice.refresh_from_db()
        self.assertIsNotNone(notice.dismissed_at)
        self.assertEqual(self.page("/models/").of_class("page-notices"), [])
        self.assertNotIn("New One", self.page().text)

    def test_answers_that_no_document_says(self):
        sample = Drift.sampled("wan/wan2.7", '{"a": "<b>"}')
        Drift.objects.create(gateway=self.gateway, kind="word", what="warming_up", count=7, sample=sample)
        page = self.page()
        self.assertIn("Unknown status: warming_up 7 times", page.text)
        self.assertIn("first seen at Wan 2.7", page.text)
        self.assertEqual(page.one("pre").raw_text, '{"a": "<b>"}')
        self.assertIn("answers what no document says", self.page("/models/").of_class("page-notices")[0].text)
        [link] = [link for link in page.all("a") if link.text == "Switch Wan 2.7 off, and nothing else"]
        switch = self.page(link["href"]).all("form")[-1].controls()
        self.client.post(link["href"], switch | {"reason": "its answers changed"})
        self.assertIn("Wan 2.7 is switched off", self.page().text)
        self.assertEqual(
            ModelSwitch.objects.all().why_not(catalog().get("wan/wan2.7"))[:24], "Wan 2.7 is switched off:"
        )
        self.client.post(f"/gateways/{self.gateway.pk}/forget/")
        self.assertNotIn("warming_up", self.page().text)

    def test_its_list_is_fetched_by_the_queue(self):
        self.client.post(f"/gateways/{self.gateway.pk}/list/")
        self.assertEqual(queued(), [("listing", (str(self.gateway.pk),))])
        other = make_gateway("plain")
        self.assertEqual(self.client.post(f"/gateways/{other.pk}/list/").status_code, 404)
        self.assertFalse(self.page().one(id_=f"gateway-{other.pk}").all("form"))

    def test_without_a_gateway_it_says_how_to_add_one(self):
        Gateway.objects.all().delete()
        self.assertIn("No gateway is set up", self.page().text)

    def test_it_takes_the_same_statements_for_any_number(self):
        for number in range(2):
            for part in range(3):
                self.notice(upstream_id=f"m{number}{part}")
                Drift.objects.create(gateway=self.gateway, kind="field", what=f"f{number}{part}")
                CatalogSnapshot.objects.create(gateway=self.gateway)
            with self.assertNumQueries(9):
                self.page()
