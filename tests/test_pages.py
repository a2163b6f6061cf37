"""Library, prompts, queue, models, one generation and its record, the theme: what they show and what they never do."""

import errno
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

from django.db import OperationalError
from django.test import TestCase
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from generations.catalog import catalog
from generations.models import Failure, Gateway, Generation, Membership, PollerSlot, Status
from generations.models.experience import known_figures
from generations.views.finding import PAGE
from generations.views.prompts import PROMPTS, VIDEOS
from tests.factories import alice, bob, carol, make_gateway, make_generation, make_user
from tests.pages import Element, read

WAN, WAN_JSON, VEO = "wan/wan2.6", "wan/wan2.6-t2v", "veo/veo3.1"
HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/generations/"}
HOSTILE = "<script>alert(1)</script>\"'&{{ 7|add:7 }}{% now %}"


class PageTestCase(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        cls.gateway = make_gateway()
        cls.alice = alice()

    def setUp(self) -> None:
        self.client.force_login(self.alice)

    def page(self, path: str, query: dict[str, Any] | None = None, **headers: str) -> Element:
        response = self.client.get(path, query or {}, headers=headers)
        self.assertEqual(response.status_code, 200)
        return read(response)

    def cards(self, path: str, query: dict[str, Any] | None = None, **headers: str) -> list[str]:
        """The ids of the cards of a page, in order."""
        return [card["id"].removeprefix("generation-") for card in self.page(path, query, **headers).of_class("clip")]


class LibraryTests(PageTestCase):
    def test_it_is_the_whole_team_s_newest_first(self):
        rows = [make_generation(user=user) for user in (alice(), bob(), alice())]
        make_generation(user=carol())
        self.assertEqual(self.cards("/generations/"), [str(row.uuid) for row in reversed(rows)])

    def test_what_was_deleted_is_not_shown(self):
        make_generation(deleted_at=timezone.now())
        self.assertEqual(self.cards("/generations/"), [])

    def test_filters_are_in_the_address_and_work_together(self):
        wanted = make_generation(Status.FAILED, user=bob(), model=VEO, prompt="A Red fox")
        for other in ({"user": alice()}, {"model": WAN}, {"prompt": "A hen"}):
            make_generation(Status.FAILED, **({"user": bob(), "model": VEO, "prompt": "A red fox"} | other))
        make_generation(Status.COMPLETED, user=bob(), model=VEO, prompt="A red fox too")
        query = {"q": "red fox", "status": "failed", "model": VEO, "person": "bob"}
        self.assertEqual(self.cards("/generations/", query), [str(wanted.uuid)])
        page = self.page("/generations/", query)
        controls = page.one("form", role="search").controls()
        self.assertEqual({name: value for name, [value] in controls.items() if value}, query)
        chips = [chip["href"] for chip in page.of_class("chip-link")]
        self.assertIn("?status=failed&model=veo%2Fveo3.1&person=bob", chips)
        self.assertEqual(len(chips), 4)

    def test_nonsense_filters_nothing(self):
        row = make_generation()
        for query in (
            {"status": "nonsense"},
            {"model": "\0"},
            {"person": "carol"},
            {"q": "\0"},
            {"before": "nonsense", "after": "²"},
            {"before": "9" * 5000},
            {"unknown": "x"},
        ):
            with self.subTest(str(query)[:40]):
                self.assertEqual(self.cards("/generations/", query), [str(row.uuid)])

    def test_pages_are_links_that_stay_put_while_rows_arrive(self):
        rows = [str(make_generation().uuid) for _ in range(2 * PAGE + 1)][::-1]
        first = self.page("/generations/", {"status": "queued"})
        self.assertFalse(first.all("a", rel="prev"))
        older = first.one("a", rel="next")["href"]
        self.assertIn("status=queued", older)
        make_generation()
        self.assertEqual(self.cards(f"/generations/{older}"), rows[PAGE : 2 * PAGE])
        second = self.page(f"/generations/{older}")
        last = second.one("a", rel="next")["href"]
        self.assertEqual(self.cards(f"/generations/{last}"), rows[2 * PAGE :])
        self.assertFalse(self.page(f"/generations/{last}").all("a", rel="next"))
        newer = second.one("a", rel="prev")["href"]
        self.assertEqual(self.cards(f"/generations/{newer}"), rows[:PAGE])

    def test_a_key_beyond_either_end_shows_the_newest(self):
        rows = [str(make_generation().uuid) for _ in range(2)][::-1]
        for query in ({"before": "1"}, {"before": "0"}, {"after": "9" * 18}):
            with self.subTest(query):
                self.assertEqual(self.cards("/generations/", query), rows)

    def test_htmx_gets_the_rows_alone_and_history_the_whole_page(self):
        make_generation()
        rows = self.page("/generations/", **HTMX)
        self.assertEqual([element.get("id") for element in rows.children], ["rows"])
        whole = self.page("/generations/", **HTMX, **{"HX-History-Restore-Request": "true"})
        self.assertEqual(len(whole.all("html")), 1)
        self.assertIn("HX-Request", self.client.get("/generations/").headers["Vary"])

    def test_an_empty_library_says_how_to_begin_and_an_empty_search_what_to_try(self):
        self.assertIn("No clips yet", self.page("/generations/").one(id_="rows").text)
        make_generation(prompt="A fox")
        self.assertIn("Nothing matches", self.page("/generations/", {"q": "zebra"}).one(id_="rows").text)

    def test_it_takes_the_same_statements_for_any_number_of_cards(self):
        for count in (1, PAGE - 1):
            for number in range(count):
                make_generation(Status.COMPLETED, prompt=f"number {number}", user=(alice(), bob())[number % 2])
            # Session, person, what to filter by with saved views, rows, their tiles, whether the sandbox serves
            with self.assertNumQueries(6):
                self.client.get("/generations/")
            with self.assertNumQueries(5):  # what has ended is drawn by now
                self.client.get("/generations/")
        make_generation()
        with self.assertNumQueries(7):  # and, where there is a second page, how many there are
            self.client.get("/generations/")


class CardTests(PageTestCase):
    def test_every_status_has_its_word_and_its_help(self):
        rows = {status: make_generation(status) for status in Status if status != Status.FAILED}
        page = self.page("/")
        for status, row in rows.items():
            with self.subTest(status):
                card = page.one("article", id_=f"generation-{row.uuid}")
                self.assertIn(str(status.label), card.text)
                self.assertEqual(bool(card.all("video")), status == Status.COMPLETED)
                self.assertEqual(len(card.all(name="v")), row.is_active)
                self.assertEqual(len(card.all("progress")), row.is_active)
        self.assertIn("never sent again by itself", page.one(id_=f"generation-{rows[Status.UNKNOWN].uuid}").text)

    def test_every_failure_says_what_happened_and_what_next(self):
        for failure in Failure:
            with self.subTest(failure):
                row = make_generation(Status.FAILED, failure=failure)
                card = self.page("/").one(id_=f"generation-{row.uuid}")
                self.assertIn(str(failure.label), card.text)
                self.assertIn(row.next_step, card.text)

    def test_progress_is_the_upstream_s_percent_as_given(self):
        row = make_generation(Status.IN_PROGRESS, progress=30)
        card = self.page("/").one(id_=f"generation-{row.uuid}")
        self.assertIn("Generating 30 %", card.text)
        self.assertEqual(card.one("progress").get("value"), "30")
        row = make_generation(Status.IN_PROGRESS)
        bar = self.page("/").one(id_=f"generation-{row.uuid}").one("progress")
        self.assertNotIn("value", bar)  # nothing is known yet: no figure is made up

    def test_what_is_not_as_asked_is_said(self):
        row = make_generation(Status.COMPLETED, measured_width=1280, measured_height=720, measured_seconds=5.0)
        card = self.page("/").one(id_=f"generation-{row.uuid}")
        self.assertIn("Asked 1920×1080, got 1280×720", card.text)
        row = make_generation(Status.COMPLETED, measured_width=1920, measured_height=1080, measured_seconds=5.2)
        self.assertNotIn("got", self.page("/").one(id_=f"generation-{row.uuid}").text)

    def test_a_player_plays_from_the_studio_and_loads_nothing_before_it_is_asked_to(self):
        row = make_generation(Status.COMPLETED)
        video = self.page("/").one("video")
        self.assertEqual((video["src"], video["preload"]), (f"/generations/{row.uuid}/video/", "none"))

    def test_words_of_people_and_gateways_are_only_words(self):
        name = make_user("eve", is_active=True)
        row = make_generation(
            Status.FAILED,
            user=name,
            prompt=HOSTILE,
            detail=HOSTILE,
            upstream_status=HOSTILE[:100],
            upstream_id=HOSTILE,
        )
        row.events.update(reason=HOSTILE, actor=HOSTILE[:150])
        make_generation(Status.UNKNOWN, prompt=HOSTILE, detail=HOSTILE)
        make_generation(Status.QUEUED, prompt=HOSTILE, detail=HOSTILE)
        for path in ("/", "/generations/", "/prompts/", "/queue/", "/queue/unknown/", row.get_absolute_url()):
            with self.subTest(path):
                response = self.client.get(path)
                self.assertNotContains(response, "<script>alert")
                self.assertNotContains(response, "{14")
                if path != "/":
                    self.assertContains(response, "&lt;script&gt;alert(1)&lt;/script&gt;")


class PromptTests(PageTestCase):
    def rows(self, query: dict[str, Any] | None = None, **headers: str) -> list[Element]:
        return self.page("/prompts/", query, **headers).of_class("prompt-row")

    def test_each_prompt_is_shown_once_with_its_uses_and_videos(self):
        videos = [make_generation(Status.COMPLETED, prompt="A fox", user=user) for user in (alice(), bob(), alice())]
        make_generation(prompt="A hen")
        make_generation(prompt="A fox", user=carol())
        hen, fox = self.rows()
        self.assertIn("Used 3 times", fox.text)
        self.assertRegex(hen.text, r"Used 1 time\b")
        links = [link["href"] for link in fox.one("ul").all("a")]
        self.assertEqual(links, [f"/generations/{row.uuid}/" for row in reversed(videos)])
        use = [link["href"] for link in fox.all("a") if link.text == "Use this prompt"]
        self.assertEqual(use, [f"/?prompt_id={videos[0].prompt_id}"])

    def test_beside_each_are_its_own_newest_few_however_much_others_are_used(self):
        lonely = make_generation(prompt="lonely")
        for _ in range(60):
            last = make_generation(prompt="busy")
        busy, alone = self.rows()
        self.assertEqual(len(busy.one("ul").all("a")), VIDEOS)
        self.assertEqual(busy.one("ul").all("a")[0]["href"], f"/generations/{last.uuid}/")
        self.assertEqual(alone.one("ul").one("a")["href"], f"/generations/{lonely.uuid}/")

    def test_one_whose_videos_were_all_deleted_is_not_shown(self):
        make_generation(prompt="gone", deleted_at=timezone.now())
        kept = make_generation(prompt="kept")
        make_generation(prompt="kept", deleted_at=timezone.now())
        [row] = self.rows()
        self.assertIn("Used 1 time", row.text)
        self.assertEqual(len(row.one("ul").all("a")), 1)
        self.assertIn(str(kept.uuid), row.one("ul").one("a")["href"])

    def test_words_are_searched_and_hostile_ones_do_no_harm(self):
        make_generation(prompt="100% wool")
        make_generation(prompt="1000 sheep")
        self.assertEqual(len(self.rows({"q": "100% wo"})), 1)
        for words in ("\0", "x" * 100_000, HOSTILE, "%"):
            with self.subTest(words[:10]):
                self.client.get("/prompts/", {"q": words})
        response = self.client.get("/prompts/", {"q": HOSTILE})
        self.assertNotContains(response, "<script>alert")
        self.assertContains(response, "No prompt has these words")

    def test_pages_are_links(self):
        for number in range(PROMPTS + 1):
            make_generation(prompt=f"number {number}")
        older = self.page("/prompts/", {"q": "number"}).one("a", rel="next")["href"]
        self.assertIn("q=number", older)
        [last] = self.page(f"/prompts/{older}").of_class("prompt-row")
        self.assertIn("number 0", last.text)

    def test_htmx_gets_the_rows_alone(self):
        make_generation()
        self.assertEqual([element.get("id") for element in self.page("/prompts/", **HTMX).children], ["rows"])

    def test_it_takes_the_same_statements_for_any_number_of_prompts(self):
        for count in (1, PROMPTS):
            for number in range(count):
                make_generation(Status.COMPLETED, prompt=f"number {number}", user=bob())
            with self.assertNumQueries(7):  # session, person, teams, prompts, counts, videos, is there a sandbox
                self.client.get("/prompts/")


class QueueTests(PageTestCase):
    def groups(self) -> dict[str, list[str]]:
        page = self.page("/queue/")
        return {
            section.one("h2")["id"]: [card["id"].removeprefix("generation-") for card in section.all("article")]
            for section in page.all("section")
        }

    def test_it_shows_what_is_unknown_running_and_waiting_of_the_team(self):
        rows = {status: make_generation(status, user=bob()) for status in Status if status != Status.FAILED}
        make_generation(Status.IN_PROGRESS, user=carol())
        running = [rows[status] for status in (Status.SUBMITTING, Status.IN_PROGRESS, Status.DOWNLOADING)]
        self.assertEqual(
            self.groups(),
            {
                "group-unknown": [str(rows[Status.UNKNOWN].uuid)],
                "group-running": [str(row.uuid) for row in sorted(running, key=lambda row: row.pk)],
                "group-waiting": [str(rows[Status.QUEUED].uuid)],
            },
        )

    def test_an_empty_queue_says_so_and_asks_nothing(self):
        page = self.page("/queue/")
        self.assertIn("Nothing is running", page.text)
        self.assertNotIn("hx-get", page.one(id_="live"))

    def test_it_takes_the_same_statements_for_any_number_of_cards(self):
        for _ in range(2):
            for status in (Status.UNKNOWN, Status.IN_PROGRESS, Status.QUEUED):
                make_generation(status)
            known_figures()  # read once a minute by a process
            with self.assertNumQueries(6):
                self.client.get("/queue/")


class ModelTests(PageTestCase):
    def test_it_is_made_from_the_catalogue(self):
        page = self.page("/models/")
        for model in catalog().models:
            with self.subTest(model.key):
                [section] = [found for found in page.all("section") if found.one("h2").text == model.label]
                self.assertIn(model.source, section.text)
                self.assertIn(
                    f"at most {model.prompt_max} characters. Called {model.upstream_id} upstream.", section.text
                )
                for row, option in zip(section.one("tbody").all("tr"), model.options, strict=True):
                    cells = [cell.text for cell in row.all("td")]
                    self.assertEqual(cells[1] == "needed", option.required and option.default is None)
                    for rule in model.rules_of(option):
                        self.assertIn(rule, cells[2])
                self.assertEqual(
                    [row.one("code").text for row in section.one("tbody").all("tr")], [o.name for o in model.options]
                )
                links = [link["href"] for link in section.all("a")]
                usable = model if model.is_choosable else catalog().get(model.successor)
                self.assertEqual(links, [f"/?model={usable.key.replace('/', '%2F')}"])

    def test_what_nobody_offers_has_no_link_and_says_so(self):
        Gateway.objects.update(offers=["veo"])
        text = self.page("/models/").text
        self.assertIn("No gateway offers it now", text)


class DetailTests(PageTestCase):
    def test_it_shows_everything_a_person_asks_about(self):
        row = make_generation(
            Status.COMPLETED,
            model=WAN_JSON,
            user=bob(),
            prompt="A fox\nin two lines",
            options={"seed": "7", "negative_prompt": "no <people>"},
            measured_width=1280,
            measured_height=720,
            measured_seconds=5.04,
            submitted_at=timezone.now(),
        )
        page = self.page(row.get_absolute_url())
        self.assertEqual(page.one(id_="prompt-text").raw_text, "A fox\nin two lines")
        facts = page.one("dl").text
        for words in ("Wan 2.6 T2V", "1280×720, 5 s", "24 fps", "silent", "bob", row.gateway.name, row.upstream_id):
            self.assertIn(words, facts)
        for words in (row.sha256, "Seed 7", "Negative prompt no <people>"):
            self.assertIn(words, facts)
        self.assertEqual(page.one("video")["src"], f"/generations/{row.uuid}/video/")
        timeline = [item.one("strong").text for item in page.one("ol").all("li")]
        self.assertEqual(timeline, ["Waiting", "Sending", "Generating", "Saving", "Ready"])

    def test_an_unknown_outcome_leads_to_where_it_is_decided_whoever_may_decide(self):
        row = make_generation(Status.UNKNOWN)
        place = f"/queue/unknown/#generation-{row.uuid}"
        for user, found in ((self.alice, 0), (make_user("root", is_staff=True, is_superuser=True), 1)):
            with self.subTest(user.username):
                self.client.force_login(user)
                self.assertEqual(len(self.page(row.get_absolute_url()).all("a", href=place)), found)

    def test_its_family_is_beside_it_and_nobody_else_s(self):
        row = make_generation(prompt="A fox")
        child = make_generation(prompt="A hen", parent=row, relation="remix")
        sibling = make_generation(prompt="A fox", user=bob())
        make_generation(prompt="A fox", user=carol())
        make_generation(prompt="A cat")
        links = {link["href"] for link in self.page(row.get_absolute_url()).one("ol", class_="family").all("a")}
        self.assertEqual(links, {one.get_absolute_url() for one in (row, child, sibling)})
        self.assertIn("an earlier one", self.page(child.get_absolute_url()).text)

    def test_an_unfinished_one_is_watched_and_a_finished_one_is_not(self):
        running, ready = make_generation(Status.IN_PROGRESS), make_generation(Status.COMPLETED)
        page = self.page(running.get_absolute_url())
        self.assertEqual(page.one(name="page")["value"], "detail")
        self.assertEqual(page.one(name="v")["value"], f"{running.uuid}:{running.version}")
        self.assertIn("hx-get", page.one(id_="live"))
        page = self.page(ready.get_absolute_url())
        self.assertFalse(page.all(name="v"))
        self.assertNotIn("hx-get", page.one(id_="live"))

    def test_one_whose_model_left_the_catalogue_stays_readable(self):
        row = make_generation(Status.COMPLETED)
        Generation.objects.filter(pk=row.pk).update(model_key="gone/model", options={"magic": "wand"})
        for path in (row.get_absolute_url(), "/generations/", f"/generations/{row.uuid}.json"):
            self.assertEqual(self.client.get(path).status_code, 200)
        self.assertIn("magic wand", self.page(row.get_absolute_url()).one("dl").text)

    def test_a_purged_one_says_what_it_was_and_has_no_player(self):
        row = make_generation(Status.COMPLETED, purged_at=timezone.now())
        page = self.page(row.get_absolute_url())
        self.assertFalse(page.all("video"))
        self.assertEqual(self.client.get(f"/generations/{row.uuid}/video/").status_code, 404)

    def test_it_takes_the_same_statements_whatever_its_history(self):
        row = make_generation(Status.COMPLETED)
        for number in range(2):
            for _ in range(3):
                row.note(f"note {number}", actor="engine")
                make_generation(prompt=row.prompt.text, user=bob())
                make_generation(prompt="other", parent=row, relation="remix", user=bob())
            with self.assertNumQueries(23):
                self.client.get(row.get_absolute_url())


class ActionTests(PageTestCase):
    def act(self, row: Generation, action: str) -> str:
        """Return what the page says after an action."""
        response = self.client.post(f"{row.get_absolute_url()}{action}/", follow=True)
        self.assertEqual(response.redirect_chain, [(row.get_absolute_url(), 302)])
        return read(response).of_class("page-notices")[0].text

    def test_what_waits_can_be_cancelled_once(self):
        row = make_generation()
        self.assertIn("Nothing had been sent, so nothing is billed", self.act(row, "cancel"))
        row.refresh_from_db()
        self.assertEqual((row.status, row.events.last().actor), (Status.CANCELLED, "alice"))
        self.assertIn("It was cancelled before", self.act(row, "cancel"))

    def test_a_card_that_waits_has_the_button_and_is_drawn_anew_where_it_stands(self):
        row, running = make_generation(), make_generation(Status.IN_PROGRESS)
        path = f"{row.get_absolute_url()}cancel/"
        page = self.page("/queue/")
        self.assertEqual([form["action"] for form in page.one("main").all("form")], [path])
        answer = self.client.post(path, headers={"HX-Request": "true"})
        self.assertContains(answer, f'id="generation-{row.uuid}" data-status="cancelled"')
        self.assertContains(answer, "Nothing had been sent, so nothing is billed")
        answer = self.client.post(f"{running.get_absolute_url()}cancel/", headers={"HX-Request": "true"})
        self.assertContains(answer, f'id="generation-{running.uuid}" data-status="in_progress"')
        self.assertContains(answer, "too late to cancel")

    def test_what_was_sent_cannot_and_the_page_says_what_that_means(self):
        for status, words in {
            Status.SUBMITTING: "too late",
            Status.UNKNOWN: "may be billed",
            Status.IN_PROGRESS: "may be billed",
            Status.DOWNLOADING: "too late",
            Status.COMPLETED: "ended already",
            Status.FAILED: "ended already",
        }.items():
            with self.subTest(status):
                row = make_generation(status)
                self.assertIn(words, self.act(row, "cancel"))
                row.refresh_from_db()
                self.assertEqual(row.status, status)

    def test_a_file_that_did_not_reach_us_is_asked_for_again(self):
        row = make_generation(Status.FAILED, failure=Failure.EXPIRED)
        page = self.page(row.get_absolute_url())
        self.assertTrue(page.all("form", action=f"/generations/{row.uuid}/ask/"))
        self.assertIn("being asked again", self.act(row, "ask"))
        row.refresh_from_db()
        self.assertEqual(row.status, Status.IN_PROGRESS)

    def test_what_cannot_be_asked_again_says_so(self):
        for row in (make_generation(), make_generation(Status.FAILED), make_generation(Status.COMPLETED)):
            with self.subTest(row.status):
                self.assertTrue(self.act(row, "ask"))
                self.assertEqual(Generation.objects.get(pk=row.pk).status, row.status)

    def test_actions_are_posts(self):
        row = make_generation()
        for path in (f"{row.get_absolute_url()}cancel/", f"{row.get_absolute_url()}ask/", "/theme/"):
            self.assertEqual(self.client.get(path).status_code, 405)


class RecordTests(PageTestCase):
    FIELDS = (
        "id status failure detail prompt model options gateway upstream_id created_by created_at submitted_at "
        "completed_at progress asked measured price rewritten_prompt differs video poster parent events"
    )

    def record(self, row: Generation) -> dict[str, Any]:
        response = self.client.get(f"/generations/{row.uuid}.json")
        self.assertEqual(response.headers["Content-Type"], "application/json")
        self.assertIn("no-store", response.headers["Cache-Control"])
        return json.loads(response.content)

    def test_it_is_everything_known_of_one(self):
        row = make_generation(
            Status.COMPLETED,
            model=WAN_JSON,
            prompt="A fox & “a hen”",
            options={"seed": "7"},
            poster="videos/x.webp",
            created_at=datetime(2026, 11, 1, 12, 0, 0, 5000, tzinfo=UTC),
        )
        record = self.record(row)
        self.assertEqual(list(record), self.FIELDS.split())
        self.assertEqual((record["id"], record["status"], record["progress"]), (str(row.uuid), "completed", 100))
        self.assertEqual((record["failure"], record["parent"]), (None, None))
        self.assertEqual((record["prompt"], record["options"]["seed"]), ("A fox & “a hen”", 7))
        self.assertEqual((record["model"], record["gateway"]), (WAN_JSON, "fake"))
        self.assertEqual(record["created_at"], "2026-11-01T12:00:00.005Z")
        self.assertEqual(record["asked"], {"width": 1280, "height": 720, "seconds": 5})
        self.assertEqual(record["differs"], ["asked 1280x720, got 320x180", "asked 5 s, got 1.0 s"])
        facts = ["width", "height", "seconds", "fps", "has_audio", "bytes", "sha256"]
        self.assertEqual(list(record["measured"]), facts)
        self.assertEqual((record["measured"]["width"], record["measured"]["sha256"]), (320, row.sha256))
        self.assertEqual(record["video"], f"/generations/{row.uuid}/video/")
        self.assertEqual(record["poster"], f"/generations/{row.uuid}/poster/")
        self.assertEqual(list(record["events"][0]), ["at", "from", "to", "actor", "reason"])
        self.assertEqual(
            [(e["from"], e["to"]) for e in record["events"]][:2], [(None, "queued"), ("queued", "submitting")]
        )
        for moment in (record["completed_at"], record["events"][0]["at"]):
            self.assertTrue(moment.endswith("Z"))
            self.assertIsNotNone(parse_datetime(moment))

    def test_what_is_not_known_is_null(self):
        record = self.record(make_generation())
        for name in ("failure", "upstream_id", "submitted_at", "completed_at", "measured", "video", "poster", "parent"):
            self.assertIsNone(record[name], name)
        self.assertEqual((record["differs"], record["progress"], record["status"]), ([], 0, "queued"))

    def test_a_failure_has_its_kind_and_its_words(self):
        record = self.record(make_generation(Status.FAILED, failure=Failure.MODERATED, detail="No."))
        self.assertEqual((record["status"], record["failure"], record["detail"]), ("failed", "moderated", "No."))

    def test_nothing_of_the_engine_or_of_secrets_is_in_it(self):
        row = make_generation(Status.IN_PROGRESS, claim="claim-token", last_answer={"x": "answer"})
        text = json.dumps(self.record(row))
        for secret in ("claim-token", "answer", "sk-key-of-nobody", "gateway.invalid"):
            self.assertNotIn(secret, text)


class ThemeTests(PageTestCase):
    def test_a_theme_is_kept_and_the_page_comes_back(self):
        response = self.client.post("/theme/", {"theme": "dark", "next": "/generations/?q=fox"})
        self.assertRedirects(response, "/generations/?q=fox", fetch_redirect_response=False)
        self.assertEqual(self.page("/").one("html").get("data-theme"), "dark")
        self.client.post("/theme/", {"theme": "system"})
        self.assertNotIn("data-theme", self.page("/").one("html"))

    def test_it_leads_nowhere_else(self):
        for given in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "\0", ""):
            with self.subTest(given):
                response = self.client.post("/theme/", {"theme": "light", "next": given})
                self.assertEqual((response.status_code, response.headers["Location"]), (302, "/"))

    def test_strange_words_do_no_harm(self):
        for given in ("nonsense", "admin:index", "/x\r\nX-Evil: 1", "/" + "x" * 5000):
            with self.subTest(given[:20]):
                response = self.client.post("/theme/", {"theme": '"><script>', "next": given})
                self.assertEqual(response.status_code, 302)
                self.assertNotIn("X-Evil", response.headers)
                self.assertNotIn("theme", response.cookies)
        self.client.cookies["theme"] = '"><script>alert(1)</script>'
        self.assertNotContains(self.client.get("/"), "<script>alert")


