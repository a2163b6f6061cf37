"""What is done to several videos of the library at once, with plain forms."""

import io
import json
import tracemalloc
import zipfile
from datetime import timedelta
from unittest import mock

from django.utils import timezone

from generations import marks
from generations.lifecycle import trash
from generations.lifecycle.files import path_of
from generations.media import STREAM_SLOTS
from generations.models import Generation, Project, Star, Status, Tag
from generations.views import archive, bulk
from tests.factories import bob, carol, make_generation, make_price, stored_file
from tests.pages import Element, read
from tests.test_pages import PageTestCase


class BulkTestCase(PageTestCase):
    def act(self, do: str, *rows: Generation, query: str = "", **more: str) -> Element:
        """Press a button of the bar for these rows, and return the page that follows."""
        fields = {"do": do, "pick": [str(row.uuid) for row in rows], "query": query, **more}
        response = self.client.post("/generations/bulk/", fields, follow=True)
        self.assertEqual(response.status_code, 200)
        return read(response)

    def notice(self, page: Element) -> str:
        return " ".join(notice.text for notice in page.of_class("notice"))


class MarkTests(BulkTestCase):
    def test_stars_tags_projects_and_ratings_of_several(self):
        rows, other = [make_generation(), make_generation(user=bob())], make_generation()
        project = Project.objects.create(team=self.alice.team, name="Autumn")
        self.assertIn("2 videos starred", self.notice(self.act("star", *rows)))
        self.act("tag", *rows, tags="Night,  rain , NIGHT,, #sea")
        self.act("move", *rows, project=str(project.pk))
        self.act("rate", *rows, rating="4")
        self.assertEqual(
            set(Star.objects.values_list("person", "generation")), {(self.alice.pk, row.pk) for row in rows}
        )
        self.assertEqual(sorted(Tag.objects.values_list("name", flat=True)), ["Night", "rain", "sea"])
        for row in Generation.objects.filter(pk__in=[row.pk for row in rows]):
            self.assertEqual((row.project, row.rating, row.taggings.count()), (project, 4, 3))
        other.refresh_from_db()
        self.assertEqual((other.project, other.rating, other.stars.count()), (None, None, 0))
        self.assertIn("without a rating now", self.notice(self.act("rate", rows[0], rating="none")))
        self.assertIsNone(Generation.objects.get(pk=rows[0].pk).rating)
        self.act("unstar", rows[0])
        self.act("move", rows[0], project="none")
        self.assertEqual(Star.objects.count(), 1)
        self.assertEqual(Generation.objects.filter(project=project).count(), 1)

    def test_all_that_match_are_more_than_the_page_shows(self):
        rows = [make_generation(prompt=f"fox {number}") for number in range(30)]
        hen = make_generation(prompt="hen")
        self.act("star", query="q=fox", all="1")
        self.assertEqual(Star.objects.count(), len(rows))
        self.assertFalse(hen.stars.exists())
        with mock.patch.object(bulk, "MOST", 29):
            self.assertIn("More than 29 match", self.notice(self.act("unstar", query="q=fox", all="1")))
        self.assertEqual(Star.objects.count(), len(rows))

    def test_one_button_of_a_tile_goes_before_what_is_ticked(self):
        ticked, pressed = make_generation(), make_generation()
        fields = {"pick": [str(ticked.uuid)], "one": str(pressed.uuid)}
        self.client.post("/generations/bulk/?do=star", fields)
        self.assertEqual(Star.objects.get().generation, pressed)

    def test_it_leads_back_to_the_same_filters_and_page(self):
        row = make_generation(Status.FAILED)
        fields = {"do": "star", "pick": str(row.uuid), "query": f"status=failed&before={row.pk + 1}&evil=//x"}
        response = self.client.post("/generations/bulk/", fields)
        self.assertRedirects(response, f"/generations/?status=failed&before={row.pk + 1}")

    def test_what_makes_no_sense_says_so_and_does_nothing(self):
        row, theirs = make_generation(), make_generation(user=carol())
        project = Project.objects.create(team=carol().team, name="Theirs")
        for words, do, rows, more in (
            ("Nothing is selected", "star", [], {}),
            ("Nothing is selected", "star", [theirs], {}),
            ("Choose what to do", "explode", [row], {}),
            ("Type a tag", "tag", [row], {"tags": " , "}),
            ("at most 50 characters", "tag", [row], {"tags": "x" * 51}),
            ("Choose a project", "move", [row], {"project": str(project.pk)}),
            ("Choose a project", "move", [row], {"project": "²"}),
            ("one to five", "rate", [row], {"rating": "6"}),
            ("one to five", "rate", [row], {"rating": ""}),
            ("still under way", "delete", [row], {}),
            ("None of these has a file", "download", [row], {}),
        ):
            with self.subTest(words):
                self.assertIn(words, self.notice(self.act(do, *rows, **more)))
        self.assertFalse(Star.objects.exists() or Tag.objects.exists())
        self.client.post("/generations/bulk/", {"do": "star", "pick": ["nonsense", "\0", "x" * 5000]})
        self.assertFalse(Star.objects.exists())


