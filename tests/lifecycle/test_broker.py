"""The broker: the tick that keeps a poller running, and a queue that outlives its database and its parent."""

from datetime import timedelta
from unittest import mock

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.test import SimpleTestCase, TestCase, TransactionTestCase
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import OrmQ
from django_q.signing import SignedPackage

from generations import broker, engine, queue, tasks
from generations.broker import TickBroker, tick
from generations.gateways.http import CREATE_TIMES
from generations.lifecycle import download, poll, submit
from generations.models import Canary, Generation, PollerSlot, Status
from tests.factories import make_generation
from tests.lifecycle.base import queued
from tests.racing import race
from videostudio.supervisor import Timing


def slot() -> PollerSlot:
    return PollerSlot.objects.get(name="p0")


class TickTests(TestCase):
    def test_the_first_tick_starts_a_poller(self):
        tick()
        self.assertEqual(queued(), [("poll", ("p0", slot().owner))])
        self.assertEqual(OrmQ.objects.get().key, "poll")
        self.assertGreater(slot().until, timezone.now())

    def test_while_the_lease_holds_nothing_more_is_started(self):
        for _ in range(5):
            tick()
        self.assertEqual(OrmQ.objects.count(), 1)

    def test_a_lease_that_ran_out_is_given_to_another(self):
        tick()
        first = slot().owner
        PollerSlot.objects.update(until=timezone.now() - timedelta(milliseconds=1))
        tick()
        self.assertNotEqual(slot().owner, first)
        self.assertEqual(queued()[1], ("poll", ("p0", slot().owner)))

    def test_the_rows_of_a_poller_that_died_are_due_at_once(self):
        later = timezone.now() + timedelta(seconds=40)
        tick()
        held = make_generation(Status.IN_PROGRESS, claim=slot().owner, due_at=later)
        others = make_generation(Status.IN_PROGRESS, claim="a poller that lives", due_at=later)
        PollerSlot.objects.update(until=timezone.now() - timedelta(seconds=1))
        tick()
        self.assertCountEqual(Generation.objects.due(), [held])
        others.refresh_from_db()
        self.assertEqual((others.claim, others.due_at), ("a poller that lives", later))

    def test_the_rows_of_a_poller_that_ended_well_are_left_alone(self):
        """It still waits for its last answers while the next one starts."""
        generation = make_generation(Status.IN_PROGRESS, claim="x", due_at=timezone.now() + timedelta(seconds=40))
        PollerSlot.objects.create(name="p0", owner="", until=timezone.now() - timedelta(seconds=1))
        tick()
        generation.refresh_from_db()
        self.assertEqual(generation.claim, "x")

    def test_without_its_message_there_is_no_owner_either(self):
        PollerSlot.objects.create(name="p0", owner="", until=timezone.now() - timedelta(seconds=1))
        with (
            mock.patch.object(queue.SignedPackage, "dumps", side_effect=OperationalError),
            self.assertRaises(OperationalError),
        ):
            tick()
        self.assertEqual(slot().owner, "")


class ManyTicksTests(TransactionTestCase):
    def test_many_ticks_at_once_start_one_poller(self):
        race([tick] * 5)
        self.assertEqual(OrmQ.objects.count(), 1)
        PollerSlot.objects.update(until=timezone.now() - timedelta(seconds=1))
        race([tick] * 5)
        self.assertEqual(OrmQ.objects.count(), 2)


class BrokerTests(TestCase):
    def setUp(self):
        self.sleep = self.enterContext(mock.patch.object(broker.time, "sleep"))
        self.enterContext(mock.patch("django_q.brokers.orm.sleep"))

    def test_it_is_the_broker_of_every_cluster(self):
        for cluster in queue.CLUSTERS:
            self.assertIsInstance(get_broker(cluster), TickBroker)
            self.assertEqual(get_broker(cluster).list_key, cluster)

    def test_only_the_poll_cluster_ticks_and_once_a_second(self):
        for cluster, ticks in (("submit", 0), ("download", 0), ("poll", 1)):
            with self.subTest(cluster), mock.patch.object(broker, "tick") as ticked:
                found = TickBroker(cluster)
                for _ in range(3):
                    found.dequeue()
                self.assertEqual(ticked.call_count, ticks)

    def test_a_studio_that_stops_starts_no_poller(self):
        leaving = mock.patch("videostudio.lifeline.is_leaving", return_value=True)
        with leaving, mock.patch.object(broker, "tick") as ticked:
            TickBroker("poll").dequeue()
        ticked.assert_not_called()

    def test_it_hands_out_what_is_queued_for_its_cluster_once(self):
        queue.hint("submit", 5)
        queue.hint("download", 6)
        found = TickBroker("submit")
        [(key, package)] = found.dequeue()
        task = SignedPackage.loads(package)
        self.assertEqual((task["func"], task["args"]), ("generations.tasks.submit", ("5",)))
        self.assertIsNone(found.dequeue())
        found.acknowledge(key)
        self.assertEqual(list(OrmQ.objects.values_list("key", flat=True)), ["download"])

    def test_a_database_that_is_away_is_waited_for(self):
        for error in (OperationalError, InterfaceError):
            away = connection.execute_wrapper(mock.Mock(side_effect=error))
            with self.subTest(error), away, mock.patch.object(broker, "close_old_connections") as close:
                self.assertIsNone(TickBroker("submit").dequeue())
            close.assert_called_once_with()
        self.assertEqual(self.sleep.call_count, 2)

    def test_it_leaves_when_its_parent_is_gone(self):
        found = TickBroker("submit")
        with mock.patch.object(broker.os, "_exit") as leave:
            with mock.patch.object(broker.os, "getppid", return_value=100):
                found.dequeue()
                self.assertFalse(leave.called)
            with mock.patch.object(broker.os, "getppid", return_value=1):
                found.dequeue()
        leave.assert_called_once_with(1)

    def test_it_can_be_sent_to_a_process_of_its_own(self):
        found = TickBroker("poll")
        found.parent, found.last_enqueued = 100, 5
        copy = TickBroker.__new__(TickBroker)
        copy.__setstate__(found.__getstate__())
        self.assertEqual((copy.list_key, copy.parent, copy.last_enqueued), ("poll", 0, None))


