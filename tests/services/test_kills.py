"""The whole tree on real processes, killed with -9: nothing is lost, nothing is sent twice."""

import random
import signal
import threading
import time

import pytest

from tests.processes import below, is_running, wait_for
from tests.services.base import CHOICE, StudioTestCase
from tests.services.studio import kill


@pytest.mark.services
@pytest.mark.timeout(300)
class KillTests(StudioTestCase):
    def test_any_process_may_be_killed_while_twenty_generations_are_in_flight(self):
        for _ in range(20):
            self.upstream.never_ends()
        uuids = self.generate(20)
        self.wait_for_statuses(uuids, "in_progress")
        chance = random.Random(20)
        tasks = list(self.upstream.tasks.values())
        victims = chance.sample(self.studio.everybody(), k=len(self.studio.everybody()))
        self.assertGreater(len(victims), 15)
        for victim in victims:  # some are gone by then, with those above them
            if tasks:
                tasks.pop().script.verdict = "completed"  # polls, downloads and posters are under way at each kill
            kill(victim)
            time.sleep(chance.uniform(0.1, 1.5))
        for task in tasks:
            task.script.verdict = "completed"
        self.assert_all_completed_from_one_create_each(uuids)

    def test_a_web_worker_the_main_process_of_each_part_and_the_supervisor_may_be_killed(self):
        [worker] = below(self.studio.mains()["web"])
        kill(worker)
        uuids = self.generate_when_it_answers()
        self.assertEqual(self.wait_until_finished(uuids), ["completed"])

        uuids += self.generate(4)
        mains = self.studio.mains()
        self.assertEqual(set(mains), {"web", "submit", "download", "poll"})
        for pid in mains.values():
            group = [pid, *below(pid)]
            kill(pid)
            wait_for(lambda group=group: not any(map(is_running, group)), seconds=5, why="a group outlived its main")
        wait_for(lambda: set(self.studio.mains()) == set(mains), seconds=20, why=self.studio.said())

        uuids += self.generate_when_it_answers()
        everybody = self.studio.everybody()
        kill(self.studio.process.pid)
        self.studio.process.wait()
        wait_for(lambda: not any(map(is_running, everybody)), seconds=15, why="the tree outlived its supervisor")
        self.studio.start()
        self.assertEqual(set(self.wait_until_finished(uuids)) - {"completed", "unknown"}, set())
        self.assertEqual(len(self.upstream.creates), len({create.prompt for create in self.upstream.creates}))

    def test_a_frozen_cluster_is_found_and_replaced_although_a_create_was_killed_with_it(self):
        [sentinel] = [pid for pid in below(self.studio.mains()["submit"]) if len(below(pid)) > 1]
        workers = below(sentinel)[:4]  # the sentinel forks its workers first; one of them holds the queue's lock
        time.sleep(6)  # a canary has come home
        self.upstream.slow(280)
        [interrupted] = self.generate(1)
        wait_for(lambda: self.upstream.creates, seconds=60, why=self.studio.said())
        for pid in workers:
            kill(pid)
        waiting = self.studio.generate("boat", **CHOICE)
        # Sooner than in the 150 s that a create may take: nobody waits for one whose process is gone.
        self.assertEqual(self.wait_until_finished([waiting], seconds=120), ["completed"])
        self.assertEqual(self.studio.status(interrupted), "submitting")
        self.assertEqual(len(self.upstream.creates), 2)

    def test_free_workers_that_are_killed_are_missed_although_another_has_a_create_on_the_wire(self):
        [sentinel] = [pid for pid in below(self.studio.mains()["submit"]) if len(below(pid)) > 1]
        workers = below(sentinel)[:4]
        time.sleep(6)  # a canary has come home
        may_end = threading.Event()
        self.addCleanup(may_end.set)
        self.upstream.meanwhile(lambda: may_end.wait(140))
        [paying] = self.generate(1)
        wait_for(lambda: self.upstream.creates, seconds=60, why=self.studio.said())
        busy = {int(path.name) for path in (self.studio.data / "desks" / "submit").iterdir()}
        self.assertEqual(len(busy & set(workers)), 1)
        for pid in set(workers) - busy:  # one of them holds the queue's lock
            kill(pid)
        waiting = self.studio.generate("boat", **CHOICE)
        self.assertEqual(self.wait_until_finished([waiting], seconds=80), ["completed"])
        self.assertEqual(self.studio.status(paying), "submitting")
        may_end.set()
        self.assert_all_completed_from_one_create_each([paying, waiting])


@pytest.mark.services
@pytest.mark.timeout(300)
class CreateOnTheWireTests(StudioTestCase):
    def begin_a_slow_create(self, seconds: float) -> str:
        before = len(self.upstream.creates)
        self.upstream.slow(seconds)
        [uuid] = self.generate(1)
        wait_for(lambda: len(self.upstream.creates) > before, seconds=20, why=self.studio.said())
        return uuid

    def test_killed_with_its_process_it_is_unknown_and_never_sent_again(self):
        uuid = self.begin_a_slow_create(30)
        for pid in below(self.studio.mains()["submit"]):
            kill(pid)
        wait_for(lambda: self.studio.status(uuid) == "submitting")
        self.take_time_from("submitting")
        wait_for(lambda: self.studio.status(uuid) == "unknown", seconds=30, why=self.studio.said())
        self.take_time_from("unknown")
        time.sleep(10)
        self.assertEqual(self.studio.status(uuid), "unknown")
        self.assertEqual(len(self.upstream.creates), 1)

    def test_it_ends_although_the_main_process_of_its_cluster_or_the_supervisor_is_killed(self):
        first = self.begin_a_slow_create(5)
        kill(self.studio.mains()["submit"])
        self.assert_all_completed_from_one_create_each([first])

        second = self.begin_a_slow_create(4)
        everybody = self.studio.everybody()
        kill(self.studio.process.pid)
        self.studio.process.wait()
        wait_for(lambda: not any(map(is_running, everybody)), seconds=15, why="the tree outlived its supervisor")
        self.studio.start()
        self.assert_all_completed_from_one_create_each([first, second])

    def test_a_stop_waits_for_it_and_for_nothing_else(self):
        uuid = self.begin_a_slow_create(4)
        [task] = self.upstream.tasks.values()
        task.script.verdict = "never"
        seconds = self.studio.stop(signal.SIGTERM)
        self.assertGreater(seconds, 2)
        self.assertLess(seconds, 12, self.studio.said())
        self.studio.start()
        self.assertEqual(self.studio.status(uuid), "in_progress")
        self.assertEqual(len(self.upstream.creates), 1)
