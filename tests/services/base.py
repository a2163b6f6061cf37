"""What the tests of a whole studio share: a studio with its scripted gateway, and the account at the end."""

import hashlib
import itertools
import os
import tempfile
from pathlib import Path
from typing import NoReturn

import httpx
import pytest
from django.test import SimpleTestCase

from generations.lifecycle.submit import LEASE
from tests.media.clips import make_clip
from tests.processes import wait_for
from tests.services.studio import Studio
from tests.upstream import FakeUpstream

CHOICE = {"model": "wan/wan2.6", "seconds": "5", "size": "1280x720"}
FINISHED = {"completed", "failed", "cancelled", "unknown"}
# Seconds: a create that was cut by a kill stands as unknown when its lease has run out, and a little after that.
PATIENCE = LEASE.total_seconds() + 45


def clip() -> bytes:
    """Return the video that the gateway delivers: what CHOICE asks for."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "clip.mp4"
        make_clip(path, 1280, 720, 5)
        return path.read_bytes()


def cannot_test(sentence: str) -> NoReturn:
    """End a test whose machine lacks what `sentence` names: as a failure where every check has to run."""
    if os.environ.get("CI") or os.environ.get("TEST_DATABASE_URL"):
        pytest.fail(sentence)
    pytest.skip(sentence)


class StudioTestCase(SimpleTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.video = clip()

    @pytest.fixture(autouse=True)
    def _take_prepared(self, prepared_studio: Studio) -> None:
        self.prepared = prepared_studio

    def setUp(self):
        self.numbers = itertools.count()
        self.upstream = FakeUpstream(video=self.video)
        self.addCleanup(self.upstream.close)
        self.studio = self.enterContext(self.new_studio())
        self.studio.sign_in()

    def new_studio(self) -> Studio:
        return Studio(upstream=self.upstream, prepared=self.prepared)

    def generate(self, count: int) -> list[str]:
        """Begin as many, each with a prompt of its own in this test."""
        return [self.studio.generate(f"kite number {next(self.numbers)}", **CHOICE) for _ in range(count)]

    def generate_when_it_answers(self) -> list[str]:
        """Generate one; a connection that is refused or broken off meanwhile is tried again."""

        def attempt() -> list[str]:
            try:
                return self.generate(1)
            except httpx.TransportError:
                return []

        return wait_for(attempt, seconds=20, why=self.studio.said())

    def statuses(self, uuids: list[str]) -> list[str]:
        return [self.studio.status(uuid) for uuid in uuids]

    def wait_for_statuses(self, uuids: list[str], status: str) -> None:
        """Wait until every row has this status. Raises AssertionError when one has not in time."""
        try:
            wait_for(lambda: all(self.studio.status(uuid) == status for uuid in uuids), seconds=120)
        except AssertionError:
            raise AssertionError(f"{self.statuses(uuids)}\n{self.studio.said()}") from None

    def wait_until_finished(self, uuids: list[str], *, seconds: float = PATIENCE) -> list[str]:
        """Return the statuses once no row is under way any more."""
        left = list(uuids)

        def are_finished() -> bool:
            """Asks about one at a time: the studio, not these questions, is to have the machine."""
            while left and self.studio.status(left[-1]) in FINISHED:
                left.pop()
            return not left

        try:
            wait_for(are_finished, seconds=seconds)
        except AssertionError:
            raise AssertionError(f"after {seconds:g} s: {self.statuses(uuids)}\n{self.studio.said()}") from None
        return self.statuses(uuids)

    def assert_all_completed_from_one_create_each(self, uuids: list[str]) -> None:
        self.assertEqual(self.wait_until_finished(uuids), ["completed"] * len(uuids), self.studio.said())
        prompts = [create.prompt for create in self.upstream.creates]
        self.assertEqual(sorted(prompts), sorted(set(prompts)))
        self.assertEqual(len(prompts), len(uuids))
        self.assertEqual(self.upstream.violations, [])
        delivered = hashlib.sha256(self.video).hexdigest()
        for uuid in uuids:
            self.assertEqual(self.studio.record(uuid)["measured"]["sha256"], delivered)

    def assert_nothing_amiss(self) -> None:
        """The gateway's account is ours, every invariant holds, every stored file is whole."""
        outcomes = self.studio.audit()
        on_the_wire = len(self.upstream.creates)
        self.assertEqual(on_the_wire, outcomes.get("accepted", 0) + outcomes.get("unknown", 0), outcomes)
        self.assertEqual(list((self.studio.data / "media").rglob("*.part")), [])

    def assert_no_trace_in_the_log(self) -> None:
        said = self.studio.said()
        self.assertNotIn("Traceback", said, said)

    def take_time_from(self, status: str) -> None:
        """Let the lease of every row in a status run out now, instead of in minutes."""
        self.studio.shell(
            "from django.utils import timezone; from generations.models import Generation;"
            f"Generation.objects.filter(status={status!r}).update(due_at=timezone.now())",
        )
