"""The supervisor with small children of its own, killed for real."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.test import SimpleTestCase

from tests.processes import below, is_running, wait_for
from tests.tree import lines
from videostudio.premises import CannotStart, listening_address, only_one, port_problem, wait_for_port
from videostudio.supervisor import Child, Service, Timing


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.services
class TreeTests(SimpleTestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.place = Path(scratch.name)

    def supervise(self, *services: str) -> subprocess.Popen:
        """Start a supervisor over dummy services ("name:kind") and wait until each has started once."""
        self.log = (self.place / "log").open("w")
        self.addCleanup(self.log.close)
        command = [sys.executable, "-m", "tests.tree", str(self.place), *services]
        supervisor = subprocess.Popen(command, cwd=settings.BASE_DIR, stderr=self.log)
        self.addCleanup(self.clean_up, supervisor)
        wait_for(lambda: len(lines(self.place, "started")) >= sum(not s[0].isdigit() for s in services))
        return supervisor

    def clean_up(self, supervisor: subprocess.Popen) -> None:
        left = below(supervisor.pid)
        supervisor.kill()
        supervisor.wait()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def say(self, name: str, text: str = "") -> None:
        (self.place / "new").write_text(text)
        (self.place / "new").rename(self.place / name)

    def said(self) -> str:
        return (self.place / "log").read_text()

    def main_of(self, service: str, nth: int = 0) -> int:
        """Return the pid of a service's nth main process, waiting for it."""
        return int(wait_for(lambda: lines(self.place, f"{service}-mains")[nth:])[0])

    def workers_of(self, service: str, nth: int = 0) -> list[int]:
        self.main_of(service, nth)
        return [int(pid) for pid in lines(self.place, f"{service}-workers")[2 * nth : 2 * nth + 2]]

    def assert_gone(self, pids: list[int], seconds: float = 5) -> None:
        wait_for(lambda: not any(is_running(pid) for pid in pids), seconds=seconds, why=f"{pids} still run")

    # Deaths

    def test_a_killed_main_takes_its_group_along_and_is_replaced(self):
        self.supervise("poll:plain", "download:plain")
        workers = self.workers_of("poll")
        os.kill(self.main_of("poll"), signal.SIGKILL)
        self.assert_gone(workers)
        self.main_of("poll", nth=1)
        self.assertTrue(is_running(self.main_of("download")))
        wait_for(lambda: sorted(lines(self.place, "handed-out")) == ["download", "poll", "poll"])

    def test_a_main_that_ends_with_code_0_is_replaced_too_later_and_later(self):
        supervisor = self.supervise("poll:short")
        wait_for(lambda: len(lines(self.place, "started")) >= 3)
        self.assertIn("exit code 0", self.said())
        self.assertIsNone(supervisor.poll())

    def test_a_hanging_database_stops_no_restart(self):
        self.say("creates", "hangs")
        self.supervise("submit:plain", "poll:plain")
        os.kill(self.main_of("submit"), signal.SIGKILL)
        self.main_of("submit", nth=1)
        os.kill(self.main_of("poll"), signal.SIGKILL)
        self.main_of("poll", nth=1)

    def test_a_wedged_cluster_is_killed_and_replaced(self):
        self.supervise("poll:stubborn")
        workers = self.workers_of("poll")
        time.sleep(1)  # its canary comes home
        self.say("poll-frozen")
        self.assert_gone(workers, seconds=15)
        self.main_of("poll", nth=1)
        self.assertIn("has not run its test task", self.said())

    def test_a_cluster_that_beats_is_left_alone(self):
        self.say("poll-beats")
        self.say("poll-frozen")
        self.supervise("poll:plain")
        time.sleep(6)  # its canary is overdue after 4
        self.assertEqual(len(lines(self.place, "started")), 1)

    if sys.platform == "linux":

        def test_when_the_supervisor_is_killed_everything_leaves(self):
            supervisor = self.supervise("submit:stubborn", "poll:plain", "download:plain")
            everybody = below(supervisor.pid)
            self.assertEqual(len(everybody), 9)
            supervisor.kill()
            supervisor.wait()
            self.assert_gone(everybody, seconds=2)

    # Paid requests

    def test_a_create_on_the_wire_ends_although_its_main_was_killed(self):
        self.say("creates", "1")
        self.supervise("submit:paying")
        workers = self.workers_of("submit")
        os.kill(self.main_of("submit"), signal.SIGKILL)
        self.main_of("submit", nth=1)  # the replacement does not wait
        self.assertTrue(all(is_running(pid) for pid in workers))
        self.say("paid")
        wait_for(lambda: lines(self.place, "answered").count("submit") >= 2)
        self.say("creates", "0")
        self.assert_gone(workers)

    def test_a_group_whose_create_never_ends_is_killed_when_its_time_is_over(self):
        self.say("creates", "1")
        self.supervise("submit:paying")
        workers = self.workers_of("submit")
        began = time.monotonic()
        os.kill(self.main_of("submit"), signal.SIGKILL)
        self.assert_gone(workers, seconds=10)
        self.assertGreater(time.monotonic() - began, 3)

    def test_no_answer_about_creates_counts_as_one_on_the_wire(self):
        self.say("creates", "the database is away")
        self.supervise("submit:paying")
        workers = self.workers_of("submit")
        os.kill(self.main_of("submit"), signal.SIGKILL)
        self.main_of("submit", nth=1)
        self.assertTrue(all(is_running(pid) for pid in workers))
        self.assertIn("cannot be asked", self.said())

    # Stopping

    def test_a_stop_signals_main_processes_only_and_is_quick_when_idle(self):
        supervisor = self.supervise("submit:plain", "poll:plain")
        everybody = below(supervisor.pid)
        began = time.monotonic()
        supervisor.send_signal(signal.SIGINT)
        self.assertEqual(supervisor.wait(10), 0)
        self.assertLess(time.monotonic() - began, 2)
        self.assert_gone(everybody, seconds=1)
        self.assertEqual(lines(self.place, "terminated"), [])

    def test_a_main_that_does_not_end_is_killed(self):
        supervisor = self.supervise("submit:stubborn", "poll:stubborn")
        everybody = below(supervisor.pid)
        supervisor.send_signal(signal.SIGTERM)
        self.assertEqual(supervisor.wait(10), 0)
        self.assert_gone(everybody, seconds=1)

    def test_a_stop_waits_for_the_create_on_the_wire(self):
        self.say("creates", "1")
        supervisor = self.supervise("submit:paying")
        workers = self.workers_of("submit")
        supervisor.send_signal(signal.SIGTERM)
        time.sleep(1.5)
        self.assertTrue(all(is_running(pid) for pid in workers))
        self.say("paid")
        wait_for(lambda: lines(self.place, "answered") == ["submit", "submit"])
        self.say("creates", "0")
        self.assertEqual(supervisor.wait(10), 0)
        self.assert_gone(workers, seconds=1)

    def test_a_second_signal_stops_at_once(self):
        self.say("creates", "1")
        supervisor = self.supervise("submit:paying")
        everybody = below(supervisor.pid)
        supervisor.send_signal(signal.SIGINT)
        time.sleep(0.5)
        began = time.monotonic()
        supervisor.send_signal(signal.SIGINT)
        self.assertEqual(supervisor.wait(10), 0)
        self.assertLess(time.monotonic() - began, 1.5)
        self.assert_gone(everybody, seconds=1)

    # The site

    def test_the_greeting_is_said_once_when_the_site_answers(self):
        port = free_port()
        self.supervise(f"{port}:web", "poll:plain")
        time.sleep(1)
        self.assertEqual(lines(self.place, "greeted"), [])
        self.say("healthz")
        wait_for(lambda: lines(self.place, "greeted"))
        time.sleep(1)
        self.assertEqual(lines(self.place, "greeted"), ["once"])

    def test_a_site_that_answers_nothing_is_started_again(self):
        port = free_port()
        self.say("healthz")
        supervisor = self.supervise(f"{port}:web")
        wait_for(lambda: lines(self.place, "greeted"))
        [web] = below(supervisor.pid)
        os.kill(web, signal.SIGSTOP)
        self.assert_gone([web], seconds=20)
        wait_for(lambda: [pid for pid in below(supervisor.pid) if pid != web])
        self.assertIn("has not answered", self.said())


