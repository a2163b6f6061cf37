"""From an order to a row: once for a form token and content, with its event and its hint, or not at all."""

from unittest import mock

from django.db import DatabaseError
from django.test import TestCase, TransactionTestCase
from django_q.models import OrmQ

from generations import queue
from generations.lifecycle.begin import NoGateway, begin
from generations.models import Event, Gateway, Generation, Prompt, Status, Upload
from tests.factories import alice, any_gateway, bob, carol, make_gateway, make_order
from tests.lifecycle.base import queued
from tests.racing import race


def make_upload(sha256: str = "a" * 64) -> Upload:
    return Upload.objects.create(
        file="uploads/aa/a.png",
        sha256=sha256,
        kind="image/png",
        size=10,
        width=1,
        height=1,
        team=alice().team,
        person=alice(),
    )


class BeginTests(TestCase):
    def setUp(self):
        self.gateway = make_gateway()

    def test_a_row_knows_what_was_asked_of_whom_and_by_whom(self):
        order = make_order(options={"seconds": "10", "size": "1920x1080"}, prompt=" a fox\r\nin snow ")
        generation, is_new = begin(order)
        self.assertTrue(is_new)
        row = Generation.objects.get(pk=generation.pk)
        self.assertEqual((row.status, row.version, row.claim, row.tries), (Status.QUEUED, 1, "", 0))
        self.assertEqual((row.created_by, row.team, row.origin), (alice(), alice().team, "browser"))
        self.assertEqual(row.prompt.text, "a fox\nin snow")
        self.assertEqual(row.options, {"seconds": 10, "size": "1920x1080"})
        self.assertEqual((row.asked_width, row.asked_height, row.asked_seconds), (1920, 1080, 10))
        self.assertEqual((row.gateway, row.model_key, row.dialect), (self.gateway, "wan/wan2.6", "openai_videos"))
        self.assertEqual(row.upstream_model, "wan2.6")

    def test_its_event_and_its_hint_come_with_it(self):
        generation, _ = begin(make_order())
        event = generation.events.get()
        self.assertEqual((event.before, event.after, event.actor, event.actor_kind), ("", "queued", "alice", "person"))
        self.assertEqual(queued(), [("submit", (str(generation.pk),))])

    def test_a_prompt_is_one_row_however_often_it_is_used(self):
        first, _ = begin(make_order(prompt="a fox"))
        second, _ = begin(make_order(prompt="a fox\n", user=bob()))
        elsewhere, _ = begin(make_order(prompt="a fox", user=carol()))
        self.assertEqual(first.prompt, second.prompt)
        self.assertNotEqual(first.prompt, elsewhere.prompt)

    def test_images_are_kept_in_their_order(self):
        uploads = [make_upload("a" * 64), make_upload("b" * 64)]
        generation, _ = begin(make_order(model="veo/veo3.1", uploads={"input_reference": uploads}))
        self.assertEqual([item.upload for item in generation.inputs.all()], uploads)

    def test_without_a_gateway_nothing_is_made(self):
        Gateway.objects.update(enabled=False)
        with self.assertRaisesMessage(NoGateway, "No gateway offers Wan 2.6"):
            begin(make_order())
        self.assertFalse(Generation.objects.exists() or Prompt.objects.exists() or OrmQ.objects.exists())

    def test_when_the_hint_cannot_be_queued_nothing_is_made(self):
        with (
            mock.patch.object(queue.SignedPackage, "dumps", side_effect=DatabaseError),
            self.assertRaises(DatabaseError),
        ):
            begin(make_order())
        self.assertFalse(Generation.objects.exists() or Event.objects.exists() or Prompt.objects.exists())

    def test_the_same_form_sent_twice_is_one_row(self):
        first, is_new = begin(make_order(form_token="token"))
        self.assertTrue(is_new)
        self.assertEqual(begin(make_order(form_token="token")), (first, False))
        self.assertEqual(OrmQ.objects.count(), 1)

    def test_the_same_token_with_other_content_is_another_row(self):
        first, _ = begin(make_order(form_token="token"))
        for other in (
            {"prompt": "A blue fox"},
            {"options": {"seconds": 10}},
            {"model": "wan/wan2.7"},
            {"user": bob()},
        ):
            with self.subTest(other):
                generation, is_new = begin(make_order(form_token="token", **other))
                self.assertTrue(is_new)
                self.assertNotEqual(generation, first)

    def test_the_same_image_uploaded_twice_is_the_same_content(self):
        orders = []
        for content in ("a", "a", "b"):
            upload = make_upload(content * 64)
            options = {"input_reference": str(upload.uuid)}
            uploads = {"input_reference": [upload]}
            orders.append(make_order(model="veo/veo3.1", form_token="t", options=options, uploads=uploads))
        self.assertEqual([is_new for _, is_new in map(begin, orders)], [True, False, True])

    def test_without_a_token_every_order_is_a_row_of_its_own(self):
        begin(make_order())
        begin(make_order())
        self.assertEqual(Generation.objects.count(), 2)


class DoubleClickTests(TransactionTestCase):
    def test_a_form_sent_by_many_threads_at_once_is_one_row(self):
        any_gateway()
        orders = [make_order(form_token="token") for _ in range(6)]
        results = race([lambda order=order: begin(order) for order in orders])
        self.assertEqual(len({generation.pk for generation, _ in results}), 1)
        self.assertEqual(sorted(is_new for _, is_new in results), [False] * 5 + [True])
        self.assertEqual((Generation.objects.count(), Event.objects.count(), OrmQ.objects.count()), (1, 1, 1))
        self.assertEqual(Prompt.objects.count(), 1)
