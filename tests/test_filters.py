"""The library's filters, its pages, its counts and its saved views."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from unittest import mock

from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from generations import marks
from generations.forms import LibraryForm
from generations.models import Generation, Membership, Project, SavedView, Status, Tag, Team
from generations.views import finding
from tests.factories import bob, carol, make_generation
from tests.test_pages import HTMX, PageTestCase

PAGE = finding.PAGE


class FilterTests(PageTestCase):
    def found(self, query: str) -> list[Generation]:
        form = LibraryForm(QueryDict(query), user=self.alice)
        return list(form.apply(Generation.objects.visible_to(self.alice)).order_by("pk"))

    def only(self, query: str, *rows: Generation) -> None:
        with self.subTest(query):
            self.assertEqual(self.found(query), list(rows))

    def test_project_tag_star_and_rating(self):
        plain, marked = make_generation(), make_generation()
        project = Project.objects.create(team=self.alice.team, name="Autumn")
        marks.move([marked], project)
        marks.tag([marked], ["Night"])
        marks.star(self.alice, [marked.pk])
        marks.star(bob(), [plain.pk])
        marks.rate([marked.pk], 4)
        for query in (f"project={project.pk}", "tag=Night", "star=mine", "rating=4", "rating=1"):
            self.only(query, marked)
        self.only("rating=5")
        self.only("project=none", plain)
        self.only(f"project={project.pk}&tag=Night&star=mine&rating=3", marked)

    def test_what_belongs_to_another_team_filters_nothing(self):
        row = make_generation()
        theirs = Project.objects.create(team=carol().team, name="Theirs")
        Tag.objects.create(team=carol().team, name="secret")
        self.only(f"project={theirs.pk}", row)
        self.only("tag=secret", row)

    def test_size_and_length_are_of_the_file_or_else_as_asked(self):
        asked = make_generation(asked_width=720, asked_height=1280, asked_seconds=10)
        got = make_generation(
            Status.COMPLETED, asked_width=720, asked_height=1280, asked_seconds=10, measured_width=1920,
            measured_height=1080, measured_seconds=5.04,
        )  # fmt: skip
        square = make_generation(asked_width=480, asked_height=480, asked_seconds=15)
        unsaid = make_generation(asked_width=None, asked_height=None, asked_seconds=None)
        self.only("frame=tall", asked)
        self.only("frame=wide&tier=1080&length=short", got)
        self.only("tier=720", asked)
        self.only("length=medium", asked)
        self.only("frame=square&tier=480&length=long", square)
        unsaid.refresh_from_db()
        self.assertEqual((unsaid.frame, unsaid.tier, unsaid.length), (None, None, None))

    def test_price_is_what_was_said_before(self):
        rows = {amount: make_generation(quote=amount) for amount in ("0.1", "0.11", "0.5", "2", "2.01")}
        free, unknown = make_generation(quote_source="sandbox"), make_generation()
        Generation.objects.filter(pk=rows["2"].pk).update(quote_amount=Decimal("2.000000"))
        self.only("cost=low", rows["0.1"])
        self.only("cost=middle", rows["0.11"], rows["0.5"])
        self.only("cost=high", rows["2"])
        self.only("cost=top", rows["2.01"])
        self.only("cost=free", free)
        self.only("cost=unknown", unknown)

    def test_what_differs_is_what_the_page_says_differs(self):
        same = {"measured_width": 1920, "measured_height": 1080, "measured_seconds": 5.0}
        asked = {"asked_width": 1920, "asked_height": 1080, "asked_seconds": 5}
        for changes in (
            {},
            {"measured_width": 1280},
            {"measured_height": 1088},
            {"measured_seconds": 5.25},
            {"measured_seconds": 5.2501},
            {"measured_seconds": 4.75},
            {"measured_seconds": 4.74},
            {"asked_width": None},
            {"asked_seconds": None, "measured_seconds": 9.0},
            {"measured_width": None, "measured_height": None, "measured_seconds": None},
        ):
            row = make_generation(Status.COMPLETED, **(asked | same | changes))
            with self.subTest(changes):
                self.assertEqual(row in self.found("differs=yes"), bool(row.differs))

    def test_days_are_whole_days_and_extreme_ones_no_error(self):
        moment = datetime(2026, 3, 5, 23, 59, 59, tzinfo=UTC)
        row = make_generation(created_at=moment)
        later = make_generation(created_at=moment + timedelta(seconds=1))
        self.only("since=2026-03-05&until=2026-03-05", row)
        self.only("since=2026-03-06", later)
        self.only("until=2026-03-06", row, later)
        self.only("since=0001-01-01&until=9999-12-31", row, later)
        self.only("since=2026-13-45&until=yesterday", row, later)

    def test_every_filter_is_a_chip_that_takes_itself_away(self):
        Tag.objects.create(team=self.alice.team, name="Night")
        query = {
            "q": "fox", "status": "queued", "model": "wan/wan2.6", "person": "alice", "project": "none", "tag": "Night",
            "star": "mine", "rating": "3", "frame": "wide", "tier": "1080", "length": "short", "cost": "free",
            "differs": "yes", "since": "2026-01-01", "until": "2026-12-31",
        }  # fmt: skip
        chips = self.page("/generations/", query).of_class("chip-link")
        self.assertEqual(len(chips), len(query))
        for chip, name in zip(chips, query, strict=True):
            rest = QueryDict(chip["href"].removeprefix("?")).dict()
            self.assertEqual(rest, {other: value for other, value in query.items() if other != name})
        self.assertEqual(set(LibraryForm(QueryDict(), user=self.alice).fields), set(query))


class PagingTests(PageTestCase):
    def test_pages_of_a_search_and_of_dates_hold_each_row_once(self):
        rows = [make_generation(prompt=f"fox {number}") for number in range(2 * PAGE + 1)]
        same = datetime(2026, 3, 5, tzinfo=UTC)
        Generation.objects.filter(pk__in=[row.pk for row in rows[:40]]).update(created_at=same)
        Generation.objects.filter(pk__in=[row.pk for row in rows[40:]]).update(created_at=same + timedelta(hours=1))
        expected = [str(row.uuid) for row in reversed(rows)]
        for query in ("", "?q=fox", "?since=2026-03-01", "?since=2026-03-01&until=2026-03-31&status=queued"):
            with self.subTest(query):
                first = self.page(f"/generations/{query}")
                second = self.page(f"/generations/{first.one('a', rel='next')['href']}")
                third = self.page(f"/generations/{second.one('a', rel='next')['href']}")
                self.assertFalse(third.all("a", rel="next"))
                seen = [self.ids(page) for page in (first, second, third)]
                self.assertEqual([name for names in seen for name in names], expected)
                self.assertEqual(self.ids(self.page(f"/generations/{third.one('a', rel='prev')['href']}")), seen[1])

    def test_the_whole_library_is_the_same_for_whoever_is_in_one_team_or_in_two(self):
        rows = [make_generation(prompt=f"fox {number}") for number in range(PAGE + 3)]
        gone = rows.pop(5)
        Generation.objects.filter(pk=gone.pk).update(deleted_at=timezone.now())
        other = Team.objects.create(name="Others")
        make_generation(team=other)
        marks.star(self.alice, [rows[-1].pk])
        pages = [self.page(f"/generations/{query}") for query in ("", f"?before={rows[4].pk}", f"?after={rows[4].pk}")]
        self.assertEqual(self.ids(pages[0]), [str(row.uuid) for row in reversed(rows[2:])])
        self.assertEqual(self.ids(pages[1]), [str(row.uuid) for row in reversed(rows[:4])])
        self.assertEqual(self.ids(pages[2]), [str(row.uuid) for row in reversed(rows[5:])])
        Membership.objects.create(user=self.alice, team=Team.objects.create(name="Empty"))
        for page, query in zip(pages, ("", f"?before={rows[4].pk}", f"?after={rows[4].pk}"), strict=True):
            both = self.page(f"/generations/{query}")
            self.assertEqual(self.ids(both), self.ids(page))
            for now, before in zip(both.of_class("tile-star"), page.of_class("tile-star"), strict=True):
                self.assertEqual(now["aria-pressed"], before["aria-pressed"])

    def ids(self, page) -> list[str]:
        return [card["id"].removeprefix("generation-") for card in page.of_class("tile")]

    def test_imported_work_is_where_its_day_is(self):
        recent = make_generation(created_at=datetime(2026, 3, 5, tzinfo=UTC))
        imported = make_generation(created_at=datetime(2026, 3, 1, tzinfo=UTC))
        page = self.page("/generations/", {"since": "2026-01-01"})
        self.assertEqual(self.ids(page), [str(recent.uuid), str(imported.uuid)])

    def test_the_next_page_comes_alone_when_it_is_scrolled_to(self):
        for _ in range(PAGE + 1):
            make_generation()
        link = self.page("/generations/").one("a", rel="next")
        self.assertEqual(link["hx-trigger"], "revealed")
        self.assertTrue(link["hx-get"].startswith(f"{link['href']}&part=more&day="))
        more = self.page(f"/generations/{link['hx-get']}", **HTMX)
        self.assertEqual(len(more.of_class("tile")), 1)
        self.assertFalse(more.all(id_="rows"))
        whole = self.page(f"/generations/{link['hx-get']}")  # opened as an address
        self.assertTrue(whole.all(id_="rows"))

    def test_a_day_that_goes_on_has_one_heading(self):
        """What follows is put under the heading that is there; opened as an address every page has its own."""
        for day in [3] + [4] * (2 * PAGE):
            make_generation(created_at=datetime(2026, 3, day, tzinfo=UTC))
        first = self.page("/generations/")
        [tiles] = first.of_class("tiles")
        second = self.page(f"/generations/{first.one('a', rel='next')['hx-get']}", **HTMX)
        self.assertEqual((second.all("h2"), second.of_class("day")), ([], []))
        [more] = [part for part in second.children if "hx-swap-oob" in part]
        self.assertEqual((more["hx-swap-oob"], len(more.children)), (f"beforeend:#{tiles['id']}", PAGE))
        third = self.page(f"/generations/{second.one('a', rel='next')['hx-get']}", **HTMX)
        self.assertEqual([day.one("h2").text for day in third.of_class("day")], ["Tuesday, 3 March 2026"])
        for place in ("", "2026-03-04", "2026-03-04.", "2026-03-04.²", "2026-03-03.1", "2026-03-04." + "9" * 99):
            page = self.page("/generations/", {"part": "more", "day": place}, **HTMX)
            self.assertEqual(len(page.all("h2")), 1, place)
        self.assertEqual(len(self.page(f"/generations/{first.one('a', rel='next')['href']}").of_class("day")), 1)

    def test_days_are_headings(self):
        for day, hour in ((4, 23), (5, 0), (5, 1)):
            make_generation(created_at=datetime(2026, 3, day, hour, tzinfo=UTC))
        page = self.page("/generations/")
        days = page.of_class("day")
        self.assertEqual([len(day.of_class("tile")) for day in days], [2, 1])
        self.assertEqual(days[0].one("h2").text, "Thursday, 5 March 2026")

    def test_a_library_that_nobody_counts_is_not_counted_again_for_a_minute(self):
        self.enterContext(mock.patch.dict(finding._over, clear=True))
        self.enterContext(mock.patch.object(finding, "COUNTED", PAGE))
        rows = [make_generation() for _ in range(PAGE + 1)]
        clock = self.enterContext(mock.patch.object(finding.time, "monotonic", return_value=100.0))
        seen = []
        for moment in (100.0, 159.0, 161.0):
            clock.return_value = moment
            with CaptureQueriesContext(connection) as statements:
                self.assertIn(f"{PAGE}+ videos", self.page("/generations/").one(id_="rows").text)
            seen.append(len(statements))
        self.assertEqual(seen, [seen[0], seen[0] - 1, seen[0]])
        Generation.objects.filter(pk=rows[0].pk).update(deleted_at=timezone.now())
        self.assertIn(f"{PAGE} videos", self.page("/generations/").one(id_="rows").text)

    def test_what_is_more_for_one_person_or_filter_is_counted_for_another(self):
        self.enterContext(mock.patch.dict(finding._over, clear=True))
        self.enterContext(mock.patch.object(finding, "COUNTED", PAGE + 2))
        rows = [make_generation(prompt=f"fox {number}").pk for number in range(2 * PAGE)]
        marks.star(self.alice, rows)
        marks.star(bob(), rows[: PAGE + 1])
        for person, query, words in (
            (self.alice, "star=mine", f"{PAGE + 2}+ videos"),
            (bob(), "star=mine", f"{PAGE + 1} videos"),
            (bob(), "", f"{PAGE + 2}+ videos"),
            (bob(), "q=fox", f"{PAGE + 2}+ videos"),
        ):
            with self.subTest(f"{person} {query}"):
                self.client.force_login(person)
                self.assertIn(words, self.page(f"/generations/?{query}").one(id_="rows").text)

    def test_counts_end_where_nobody_counts_on(self):
        self.enterContext(mock.patch.dict(finding._over, clear=True))
        for number in range(PAGE + 2):
            make_generation(prompt=f"fox {number}")
        for query in ({}, {"q": "fox"}, {"status": "queued"}, {"q": "fox", "status": "queued"}):
            with self.subTest(query):
                self.assertIn(f"{PAGE + 2} videos", self.page("/generations/", query).one(id_="rows").text)
                with mock.patch.object(finding, "COUNTED", PAGE + 1):
                    self.assertIn(f"{PAGE + 1}+ videos", self.page("/generations/", query).one(id_="rows").text)

    def test_a_filtered_page_takes_the_same_statements_for_any_number_of_rows(self):
        query = {"q": "fox", "status": "queued", "star": "mine", "rating": "1", "since": "2026-01-01"}
        seen = set()
        for count in (0, 1, PAGE - 1):
            for _ in range(count):
                row = make_generation(prompt="A fox", rating=3)
                marks.star(self.alice, [row.pk])
            with CaptureQueriesContext(connection) as statements:
                self.client.get("/generations/", query)
            seen.add((bool(count), len(statements)))
        self.assertEqual(len(seen), 2, seen)


class TileTests(PageTestCase):
    def test_what_is_marked_later_is_seen_at_once(self):
        row = make_generation(Status.COMPLETED)
        self.page("/generations/")
        marks.rate([row.pk], 5)
        marks.star(self.alice, [row.pk])
        tile = self.page("/generations/").one(id_=f"generation-{row.uuid}")
        self.assertIn("of 5", tile.of_class("badges")[0].text)
        self.assertEqual(tile.of_class("tile-star")[0]["aria-pressed"], "true")
        self.client.force_login(bob())
        tile = self.page("/generations/").one(id_=f"generation-{row.uuid}")
        self.assertEqual(tile.of_class("tile-star")[0]["aria-pressed"], "false")

    def test_badges_say_length_sound_and_what_differs(self):
        row = make_generation(
            Status.COMPLETED, measured_width=1280, measured_height=720, measured_seconds=5.0, measured_has_audio=True
        )
        badges = self.page("/generations/").one(id_=f"generation-{row.uuid}").of_class("badges")[0].text
        self.assertEqual(badges, "5 s With sound Differs: asked 1920x1080, got 1280x720")

    def test_a_frame_has_the_ratio_of_its_video(self):
        row = make_generation(Status.COMPLETED, measured_width=720, measured_height=1280)
        frame = self.page("/generations/").one(id_=f"generation-{row.uuid}").of_class("tile-frame")[0]
        self.assertEqual((frame["width"], frame["height"]), ("720", "1280"))


class SavedViewTests(PageTestCase):
    def save(self, name: str, query: str = "status=failed", **more: str) -> None:
        self.client.post("/generations/views/", {"name": name, "query": query, **more})

    def names(self) -> list[str]:
        return [link.text for link in self.page("/generations/").of_class("views-list")[0].all("a")]

    def test_a_view_keeps_what_is_filtered_and_nothing_else(self):
        self.save("Broken", "status=failed&before=5&evil=x&frame=nonsense")
        view = SavedView.objects.get()
        self.assertEqual((view.query, view.get_absolute_url()), ("status=failed", "/generations/?status=failed"))
        self.save("broken", "status=failed&frame=tall")
        self.assertEqual(SavedView.objects.get().query, "status=failed&frame=tall")
        self.save("", "status=failed")
        self.save("Everything", "")
        self.assertEqual(SavedView.objects.count(), 1)

    def test_it_is_one_s_own_until_it_is_shared_and_goes_with_whom_it_belongs_to(self):
        self.save("Mine")
        self.save("Ours", shared="on")
        self.assertEqual(self.names(), ["Mine", "Ours"])
        ours = SavedView.objects.get(name="Ours")
        self.client.force_login(bob())
        self.assertEqual(self.names(), ["Ours"])
        self.assertEqual(self.client.post(f"/generations/views/{ours.pk}/forget/").status_code, 404)
        self.client.force_login(carol())
        self.assertEqual(self.names(), [])
        self.client.force_login(self.alice)
        self.client.post(f"/generations/views/{ours.pk}/forget/")
        self.assertEqual(self.names(), ["Mine"])
