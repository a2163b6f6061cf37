"""Webhooks: the outbox is written with each event, delivered at least once under one id, signed, never waited for."""

import json
import socket
import threading
import time
from base64 import b64decode
from datetime import timedelta
from unittest import mock

import time_machine
from django.core import mail
from django.db import transaction
from django.test import TestCase, TransactionTestCase, override_settings
from django.utils import timezone
from django_q.models import OrmQ

from generations.gateways import VideoTask
from generations.gateways.base import TaskStatus
from generations.lifecycle import batch, webhooks
from generations.lifecycle.invariants import violations
from generations.lifecycle.webhook_messages import chat, signatures, why_not
from generations.models import Delivery, Event, Generation, Membership, PollerSlot, Status, Webhook
from generations.models.webhooks import Kind, announce, new_secret
from tests.factories import alice, begun, carol, make_generation
from tests.gateways import wire
from tests.lifecycle.base import everything_stored, queued, run_queue
from tests.racing import race
from tests.receiver import Receiver, Told

ALL = list(Kind)


def make_webhook(url: str = "https://hooks.invalid/x", *, kinds=ALL, **fields) -> Webhook:
    return Webhook.objects.create(
        **{"team": alice().team, "name": "ours", "url": url, "host": "hooks", "kinds": kinds, **fields}
    )


def make_delivery(webhook: Webhook, **fields) -> Delivery:
    payload = {"type": "webhook.test", "timestamp": "2026-01-01T00:00:00+00:00", "data": {"webhook": "x", "page": "/"}}
    return Delivery.objects.create(**{"webhook": webhook, "kind": "webhook.test", "payload": payload, **fields})


def verified(told: Told, secret: str) -> bool:
    """Whether one of the signatures is that of the secret; by the library of signatures, not by our own code."""
    expected = signatures([secret], told.message_id, int(told.headers["webhook-timestamp"]), told.body)
    return expected in told.headers["webhook-signature"].split(" ")


class OutboxTests(TestCase):
    """Which events are put into the outbox, where, and when."""

    def kinds(self, webhook: Webhook) -> list[str]:
        return list(webhook.deliveries.order_by("pk").values_list("kind", flat=True))

    def test_each_step_that_is_told_makes_one_delivery(self):
        webhook = make_webhook()
        begun()
        make_generation(Status.COMPLETED)
        make_generation(Status.FAILED)
        make_generation(Status.UNKNOWN)
        make_generation(Status.CANCELLED)
        self.assertEqual(self.kinds(webhook), [Kind.CREATED, Kind.COMPLETED, Kind.FAILED, Kind.UNKNOWN])

    def test_only_what_was_chosen_is_told(self):
        webhook = make_webhook(kinds=[Kind.FAILED])
        begun()
        make_generation(Status.COMPLETED)
        make_generation(Status.FAILED)
        self.assertEqual(self.kinds(webhook), [Kind.FAILED])

    def test_another_team_is_told_nothing_and_one_that_is_off_neither(self):
        theirs, off = make_webhook(team=carol().team), make_webhook(disabled_at=timezone.now())
        begun()
        self.assertEqual((self.kinds(theirs), self.kinds(off)), ([], []))

    def test_verdicts_in_bulk_are_told_too(self):
        webhook = make_webhook()
        rows = [make_generation(Status.IN_PROGRESS, claim="token") for _ in range(3)]
        failed = {
            row.pk: VideoTask(
                upstream_id=row.upstream_id, status=TaskStatus.FAILED, word="failed", progress=None, urls=(), error="no"
            )
            for row in rows
        }
        batch.settle("token", failed, actor="poller")
        self.assertEqual(
            set(webhook.deliveries.values_list("generation", "kind")), {(pk, Kind.FAILED) for pk in failed}
        )
        self.assertEqual({delivery.payload["data"]["detail"] for delivery in webhook.deliveries.all()}, {"no"})
        self.assertEqual({delivery.payload["data"]["status"] for delivery in webhook.deliveries.all()}, {"failed"})

    def test_what_is_rolled_back_is_not_told(self):
        webhook = make_webhook()
        with self.assertRaises(RuntimeError), transaction.atomic():
            begun()
            raise RuntimeError
        self.assertEqual(self.kinds(webhook), [])

    def test_without_a_webhook_a_step_costs_one_statement(self):
        generation = make_generation()
        with self.assertNumQueries(1):
            announce([Event(generation=generation, after=Status.QUEUED)])
        with self.assertNumQueries(0):
            announce([Event(generation=generation, before=Status.QUEUED, after=Status.SUBMITTING)])

    def test_the_payload_says_what_the_page_says_and_holds_no_secret(self):
        webhook = make_webhook(secret="whsec_c2VjcmV0IG9mIHRoZSB0ZXN0", url="https://hooks.invalid/T00/key-of-chat")
        row = make_generation(Status.COMPLETED, prompt="A fox at dusk")
        payload = webhook.deliveries.get(kind=Kind.COMPLETED).payload
        data = payload["data"]
        self.assertEqual(payload["type"], "generation.completed")
        self.assertEqual((data["id"], data["prompt"], data["created_by"]), (str(row.uuid), "A fox at dusk", "alice"))
        self.assertEqual(data["measured"]["sha256"], row.sha256)
        self.assertTrue(data["video"].endswith(f"/generations/{row.uuid}/video/"))
        self.assertNotIn(row.gateway.key, json.dumps(payload))
        stored = everything_stored()
        self.assertNotIn("key-of-chat", stored)
        self.assertNotIn("c2VjcmV0", stored)
        self.assertEqual(list(violations()), [])


