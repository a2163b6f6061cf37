"""Links for people outside: what they show, what they never show, how they close and how they count."""

import errno
import re
from datetime import timedelta
from unittest import mock

from django.core.cache import cache
from django.db import connection
from django.test import Client, TestCase
from django.utils import timezone

from generations.lifecycle.files import path_of
from generations.models import Generation, ShareLink, Status
from tests.factories import alice, bob, carol, clip, make_generation
from tests.pages import read

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


class SharingTestCase(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        cls.row = make_generation(Status.COMPLETED, prompt="A secret fox")

    def setUp(self) -> None:
        self.client.force_login(alice())
        self.outside = Client(headers={"User-Agent": BROWSER})

    def share(self, **fields: str) -> ShareLink:
        response = self.client.post(f"{self.row.get_absolute_url()}share/", {"days": "7", **fields})
        self.assertRedirects(response, f"{self.row.get_absolute_url()}#share")
        return ShareLink.objects.first()

    def path(self, link: ShareLink, rest: str = "") -> str:
        return f"/s/{link.token}/{rest}"


class OpenTests(SharingTestCase):
    def test_anybody_watches_without_signing_in(self):
        link = self.share()
        page = self.outside.get(self.path(link))
        self.assertEqual(page.status_code, 200)
        video = read(page).one("video")
        self.assertEqual(video["src"], self.path(link, "video/"))
        part = self.outside.get(video["src"], headers={"Range": "bytes=10-19"})
        self.assertEqual((part.status_code, part.content), (206, clip()[10:20]))
        self.assertEqual(self.outside.get(video["src"], headers={"Range": "bytes=99999999-"}).status_code, 416)

    def test_the_poster_has_an_address_of_its_own(self):
        link = self.share()
        self.assertEqual(self.outside.get(self.path(link, "poster/")).status_code, 404)
        name = self.row.file.replace(".mp4", ".webp")
        path_of(name).write_bytes(b"RIFF")
        Generation.objects.filter(pk=self.row.pk).update(poster=name)
        self.assertEqual(self.outside.get(self.path(link, "poster/")).content, b"RIFF")
        self.assertEqual(read(self.outside.get(self.path(link))).one("video")["poster"], self.path(link, "poster/"))

    def test_the_prompt_shows_only_where_it_was_asked_for(self):
        self.assertNotContains(self.outside.get(self.path(self.share())), "secret")
        self.assertContains(self.outside.get(self.path(self.share(shows_prompt="1"))), "A secret fox")

    def test_nothing_else_of_the_studio_shows(self):
        body = self.outside.get(self.path(self.share(shows_prompt="1"))).content.decode()
        for word in (
            "alice",
            str(self.row.uuid),
            self.row.uuid.hex,
            self.row.sha256,
            "/generations/",
            self.row.model_key,
        ):
            self.assertNotIn(word, body)

    def test_it_is_not_indexed_tells_no_address_and_runs_no_script(self):
        link = self.share()
        for rest in ("", "video/"):
            headers = self.outside.get(self.path(link, rest), headers={"Range": "bytes=0-9"}).headers
            self.assertIn("noindex", headers["X-Robots-Tag"])
            self.assertEqual(headers["Referrer-Policy"], "no-referrer")
            self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
            self.assertNotIn("script-src", headers["Content-Security-Policy"])
        self.assertEqual(self.outside.get(self.path(link)).headers["Cache-Control"], "no-store")
        self.assertEqual(self.outside.get(self.path(link, "video/")).headers["Cache-Control"], "private, no-cache")
        page = self.outside.get(self.path(link))
        self.assertFalse(read(page).all("script"))
        self.assertFalse(page.cookies)
        self.assertEqual(self.outside.post(self.path(link)).status_code, 405)

    def test_the_whole_file_is_not_given_for_the_asking(self):
        """A download holds a thread: that is for the team."""
        answer = self.outside.get(self.path(self.share(), "video/?download=1"), headers={"Range": "bytes=0-"})
        self.assertTrue(answer.headers["Content-Disposition"].startswith("inline"))

    def test_the_database_alone_opens_nothing(self):
        link = self.share()
        with connection.cursor() as cursor:
            cursor.execute("SELECT token, digest FROM generations_sharelink")
            [(stored, digest)] = cursor.fetchall()
        self.assertNotIn(link.token, stored + digest)
        self.assertEqual(len(link.token), 32)
        link.refresh_from_db()
        self.assertIn(link.token, read(self.client.get(self.row.get_absolute_url())).one(id_="share").text)


class ClosedTests(SharingTestCase):
    def closed(self, link: ShareLink, words: str) -> None:
        page = self.outside.get(self.path(link))
        self.assertContains(page, words, status_code=410)
        self.assertNotContains(page, "secret", status_code=410)
        for rest in ("video/", "poster/"):
            self.assertEqual(self.outside.get(self.path(link, rest)).status_code, 404)

    def test_an_unknown_one_is_not_there(self):
        self.assertContains(self.outside.get("/s/nothing/"), "There is no such link.", status_code=404)
        self.assertEqual(self.outside.get("/s/nothing/video/").status_code, 404)

    def test_a_withdrawn_one_says_so_and_anybody_of_the_team_withdraws(self):
        link = self.share()
        self.client.force_login(carol())
        self.assertEqual(self.client.post(f"/share/{link.pk}/revoke/").status_code, 404)
        self.assertEqual(self.outside.get(self.path(link)).status_code, 200)
        self.client.force_login(bob())
        page = self.client.post(f"/share/{link.pk}/revoke/", follow=True)
        self.assertContains(page, "The link is withdrawn.")
        self.closed(link, "This link was withdrawn")
        self.assertNotIn(link.token, read(page).text)

    def test_an_expired_one_says_so(self):
        link = self.share(days="1")
        self.assertAlmostEqual(link.expires_at, timezone.now() + timedelta(days=1), delta=timedelta(minutes=1))
        past = timezone.now() - timedelta(days=2)
        ShareLink.objects.update(created_at=past, expires_at=past + timedelta(days=1))
        self.closed(link, "This link has expired.")

    def test_a_removed_video_says_so(self):
        for column in ("deleted_at", "purged_at"):
            with self.subTest(column):
                link = self.share()
                Generation.objects.filter(pk=self.row.pk).update(**{column: timezone.now()})
                self.closed(link, "The video behind this link was removed.")
                Generation.objects.filter(pk=self.row.pk).update(**{column: None})

    def test_what_is_not_ready_and_another_team_s_cannot_be_shared(self):
        waiting = make_generation(Status.IN_PROGRESS)
        self.assertEqual(self.client.post(f"/generations/{waiting.uuid}/share/", {"days": "7"}).status_code, 422)
        for days in ("", "0", "9999", "x"):
            self.assertEqual(self.client.post(f"/generations/{self.row.uuid}/share/", {"days": days}).status_code, 422)
        self.client.force_login(carol())
        self.assertEqual(self.client.post(f"/generations/{self.row.uuid}/share/", {"days": "7"}).status_code, 404)
        self.assertFalse(ShareLink.objects.exists())


class ViewTests(SharingTestCase):
    def views(self, link: ShareLink) -> int:
        return ShareLink.objects.get(pk=link.pk).views

    def test_a_visitor_counts_once_an_hour_and_another_browser_again(self):
        link = self.share()
        for _ in range(3):
            self.outside.get(self.path(link))
        self.assertEqual(self.views(link), 1)
        self.outside.get(self.path(link), headers={"User-Agent": f"{BROWSER} other"})
        self.outside.get(self.path(link), REMOTE_ADDR="203.0.113.9")
        self.assertEqual(self.views(link), 3)
        cache.clear()  # as after the hour
        self.outside.get(self.path(link))
        self.assertEqual(self.views(link), 4)

    def test_a_full_disk_keeps_no_visitor_out(self):
        link = self.share()
        with mock.patch.object(cache, "add", side_effect=OSError(errno.ENOSPC, "No space left on device")):
            self.assertEqual(self.outside.get(self.path(link)).status_code, 200)
        self.assertEqual(self.views(link), 0)

    def test_bots_head_and_prefetching_do_not_count(self):
        link = self.share()
        for agent in (
            "Googlebot/2.1",
            "Slackbot-LinkExpanding 1.0",
            "WhatsApp/2.2",
            "curl/8.9",
            "python-httpx/0.28",
            "",
        ):
            self.outside.get(self.path(link), headers={"User-Agent": agent})
        self.outside.head(self.path(link))
        self.outside.get(self.path(link), headers={"Sec-Purpose": "prefetch;prerender"})
        self.outside.get(self.path(link, "video/"))
        self.assertEqual(self.views(link), 0)

    def test_no_address_is_kept(self):
        link = self.share()
        self.outside.get(self.path(link), REMOTE_ADDR="203.0.113.9")
        self.assertEqual(self.views(link), 1)
        kept = repr(vars(cache)) + repr(cache._cache)
        self.assertRegex(kept, r"share-view-[0-9a-f]{64}")
        self.assertNotIn("203.0.113.9", kept)
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM generations_sharelink")
            self.assertIsNone(re.search("203.0.113.9", repr(cursor.fetchall())))
