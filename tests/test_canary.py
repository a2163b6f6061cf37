"""When a queue cluster counts as wedged, told by a probe and a clock that the tests move."""

from datetime import UTC, datetime, timedelta

from django.test import SimpleTestCase

from videostudio.canary import CanaryWatch, Patience

PATIENCE = Patience(every=5, overdue=15, starting=45, lately=20, unacknowledged=120)


class FakeProbe:
    """A cluster as the database shows it: `runs` its canaries and `acknowledges` them, or not."""

    def __init__(self) -> None:
        self.runs = self.acknowledges = True
        self.is_away = self.takes = self.idles = False
        self.beat: datetime | None = None
        self.sent = 0
        self.ran_at: datetime | None = None

    def send_canary(self, cluster: str) -> int:
        if self.is_away:
            raise ConnectionError("the database is away")
        self.sent += 1
        if self.runs:
            self.ran_at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.sent)
        return self.sent

    def canary_at(self, cluster: str) -> datetime | None:
        if self.is_away:
            raise ConnectionError("the database is away")
        return self.ran_at

    def message_is_taken(self, pk: int) -> bool:
        return self.takes

    def message_waits(self, pk: int) -> bool:
        return not self.acknowledges

    def last_beat(self, cluster: str) -> datetime | None:
        return self.beat

    def is_idling(self, cluster: str, seconds: float) -> bool:
        return self.idles

    def is_create_on_the_wire(self) -> bool:
        return False

    def hand_out_again(self, cluster: str) -> None:
        raise AssertionError("a canary hands nothing out")


class CanaryTests(SimpleTestCase):
    def setUp(self):
        self.now = 1000.0
        self.probe = FakeProbe()
        self.watch = CanaryWatch("submit", self.probe, PATIENCE, clock=lambda: self.now)

    def check_for(self, seconds: int) -> str:
        """Look once a second; return the first verdict."""
        for _ in range(seconds):
            self.now += 1
            if verdict := self.watch.check():
                return verdict
        return ""

    def prove_life(self) -> None:
        self.assertEqual(self.check_for(3), "")
        self.assertTrue(self.watch.has_proved_life)

    def freeze(self) -> None:
        """Let the cluster run nothing from the next canary on."""
        self.prove_life()
        self.probe.runs = False

    def test_a_healthy_cluster_gets_one_canary_every_five_seconds(self):
        self.assertEqual(self.check_for(60), "")
        self.assertIn(self.probe.sent, range(11, 14))

    def test_a_frozen_cluster_is_found_within_25_seconds(self):
        self.freeze()
        began = self.now
        self.assertIn("has not run its test task", self.check_for(60))
        self.assertLessEqual(self.now - began, 25)

    def test_a_frozen_cluster_gets_no_second_canary(self):
        self.freeze()
        sent = self.probe.sent
        self.check_for(15)
        self.assertLessEqual(self.probe.sent, sent + 1)

    def test_a_cluster_whose_steps_beat_is_busy_not_wedged(self):
        self.freeze()
        self.probe.beat = datetime.now(UTC)
        self.assertEqual(self.check_for(300), "")

    def test_one_long_step_does_not_speak_for_free_workers_that_begin_nothing(self):
        self.freeze()
        self.probe.beat, self.probe.idles = datetime.now(UTC) + timedelta(hours=1), True
        began = self.now
        self.assertIn("has not run its test task", self.check_for(60))
        self.assertLessEqual(self.now - began, 25)

    def test_free_workers_with_a_canary_that_comes_home_are_no_trouble(self):
        self.probe.idles = True
        self.assertEqual(self.check_for(60), "")

    def test_an_old_beat_is_no_sign_of_life(self):
        self.freeze()
        self.probe.beat = datetime.now(UTC) - timedelta(seconds=30)
        self.assertIn("test task", self.check_for(60))

    def test_a_cluster_that_is_starting_has_more_time(self):
        self.probe.runs = False
        self.assertEqual(self.check_for(44), "")
        self.assertIn("has not run", self.check_for(10))

    def test_a_cluster_that_has_started_and_froze_at_once_is_found_as_soon_as_any(self):
        self.probe.runs = False
        self.assertEqual(self.check_for(10), "")
        self.probe.takes = True
        began = self.now
        self.assertIn("has not run", self.check_for(60))
        self.assertLessEqual(self.now - began, 17)

    def test_a_canary_that_is_never_acknowledged_is_a_wedge(self):
        self.prove_life()
        self.probe.acknowledges = False
        self.assertIn("has not acknowledged", self.check_for(40))

    def test_not_acknowledging_is_borne_longer_while_steps_beat_but_not_for_ever(self):
        self.prove_life()
        self.probe.acknowledges = False
        self.probe.beat = datetime.now(UTC) + timedelta(hours=1)
        self.assertEqual(self.check_for(100), "")
        self.assertIn("has not acknowledged", self.check_for(60))

    def test_what_happened_while_the_database_was_away_does_not_count(self):
        self.freeze()
        self.check_for(14)
        self.probe.is_away = True
        for _ in range(30):
            self.now += 1
            with self.assertRaises(ConnectionError):
                self.watch.check()
        self.probe.is_away = False
        self.probe.runs = True
        self.assertEqual(self.check_for(60), "")

    def test_a_pause_of_the_supervisor_itself_does_not_count(self):
        self.freeze()
        self.check_for(10)
        self.now += 3600  # a laptop slept
        self.probe.runs = True
        self.assertEqual(self.check_for(60), "")