class BannerTests(PageTestCase):
    """What an operator must know stands on every page; others are not bothered."""

    def notices(self) -> str:
        return " ".join(element.text for element in self.page("/models/").of_class("page-notices"))

    def operator(self) -> None:
        self.client.force_login(make_user("olga", is_staff=True))

    def test_a_paused_gateway_and_unknown_outcomes_are_told_to_operators(self):
        self.gateway.pause("401: the key is wrong")
        make_generation(Status.UNKNOWN)
        self.assertEqual(self.notices(), "")
        self.operator()
        self.assertIn("The gateway fake is paused: 401: the key is wrong", self.notices())
        self.assertIn("1 request has an unknown outcome", self.notices())
        make_generation(Status.UNKNOWN)
        make_generation(Status.UNKNOWN, user=carol())
        self.assertIn("2 requests have an unknown outcome", self.notices())

    def test_where_unknown_outcomes_are_decided_nothing_points_there(self):
        make_generation(Status.UNKNOWN)
        self.operator()
        for path, found in (("/models/", 1), ("/queue/unknown/", 0)):
            with self.subTest(path):
                self.assertEqual(len(self.page(path).all("a", href="/queue/unknown/")), found)

    def test_a_refused_decision_shows_the_desk_as_it_is(self):
        row = make_generation(Status.UNKNOWN)
        self.client.force_login(make_user("root", is_staff=True, is_superuser=True))
        response = self.client.post(f"/queue/unknown/{row.uuid}/attach/", {"upstream_id": "two words"})
        self.assertEqual(response.status_code, 422)
        page = read(response)
        self.assertEqual(page.all("a", href="/queue/unknown/"), [])
        self.assertEqual([link["href"] for link in page.all("a", aria_current="true")], ["/queue/"])

    def test_the_age_of_the_oldest_is_told_after_an_hour(self):
        self.operator()
        generation = make_generation(Status.UNKNOWN)
        make_generation(Status.UNKNOWN)
        self.assertNotIn("oldest", self.notices())
        Generation.objects.filter(pk=generation.pk).update(created_at=timezone.now() - timedelta(hours=25))
        self.assertIn("The oldest is from 25 h 00 min ago.", self.notices())

    def test_a_paused_gateway_is_told_even_when_it_is_switched_off(self):
        Gateway.objects.update(enabled=False)
        self.operator()
        self.assertEqual(self.notices(), "")
        self.gateway.pause("401: the key is wrong")  # what it was given before waits for it
        self.assertIn("The gateway fake is paused", self.notices())

    def test_a_pause_that_is_over_is_not_told(self):
        self.operator()
        self.gateway.pause_for(-1, "429")
        self.assertEqual(self.notices(), "")

    def test_a_key_that_no_key_opens_is_told(self):
        self.operator()
        with self.settings(FIELD_KEYS=["another"]):
            self.assertIn("The gateway fake cannot be used.", self.notices())

    def test_they_are_asked_for_once(self):
        self.operator()
        self.client.get("/models/")
        with self.assertNumQueries(8):
            self.client.get("/models/")

    def test_sandbox_clips_are_told_plainly(self):
        Gateway.objects.update(enabled=False)
        make_gateway("sandbox", key_source=Gateway.KeySource.SANDBOX, key="", base_url="")
        self.assertIn("These are sandbox clips.", self.page("/").text)
        Gateway.objects.update(enabled=True)
        self.assertNotIn("These are sandbox clips.", self.page("/").text)