class CompareTests(BulkTestCase):
    def test_two_to_four_that_are_selected_play_side_by_side(self):
        rows = [make_generation(Status.COMPLETED) for _ in range(5)]
        self.assertEqual(len(self.act("compare", *rows[:2]).all("video")), 2)
        self.assertEqual(len(self.act("compare", *rows[:4]).all("video")), 4)
        for few_or_many in (rows[:1], rows):
            page = self.act("compare", *few_or_many, query="status=completed")
            self.assertIn("Select 2 to 4 videos to compare them.", self.notice(page))
            self.assertEqual(len(page.of_class("tile")), 5)


class DeleteTests(BulkTestCase):
    def test_deleting_goes_to_the_trash_and_undo_brings_back_just_that(self):
        rows = [make_generation(Status.COMPLETED), make_generation(Status.FAILED)]
        before = make_generation(Status.COMPLETED)
        self.act("delete", before)
        page = self.act("delete", *rows, make_generation())
        self.assertIn("2 videos moved to the trash. 1 video still under way stays.", page.one(id_="toasts").text)
        self.assertEqual(Generation.objects.visible_to(self.alice).count(), 1)
        form = next(form for form in page.all("form", action="/trash/undo/"))
        self.client.force_login(bob())
        self.client.post("/trash/undo/", form.controls())
        self.assertEqual(Generation.objects.visible_to(self.alice).count(), 1)  # it is not bob's to undo
        self.client.force_login(self.alice)
        self.client.post("/trash/undo/", form.controls())
        found = set(Generation.objects.visible_to(self.alice).filter(status__in=[Status.COMPLETED, Status.FAILED]))
        self.assertEqual(found, set(rows))
        self.assertTrue(path_of(rows[0].file).exists())

    def test_what_had_no_file_before_comes_back_as_it_was(self):
        rows = [make_generation(Status.COMPLETED, purged_at=timezone.now()) for _ in range(2)]
        page = self.act("delete", *rows)
        self.assertIn("2 videos moved to the trash.", page.one(id_="toasts").text)
        self.assertEqual(len(self.page("/trash/").all("input", name="pick")), 2)
        form = next(form for form in page.all("form", action="/trash/undo/"))
        self.client.post("/trash/undo/", form.controls())
        self.assertEqual(Generation.objects.visible_to(self.alice).count(), 2)
        long_ago = timezone.now() - trash.KEPT - timedelta(days=1)
        Generation.objects.update(deleted_at=long_ago, purged_at=long_ago)
        self.assertEqual(self.page("/trash/").all("input", name="pick"), [])

    def test_an_undo_that_is_nonsense_brings_nothing_back(self):
        row = make_generation(Status.FAILED)
        self.act("delete", row)
        for at in ("", "now", "2026-13-01", "2026-01-01T00:00:00", "\0"):
            self.client.post("/trash/undo/", {"at": at})
        self.assertFalse(Generation.objects.visible_to(self.alice).exists())


class DownloadTests(BulkTestCase):
    def zip(self, *rows: Generation) -> tuple[zipfile.ZipFile, object]:
        response = self.client.post("/generations/bulk/", {"do": "download", "pick": [str(row.uuid) for row in rows]})
        return zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content))), response

    def test_each_video_is_whole_with_its_record_beside_it(self):
        rows = [make_generation(Status.COMPLETED, prompt=f"A fox {number}") for number in range(3)]
        purged = make_generation(Status.COMPLETED, purged_at=timezone.now())
        found, response = self.zip(*rows, purged)
        self.assertIsNone(found.testzip())
        self.assertEqual(response["Content-Type"], "application/zip")
        self.assertEqual(len(found.namelist()), 6)
        self.assertEqual({entry.compress_type for entry in found.infolist()}, {zipfile.ZIP_STORED})
        for row in rows:
            self.assertEqual(found.read(row.download_name), path_of(row.file).read_bytes())
            record = json.loads(found.read(row.download_name.replace(".mp4", ".json")))
            self.assertEqual((record["id"], record["prompt"]), (str(row.uuid), row.prompt.text))

    def test_a_large_archive_takes_no_memory_and_is_one(self):
        row = make_generation(Status.COMPLETED)
        content = bytes(16) * 1024 * 1024 * 4
        Generation.objects.filter(pk=row.pk).update(**stored_file(row, content))
        del content
        tracemalloc.start()
        sizes = [len(block) for block in archive.zip_blocks([row.pk])]
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        self.assertGreater(sum(sizes), 64 * 1024 * 1024)
        self.assertLess(peak, 4 * 1024 * 1024)
        self.assertLess(max(sizes), 2 * archive.BLOCK)

    def test_it_may_be_larger_than_any_old_archive(self):
        row = make_generation(Status.COMPLETED)
        found, _ = self.zip(row)
        self.assertEqual(found.infolist()[0].extract_version, zipfile.ZIP64_VERSION)

    def test_it_holds_a_thread_of_those_that_may_stream_and_gives_it_back(self):
        row = make_generation(Status.COMPLETED)
        fields = {"do": "download", "pick": str(row.uuid)}
        with mock.patch.object(archive, "STREAM_SLOTS", type(STREAM_SLOTS)(1)) as slots:
            first = self.client.post("/generations/bulk/", fields)
            second = self.client.post("/generations/bulk/", fields)
            self.assertEqual((second.status_code, second["Retry-After"]), (503, "5"))
            b"".join(first.streaming_content)
            self.assertTrue(slots.acquire())
            left = archive.Held(iter([b"a block", b"another"]))  # whoever reads it goes away after the first
            next(left)
            left.close()
            left.close()
            self.assertTrue(slots.acquire())


