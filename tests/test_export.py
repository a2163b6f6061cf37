"""The library as a file: what the same address shows as a page, whole, harmless to spreadsheets, in constant memory."""

import csv
import io
import json
import tracemalloc
from decimal import Decimal
from unittest import mock

from django.core import signals
from django.db import close_old_connections
from django.test import TestCase
from django.utils import timezone

from generations.media.serving import STREAM_SLOTS
from generations.models import Generation, LedgerEntry, Project, Prompt, Status, Tag, Tagging
from generations.models import record as reading
from generations.models.record import records
from generations.views.export import COLUMNS
from tests.factories import alice, bob, carol, make_generation, make_user
from tests.pages import read


class ExportCase(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        cls.ready = make_generation(Status.COMPLETED, prompt="A fox, “quoted”\nin two lines", quote="0.40")
        cls.failed = make_generation(Status.FAILED, user=bob(), prompt="A hare")
        cls.theirs = make_generation(Status.COMPLETED, user=carol(), prompt="A secret")

    def setUp(self):
        self.client.force_login(alice())

    def text(self, path: str) -> str:
        response = self.client.get(path)
        self.assertEqual(response.status_code, 200)
        return response.getvalue().decode()

    def rows(self, query: str = "") -> list[dict[str, str]]:
        text = self.text(f"/generations/export.csv{query}")
        self.assertEqual((text[:1], text.count("\ufeff")), ("\ufeff", 1))  # else Excel takes it for another encoding
        return list(csv.DictReader(io.StringIO(text[1:], newline="")))

    def ids(self, query: str) -> list[str]:
        return [row["id"] for row in self.rows(query)]


class CsvTests(ExportCase):
    def test_it_has_a_row_for_each_video_of_the_team_newest_first(self):
        rows = self.rows()
        self.assertEqual([row["id"] for row in rows], [str(self.failed.uuid), str(self.ready.uuid)])
        self.assertEqual(list(rows[0]), list(COLUMNS))
        self.assertEqual(rows[1]["prompt"], "A fox, “quoted”\nin two lines")
        self.assertEqual((rows[1]["width"], rows[1]["seconds"], rows[1]["has_audio"]), ("320", "1.0", "False"))
        self.assertEqual((rows[1]["quoted"], rows[1]["spent"], rows[1]["currency"]), ("0.400000", "0.400000", "USD"))
        self.assertEqual((rows[0]["sha256"], rows[0]["quoted"], rows[0]["failure"]), ("", "", "upstream_failed"))

    def test_the_library_s_filters_are_its_filters(self):
        for query in ("", "?status=failed", "?person=bob", "?q=fox", "?model=wan/wan2.6", "?q=nothing", "?page=2"):
            with self.subTest(query):
                page = read(self.client.get(f"/generations/{query}"))
                shown = [element["id"].removeprefix("generation-") for element in page.all("article")]
                self.assertEqual(self.ids(query), shown)

    def test_the_page_leads_to_the_files_of_what_it_shows(self):
        page = read(self.client.get("/generations/?status=failed&q=hare"))
        links = [link["href"] for link in page.all("a") if "/export." in link.get("href")]
        self.assertEqual(
            [link.partition("?")[0] for link in links], [f"/generations/export.{s}" for s in ("csv", "json")]
        )
        self.assertEqual(self.ids(f"?{links[0].partition('?')[2]}"), [str(self.failed.uuid)])
        self.assertNotContains(self.client.get("/generations/?q=nothing"), "/export.")

    def test_no_cell_is_a_formula(self):
        evil = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1")
        person = make_user("@evil", team=alice().team)
        project = Project.objects.create(team=alice().team, name="=PROJECT()")
        tag = Tag.objects.create(team=alice().team, name="+tag")
        for text in evil:
            row = make_generation(user=person)
            prompt = Prompt.objects.create(team=alice().team, text=text, digest=f"{hash(text)}")
            Generation.objects.filter(pk=row.pk).update(detail=text, project=project, prompt=prompt, quote_source=text)
            Tagging.objects.create(tag=tag, generation=row)
        rows = self.rows("?person=@evil")
        self.assertEqual(len(rows), len(evil))
        for row in rows:
            for name, cell in row.items():
                self.assertFalse(cell.startswith(("=", "+", "-", "@", "\t", "\r")), (name, cell))
        self.assertEqual({row["prompt"] for row in rows}, {f"'{text}" for text in evil})
        self.assertEqual({(row["created_by"], row["tags"]) for row in rows}, {("'@evil", "'+tag")})

    def test_what_was_deleted_is_not_in_it(self):
        Generation.objects.filter(pk=self.ready.pk).update(deleted_at=timezone.now())
        self.assertEqual(self.ids(""), [str(self.failed.uuid)])


class JsonTests(ExportCase):
    def test_it_says_what_the_record_of_each_says(self):
        found = json.loads(self.text("/generations/export.json"))
        self.assertEqual(len(found), 2)
        for row in found:
            record = self.client.get(f"/generations/{row['id']}.json").json()
            for name in record.keys() - {"events", "price", "created_at", "submitted_at", "completed_at"}:
                self.assertEqual(row[name], record[name], name)
            self.assertEqual(Decimal(row["price"]["spent"]), Decimal(record["price"]["spent"]))
            self.assertEqual(row["created_at"][:19], record["created_at"][:19])

    def test_lines_are_one_object_each(self):
        lines = self.text("/generations/export.json?lines=1").splitlines()
        self.assertEqual([json.loads(line) for line in lines], json.loads(self.text("/generations/export.json")))
        self.assertEqual(json.loads(self.text("/generations/export.json?q=nothing")), [])
        self.assertEqual(self.text("/generations/export.json?q=nothing&lines=1"), "")

    def test_tags_project_and_rating_are_in_it(self):
        team = alice().team
        tags = [Tag.objects.create(team=team, name=name) for name in ("zoo", "animals")]
        for tag in tags:
            Tagging.objects.create(tag=tag, generation=self.ready)
        project = Project.objects.create(team=team, name="Winter")
        Generation.objects.filter(pk=self.ready.pk).update(project=project, rating=4)
        row = json.loads(self.text("/generations/export.json"))[1]
        self.assertEqual((row["project"], row["tags"], row["rating"]), ("Winter", ["animals", "zoo"], 4))


class StreamTests(ExportCase):
    def many(self, count: int) -> None:
        prompt = Prompt.objects.keep(alice().team, "A long prompt. " * 60)
        like = {
            field: getattr(self.ready, field) for field in ("team", "created_by", "gateway", "model_key", "dialect")
        }
        Generation.objects.bulk_create(
            Generation(**like, prompt=prompt, status=Status.CANCELLED, due_at=None, options={"seconds": 5})
            for _ in range(count)
        )

    def test_statements_are_few_for_each_batch_and_none_stays_open(self):
        self.many(2 * reading.AT_ONCE)
        mine = Generation.objects.visible_to(alice())
        with self.assertNumQueries(3 * 3 + 1):  # three batches, the last one of two rows, and then there is nothing
            self.assertEqual(sum(1 for _ in records(mine)), 2 * reading.AT_ONCE + 2)

    def peak(self) -> tuple[int, int]:
        """Return how many bytes an export has, and how much memory it takes at most."""
        response = self.client.get("/generations/export.csv")
        tracemalloc.start()
        size = sum(len(part) for part in response.streaming_content)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return size, peak

    def test_memory_does_not_grow_with_the_library(self):
        with mock.patch.object(reading, "AT_ONCE", 50):
            self.many(200)
            self.peak()  # what is made once is made by now
            small, its_peak = self.peak()
            self.many(1800)
            large, other_peak = self.peak()
        self.assertGreater(large, 8 * small)
        self.assertLess(other_peak, 1.2 * its_peak)

    def test_it_takes_a_thread_that_may_stream_and_gives_it_back(self):
        before = STREAM_SLOTS._slots._value
        response = self.client.get("/generations/export.csv")
        self.assertEqual(STREAM_SLOTS._slots._value, before - 1)
        signals.request_finished.disconnect(close_old_connections)  # a test has only the one
        self.addCleanup(signals.request_finished.connect, close_old_connections)
        response.close()  # the client left
        self.assertEqual(STREAM_SLOTS._slots._value, before)
        self.text("/generations/export.json")
        self.assertEqual(STREAM_SLOTS._slots._value, before)
        taken = [STREAM_SLOTS.acquire() for _ in range(before)]
        busy = self.client.get("/generations/export.csv")
        self.assertEqual((busy.status_code, busy.headers["Retry-After"]), (503, "2"))
        for _ in taken:
            STREAM_SLOTS.release()

    def test_what_the_ledger_says_of_a_video_without_a_price_is_in_it(self):
        LedgerEntry.objects.create(
            generation=self.failed, kind="adjust", spent=Decimal("0.1"), currency="USD", actor="alice"
        )
        spent = {row["id"]: row["spent"] for row in self.rows()}
        self.assertEqual(spent[str(self.failed.uuid)], "0.100000")