class HealthTests(TestCase):
    def test_health_is_an_answer_without_a_statement(self):
        with self.assertNumQueries(0):
            response = self.client.get("/healthz")
        self.assertEqual((response.status_code, response.content), (200, b"ok\n"))

    def test_readiness_says_what_is_missing(self):
        response = self.client.get("/readyz")
        self.assertEqual(response.status_code, 503)
        self.assertEqual(response.json(), {"ready": False, "problems": ["no poller is running"]})
        PollerSlot.objects.create(name="0", owner="x", until=timezone.now() + timedelta(minutes=1))
        response = self.client.get("/readyz")
        self.assertEqual((response.status_code, response.json()), (200, {"ready": True, "problems": []}))

    def test_a_database_that_is_away_is_said_and_passes(self):
        with mock.patch("videostudio.views.MigrationExecutor", side_effect=OperationalError("gone")):
            response = self.client.get("/readyz")
        self.assertEqual((response.status_code, response.json()["problems"]), (503, ["the database does not answer"]))


class ErrorTests(PageTestCase):
    def failing(self, error: Exception) -> Any:
        self.client.raise_request_exception = False
        with mock.patch("generations.views.pages.choosable_models", side_effect=error):
            return self.client.get("/models/")

    def test_an_exception_is_a_page_without_a_trace(self):
        response = self.failing(RuntimeError("secret words"))
        self.assertContains(response, "Something broke on our side", status_code=500)
        self.assertNotContains(response, "secret words", status_code=500)

    def test_a_database_that_is_away_is_503_and_passes_by_itself(self):
        with self.assertLogs("django.request") as said:
            response = self.failing(OperationalError("database is locked"))
        self.assertContains(response, "The studio is back in a moment", status_code=503)
        self.assertEqual(response.headers["Retry-After"], "5")
        sentence = "Service Unavailable: /models/: the database is away (OperationalError)"
        self.assertEqual(said.output, [f"WARNING:django.request:{sentence}"])

    def test_a_disk_that_takes_nothing_is_503_and_said(self):
        with self.assertLogs("django.request") as said:
            response = self.failing(OSError(errno.ENOSPC, "No space left on device", "/a/path"))
        self.assertContains(response, "Its disk takes nothing just now.", status_code=503)
        self.assertNotContains(response, "/a/path", status_code=503)
        sentence = "Service Unavailable: /models/: the disk takes nothing (OSError)"
        self.assertEqual(said.output, [f"WARNING:django.request:{sentence}"])

    def test_an_address_that_leads_nowhere_is_a_page(self):
        for path in (
            "/nonsense/",
            "/generations/nonsense/",
            f"/generations/{uuid.uuid4()}/",
            "/%00/",
            "/generations/%ff",
        ):
            with self.subTest(path):
                self.assertContains(self.client.get(path), "There is nothing here", status_code=404)

    def test_without_a_team_there_is_nothing_and_no_trace(self):
        row = make_generation()
        Membership.objects.filter(user=self.alice).delete()
        for path in ("/", "/generations/", "/prompts/", "/queue/", "/models/", "/live/", "/queue/unknown/"):
            with self.subTest(path):
                response = self.client.get(path)
                self.assertEqual(response.status_code, 200)
                self.assertNotContains(response, str(row.uuid))
        self.assertEqual(self.client.get("/live/", {"v": f"{row.uuid}:0"}).status_code, 204)
        self.assertEqual(self.client.get(row.get_absolute_url()).status_code, 404)