class BackoffTests(SimpleTestCase):
    def delays(self, child: Child, *lives: float) -> list[float]:
        """Return how long the child waits after each of these lives, in seconds."""
        found = []
        for seconds in lives:
            child.started_at = time.monotonic() - seconds
            child.schedule()
            found.append(round(child.starts_at - time.monotonic(), 1))
        return found

    def test_short_lives_wait_longer_and_a_long_one_begins_anew(self):
        child = Child(Service(name="poll", program=("x",)), Timing())
        self.assertEqual(self.delays(child, *[1] * 8), [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10])
        self.assertEqual(self.delays(child, 31, 1), [0.2, 0.4])


class PremisesTests(SimpleTestCase):
    def test_a_busy_port_is_named_with_what_to_do(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            with self.assertRaisesMessage(CannotStart, f"Port {port} on 127.0.0.1 is in use. Stop what uses it"):
                wait_for_port("127.0.0.1", port, seconds=0.3)

    def test_a_port_shared_by_reuse_is_busy_all_the_same(self):
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            other.bind(("127.0.0.1", 0))
            other.listen()
            self.assertIn("in use", port_problem(*other.getsockname()))

    def test_a_free_port_is_no_problem(self):
        self.assertEqual(port_problem("127.0.0.1", free_port()), "")

    def test_an_address_of_another_machine_is_refused_in_words(self):
        self.assertIn("nothing can listen on 192.0.2.1", port_problem("192.0.2.1", 8000))

    def test_localhost_is_listened_on_by_its_ipv4_address(self):
        self.assertEqual(listening_address("localhost"), "127.0.0.1")
        self.assertEqual(listening_address("::1"), "::1")

    def test_a_host_that_is_no_address_is_refused_in_words(self):
        with self.assertRaisesMessage(CannotStart, "HOST is 'nowhere.invalid', which is no address"):
            listening_address("nowhere.invalid")

    def test_a_second_studio_on_the_same_data_is_refused(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        place = Path(scratch.name) / "data"
        with only_one(place), self.assertRaisesMessage(CannotStart, f"process {os.getpid()}"), only_one(place):
            self.fail("two studios hold one data directory")
        with only_one(place):
            self.assertEqual((place / "studio.lock").read_text(), str(os.getpid()))
