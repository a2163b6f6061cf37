"""What a video costs, said before it is asked for and after: on the button, the page of one, the desk, the record."""

from dataclasses import replace
from decimal import Decimal

from django.test import TestCase

from generations.catalog import catalog
from generations.catalog.reference import models_page
from generations.lifecycle import decisions
from generations.models import Failure, Gateway, Status
from generations.specs import Price
from tests.factories import alice, any_gateway, make_gateway, make_generation, make_price
from tests.pages import Element, read
from tests.test_access import HTMX

WAN = "wan/wan2.6"


class ShownCase(TestCase):
    def setUp(self):
        any_gateway()
        self.client.force_login(alice())

    def button(self, response) -> str:
        return (
            read(response)
            .one("button", id_="generate")
            .one("span", class_="when-idle inline-flex items-center gap-2")
            .text
        )

    def facts(self, path: str) -> dict[str, str]:
        facts = read(self.client.get(path)).one("dl")
        return {row.one("dt").text: row.one("dd").text for row in facts.children}

    def to_the_sandbox(self) -> None:
        Gateway.objects.update(enabled=False)
        make_gateway("sandbox", key_source=Gateway.KeySource.SANDBOX, key="", base_url="")


class ButtonTests(ShownCase):
    def test_it_says_what_it_will_cost(self):
        make_price("0.08")
        self.assertEqual(self.button(self.client.get("/", {"model": WAN})), "Generate , about 0.40 USD")
        self.assertEqual(self.button(self.client.get("/", {"model": WAN, "seconds": 10})), "Generate , about 0.80 USD")
        self.assertIn("Generate<span", self.client.get("/", {"model": WAN}).content.decode())  # nothing between them

    def test_without_a_price_it_says_so_and_never_zero(self):
        self.assertEqual(self.button(self.client.get("/", {"model": WAN})), "Generate , price unknown")

    def test_the_sandbox_is_free(self):
        make_price("0.08")
        self.to_the_sandbox()
        self.assertEqual(self.button(self.client.get("/", {"model": WAN})), "Generate , free")

    def test_without_javascript_another_model_says_its_price(self):
        make_price("2", model="veo/veo3.1", per="request")
        response = self.client.post("/", {"switch": "1", "was": WAN, "model": "veo/veo3.1", "prompt": "A fox"})
        self.assertEqual(self.button(response), "Generate , about 2.00 USD")

    def test_a_refused_form_says_it_still(self):
        make_price("0.08")
        response = self.client.post("/", {"model": WAN, "prompt": "", "seconds": "10"})
        self.assertEqual((response.status_code, self.button(response)), (422, "Generate , about 0.80 USD"))
        response = self.client.post("/", {"model": WAN, "prompt": "A fox", "seconds": "11"})
        self.assertEqual((response.status_code, self.button(response)), (422, "Generate , price unknown"))

    def test_the_fresh_form_after_it_says_it_still(self):
        make_price("0.08")
        sent = {"model": WAN, "prompt": "A fox", "seconds": "15"}
        response = self.client.post("/", sent, headers=HTMX)
        self.assertEqual(self.button(response), "Generate , about 1.20 USD")
        response = self.client.post("/", sent | {"model": "wan/wan2.7"}, headers=HTMX)
        self.assertEqual(self.button(response), "Generate , price unknown")

    def test_a_model_nobody_offers_has_none_to_say(self):
        Gateway.objects.update(offers=["veo"])
        self.assertEqual(self.button(self.client.get("/", {"model": WAN})), "Generate")


class FollowingTests(ShownCase):
    def fragment(self, **query) -> Element:
        response = self.client.get("/price/", {"model": WAN, **query}, headers=HTMX)
        element, choice = read(response).children
        self.assertEqual((element.tag, element["id"]), ("span", "price"))
        self.assertEqual((choice["id"], choice["hx-swap-oob"]), ("choice", "true"))
        return element

    def test_it_follows_the_options(self):
        make_price("0.08")
        make_price("1", option="size", value="1080p")
        self.assertEqual(self.fragment(size="1280x720").text, ", about 0.40 USD")
        self.assertEqual(self.fragment(size="1920x1080", seconds="10").text, ", about 10.00 USD")
        self.assertEqual(self.fragment(size="nonsense", seconds="10").text, ", about 0.80 USD")
        self.assertEqual(self.fragment(seconds="nonsense").text, ", price unknown")

    def test_what_is_no_model_has_no_price(self):
        for model in ("", "nobody/knows", "<script>"):
            self.assertEqual(self.fragment(model=model).text, "")

    def test_the_options_ask_for_it_when_they_change(self):
        page = read(self.client.get("/", {"model": WAN}, headers=HTMX))
        asking = page.one("span", hx_get="/price/")
        self.assertEqual((asking["hx-trigger"], asking["hx-target"]), ("change from:#options", "#price"))
        self.assertIn("#options", asking["hx-include"])

    def test_another_model_brings_its_price_along(self):
        make_price("2", model="veo/veo3.1", per="request")
        page = read(self.client.get("/", {"model": "veo/veo3.1", "was": WAN}, headers=HTMX))
        self.assertEqual(page.one(id_="price").text, ", about 2.00 USD")
        self.assertEqual(page.one(id_="generate")["hx-swap-oob"], "true")
        self.assertNotIn("hx-swap-oob", read(self.client.get("/", {"model": WAN})).one(id_="generate"))


