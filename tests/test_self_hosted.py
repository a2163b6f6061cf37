"""Servers of one's own: the entries of docs/self-hosted.md, run against a stand-in with the habits of such servers."""

import re
import tempfile
from pathlib import Path

from django.conf import settings
from django.test import TestCase, override_settings

from generations.catalog import catalog, configure
from generations.lifecycle import download, submit
from generations.models import Failure, Generation, Status
from tests.factories import alice, clip, make_gateway
from tests.lifecycle.base import UpstreamCase, make_due, run_queue
from tests.pages import picture
from tests.upstream import FakeUpstream

DOCUMENT = settings.BASE_DIR / "docs" / "self-hosted.md"
FAMILIES = {"vllm": "openai_videos", "sglang": "openai_json", "litellm": "openai_videos"}


def documented_files() -> dict[str, str]:
    """Return the files the document shows, by name."""
    return {
        block.partition("\n")[0].removeprefix("# "): block
        for block in re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    }


class SelfHostedTests(UpstreamCase, TestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        for name, text in documented_files().items():
            (folder / name).write_text(text)
        self.addCleanup(configure)
        configure(folder)
        self.server = self.enterContext(FakeUpstream(video=clip(), models=lambda create: [], self_hosted=True))
        self.enterContext(override_settings(PRIVATE_HOSTS=frozenset({self.server.host_port})))
        make_gateway("ours", upstream=self.server, offers=sorted(FAMILIES))
        self.client.force_login(alice())

    def post(self, family: str, **fields) -> Generation:
        [model] = [model for model in catalog().models if model.family == family]
        answer = self.client.post("/", {"model": model.key, "prompt": "A fox", **fields})
        self.assertEqual(answer.status_code, 302, answer.content[:1000])
        generation = Generation.objects.newest().first()
        submit.submit(generation.pk)
        return generation

    def test_each_documented_entry_runs_to_a_file_from_the_content_route(self):
        for family, dialect in FAMILIES.items():
            with self.subTest(family):
                self.server.no_url(content=True)
                done = self.finished(self.post(family))
                self.assertEqual((done.status, done.detail), (Status.COMPLETED, ""))
                create = self.server.creates[-1]
                self.assertEqual(
                    (create.dialect, create.fields["seconds"]), (dialect, 4 if family == "sglang" else "4")
                )
                self.assertTrue(self.server.fetches[-1].path.endswith("/content"))

    def test_long_ids_with_strange_signs_are_passed_back_as_they_are(self):
        self.server.no_url(content=True)
        generation = self.post("litellm")
        generation.refresh_from_db()
        self.assertGreater(len(generation.upstream_id), 300)
        self.assertTrue(generation.upstream_id.endswith("=="))
        self.assertEqual(self.finished(generation).status, Status.COMPLETED)
        self.assertEqual({poll.upstream_id for poll in self.server.polls}, {generation.upstream_id})

    def test_an_image_goes_as_a_form(self):
        self.post("litellm", input_reference=picture())
        [file] = self.server.creates[-1].files["input_reference"]
        self.assertEqual(file.content_type, "image/png")

    def test_a_file_that_is_not_ready_is_waited_for(self):
        for self.server.self_hosted in (True, False):  # 404 here, 400 there
            with self.subTest(self_hosted=self.server.self_hosted):
                self.server.late_content(2)
                generation = self.post("vllm")
                generation.refresh_from_db()
                generation.move_to(Status.DOWNLOADING, actor="poller", reason="finished upstream")
                for _ in range(5):
                    make_due(generation)
                    download.download(generation.pk)
                run_queue()
                self.assertEqual(self.refreshed(generation).status, Status.COMPLETED)

    def test_a_job_that_a_restart_lost_ends_the_download_and_no_other_is_made(self):
        generation = self.post("sglang")
        generation.refresh_from_db()
        self.server.tasks.clear()
        generation.move_to(Status.DOWNLOADING, actor="poller", reason="finished upstream")
        for _ in range(6):
            make_due(generation)
            download.download(generation.pk)
        generation = self.refreshed(generation)
        self.assertEqual((generation.status, generation.failure), (Status.FAILED, Failure.EXPIRED))
        self.assertIn("no longer knows this task", generation.detail)
        self.assertEqual(len(self.server.creates), 1)
