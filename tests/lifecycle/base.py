"""What tests of whole steps share: a scripted gateway over loopback, folders of their own, a queue run by hand."""

import pydoc
import shutil
import tempfile
from pathlib import Path

from django.db import connection
from django.test import override_settings
from django.utils import timezone
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from generations.lifecycle import download, recovery
from generations.models import Gateway, Generation, Status
from tests.asking import broken
from tests.factories import begun, clip, make_gateway
from tests.upstream import FakeUpstream


class UpstreamCase:
    """Mixed into a TestCase: `self.upstream` is the gateway `self.gateway`, and its files are a real clip."""

    def setUp(self) -> None:
        super().setUp()
        folder = Path(tempfile.mkdtemp(prefix="videostudio-case-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.upstream = self.enterContext(FakeUpstream(video=clip()))
        self.enterContext(
            override_settings(
                PRIVATE_HOSTS=frozenset({self.upstream.host_port}),
                MEDIA_ROOT=folder / "media",
                RECEIPTS_DIR=folder / "receipts",
                POLL_SECONDS=1,
            )
        )
        self.folder = folder
        self.gateway = make_gateway("fake", upstream=self.upstream)
        recovery._hinted.clear()

    def tearDown(self) -> None:
        """Whatever a test did, every invariant holds at its end."""
        self.assertEqual(broken(), [])
        super().tearDown()

    def begun(self, **fields) -> Generation:
        self.gateway.note_health()  # what the rows before it met is no trouble of this one
        return begun(**fields)

    def finished(self, generation: Generation) -> Generation:
        """Take an accepted generation to its end as the poller and the downloader would, and return it."""
        generation.refresh_from_db()
        generation.move_to(Status.DOWNLOADING, actor="poller", reason="finished upstream")
        for _ in range(3):  # the stand-in needs a poll or two until it is done
            make_due(generation)
            download.download(generation.pk)
        run_queue()
        return self.refreshed(generation)

    def refreshed(self, generation: Generation) -> Generation:
        """The row as it is now."""
        return Generation.objects.select_related("gateway").get(pk=generation.pk)

    def the_gateway(self) -> Gateway:
        return Gateway.objects.get(pk=self.gateway.pk)

    def parts(self) -> list[str]:
        """Names of unfinished downloads."""
        return [path.name for path in (self.folder / "media").rglob("*.part")]


def make_due(generation: Generation) -> None:
    """Let a waiting row be due now, as time would."""
    Generation.objects.filter(pk=generation.pk).update(due_at=timezone.now())


def run_queue() -> list[str]:
    """Run every message there is, those that arise meanwhile too, as the clusters would. Returns the functions."""
    ran = []
    while message := OrmQ.objects.order_by("pk").first():
        task = SignedPackage.loads(message.payload)
        pydoc.locate(task["func"])(*task["args"], **task["kwargs"])
        message.delete()
        ran.append(task["func"].rpartition(".")[2])
    return ran


def queued() -> list[tuple[str, tuple]]:
    """Return the messages in the queue as (function, arguments)."""
    tasks = [SignedPackage.loads(message.payload) for message in OrmQ.objects.order_by("pk")]
    return [(task["func"].rpartition(".")[2], task["args"]) for task in tasks]


def everything_stored() -> str:
    """Return the text of every column of every table, as it lies in the database."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608
            found += [str(value) for row in cursor.fetchall() for value in row if value is not None]
    return "\n".join(found)
