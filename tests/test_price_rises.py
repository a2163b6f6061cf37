"""A price never rises silently between the page and the click: the form carries what its button said."""

from decimal import Decimal

from django.test import SimpleTestCase, TestCase

from generations.models import Gateway, Generation, LedgerEntry, ModelPrice
from generations.specs import Agreed, Quote
from tests.factories import alice, any_gateway, make_gateway, make_price
from tests.pages import Element, read
from tests.test_access import HTMX

WAN = "wan/wan2.6"


class RiseTests(TestCase):
    def setUp(self):
        any_gateway()
        self.client.force_login(alice())

    def form(self, response) -> Element:
        return read(response).one("form", id_="composer")

    def opened(self, **query: str) -> dict[str, list[str]]:
        """Return what the page would send, with a prompt in it."""
        return self.form(self.client.get("/", {"model": WAN, **query})).controls() | {"prompt": ["A heron"]}

    def press(self, fields: dict[str, list[str]], **options):
        return self.client.post("/", fields, **options)

    def assert_refused(self, response, before: str, now: str) -> Element:
        self.assertEqual(response.status_code, 422)
        form = self.form(response)
        sentence = form.one(role="alert").text
        self.assertIn(f"The button said {before}; now it is {now}.", sentence)
        self.assertIn(f"“Generate, {now}”", sentence)
        self.assertIn(f", {now}", form.one(id_="price").text)
        self.assertEqual((Generation.objects.count(), LedgerEntry.objects.count()), (0, 0))
        return form

    def test_the_form_carries_what_its_button_says(self):
        self.assertEqual(self.opened()["shown_price"], ["unknown"])
        make_price("0.024")
        self.assertEqual(self.opened()["shown_price"], ["0.12 USD"])
        self.assertEqual(self.opened(seconds="10")["shown_price"], ["0.24 USD"])
        response = self.client.get("/price/", {"model": WAN, "seconds": "15"}, headers=HTMX)
        self.assertEqual(read(response).controls()["shown_price"], ["0.36 USD"])

    def rise(self, **options) -> None:
        make_price("0.08")
        fields = self.opened(seconds="10")
        ModelPrice.objects.update(amount=Decimal("0.10"))
        form = self.assert_refused(self.press(fields, **options), "about 0.80 USD", "about 1.00 USD")
        again = form.controls()
        self.assertEqual((again["prompt"], again["seconds"]), (["A heron"], ["10"]))  # nothing is lost
        self.assertEqual(again["form_token"], fields["form_token"])  # it is the same form
        self.assertEqual(again["shown_price"], ["1.00 USD"])
        self.assertIn(self.press(again, **options).status_code, {200, 302})
        self.assertEqual(Generation.objects.get().quote_amount, Decimal("1.00"))
        # The same form once more is the same generation, whatever it would cost by now.
        ModelPrice.objects.update(amount=Decimal(5))
        self.assertIn(self.press(again, **options).status_code, {200, 302})
        self.assertEqual(Generation.objects.count(), 1)

    def test_one_that_rose_is_said_and_the_second_press_makes_it(self):
        self.rise()

    def test_the_same_with_htmx(self):
        self.rise(headers=HTMX)

    def test_the_sum_of_copies_that_rose_is_said_and_none_is_made(self):
        make_price("0.08")
        fields = self.opened(seconds="10") | {"copies": ["3"]}
        ModelPrice.objects.update(amount=Decimal("0.10"))
        form = self.assert_refused(self.press(fields), "about 2.40 USD", "about 3.00 USD")
        self.assertEqual(self.press(form.controls()).status_code, 302)
        self.assertEqual(Generation.objects.filter(quote_amount=Decimal("1.00")).count(), 3)

    def test_the_same_token_with_another_content_is_asked_again(self):
        make_price("0.08")
        fields = self.opened()
        self.assertEqual(self.press(fields).status_code, 302)
        response = self.press(fields | {"seconds": ["15"]})
        self.assertEqual(response.status_code, 422)
        self.assertIn("said about 0.40 USD; now it is about 1.20 USD", self.form(response).one(role="alert").text)
        self.assertEqual(Generation.objects.count(), 1)
        again = self.form(response).controls()
        self.assertEqual(self.press(again).status_code, 302)
        self.assertEqual(Generation.objects.count(), 2)

    def test_one_that_fell_is_taken(self):
        make_price("0.08")
        fields = self.opened()
        ModelPrice.objects.update(amount=Decimal("0.01"))
        self.assertEqual(self.press(fields).status_code, 302)
        self.assertEqual(Generation.objects.get().quote_amount, Decimal("0.05"))

    def test_free_is_a_price_and_unknown_is_not_zero(self):
        free = make_gateway("sandbox", key_source=Gateway.KeySource.SANDBOX, key="", base_url="")
        Gateway.objects.exclude(pk=free.pk).update(enabled=False)
        fields = self.opened()
        self.assertEqual(fields["shown_price"], ["free"])
        Gateway.objects.update(enabled=True)
        self.assert_refused(self.press(fields), "free", "price unknown")
        make_price("0.08")
        self.assert_refused(self.press(fields), "free", "about 0.40 USD")
        self.assert_refused(self.press(fields | {"shown_price": ["unknown"]}), "price unknown", "about 0.40 USD")

    def test_what_went_out_of_the_list_is_said(self):
        price = make_price("0.08")
        fields = self.opened()
        price.delete()
        self.assert_refused(self.press(fields), "about 0.40 USD", "price unknown")

    def test_a_form_that_carries_nothing_of_the_kind_is_not_asked(self):
        make_price("0.08")
        for given in ({}, {"shown_price": ["cheap"]}, {"shown_price": [""]}):
            with self.subTest(given):
                self.assertEqual(self.press({"model": [WAN], "prompt": ["A heron"], **given}).status_code, 302)


class AgreedTests(SimpleTestCase):
    def test_what_is_written_is_read_back(self):
        for agreed in (
            Agreed(None),
            Agreed(Decimal(0)),
            Agreed(Decimal("0.4"), "USD"),
            Agreed(Decimal("12.345678"), "EUR"),
        ):
            self.assertEqual(Agreed.read(agreed.carried), agreed)
        for text in ("", "0.40", "USD", "-1 USD", "1e3 USD", "0.40 usd", "9" * 40 + " USD", "0.40 USD "):
            self.assertIsNone(Agreed.read(text), text)

    def test_sums_of_different_currencies_are_not_compared(self):
        quote = Quote(amount=Decimal("0.40"), currency="EUR", source="")
        self.assertFalse(Agreed(Decimal(5), "USD").covers(quote))
        self.assertTrue(Agreed(Decimal("0.4"), "EUR").covers(quote))
        self.assertTrue(Agreed(Decimal(0)).covers(Quote(amount=Decimal(0), currency="EUR", source="")))