class QueueTests(TestCase):
    def test_messages_hold_names_and_keys_as_text(self):
        for step, (_, function) in queue.STEPS.items():
            queue.hint(step, 5, "text", cluster="submit")
            task = SignedPackage.loads(OrmQ.objects.latest("pk").payload)
            self.assertEqual((task["func"], task["args"], task["kwargs"]), (function, ("5", "text"), {}))
            self.assertTrue(callable(getattr(tasks, function.rpartition(".")[2])))

    def test_messages_that_somebody_has_taken_do_not_count(self):
        for _ in range(3):
            queue.hint("submit", 5)
        queue.hint("download", 5)
        self.assertEqual(queue.waiting("submit"), 3)
        TickBroker("submit").dequeue()
        self.assertEqual(queue.waiting("submit"), 2)

    def test_tasks_find_their_row_and_do_one_step(self):
        for name in ("submit", "download", "poster"):
            with mock.patch(f"generations.tasks.{'submitting' if name == 'submit' else 'downloading'}.{name}") as step:
                getattr(tasks, name)("17")
            step.assert_called_once_with(17)


class EngineTests(TestCase):
    """What the supervisor asks."""

    def test_a_canary_goes_to_its_cluster_and_comes_home(self):
        for cluster in queue.CLUSTERS:
            with self.subTest(cluster):
                self.assertIsNone(engine.canary_at(cluster))
                key = engine.send_canary(cluster)
                message = OrmQ.objects.get(pk=key)
                self.assertEqual((message.key, engine.message_waits(key)), (cluster, True))
                self.assertFalse(engine.message_is_taken(key))
                with mock.patch.object(broker, "tick"):
                    TickBroker(cluster).dequeue()
                self.assertTrue(engine.message_is_taken(key))
                tasks.canary(*SignedPackage.loads(message.payload)["args"])
                self.assertLess(timezone.now() - engine.canary_at(cluster), timedelta(seconds=5))
                message.delete()
                self.assertFalse(engine.message_waits(key) or engine.message_is_taken(key))

    def test_a_canary_keeps_the_beat_and_a_beat_the_canary(self):
        beat = timezone.now()
        Canary.objects.create(cluster="download", beat_at=beat)
        tasks.canary("download")
        self.assertEqual(engine.last_beat("download"), beat)

    def test_a_tick_is_no_sign_of_life(self):
        """It hands the slot on for as long as the queue has room, even if nobody takes the message."""
        tick()
        self.assertIsNone(engine.last_beat("poll"))

    def test_a_start_takes_over_from_the_poller_of_a_studio_that_was_killed(self):
        tick()
        later = timezone.now() + timedelta(seconds=40)
        held = make_generation(Status.IN_PROGRESS, claim=slot().owner, due_at=later)
        tick()
        self.assertEqual(OrmQ.objects.count(), 1)
        engine.open_pollers()
        tick()
        self.assertEqual(OrmQ.objects.count(), 2)
        self.assertCountEqual(Generation.objects.due(), [held])


class SettingsTests(SimpleTestCase):
    def test_a_task_ends_before_its_message_is_handed_out_again(self):
        base = settings.Q_CLUSTER
        for name, cluster in {base["cluster_name"]: {}, **base["ALT_CLUSTERS"]}.items():
            conf = base | cluster
            with self.subTest(name):
                self.assertGreater(conf["retry"], conf["timeout"])
        self.assertEqual({base["cluster_name"], *base["ALT_CLUSTERS"]}, set(queue.CLUSTERS))

    def test_steps_end_before_the_queue_ends_them(self):
        alternatives = settings.Q_CLUSTER["ALT_CLUSTERS"]
        self.assertLess(CREATE_TIMES.overall, submit.LEASE.total_seconds())
        self.assertLess(submit.LEASE.total_seconds(), settings.Q_CLUSTER["timeout"])
        self.assertLess(download.MOST_SECONDS, alternatives["download"]["timeout"])
        self.assertLess(poll.BUDGET_SECONDS + poll.DRAIN_SECONDS, alternatives["poll"]["timeout"])
        self.assertEqual(Timing().create, CREATE_TIMES.overall)
