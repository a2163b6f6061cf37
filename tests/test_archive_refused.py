"""Archives that are refused: cut, changed, hostile, of another version, or without room; and nothing is written."""

import hashlib
import io
import json
import shutil
import tarfile
from unittest import mock

from django.core.management import CommandError

from generations.archive.layout import MANIFEST, SUMS
from generations.lifecycle.files import path_of
from generations.models import Comment, Comparison, Gateway, Preset, Team, User
from tests.test_archive import ArchiveCase


class RefusedTests(ArchiveCase):
    def setUp(self):
        super().setUp()
        self.fill()
        self.run_it("export_library")
        self.whole = self.members()

    def rewrite(self, members: dict[str, bytes], *, sums: bool = True) -> None:
        """Write an archive of these members; with `sums` its sums and its manifest agree with them."""
        members = dict(members)
        if sums:
            listed = {name: content for name, content in members.items() if name not in {SUMS, MANIFEST}}
            text = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in listed.items())
            manifest = json.loads(members[MANIFEST]) | {"sums": hashlib.sha256(text.encode()).hexdigest()}
            members |= {SUMS: text.encode(), MANIFEST: json.dumps(manifest).encode()}
        with tarfile.open(self.file, "w") as tar:
            for name, content in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))

    def changed(self, name: str, before: str, after: str) -> dict[str, bytes]:
        text = self.whole[name].decode()
        self.assertIn(before, text)
        return self.whole | {name: text.replace(before, after, 1).encode()}

    def assert_refused(self, words: str) -> None:
        """The import says why, and wrote nothing: no row, no file."""
        self.empty()
        for arguments in ((), ("--check",)):
            with self.assertRaises(CommandError) as caught:
                self.run_it("import_library", *arguments)
            self.assertIn(words, str(caught.exception))
        self.assertFalse(User.objects.exists() or Gateway.objects.exists() or Team.objects.exists())
        self.assertEqual([path for path in (self.folder / "media").rglob("*") if path.is_file()], [])

    def test_one_changed_byte_of_any_member(self):
        for name in self.whole:
            with self.subTest(name):
                content = bytearray(self.whole[name])
                content[len(content) // 2] ^= 1
                self.rewrite(self.whole | {name: bytes(content)}, sums=False)
                self.assert_refused("")

    def test_a_cut_archive(self):
        content = self.file.read_bytes()
        for size in (0, 100, 600, len(content) // 2, content.rindex(MANIFEST.encode()) - 512):
            with self.subTest(size):
                self.file.write_bytes(content[:size])
                self.assert_refused("")

    def test_a_member_that_is_missing_or_too_much(self):
        media = next(name for name in self.whole if name.startswith("media/videos") and name.endswith(".mp4"))
        without = {name: content for name, content in self.whole.items() if name != media}
        for members, words in (
            (without, "is without its file"),
            (
                self.whole | {"generations-000002.jsonl": self.whole["generations-000001.jsonl"]},
                "is damaged or missing",
            ),
            ({name: content for name, content in self.whole.items() if name != MANIFEST}, "cut"),
            ({"other.txt": b"x", **self.whole}, "must begin with"),
        ):
            with self.subTest(words):
                self.rewrite(members, sums=MANIFEST in members)
                self.assert_refused(words)

    def test_names_that_lead_elsewhere(self):
        evil = "../" * 5 + "etc/passwd"
        for name in (f"media/{evil}", "media/videos/ab/../../../x.mp4", "/etc/passwd", "media/receipts/x.json", evil):
            with self.subTest(name):
                head = {"videostudio.json": self.whole["videostudio.json"]}
                self.rewrite({**head, name: b"x", **{n: c for n, c in self.whole.items() if n not in head}})
                self.assert_refused("")
        with tarfile.open(self.file, "w") as tar:
            for name in ("videostudio.json",):
                info = tarfile.TarInfo(name)
                info.size = len(self.whole[name])
                tar.addfile(info, io.BytesIO(self.whole[name]))
            link = tarfile.TarInfo("media/videos/ab/x")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(link)
        self.assert_refused("no plain file")

    def test_rows_that_cannot_be(self):
        part = "generations-000001.jsonl"
        for before, after, words in (
            ('"status": "completed"', '"status": "shiny"', "a status that this studio does not know"),
            ('"rating": 5', '"rating": "five"', "a value that cannot be"),
            ('"version": ', '"sparkle": 1, "version": ', "sparkle, which this studio does not know"),
            ('"person": "alice"', '"person": "mallory"', "not in the archive"),
            ('"gateway": "comet"', '"gateway": "other"', "a gateway that is not in the archive"),
            ('"sha256": "', '"sha256": "0', "a value that cannot be"),
            ('"events": [', '"events": [7, ', "is no object"),
        ):
            with self.subTest(after):
                self.rewrite(self.changed(part, before, after))
                self.assert_refused(words)
        row = json.loads(self.whole[part].splitlines()[0])["row"]
        self.rewrite(self.changed(part, row["sha256"], "0" * 64))
        self.assert_refused("is not the file that its row describes")
        self.rewrite(self.changed("prompts-000001.jsonl", "一只狐狸", "一只猫"))
        self.assert_refused("another text than its digest says")
        self.rewrite(self.changed("videostudio.json", '"version": 2', '"version": 3'))
        self.assert_refused("Upgrade it first")

    def test_rows_that_cannot_be_beside_videos(self):
        for part, before, after, words in (
            ("presets", '"options": {"seconds": 5}', '"options": [5]', "options that are no object"),
            ("comparisons", '"choice": "', '"choice": "00000000-0000-0000-0000-0000', "not as it must be"),
            ("comparisons", '"person": "bob"', '"person": "mallory"', "not in the archive"),
            ("views", '"name": "Winter"', '"name": "Summer"', "names the project Summer"),
            ("views", '"name": "Winter"', '"name": {}', "names the project {}"),
            ("tags", '"name": "snow"', '"name": "\\ud800"', "half a character"),
            ("generations", '"project": "Winter"', '"project": "Summer"', "names the project Summer"),
            ("generations", '"at_seconds": 0.5', '"at_seconds": NaN', "at_seconds is no number"),
            ("generations", '"rating": 5', '"rating": 99999999999', "a value that cannot be"),
            ("generations", '"kind": "copies"', '"kind": null', "a value that cannot be"),
            ("generations", '"person": "bob", "row": {"at_seconds"', '"person": "eve", "row": {"at_seconds"', "in the"),
        ):
            with self.subTest(part=part, after=after):
                self.rewrite(self.changed(f"{part}-000001.jsonl", before, after))
                self.assert_refused(words)
        name = "comparisons-000001.jsonl"
        line = json.loads(self.whole[name])
        for changed, words in (
            ({"generations": line["generations"][:1]}, "fewer than two"),
            ({"generations": ["0" * 32, "1" * 32], "votes": []}, "which is not in the archive"),
            ({"votes": [line["votes"][0] | {"choice": "0" * 32}]}, "a vote for a video that is not compared"),
        ):
            self.rewrite(self.whole | {name: json.dumps(line | changed).encode() + b"\n"})
            self.assert_refused(words)

    def test_what_rows_rest_on_must_be_there_and_once(self):
        name = "prompts-000001.jsonl"
        self.rewrite(self.whole | {name: b"".join(self.whole[name].splitlines(keepends=True)[1:])})
        self.assert_refused("names the prompt")
        name = "comparisons-000001.jsonl"
        self.rewrite(self.whole | {name: self.whole[name] * 2})
        self.assert_refused("which the archive has twice")

    def test_an_archive_of_the_first_version_comes_in(self):
        """It had neither comments, comparisons, presets, views and unused tags, nor what a prompt was edited from."""
        later = {"comparisons", "presets", "views", "tags"}
        old = {name: content for name, content in self.whole.items() if name.partition("-")[0] not in later}
        for name, unknown in (
            ("generations-000001.jsonl", {"comments"}),
            ("prompts-000001.jsonl", {"edited_from", "first"}),
        ):
            lines = [json.loads(line) for line in old[name].splitlines()]
            kept = [{key: value for key, value in line.items() if key not in unknown} for line in lines]
            old[name] = "".join(f"{json.dumps(line)}\n" for line in kept).encode()
        old["videostudio.json"] = old["videostudio.json"].replace(b'"version": 2', b'"version": 1')
        manifest = json.loads(old[MANIFEST])
        manifest["counts"] = {kind: n for kind, n in manifest["counts"].items() if kind not in later}
        self.rewrite(old | {MANIFEST: json.dumps(manifest).encode()})
        self.empty()
        self.assertIn("Taken in: 5 generations, 4 files.", self.run_it("import_library"))
        self.assertFalse(Comment.objects.exists() or Comparison.objects.exists() or Preset.objects.exists())

    def test_a_disk_without_room(self):
        usage = shutil.disk_usage(self.folder)._replace(free=512 * 2**20)
        with mock.patch("generations.archive.checking.shutil.disk_usage", return_value=usage):
            self.assert_refused("are free")

    def test_a_file_that_is_here_with_other_content(self):
        with self.assertRaisesMessage(CommandError, "stored here already, with other content"):
            self.empty()
            name = next(name for name in self.whole if name.endswith(".mp4")).removeprefix("media/")
            path_of(name).parent.mkdir(parents=True)
            path_of(name).write_bytes(b"mine")
            self.run_it("import_library")
        self.assertEqual(path_of(name).read_bytes(), b"mine")

    def test_a_team_or_an_account_that_is_not_there(self):
        for arguments, words in ((("--team", "Nowhere"), "no team Nowhere"), (("--as", "nobody"), "no account nobody")):
            with self.assertRaisesMessage(CommandError, words):
                self.run_it("import_library", *arguments)