class ReferenceTests(ShownCase):
    def prices(self) -> list[str]:
        """What the page of models says of Wan 2.6's price."""
        page = read(self.client.get("/models/"))
        section = next(part for part in page.all("section") if part.one("h2").text == "Wan 2.6")
        return [item.text for item in section.all("ul")[-1].all("li")] if section.all("ul") else []

    def test_every_price_that_is_known_with_its_source_the_strongest_first(self):
        self.assertEqual(self.prices(), [])
        gateway = Gateway.objects.get()
        listed = {"model": "", "upstream_id": "wan2.6", "gateway": gateway, "origin": "listing"}
        make_price("0.02", as_of="2026-11-20", **(listed | {"source": "GET /api/models"}))
        make_price("0.08", as_of="2026-11-21")
        make_price("0.12", as_of="2026-11-22", option="size", value="1080p")
        self.assertEqual(
            self.prices(),
            [
                "0.08 USD a second (entered here, 2026-11-21: the contract)",
                "0.12 USD a second where size is 1080p (entered here, 2026-11-22: the contract)",
                "0.02 USD a second at fake (the gateway's list, 2026-11-20: GET /api/models)",
            ],
        )

    def test_a_list_of_a_gateway_that_does_not_offer_the_model_says_nothing_of_it(self):
        gateway = make_gateway("other", offers=["veo"])
        make_price("0.02", model="", upstream_id="wan2.6", gateway=gateway, origin="listing")
        self.assertEqual(self.prices(), [])

    def test_the_written_reference_has_those_of_the_files(self):
        model = catalog().get(WAN)
        price = Price(per="second", amount=Decimal("0.08"), currency="USD", source="the page", as_of="2026-11-20")
        priced = replace(model, prices=(price, replace(price, amount=Decimal("0.12"), when={"size": "1080p"})))
        written = models_page([priced])
        self.assertIn("Price: 0.08 USD a second (2026-11-20: the page).", written)
        self.assertIn("Price: 0.12 USD a second where size is 1080p (2026-11-20: the page).", written)


class AfterTests(ShownCase):
    def test_the_page_of_one_states_it_again_and_what_became_of_it(self):
        for status, failure, money in (
            (Status.QUEUED, "", "0.40 USD held"),
            (Status.UNKNOWN, "", "0.40 USD held"),
            (Status.COMPLETED, "", "0.40 USD spent"),
            (Status.FAILED, Failure.REJECTED, "nothing spent"),
        ):
            row = make_generation(status, failure=failure, quote="0.40")
            facts = self.facts(row.get_absolute_url())
            self.assertEqual(facts["Price"], "About 0.40 USD (operator, a test's price)")
            self.assertEqual(facts["Money"], money)

    def test_held_and_spent_at_once(self):
        row = make_generation(Status.UNKNOWN, quote="0.40")
        decisions.send_again(row, alice(), typed="may cost twice")
        self.assertEqual(self.facts(row.get_absolute_url())["Money"], "0.80 USD held")

    def test_an_unpriced_one_says_so(self):
        facts = self.facts(make_generation().get_absolute_url())
        self.assertEqual(facts["Price"], "Unknown")
        self.assertNotIn("Money", facts)

    def test_the_desk_says_what_is_at_stake(self):
        make_generation(Status.UNKNOWN, quote="0.40")
        self.assertEqual(self.facts("/queue/unknown/")["Price"], "About 0.40 USD, held")

    def test_the_record_has_exact_sums(self):
        row = make_generation(Status.COMPLETED, quote="0.024")
        record = self.client.get(f"/generations/{row.uuid}.json").json()["price"]
        self.assertEqual(
            record,
            {"quoted": "0.024000", "currency": "USD", "source": "operator, a test's price", "held": "0.000000",
             "spent": "0.024000", "others": []},
        )  # fmt: skip
        self.assertEqual(Decimal(record["spent"]), Decimal("0.024"))
        unpriced = self.client.get(f"/generations/{make_generation().uuid}.json").json()["price"]
        self.assertEqual((unpriced["quoted"], unpriced["currency"], unpriced["source"]), (None, None, None))
