"""A library as one file: out, into an empty installation, and the same; and what never happens."""

import hashlib
import json
import shutil
import tarfile
import tempfile
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from unittest import mock
from urllib.parse import parse_qs

from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import SimpleTestCase, TransactionTestCase, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ

from generations.archive import rows, writing
from generations.archive.layout import KINDS, MANIFEST, SUMS
from generations.archive.reading import Reader
from generations.lifecycle import decisions, recovery, submit
from generations.lifecycle.files import path_of, stored_name
from generations.lifecycle.invariants import violations
from generations.models import (
    UNFINISHED,
    Comment,
    Comparison,
    Delivery,
    Gateway,
    Generation,
    GenerationInput,
    Group,
    Membership,
    Preset,
    Project,
    Prompt,
    SavedView,
    ShareLink,
    Star,
    Status,
    SubmitAttempt,
    Tag,
    Tagging,
    Team,
    Upload,
    User,
    Vote,
)
from generations.models.watching import set_digest
from tests.factories import alice, bob, carol, make_gateway, make_generation, make_user, stored_file
from tests.lifecycle.test_webhooks import make_webhook
from tests.pages import picture

OF_TEAMS = ("generations", "prompts", "presets", "uploads", "projects", "comparisons", "tags", "views")


class ArchiveCase(TransactionTestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="videostudio-case-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.enterContext(override_settings(MEDIA_ROOT=self.folder / "media", RECEIPTS_DIR=self.folder / "receipts"))
        self.file = self.folder / "library.tar"

    def fill(self) -> None:
        """A library with something of everything."""
        make_gateway("comet", key="sk-key-that-stays-here-0001", offers=["wan"])
        Gateway.objects.create(name="sandbox", key_source=Gateway.KeySource.SANDBOX)
        winter = Project.objects.create(team=alice().team, name="Winter", created_by=bob())
        upload = Upload(sha256="", kind="image/png", size=0, width=32, height=18, team=alice().team, person=bob())
        content = picture().read()
        upload.sha256, upload.size = hashlib.sha256(content).hexdigest(), len(content)
        upload.file.save("", ContentFile(content), save=True)
        first = make_generation(Status.COMPLETED, prompt="一只狐狸", quote="0.40", project=winter, rating=5)
        path_of(poster := first.file.replace(".mp4", ".webp")).write_bytes(b"RIFF")
        path_of(preview := stored_name(first, ".preview.mp4")).write_bytes(b"ftyp")
        Generation.objects.filter(pk=first.pk).update(poster=poster, preview=preview, pinned_at=timezone.now())
        GenerationInput.objects.create(generation=first, option="input_reference", upload=upload)
        Tag.objects.create(team=alice().team, name="no video has it yet")
        kept = {"team": alice().team, "person": bob(), "is_shared": True}
        SavedView.objects.create(name="Winter fox", query=f"q=%E7%8B%90&project={winter.pk}&rating=4", **kept)
        SavedView.objects.create(name="Loose", query="project=none", **kept)
        for name in ("Fox", "snow"):
            Tagging.objects.create(generation=first, tag=Tag.objects.create(team=alice().team, name=name))
        Star.objects.create(generation=first, person=bob())
        group = Group.objects.create(team=alice().team, created_by=bob(), kind="copies")
        remix = make_generation(Status.FAILED, user=bob(), parent=first, relation="remix", group=group)
        settled = make_generation(Status.UNKNOWN, quote="0.10")
        decisions.confirm_not_created(settled, bob())
        make_generation(Status.CANCELLED, user=carol(), quote="0.10")
        purged = make_generation(Status.COMPLETED, user=carol())
        path_of(purged.file).unlink()
        Generation.objects.filter(pk=purged.pk).update(purged_at=timezone.now(), deleted_at=timezone.now())
        Generation.objects.filter(pk=purged.pk).update(deleted_by=carol())
        first.refresh_from_db()
        first.note("Something worth knowing.", actor="engine")
        first.events.update(at=timezone.now() - timedelta(days=40))
        said = Comment.objects.create(generation=first, person=bob(), text="Too fast here", at_seconds=0.5)
        Comment.objects.filter(pk=said.pk).update(edited_at=timezone.now())
        Comment.objects.create(generation=first, person=alice(), text="好")
        self.compare(first, remix)
        older, newer = Prompt.objects.filter(team=alice().team).order_by("pk")[:2]
        Prompt.objects.filter(pk=newer.pk).update(edited_from=older, first=older)
        kept = {"team": alice().team, "created_by": bob(), "promoted_from": newer}
        Preset.objects.create(name="Fox", text="A {colour} fox", model_key="wan/wan2.6", options={"seconds": 5}, **kept)

    def compare(self, *videos: Generation) -> None:
        digest = set_digest(video.pk for video in videos)
        made = Comparison.objects.create(team=alice().team, created_by=alice(), digest=digest)
        made.generations.set(videos)
        Vote.objects.create(comparison=made, person=alice(), choice=videos[0], is_blind=True)
        Vote.objects.create(comparison=made, person=bob(), choice=None)
        made.count()

    def run_it(self, command: str, *arguments: str) -> str:
        out = StringIO()
        call_command(command, str(self.file), *arguments, stdout=out, stderr=out)
        return out.getvalue()

    def empty(self, *, media: bool = True) -> None:
        """Make this an installation in which nothing ever was."""
        call_command("flush", interactive=False, verbosity=0)
        if media:
            shutil.rmtree(self.folder / "media", ignore_errors=True)

    def members(self) -> dict[str, bytes]:
        with tarfile.open(self.file) as tar:
            return {info.name: tar.extractfile(info).read() for info in tar}

    def lines(self) -> dict[str, list[dict]]:
        """The archive's rows by kind, with teams by name."""
        found: dict[str, list[dict]] = {}
        for name, content in self.members().items():
            if name.endswith(".jsonl"):
                found.setdefault(name.partition("-")[0], []).extend(json.loads(line) for line in content.splitlines())
        names = {team["id"]: team.pop("name") for team in found.pop("teams")}
        for kind in OF_TEAMS:
            for line in found.get(kind, []):
                line["team"] = names[line["team"]]
        for view in found.get("views", []):
            if view["project"]:
                view["project"]["team"] = names[view["project"]["team"]]
        for person in found["people"]:
            person["teams"] = [{**item, "team": names[item["team"]]} for item in person["teams"]]
        return found

    def pages(self) -> dict[str, dict]:
        """What the studio says of each video, to somebody who is in every team."""
        seer = make_user(f"seer{User.objects.count()}")
        for team in Team.objects.all():
            Membership.objects.get_or_create(team=team, user=seer)
        self.client.force_login(seer)
        rows = Generation.objects.visible_to(seer).distinct()
        return {str(row.uuid): self.client.get(f"/generations/{row.uuid}.json").json() for row in rows}


class RoundTripTests(ArchiveCase):
    def test_what_comes_in_elsewhere_is_what_went_out(self):
        self.fill()
        before, pages = None, self.pages()
        User.objects.filter(username__startswith="seer").delete()
        printed = self.run_it("export_library")
        before = self.lines()
        files = {name: content for name, content in self.members().items() if name.startswith("media/")}
        self.assertIn("Written: 5 generations, 3 prompts, 1 uploads, 4 files", printed)
        self.empty()
        Project.objects.create(team=Team.objects.create(name="Earlier"), name="Autumn")  # so that keys are others here
        printed = self.run_it("import_library")
        Project.objects.filter(name="Autumn").delete()
        Team.objects.filter(name="Earlier").delete()
        self.assertIn("Taken in: 5 generations, 4 files.", printed)
        self.assertEqual(list(violations(files=True)), [])
        self.assertEqual(self.pages(), pages)
        User.objects.filter(username__startswith="seer").delete()
        self.file.unlink()
        self.run_it("export_library")
        after = self.lines()
        self.assertEqual(
            {name: content for name, content in self.members().items() if name.startswith("media/")}, files
        )
        self.assertEqual(set(before), set(KINDS) - {"teams"})  # something of everything
        for kind in set(before) - {"people"}:
            self.assertEqual(after[kind], before[kind], kind)
        first = Generation.objects.get(rating=5)
        self.assertEqual([comment.text for comment in first.comments.all()], ["Too fast here", "好"])
        self.assertEqual(Comparison.objects.get().winner, first)
        view = SavedView.objects.get(name="Winter fox")
        self.assertEqual(parse_qs(view.query), {"q": ["狐"], "rating": ["4"], "project": [str(first.project_id)]})
        self.assertEqual({person["username"] for person in after["people"]}, {"alice", "bob", "carol"})

    def test_a_second_time_changes_nothing(self):
        self.fill()
        self.run_it("export_library")
        before = self.lines()
        printed = self.run_it("import_library")
        self.assertIn("Here already, and left as they are: 5 generations.", printed)
        self.assertEqual(Team.objects.count(), 2)
        self.file.unlink()
        self.run_it("export_library")
        self.assertEqual(self.lines(), before)

    def test_a_demonstration_is_a_library_like_any_other(self):
        alice()
        for _ in range(2):  # a second one brings other prompts
            call_command("load_demo", "20", stdout=StringIO())
        self.run_it("export_library")
        self.empty()
        with CaptureQueriesContext(connection) as asked:
            self.assertIn("Taken in: 40 generations", self.run_it("import_library"))
        counted = [query["sql"] for query in asked if query["sql"] == "ANALYZE"]
        self.assertEqual(counted, ["ANALYZE"] if connection.vendor == "postgresql" else [])

    def test_an_import_that_was_broken_off_is_run_again(self):
        self.fill()
        self.run_it("export_library")
        self.empty()
        with (
            mock.patch("generations.archive.reading.Reader.history", side_effect=KeyboardInterrupt),
            self.assertRaises(KeyboardInterrupt),
        ):
            self.run_it("import_library")
        self.assertFalse(Generation.objects.exists())
        self.run_it("import_library")
        self.assertEqual(Generation.objects.count(), 5)
        self.assertEqual(list(violations(files=True)), [])

    def test_an_archive_in_many_batches_is_the_same(self):
        self.fill()
        with mock.patch.object(writing, "AT_ONCE", 2), mock.patch.object(writing, "PROMPTS_AT_ONCE", 1):
            self.run_it("export_library")
        self.assertGreaterEqual(self.members().keys(), {"generations-000003.jsonl", "prompts-000003.jsonl"})
        self.empty()
        self.run_it("import_library")
        self.assertEqual(Generation.objects.count(), 5)
        self.assertEqual(Generation.objects.exclude(parent=None).get().parent.prompt.text, "一只狐狸")

    def test_its_sums_are_those_that_the_usual_tool_checks(self):
        self.fill()
        self.run_it("export_library")
        members = self.members()
        listed = dict(line.split("  ")[::-1] for line in members[SUMS].decode().splitlines())
        sums = {name: hashlib.sha256(content).hexdigest() for name, content in members.items()}
        self.assertEqual(listed, {name: sums[name] for name in members if name not in {SUMS, MANIFEST}})
        self.assertEqual(json.loads(members[MANIFEST])["sums"], sums[SUMS])


class ComingInTests(ArchiveCase):
    def bring(self, *arguments: str) -> str:
        """Export what is here, empty everything, let `prepare` be somebody's installation, and import."""
        self.run_it("export_library")
        self.empty()
        self.ours()
        return self.run_it("import_library", *arguments)

    def ours(self) -> None:
        make_user("root", is_superuser=True, team=Team.objects.create(name="Here"))

    def test_people_are_found_by_name_and_others_cannot_sign_in(self):
        self.fill()
        self.bring()
        people = {user.username: user for user in User.objects.all()}
        self.assertEqual(set(people), {"root", "alice", "bob", "carol"})
        for name in ("alice", "bob", "carol"):
            self.assertFalse(people[name].is_active or people[name].has_usable_password())
        self.assertEqual(carol().memberships.get().team.name, "Elsewhere")
        self.assertEqual(Generation.objects.filter(created_by__username="carol").count(), 2)
        self.assertTrue(people["root"].is_active)

    def test_unknown_people_may_become_one_account(self):
        self.fill()
        self.bring("--as", "root", "--team", "Here")
        self.assertEqual(list(User.objects.values_list("username", flat=True)), ["root"])
        self.assertEqual(Comparison.objects.get().votes.get().person.username, "root")  # of two, the last word
        self.assertEqual(set(Generation.objects.values_list("team__name", "created_by__username")), {("Here", "root")})
        self.assertEqual(list(Team.objects.values_list("name", flat=True)), ["Here"])
        self.assertEqual(list(violations(files=True)), [])

    def test_gateways_come_without_keys_and_switched_off(self):
        self.fill()
        self.run_it("export_library")
        content = self.file.read_bytes()
        self.assertNotIn(b"sk-key-that-stays-here", content)
        self.empty()
        make_gateway("comet", base_url="https://another.invalid", key="sk-ours-0000000000")
        self.run_it("import_library")
        brought = Gateway.objects.get(name="comet-2")
        self.assertEqual((brought.key, brought.enabled, brought.base_url), ("", False, "https://gateway.invalid"))
        self.assertEqual(brought.generations.count(), 5)
        self.assertEqual(Gateway.objects.get(name="comet").key, "sk-ours-0000000000")

    def test_what_had_not_ended_ends_and_is_never_sent_or_asked_for(self):
        make_gateway("comet")
        for status in UNFINISHED:
            make_generation(status, quote="0.40")
        again = make_generation(Status.UNKNOWN, quote="0.40")
        decisions.send_again(again, alice(), typed="may cost twice")
        told = {row.uuid: row.status for row in Generation.objects.all()}
        webhooks = []
        self.run_it("export_library")
        self.empty()
        make_gateway("comet")  # the same gateway, with a key
        webhooks.append(make_webhook())
        printed = self.run_it("import_library")
        self.assertIn("Had not ended elsewhere, and end here: 6 generations.", printed)
        for row in Generation.objects.all():
            was = told[row.uuid]
            withdrawn = was == Status.QUEUED and row.uuid != again.uuid
            self.assertEqual((row.status, row.due_at), (Status.CANCELLED if withdrawn else Status.FAILED, None), was)
            self.assertEqual(row.failure, "" if withdrawn else "gave_up")
            self.assertIn("brought over from another studio", row.detail)
            held = row.ledger.all().sums()["USD"].held
            if withdrawn:
                self.assertEqual(held, 0)
            elif was != Status.DOWNLOADING:
                self.assertEqual(held, Decimal("0.80") if row.uuid == again.uuid else Decimal("0.40"))
        self.assertFalse(SubmitAttempt.objects.filter(outcome="").exists())
        self.assertEqual(list(violations()), [])
        OrmQ.objects.all().delete()
        recovery._hinted.clear()
        recovery.sweep()
        for row in Generation.objects.all():
            with mock.patch.object(submit, "send_once") as sent:
                submit.submit(row.pk)
            sent.assert_not_called()
        self.assertFalse(Generation.objects.due(timezone.now() + timedelta(days=400)).exists())
        self.assertFalse(OrmQ.objects.exists() or Delivery.objects.exists())  # nobody is told of old news

    def test_images_outlive_a_sweep_that_comes_before_their_videos(self):
        self.fill()
        Upload.objects.update(created_at=timezone.now() - timedelta(days=40))
        self.run_it("export_library")
        self.empty()
        real = Reader.generations

        def late(reader: Reader, lines: list) -> None:
            recovery.sweep()
            real(reader, lines)

        with mock.patch.object(Reader, "generations", late):
            self.run_it("import_library")
        self.assertEqual(Generation.objects.get(rating=5).inputs.count(), 1)

    def test_what_was_in_progress_can_be_asked_about_by_a_person(self):
        make_gateway("comet")
        make_generation(Status.IN_PROGRESS)
        self.run_it("export_library")
        self.empty()
        self.run_it("import_library")
        row = Generation.objects.get()
        decisions.ask_again(row, row.created_by)
        self.assertEqual(row.status, Status.IN_PROGRESS)


class WritingTests(ArchiveCase):
    def test_a_damaged_video_is_left_out_and_said(self):
        self.fill()
        row = Generation.objects.get(rating=5)
        path_of(row.file).write_bytes(b"broken")
        with self.assertRaisesMessage(CommandError, "verify_media"):
            self.run_it("export_library")
        self.empty()
        printed = self.run_it("import_library")
        self.assertIn(f"Not in the archive: the video {row.uuid} is not the same", printed)
        self.assertEqual(Generation.objects.count(), 4)
        self.assertIsNone(Generation.objects.get(relation="remix").parent)
        self.assertIn("which is about the video", printed)
        self.assertFalse(Comparison.objects.exists())

    def test_a_link_for_people_outside_stays_where_it_is(self):
        self.fill()
        row = Generation.objects.get(rating=5)
        link = ShareLink.objects.create(generation=row, expires_at=timezone.now() + timedelta(days=1))
        ShareLink.objects.create(generation=row, expires_at=link.expires_at, revoked_at=timezone.now())
        self.assertIn("Not taken along: 1 open links", self.run_it("export_library"))
        for secret in (link.token, link.digest):
            self.assertNotIn(secret.encode(), self.file.read_bytes())

    def test_what_is_made_meanwhile_waits_for_the_next_archive(self):
        self.fill()
        real = writing.projects

        def meanwhile():
            yield from real()
            late = [make_generation(Status.COMPLETED, prompt=words) for words in ("late", "later")]
            self.compare(*late)

        with mock.patch.object(writing, "projects", meanwhile):
            self.run_it("export_library")
        self.assertEqual([len(self.lines()[kind]) for kind in ("generations", "comparisons")], [5, 1])
        self.empty()
        self.run_it("import_library")
        self.assertEqual(Generation.objects.count(), 5)

    def test_nothing_is_overwritten_and_a_failure_leaves_no_half(self):
        self.file.write_text("mine")
        with self.assertRaisesMessage(CommandError, "nothing is overwritten"):
            self.run_it("export_library")
        self.file.unlink()
        self.fill()
        with (
            mock.patch.object(writing.Writer, "finish", side_effect=OSError(28, "No space left on device")),
            self.assertRaisesMessage(CommandError, "No space left on device"),
        ):
            self.run_it("export_library")
        self.assertEqual([path.name for path in self.folder.iterdir() if path.is_file()], [])

    def test_a_row_that_moves_while_it_is_read_is_read_again(self):
        make_gateway("comet")
        row = make_generation(Status.DOWNLOADING)
        real, calls = Generation.objects.filter, []

        def moving(*args, **kwargs):
            if "pk__in" in kwargs and not calls:
                calls.append(1)
                own = Generation.objects.get(pk=row.pk)
                own.move_to(
                    Status.COMPLETED,
                    actor="x",
                    reason="x",
                    progress=100,
                    completed_at=timezone.now(),
                    **stored_file(own),
                )
            return real(*args, **kwargs)

        with mock.patch.object(writing.Generation.objects, "filter", moving):
            self.run_it("export_library")
        line = self.lines()["generations"][0]
        self.assertEqual((line["row"]["status"], line["events"][-1]["after"]), ("completed", "completed"))
        self.assertTrue(calls)


class CoveredTests(SimpleTestCase):
    def test_whatever_a_generation_points_to_goes_along(self):
        """A new relation of a generation must be taken along by generations/archive, or be named here."""
        known = {
            *("team", "created_by", "api_token", "prompt", "parent", "group", "gateway", "deleted_by", "project"),
            *("id", "claim", "due_at", "form_token", "form_digest"),
        }
        names = {field.name for field in Generation._meta.concrete_fields}
        self.assertEqual(names - rows.GENERATION.keys(), known)
        self.assertNotIn("key", rows.GATEWAY)