class RetryTests(BulkTestCase):
    def confirm(self, page: Element) -> Element:
        form = page.one("form", action="/generations/bulk/")
        response = self.client.post("/generations/bulk/", form.controls() | {"do": "retry"}, follow=True)
        return read(response)

    def test_one_confirmation_says_the_total_and_then_new_rows_are_linked(self):
        make_price("0.08")
        rows = [make_generation(Status.FAILED, prompt=f"fox {number}") for number in range(2)]
        page = self.act("retry", *rows)
        self.assertEqual(Generation.objects.count(), 2)
        self.assertIn("In all: about 0.80 USD", page.text)
        self.assertIn("2 videos asked for again", self.notice(self.confirm(page)))
        made = Generation.objects.filter(parent__in=rows)
        self.assertEqual({(row.parent.prompt_id, row.prompt_id) for row in made}, {(r.prompt_id,) * 2 for r in rows})
        self.assertEqual(
            {(row.status, row.relation, str(row.quote_amount)) for row in made}, {("queued", "rerun", "0.400000")}
        )
        self.assertEqual([row.options for row in made.order_by("prompt")], [row.options for row in rows])
        self.assertIn("asked for already", self.notice(self.confirm(page)))  # pressed twice
        self.assertEqual(Generation.objects.count(), 4)

    def test_a_price_that_has_changed_is_said_before_anything_is_asked_for(self):
        price = make_price("0.08")
        page = self.act("retry", make_generation(Status.FAILED))
        price.amount *= 10
        price.save()
        again = self.confirm(page)
        self.assertIn("has changed meanwhile", again.text)
        self.assertIn("about 4.00 USD", again.text)
        self.assertEqual(Generation.objects.count(), 1)

    def test_what_cannot_be_made_again_is_named(self):
        gone = make_generation(Status.FAILED, model_key="old/gone")
        page = self.act("retry", gone, make_generation(Status.FAILED))
        self.assertIn("Its model is not in the catalogue any more", page.text)
        self.assertIn("In all: price unknown", page.text)
        self.confirm(page)
        self.assertEqual(Generation.objects.filter(parent=gone).count(), 0)
        self.assertEqual(Generation.objects.count(), 3)

    def test_too_many_at_once_are_refused(self):
        rows = [make_generation(Status.FAILED) for _ in range(3)]
        with mock.patch.object(bulk, "MOST_REPEATED", 2):
            self.assertIn("At most 2 at once", self.notice(self.act("retry", *rows)))


class TrashTests(BulkTestCase):
    def test_the_trash_shows_what_was_deleted_how_long_it_stays_and_the_disk(self):
        row = make_generation(Status.COMPLETED, prompt="A fox", bytes=5_000_000)
        marks.pin([make_generation(Status.COMPLETED, deleted_at=timezone.now()).pk], is_pinned=True)
        self.act("delete", row)
        Generation.objects.filter(pk=row.pk).update(deleted_at=timezone.now() - timedelta(days=12, hours=1))
        make_generation(Status.COMPLETED, prompt="theirs", user=carol(), deleted_at=timezone.now())
        make_generation(Status.COMPLETED, prompt="purged", deleted_at=timezone.now(), purged_at=timezone.now())
        with self.assertNumQueries(5):  # session, person, rows, disk use, whether the sandbox serves
            page = self.page("/trash/")
        self.assertIn("17 days left", page.one("li", id_=f"generation-{row.uuid}").text)
        self.assertIn("Pinned: stays", page.text)
        self.assertNotIn("theirs", page.text)
        self.assertNotIn("purged", page.one("ul", class_="rows").text)
        self.assertIn("4.8 MB", page.one("dl").text.replace("\xa0", " "))

    def test_restoring_what_is_ticked_or_one(self):
        rows = [make_generation(Status.COMPLETED, deleted_at=timezone.now()) for _ in range(3)]
        theirs = make_generation(Status.COMPLETED, user=carol(), deleted_at=timezone.now())
        self.client.post("/trash/restore/", {"pick": [str(rows[0].uuid), str(rows[1].uuid), str(theirs.uuid)]})
        self.client.post("/trash/restore/", {"one": str(rows[2].uuid), "pick": []})
        self.assertEqual(Generation.objects.visible_to(self.alice).count(), 3)
        self.assertFalse(Generation.objects.visible_to(carol()).exists())
