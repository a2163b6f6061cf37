"""Days are the reader's: their headings, and what the filters by date let through."""

from datetime import UTC, datetime

from generations.models import Generation
from generations.views.zones import COOKIE
from tests.factories import make_generation
from tests.pages import read
from tests.test_pages import PageTestCase


class ZoneTests(PageTestCase):
    def setUp(self) -> None:
        super().setUp()
        row = make_generation()
        Generation.objects.filter(pk=row.pk).update(created_at=datetime(2026, 3, 5, 20, 30, tzinfo=UTC))

    def days(self, zone: str, **query: str) -> list[str]:
        self.client.cookies[COOKIE] = zone
        page = read(self.client.get("/generations/", query))
        return [time["datetime"] for section in page.of_class("day") for time in section.one("h2").all("time")]

    def test_a_heading_is_the_day_it_was_where_the_reader_is(self):
        for zone, day in (("Asia/Shanghai", "2026-03-06"), ("America/New_York", "2026-03-05"), ("UTC", "2026-03-05")):
            with self.subTest(zone):
                self.assertEqual(self.days(zone), [day])

    def test_the_filters_by_date_mean_the_same_days(self):
        for zone, day, other in (
            ("Asia/Shanghai", "2026-03-06", "2026-03-05"),
            ("America/New_York", "2026-03-05", "2026-03-06"),
        ):
            with self.subTest(zone):
                self.assertEqual(self.days(zone, since=day, until=day), [day])
                self.assertEqual(self.days(zone, since=other, until=other), [])
        self.client.cookies[COOKIE] = "Asia/Shanghai"
        lines = self.client.get("/generations/export.json", {"until": "2026-03-05"})
        self.assertEqual(lines.getvalue(), b"[]\n")

    def test_a_zone_that_nobody_knows_is_utc_and_a_day_beyond_the_calendar_no_filter(self):
        for zone in ("Nowhere/Land", "../../etc/passwd", "Europe", ""):
            with self.subTest(zone):
                self.assertEqual(self.days(zone), ["2026-03-05"])
        for day in ("0001-01-01", "9999-12-31"):
            for zone in ("Pacific/Kiritimati", "America/New_York"):
                self.assertEqual(len(self.days(zone, since=day)), 1)
