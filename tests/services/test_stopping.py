"""Stopping and starting a whole studio: what a deploy does while videos are under way."""

import os
import signal
import subprocess
import threading

import pytest

from tests.processes import below, command_of, is_running, wait_for
from tests.services.base import CHOICE, StudioTestCase
from tests.services.studio import kill
from videostudio import lifeline

CLUSTERS = ("submit", "download", "poll")
AT_ONCE = 4  # creates: more wait for their turn


@pytest.mark.services
class StartAndStopTests(StudioTestCase):
    def test_there_is_one_on_its_data_and_its_port_and_ctrl_c_ends_it_within_seconds(self):
        printed = self.refused()
        self.assertIn(f"already running on {self.studio.data} (process {self.studio.process.pid})", printed)
        self.studio.environment["STUDIO_DATA_DIR"] = str(self.studio.data.parent / "other")
        self.assertIn(f"Port {self.studio.port} on 127.0.0.1 is in use", self.refused())

        everybody = self.studio.everybody()
        self.assertGreater(len(everybody), 15)
        self.assertLess(self.studio.stop(signal.SIGINT), 6)
        self.assertEqual([command_of(pid) for pid in everybody if is_running(pid)], [])
        self.assert_no_trace_in_the_log()
        last = self.studio.said().splitlines()[-2:]
        self.assertTrue(last[0].endswith("stopping"), last)
        self.assertTrue(last[1].endswith("stopped"), last)

    def refused(self) -> str:
        """Start another studio, which has to end by itself, and return what it says."""
        second = self.studio.manage("studio", stderr=subprocess.PIPE, text=True)
        _, printed = second.communicate(timeout=30)
        self.assertEqual(second.returncode, 1)
        self.assertNotIn("Traceback", printed)
        return printed

    def test_stopped_in_the_middle_of_a_generation_it_goes_on_at_the_next_start(self):
        self.upstream.never_ends().never_ends()  # so that neither has ended before both are on their way
        uuids = self.generate(2)
        self.wait_for_statuses(uuids, "in_progress")
        self.assertLess(self.studio.stop(), 10, self.studio.said())
        for task in self.upstream.tasks.values():
            task.script.verdict = "completed"
        self.studio.start()
        self.assert_all_completed_from_one_create_each(uuids)


@pytest.mark.services
@pytest.mark.timeout(600)
class DeployTests(StudioTestCase):
    def test_what_is_on_the_wire_ends_nothing_new_begins_and_the_next_start_goes_on(self):
        may_end = threading.Event()
        self.addCleanup(may_end.set)
        self.upstream.halfway(lambda: may_end.wait(300))
        [downloaded] = self.generate(1)
        wait_for(lambda: self.upstream.fetches, seconds=120, why=self.studio.said())
        self.upstream.never_ends()
        polled = self.studio.generate("boat", **CHOICE)
        self.wait_for_statuses([polled], "in_progress")
        for _ in range(AT_ONCE):
            self.upstream.meanwhile(lambda: may_end.wait(300))
        sent = [self.studio.generate(f"moon number {number}", **CHOICE) for number in range(AT_ONCE)]
        wait_for(lambda: len(self.upstream.creates) == 2 + AT_ONCE, seconds=120, why=self.studio.said())
        waiting = [self.studio.generate(f"bell number {number}", **CHOICE) for number in range(3)]

        self.studio.process.send_signal(signal.SIGTERM)
        wait_for(lambda: self.count(status="downloading", claim="") == 1, seconds=120, why=self.studio.said())
        self.assertIsNone(self.studio.process.poll())  # it waits for the creates
        may_end.set()
        self.assertEqual(self.studio.process.wait(170), 0, self.studio.said())
        self.assertEqual(len(self.upstream.creates), 2 + AT_ONCE)

        self.upstream.tasks[self.upstream.creates[1].upstream_id].script.verdict = "completed"
        self.studio.start()
        self.assert_all_completed_from_one_create_each([downloaded, polled, *sent, *waiting])
        self.assert_nothing_amiss()
        self.assert_no_trace_in_the_log()

    def test_old_and_new_clusters_side_by_side_do_everything_once(self):
        line, stop_line = os.pipe()
        self.addCleanup(os.close, line)
        with (self.studio.data / "beside").open("wb") as said:
            beside = [self.begin_cluster(name, line, stdout=said, stderr=said) for name in CLUSTERS]
        for _ in range(4):
            self.upstream.slow(0.5)
        uuids = self.generate(8)
        wait_for(lambda: len(self.upstream.creates) >= 4, seconds=120, why=self.studio.said())
        self.studio.stop(signal.SIGTERM)  # the old ones; the new ones take over
        wait_for(lambda: self.count(status="completed") == len(uuids), seconds=180)
        self.studio.start()
        uuids += [self.studio.generate(f"boat number {number}", **CHOICE) for number in range(4)]
        wait_for(lambda: len(self.upstream.creates) >= 10, seconds=120, why=self.studio.said())
        os.close(stop_line)  # as a supervisor does: nothing new begins
        for process in beside:
            process.terminate()
        for process in beside:
            self.assertEqual(process.wait(170), 0)
        self.assert_all_completed_from_one_create_each(uuids)
        self.assert_nothing_amiss()
        self.assert_no_trace_in_the_log()
        self.assertNotIn("Traceback", (self.studio.data / "beside").read_text())

    def begin_cluster(self, name: str, line: int, **options) -> subprocess.Popen:
        """Start one cluster beside the tree, on the same database and the same data; `line` is its stop line."""
        variables = {"Q_CLUSTER_NAME": name, lifeline.FD_VARIABLE: str(line)}
        process = self.studio.manage("qcluster", variables=variables, pass_fds=(line,), **options)
        self.addCleanup(self.end, process)
        return process

    def end(self, process: subprocess.Popen) -> None:
        for pid in [*below(process.pid), process.pid]:
            kill(pid)
        process.wait()

    def count(self, **conditions: str) -> int:
        """Return how many rows of the database are like this; the site may be down."""
        code = f"from generations.models import Generation; print(Generation.objects.filter(**{conditions}).count())"
        return int(self.studio.shell(code))
