"""A PostgreSQL server that is stopped like a power cut under a whole studio, and started again: nothing is lost."""

import threading

import httpx
import pytest

from tests.processes import below, wait_for
from tests.services.base import CHOICE, StudioTestCase
from tests.services.postgres import PostgresServer
from tests.services.studio import Studio, kill

PAGES = ("/", "/generations/", "/prompts/", "/queue/", "/accounts/login/", "/admin/")


@pytest.mark.services
@pytest.mark.timeout(600)
class VanishingDatabaseTests(StudioTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = cls.enterClassContext(PostgresServer())
        cls.template = Studio(server=cls.server.url)
        cls.addClassCleanup(cls.template.discard)
        cls.template.run("prepare")

    def new_studio(self) -> Studio:
        return Studio(upstream=self.upstream, prepared=self.template, server=self.server.url)

    def receipts(self) -> list[str]:
        return [path.name for path in (self.studio.data / "receipts").glob("*.json")]

    def assert_back_in_a_moment(self, answer: httpx.Response) -> None:
        self.assertEqual(answer.status_code, 503, answer.text)
        self.assertGreater(int(answer.headers["Retry-After"]), 0)
        self.assertIn("back in a moment", answer.text)
        for trace in ("Traceback", "psycopg", "OperationalError", str(self.server.port)):
            self.assertNotIn(trace, answer.text)

    def test_work_of_every_kind_goes_on_when_it_is_back(self):
        is_away = threading.Event()
        self.addCleanup(is_away.set)
        self.upstream.never_ends().never_ends()
        polled = self.generate(2)
        self.wait_for_statuses(polled, "in_progress")
        for _ in range(2):
            self.upstream.halfway(lambda: is_away.wait(300))
        downloaded = [self.studio.generate(f"boat number {number}", **CHOICE) for number in range(2)]
        self.wait_for_statuses(downloaded, "downloading")
        wait_for(lambda: len(self.upstream.fetches) == 2, seconds=120, why=self.studio.said())
        for _ in range(2):
            self.upstream.meanwhile(lambda: is_away.wait(300))
        sent = [self.studio.generate(f"moon number {number}", **CHOICE) for number in range(2)]
        wait_for(lambda: len(self.upstream.creates) == 6, seconds=120, why=self.studio.said())
        waiting = [self.studio.generate(f"bell number {number}", **CHOICE) for number in range(6)]

        self.server.stop()
        is_away.set()  # answers and files arrive while nobody can write that down
        for path in (*PAGES, f"/generations/{polled[0]}/", f"/generations/{polled[0]}.json"):
            with self.subTest(path):
                self.assert_back_in_a_moment(self.studio.client.get(path))
        self.assert_back_in_a_moment(self.studio.compose("a kite in the dark", **CHOICE))
        self.assertEqual(self.studio.client.get("/healthz").status_code, 200)
        self.assertEqual(self.studio.client.get("/readyz").status_code, 503)
        wait_for(lambda: len(self.receipts()) >= 2, seconds=120, why=self.studio.said())
        self.server.start()

        for task in self.upstream.tasks.values():
            task.script.verdict = "completed"
        self.assert_all_completed_from_one_create_each([*polled, *downloaded, *sent, *waiting])
        wait_for(lambda: not self.receipts(), seconds=120, why=self.studio.said())
        self.assert_nothing_amiss()
        self.assert_no_trace_in_the_log()

    def test_stopped_between_an_answer_and_our_commit_it_costs_no_id(self):
        self.upstream.meanwhile(self.server.stop)
        [uuid] = self.generate(1)
        wait_for(self.receipts, seconds=120, why=self.studio.said())
        self.server.start()
        self.assert_all_completed_from_one_create_each([uuid])
        self.assert_nothing_amiss()

    def test_a_receipt_alone_is_enough(self):
        self.upstream.meanwhile(self.server.stop)
        [uuid] = self.generate(1)
        wait_for(self.receipts, seconds=120, why=self.studio.said())
        for pid in below(self.studio.mains()["submit"]):
            kill(pid)  # among them the one that would have written it down
        self.server.start()
        self.assert_all_completed_from_one_create_each([uuid])
        self.assertEqual(self.receipts(), [])
        self.assert_nothing_amiss()
