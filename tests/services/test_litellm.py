"""The real LiteLLM proxy between the studio and a scripted upstream: the entry of docs/self-hosted.md, to a file.

Skipped only where the proxy is not installed; `LITELLM` may name its executable, else it is looked for on the PATH.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import httpx
import pytest
from django.test import TestCase, override_settings

from generations.catalog import configure
from generations.lifecycle import submit
from generations.models import Failure, Generation, Status
from tests.factories import alice, clip, make_gateway
from tests.lifecycle.base import UpstreamCase
from tests.pages import picture
from tests.processes import wait_for
from tests.test_self_hosted import documented_files
from tests.upstream import FakeUpstream

LITELLM = os.environ.get("LITELLM") or shutil.which("litellm")
KEY = "sk-key-of-our-proxy-0123"
CONFIG = """
model_list:
  - model_name: our-video-model
    litellm_params:
      model: openai/sora-2
      api_base: {base_url}/v1
      api_key: {key}
litellm_settings:
  num_retries: 0
general_settings:
  master_key: {proxy_key}
"""
START_SECONDS = 100


@pytest.mark.services
@pytest.mark.skipif(LITELLM is None, reason="the LiteLLM proxy is not installed")
class LiteLLMTests(UpstreamCase, TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.provider = cls.enterClassContext(FakeUpstream(video=clip(), models=lambda create: []))
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        config = CONFIG.format(base_url=cls.provider.base_url, key=cls.provider.key, proxy_key=KEY)
        (folder / "config.yaml").write_text(config)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            cls.host_port = f"127.0.0.1:{probe.getsockname()[1]}"
        port = cls.host_port.rpartition(":")[2]
        # Its list of prices would come from the network otherwise.
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
        with (folder / "log").open("w") as log:
            cls.proxy = subprocess.Popen(
                [LITELLM, "--config", folder / "config.yaml", "--host", "127.0.0.1", "--port", port],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        cls.addClassCleanup(cls.end)
        wait_for(cls.answers, seconds=START_SECONDS, why="the proxy did not start")

    @classmethod
    def end(cls) -> None:
        os.killpg(cls.proxy.pid, signal.SIGKILL)
        cls.proxy.wait(10)

    @classmethod
    def answers(cls) -> bool:
        assert cls.proxy.poll() is None, "the proxy ended"
        try:
            return httpx.get(f"http://{cls.host_port}/health/liveliness", timeout=5, trust_env=False).is_success
        except httpx.TransportError:
            return False

    def setUp(self) -> None:
        super().setUp()
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        (folder / "litellm.toml").write_text(documented_files()["litellm.toml"])
        self.addCleanup(configure)
        configure(folder)
        self.enterContext(override_settings(PRIVATE_HOSTS=frozenset({self.host_port})))
        make_gateway("proxy", base_url=f"http://{self.host_port}", key=KEY, offers=["litellm"])
        self.client.force_login(alice())

    def post(self, **fields) -> Generation:
        answer = self.client.post("/", {"model": "litellm/video", "prompt": "A fox", **fields})
        self.assertEqual(answer.status_code, 302, answer.content[:1000])
        generation = Generation.objects.newest().first()
        submit.submit(generation.pk)
        return generation

    def test_text_goes_through_it_to_a_stored_file(self):
        self.provider.no_url(content=True)
        generation = self.post(seconds="8")
        create = self.provider.creates[-1]
        self.assertEqual((create.model, create.prompt), ("sora-2", "A fox"))
        self.assertEqual(create.fields, {"seconds": "8", "size": "1280x720"})
        done = self.finished(generation)
        self.assertEqual((done.status, done.detail, done.bytes), (Status.COMPLETED, "", len(clip())))
        self.assertGreater(len(done.upstream_id), 100)  # it encodes where the job went

    def test_a_first_frame_goes_through_it(self):
        self.provider.no_url(content=True)
        generation = self.post(input_reference=picture())
        [file] = self.provider.creates[-1].files["input_reference"]
        self.assertTrue(file.content.startswith(b"\x89PNG"))
        self.assertEqual(self.finished(generation).status, Status.COMPLETED)

    def test_a_refusal_comes_through_it_with_its_words(self):
        self.provider.answers_status(400, {"error": {"message": "size is not supported"}})
        generation = self.post()
        generation.refresh_from_db()
        self.assertEqual((generation.status, generation.failure), (Status.FAILED, Failure.REJECTED))
        self.assertIn("size is not supported", generation.detail)

    def test_a_create_is_sent_once_however_the_proxy_fares(self):
        before = len(self.provider.creates)
        self.provider.answers_status(500, {"error": {"message": "out of order"}})
        generation = self.post()
        generation.refresh_from_db()
        self.assertEqual(generation.status, Status.UNKNOWN)
        self.assertEqual(len(self.provider.creates), before + 1)