class CourierCase(TestCase):
    def setUp(self):
        webhooks._hinted = 0.0

    def receiver(self, *statuses: int, **kwargs) -> Receiver:
        receiver = self.enterContext(Receiver(*statuses, **kwargs))
        self.enterContext(override_settings(PRIVATE_HOSTS=frozenset({receiver.host_port})))
        return receiver

    def again(self, delivery: Delivery) -> Delivery:
        """Let its time come, deliver, and return it as it is then."""
        Delivery.objects.filter(pk=delivery.pk, due_at__isnull=False).update(due_at=timezone.now())
        webhooks.deliver()
        delivery.refresh_from_db()
        return delivery


class DeliveringTests(CourierCase):
    def test_a_message_is_posted_signed_and_written_down(self):
        receiver = self.receiver()
        webhook = make_webhook(receiver.url)
        delivery = self.again(make_delivery(webhook))
        told = receiver.told[0]
        self.assertEqual((told.path, told.headers["content-type"]), ("/hooks/videos?room=7", "application/json"))
        self.assertEqual(told.json, delivery.payload)
        self.assertEqual(told.message_id, delivery.message_id)
        self.assertLess(abs(int(told.headers["webhook-timestamp"]) - time.time()), 5)
        self.assertNotIn("authorization", told.headers)
        self.assertTrue(verified(told, webhook.secret))
        self.assertFalse(verified(told, new_secret()))
        self.assertIsNotNone(delivery.delivered_at)
        self.assertEqual((delivery.due_at, delivery.tries, delivery.http_status, delivery.answer), (None, 1, 200, "ok"))

    def test_signatures_are_those_of_standard_webhooks(self):
        """The vector that the reference libraries test themselves with."""
        found = signatures(
            ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1614265330,
            b'{"test": 2432232314}',
        )
        self.assertEqual(found, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        self.assertEqual(len(b64decode(new_secret().removeprefix("whsec_"))), 32)

    def test_what_failed_is_tried_again_under_the_same_id_with_growing_pauses(self):
        receiver = self.receiver(500, 302, 200, headers={"Location": "/elsewhere"})
        delivery = make_delivery(make_webhook(receiver.url))
        pauses = []
        for _ in range(2):
            self.again(delivery)
            pauses.append((delivery.due_at - timezone.now()).total_seconds())
        self.assertEqual(delivery.http_status, 302)
        self.again(delivery)
        self.assertEqual({told.message_id for told in receiver.told}, {delivery.message_id})
        self.assertEqual([told.path for told in receiver.told], ["/hooks/videos?room=7"] * 3)  # no redirect followed
        self.assertGreater(pauses[0], 3)
        self.assertGreater(pauses[1], 25)
        self.assertIsNotNone(delivery.delivered_at)

    def test_retries_last_a_day_and_then_the_webhook_is_off_and_its_managers_know(self):
        receiver = self.receiver(503)
        webhook = make_webhook(receiver.url)
        Membership.objects.filter(user=alice()).update(role=Membership.Role.MANAGER)
        alice_row = alice()
        alice_row.email = "alice@example.com"
        alice_row.save()
        start = timezone.now()
        other = make_delivery(webhook, due_at=start + timedelta(days=9))
        with time_machine.travel(start, tick=False) as clock, override_settings(EMAIL_CONFIGURED=True):
            delivery = make_delivery(webhook)
            for _ in range(30):
                with self.captureOnCommitCallbacks(execute=True):
                    webhooks.deliver()
                delivery.refresh_from_db()
                if delivery.due_at is None:
                    break
                clock.move_to(delivery.due_at)
            lasted = timezone.now() - start
        self.assertEqual(delivery.tries, 11)
        self.assertTrue(timedelta(hours=24) <= lasted <= timedelta(hours=28), lasted)
        self.assertIsNotNone(delivery.failed_at)
        webhook.refresh_from_db()
        self.assertIn("Nothing got through", webhook.disabled_reason)
        other.refresh_from_db()
        self.assertEqual((other.due_at, other.state_words), (None, "Given up"))
        self.assertEqual([message.to for message in mail.outbox], [["alice@example.com"]])
        self.assertIn("/team/webhooks/", mail.outbox[0].body)

    def test_one_success_begins_the_day_anew(self):
        receiver = self.receiver(500, 200, 500)
        webhook = make_webhook(receiver.url, failing_since=timezone.now() - timedelta(hours=23))
        for status in (500, 200):
            self.assertEqual(self.again(make_delivery(webhook)).http_status, status)
        webhook.refresh_from_db()
        self.assertIsNone(webhook.failing_since)

    def test_a_receiver_that_says_gone_is_told_nothing_more(self):
        webhook = make_webhook(self.receiver(410).url)
        self.again(make_delivery(webhook))
        webhook.refresh_from_db()
        self.assertIn("410", webhook.disabled_reason)
        begun()
        self.assertEqual(webhook.deliveries.count(), 1)

    def test_a_private_address_is_refused_by_the_guard_whatever_its_name(self):
        with Receiver() as receiver:
            port = receiver.host_port.rpartition(":")[2]
            resolved = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.7", 443))]
            for url in ("https://hooks.example.com/", f"https://127.0.0.1:{port}/", receiver.url):
                with self.subTest(url), mock.patch("socket.getaddrinfo", return_value=resolved):
                    delivery = self.again(make_delivery(make_webhook(url)))
                    self.assertIsNone(delivery.http_status)
                    self.assertIn("STUDIO_PRIVATE_HOSTS", delivery.answer)
            self.assertEqual(receiver.told, [])

    def test_a_receiver_that_floods_is_cut_short(self):
        flood = wire.drips(wire.http(200, b"").replace(b"Content-Length: 0\r\n", b""), b"so " * 20000, every=0.001)
        with wire.RawServer(flood) as server, override_settings(PRIVATE_HOSTS=frozenset({server.host_port})):
            delivery = self.again(make_delivery(make_webhook(f"http://{server.host_port}/")))
        self.assertEqual((delivery.http_status, len(delivery.answer)), (200, 500))

    def test_one_that_hangs_keeps_no_other_waiting_and_is_given_up_in_time(self):
        times = mock.patch.object(webhooks, "TIMES", webhooks.Times(connect=1, write=1, read=1, overall=1.5))
        with wire.RawServer(wire.stays_silent) as silent, Receiver() as receiver, times:
            hosts = frozenset({silent.host_port, receiver.host_port})
            with override_settings(PRIVATE_HOSTS=hosts):
                hanging = make_webhook(f"http://{silent.host_port}/")
                stuck = [make_delivery(hanging) for _ in range(4)]
                fine = make_delivery(make_webhook(receiver.url))
                began = time.monotonic()
                watcher = threading.Timer(0.9, lambda: arrived.append(len(receiver.told)))
                arrived: list[int] = []
                watcher.start()
                webhooks.deliver()
                took = time.monotonic() - began
        self.assertEqual(arrived, [1])  # before the first of the others was over
        fine.refresh_from_db()
        self.assertIsNotNone(fine.delivered_at)
        self.assertLess(took, 8)
        for delivery in stuck:
            delivery.refresh_from_db()
            self.assertEqual((delivery.tries, delivery.http_status), (1, None))

    def test_a_secret_that_changes_signs_beside_the_one_before_for_a_day(self):
        receiver = self.receiver()
        webhook = make_webhook(receiver.url)
        before = webhook.secret
        webhook.rotate()
        self.again(make_delivery(webhook))
        self.assertEqual([verified(receiver.told[0], secret) for secret in (before, webhook.secret)], [True, True])
        Webhook.objects.update(old_secret_until=timezone.now() - timedelta(seconds=1))
        self.again(make_delivery(webhook))
        self.assertEqual([verified(receiver.told[1], secret) for secret in (before, webhook.secret)], [False, True])

    def test_a_secret_that_none_of_our_keys_opens_is_said(self):
        delivery = make_delivery(make_webhook(self.receiver().url))
        with override_settings(FIELD_KEYS=["another"]):
            self.again(delivery)
        self.assertIn("STUDIO_FIELD_KEY", delivery.answer)

    def test_what_a_receiver_repeats_of_the_secret_is_not_kept(self):
        webhook = make_webhook(secret="whsec_c2VjcmV0IG9mIHRoZSB0ZXN0IQ==")
        receiver = self.receiver(body=f"you said {webhook.secret}".encode())
        Webhook.objects.update(url="")  # so that it is set by the field
        webhook.url = receiver.url
        webhook.save()
        self.assertEqual(self.again(make_delivery(webhook)).answer, "you said [key]")

    def test_old_deliveries_leave_the_log(self):
        webhook = make_webhook(self.receiver().url)
        old = make_delivery(webhook, due_at=None, created_at=timezone.now() - timedelta(days=31))
        self.again(make_delivery(webhook))
        self.assertFalse(Delivery.objects.filter(pk=old.pk).exists())
        self.assertEqual(webhook.deliveries.count(), 1)


class CrashTests(CourierCase):
    def test_a_courier_that_was_killed_loses_nothing(self):
        receiver = self.receiver()
        delivery = make_delivery(make_webhook(receiver.url))
        with mock.patch.object(webhooks, "record", side_effect=KeyboardInterrupt), self.assertRaises(KeyboardInterrupt):
            webhooks.deliver()  # it was sent, and nothing was written down
        webhooks.deliver()
        self.assertEqual(len(receiver.told), 1)  # its lease is not over
        self.again(delivery)
        self.assertEqual([told.message_id for told in receiver.told], [delivery.message_id] * 2)
        self.assertIsNotNone(delivery.delivered_at)

    def test_whose_lease_ran_out_writes_nothing(self):
        make_delivery(make_webhook())
        late = webhooks.claim(Delivery.objects.get().pk)
        Delivery.objects.update(due_at=timezone.now())
        webhooks.claim(late.pk)
        webhooks.record(late, webhooks.Result(200, "ok", 0.1))
        self.assertIsNone(Delivery.objects.get().delivered_at)

    def test_the_sweep_finds_what_is_due_though_the_queue_was_emptied(self):
        receiver = self.receiver()
        make_webhook(receiver.url)
        begun()
        OrmQ.objects.all().delete()
        webhooks.hint_due(timezone.now())
        webhooks.hint_due(timezone.now())
        self.assertEqual(queued(), [("webhooks", ())])
        run_queue()
        self.assertEqual(receiver.told[0].json["type"], "generation.created")

    def test_while_one_courier_is_at_work_another_leaves(self):
        receiver = self.receiver()
        make_delivery(make_webhook(receiver.url))
        PollerSlot.objects.create(name="webhooks", owner="other", until=timezone.now() + timedelta(seconds=5))
        webhooks.deliver()
        self.assertEqual(receiver.told, [])
        PollerSlot.objects.update(until=timezone.now() - timedelta(seconds=1))
        webhooks.deliver()
        self.assertEqual(len(receiver.told), 1)

    def test_a_step_of_the_engine_does_not_wait_for_a_webhook(self):
        with wire.RawServer(wire.stays_silent) as silent:
            make_webhook(f"http://{silent.host_port}/")
            began = time.monotonic()
            generation = begun()
            generation.move_to(Status.CANCELLED, actor="alice", reason="a test")
            self.assertLess(time.monotonic() - began, 1)
            self.assertEqual(silent.requests, [])


class RaceTests(TransactionTestCase):
    def test_of_many_couriers_one_claims_a_delivery(self):
        delivery = make_delivery(make_webhook())
        won = race([lambda: webhooks.claim(delivery.pk)] * 6)
        self.assertEqual(len([found for found in won if found]), 1)

    def test_many_couriers_at_once_deliver_each_message_once(self):
        with Receiver() as receiver, override_settings(PRIVATE_HOSTS=frozenset({receiver.host_port})):
            webhook = make_webhook(receiver.url)
            ids = sorted(make_delivery(webhook).message_id for _ in range(10))
            race([webhooks.deliver] * 4)
            self.assertEqual(sorted(told.message_id for told in receiver.told), ids)


class ChatTests(TestCase):
    def test_a_chat_gets_a_sentence_and_a_link(self):
        webhook = make_webhook(shape=Webhook.Shape.CHAT)
        row = make_generation(Status.FAILED, prompt="A fox <!channel> & @everyone " + "x" * 400)
        delivery = webhook.deliveries.get(kind=Kind.FAILED)
        said = chat(delivery.kind, delivery.payload["data"])
        self.assertTrue(said["text"].startswith("A video of alice failed (Wan 2.6): “A fox &lt;!channel&gt; &amp; "))
        self.assertIn(f"/generations/{row.uuid}/", said["text"])
        self.assertIn("It did not work out.", said["text"])
        self.assertNotIn("@everyone", said["content"])
        self.assertLess(len(said["content"]), 1000)
        self.assertEqual(said["allowed_mentions"], {"parse": []})

    def test_every_kind_has_its_sentence(self):
        webhook = make_webhook(shape=Webhook.Shape.CHAT)
        for status in (Status.COMPLETED, Status.FAILED, Status.UNKNOWN):
            make_generation(status)
        begun()
        sentences = {chat(row.kind, row.payload["data"])["text"].partition(":")[0] for row in webhook.deliveries.all()}
        self.assertEqual(len(sentences), 4)
        self.assertIn("is a test", chat("webhook.test", {"webhook": "x", "page": "/"})["text"])


class AddressTests(TestCase):
    def test_addresses_that_are_refused_at_once(self):
        with override_settings(PRIVATE_HOSTS=frozenset({"chat.lan:8065"})):
            for url in ("https://example.com/x?y=1", "https://8.8.8.8/", "http://chat.lan:8065/hooks/1"):
                self.assertEqual(why_not(url), "", url)
            for url in (
                *("", "example.com", "ftp://example.com/", "http://example.com/", "https:///x", "https://u:p@e.com/"),
                *("https://example.com/#x", "https://exa mple.com/", "https://localhost/", "https://127.0.0.1/"),
                *("https://[::1]/", "https://10.0.0.1/", "https://169.254.169.254/", "https://e.com:99999/"),
                *("https://e.com/" + "x" * 1000, "https://chat.lan\\@e.com/", "http://chat.lan:1/", "https://[x/"),
            ):
                self.assertNotEqual(why_not(url), "", url)


class GenerationsGoneTests(TestCase):
    def test_a_log_goes_with_what_it_tells_of(self):
        make_webhook()
        row = make_generation(Status.FAILED)
        Generation.objects.filter(pk=row.pk).delete()
        self.assertFalse(Delivery.objects.exists())
