"""From an order to a playable file, through every step and process boundary there is, and no secret left behind."""

import logging
from datetime import timedelta

from django.db import connection
from django.test import TransactionTestCase
from django.utils import timezone
from django_q.models import OrmQ, Task

from generations.lifecycle import recovery
from generations.lifecycle.files import path_of
from generations.models import Failure, Gateway, Generation, Status
from tests.factories import begun
from tests.lifecycle.base import everything_stored, make_due, run_queue
from tests.lifecycle.test_poll import PollCase, run_poller
from tests.processes import wait_for
from tests.upstream import FakeUpstream
from videostudio.scrubbing import ScrubFilter


class Recorder(logging.Handler):
    """Keeps what the console would show."""

    def __init__(self) -> None:
        super().__init__()
        self.addFilter(ScrubFilter())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


class WholeTests(PollCase, TransactionTestCase):
    def go_on(self, *rows: Generation, times: int = 4) -> None:
        """Let time pass, the queue be emptied, and the sweep, the clusters and the poller do their work."""
        for _ in range(times):
            OrmQ.objects.all().delete()  # nothing hangs on a message
            recovery._hinted.clear()
            for row in map(self.refreshed, rows):
                if row.is_active:
                    make_due(row)
            recovery.sweep(timezone.now() + timedelta(seconds=10))
            run_queue()
            run_poller()
            run_queue()

    def test_every_dialect_from_prompt_to_file_and_poster(self):
        rows = [begun(model=model) for model in ("wan/wan2.6", "omni/omni-fast", "veo/veo3.1", "wan/wan2.6-t2v")]
        rows.append(begun(model="grok/grok-imagine-video", options={"video": "https://example.com/clip.mp4"}))
        self.go_on(*rows)
        for row in map(self.refreshed, rows):
            with self.subTest(row.model_key):
                self.assertEqual((row.status, row.progress, row.detail), (Status.COMPLETED, 100, ""))
                self.assertEqual(path_of(row.file).read_bytes(), self.upstream.video)
                self.assertEqual(
                    list(row.events.values_list("after", flat=True)),
                    ["queued", "submitting", "in_progress", "downloading", "completed"],
                )
        self.assertEqual((len(self.upstream.creates), self.upstream.violations), (5, []))
        self.assertEqual((self.parts(), list((self.folder / "receipts").iterdir())), ([], []))

    def test_a_hard_day_leaves_no_secret_anywhere(self):
        """Every kind of trouble there is, then everything stored and logged is searched."""
        recorder = Recorder()
        recorder.setLevel(logging.DEBUG)
        for name in ("generations", "videostudio", "django-q", "django"):
            logger = logging.getLogger(name)
            logger.addHandler(recorder)
            self.addCleanup(logger.removeHandler, recorder)
        secret = f"key {self.upstream.key}, see https://pay.invalid/now?token=tok-secret-123"
        self.upstream.answers_status(500, {"error": {"message": secret}})
        self.upstream.answers_status(400, {"error": {"message": secret}})
        self.upstream.answers_status(429, {"error": {"message": secret}}, headers={"Retry-After": "1"})
        self.upstream.answers_status(200, f"<p>{secret}</p>")
        self.upstream.answers_status(200, {"id": "task_x", "status": "queued", "note": secret, "username": "payer"})
        self.upstream.fails(secret).accepts_then_resets().cut_body()
        self.upstream.expired_links(99).flips_to_failed().truncated_file(2).no_url()
        rows = []
        for number in range(14):
            rows.append(begun(prompt=f"fox {number}", model=("wan/wan2.6", "wan/wan2.6-t2v")[number % 2]))
            run_queue()
            Gateway.objects.update(paused_reason="", paused_until=None, trouble=0, tripped_until=None)
        for _ in range(8):
            self.go_on(*rows, times=1)
            Gateway.objects.update(paused_reason="", paused_until=None, trouble=0, tripped_until=None)
        found = [self.refreshed(row) for row in rows]
        statuses = {row.status for row in found}
        self.assertLessEqual({Status.COMPLETED, Status.UNKNOWN, Status.FAILED}, statuses)
        self.assertLessEqual(
            {Failure.REJECTED, Failure.UPSTREAM_FAILED, Failure.EXPIRED, Failure.NO_RESULT},
            {row.failure for row in found},
        )
        Task.objects.all().delete()
        places = {"the database": everything_stored(), "the log": "\n".join(recorder.lines)}
        for place, text in places.items():
            self.assertIn("[key], see https://pay.invalid/now?[signed]", text, place)
            for forbidden in (self.upstream.key, "tok-secret", "sig=", "payer", "Bearer "):
                self.assertNotIn(forbidden, text, place)

    def test_two_gateways_and_one_of_them_refuses_the_key(self):
        with (
            FakeUpstream(video=self.upstream.video) as other,
            self.settings(PRIVATE_HOSTS=frozenset({self.upstream.host_port, other.host_port})),
        ):
            Gateway.objects.create(name="other", base_url=other.base_url, key="wrong key", offers=["veo"], priority=1)
            stuck, good = begun(model="veo/veo3.1"), begun(model="wan/wan2.6")
            waiting = begun(model="veo/veo3.1")
            self.go_on(good)
            self.assertEqual(self.refreshed(good).status, Status.COMPLETED)
            self.assertEqual(self.refreshed(waiting).status, Status.QUEUED)
            self.assertIn(self.refreshed(stuck).status, {Status.FAILED, Status.QUEUED})
            Gateway.objects.filter(name="other").update(paused_reason="")
            gateway = Gateway.objects.get(name="other")
            gateway.key = other.key
            gateway.save()
            gateway.resume()
            make_due(waiting)
            self.go_on(waiting)
            self.assertEqual(self.refreshed(waiting).status, Status.COMPLETED)

    def test_the_connection_of_the_test_is_still_its_own(self):
        """Threads of the engine close theirs: a database that is dropped has nobody on it."""
        row = begun()
        self.go_on(row)
        if connection.vendor == "postgresql":
            # PostgreSQL's process ends a moment after its connection was closed.
            wait_for(lambda: self.connected() == 1, why="another connection stays open")
        self.assertTrue(connection.is_usable())

    def connected(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
            return cursor.fetchone()[0]
