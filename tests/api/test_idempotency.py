"""Idempotency-Key: the same key and content, the same answer, in any number of threads and processes."""

import json
import os
import subprocess
import sys
import time
from datetime import timedelta
from unittest import mock

from django.conf import settings
from django.db import connection
from django.test import TestCase, TransactionTestCase
from django.utils import timezone

from generations.api import creating
from generations.lifecycle import recovery
from generations.models import ApiAnswer, Generation, Prompt
from tests.api.base import ASKED, Api, FreshRates, error_of, make_token
from tests.factories import alice, bob
from tests.lifecycle.base import UpstreamCase, run_queue


class SameKeyTests(FreshRates, UpstreamCase, TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.secret = make_token()
        self.api = Api(self.secret)

    def create(self, body=None, key: str = "key-1", api: Api | None = None):
        return (api or self.api).post("/videos", body, Idempotency_Key=key)

    def test_the_same_again_is_the_same_answer(self):
        first, second = self.create(), self.create()
        self.assertEqual((first.status_code, second.status_code), (200, 200))
        self.assertEqual(first.content, second.content)
        self.assertEqual(Generation.objects.count(), 1)
        self.assertEqual(second.headers["openai-poll-after-ms"], first.headers["openai-poll-after-ms"])

    def test_the_answer_stays_what_it_was_when_the_video_is_done(self):
        first = self.create()
        run_queue()
        self.finished(Generation.objects.get())
        self.assertEqual(self.create().content, first.content)

    def test_a_form_that_is_sent_again_has_a_new_boundary_and_is_the_same(self):
        for _ in range(2):
            response = self.api.form("/videos", ASKED, Idempotency_Key="form")
            self.assertEqual(response.status_code, 200, response.content)
        self.assertEqual(Generation.objects.count(), 1)

    def test_other_content_is_409_and_makes_nothing(self):
        self.create()
        for body in (ASKED | {"prompt": "Another"}, ASKED | {"seconds": "10"}, {"nonsense": 1}):
            response = self.create(body)
            self.assertEqual((response.status_code, error_of(response)["code"]), (409, "idempotency_key_reused"))
            self.assertEqual(response.headers["x-should-retry"], "false")
        self.assertEqual(Generation.objects.count(), 1)

    def test_a_remix_and_a_create_do_not_share_a_key(self):
        source = self.create(key="one").json()["id"]
        path = f"/videos/{source}/remix"
        made = [self.api.post(path, {"prompt": "A wolf"}, Idempotency_Key="two").content for _ in range(2)]
        self.assertEqual(made[0], made[1])
        self.assertEqual(self.api.post(path, {"prompt": "A wolf"}, Idempotency_Key="one").status_code, 409)
        self.assertEqual(Generation.objects.count(), 2)

    def test_a_remix_is_answered_the_same_whatever_became_of_its_source(self):
        source = Generation.objects.get(uuid=self.create(key="one").json()["id"])
        first = self.api.post(f"/videos/{source.uuid}/remix", {"prompt": "A wolf"}, Idempotency_Key="two")
        Generation.objects.filter(pk=source.pk).update(deleted_at=timezone.now(), options={"seconds": "10"})
        again = self.api.post(f"/videos/{source.uuid}/remix", {"prompt": "A wolf"}, Idempotency_Key="two")
        self.assertEqual((again.status_code, again.content), (200, first.content))
        new = self.api.post(f"/videos/{source.uuid}/remix", {"prompt": "A wolf"}, Idempotency_Key="three")
        self.assertEqual(new.status_code, 404)

    def test_who_finds_the_last_place_taken_by_its_own_twin_gets_its_answer(self):
        """Both looked for an answer before there was one."""
        for refusal, taken in (
            ("too_many_unfinished", mock.patch.object(creating, "refuse_without_room")),
            ("too_many_fetches", mock.patch.object(creating, "carry_out")),
        ):
            with self.subTest(refusal):
                first = self.create(key=refusal)
                is_first = iter((True,))
                looked = creating.Once.answered

                def late(once, is_first=is_first, looked=looked):
                    return "" if next(is_first, False) else looked(once)

                problem = creating.Problem(429, refusal, "Wait.")
                with taken as work, mock.patch.object(creating.Once, "answered", late):
                    work.side_effect = problem
                    self.assertEqual(self.create(key=refusal).content, first.content)
                    with mock.patch.dict(creating.WAIT_FOR, {refusal: 0}):
                        self.assertEqual(self.create(key=f"{refusal}-alone").status_code, 429)

    def test_the_other_family_gets_the_same_task_again(self):
        body = {"model": "wan2.6", "prompt": "A fox"}
        made = [self.api.post("/video/generations", body, Idempotency_Key="n").json()["task_id"] for _ in range(2)]
        self.assertEqual(made[0], made[1])

    def test_another_token_has_keys_of_its_own(self):
        self.create()
        for user in (alice(), bob()):
            self.assertEqual(self.create(ASKED | {"prompt": "B"}, api=Api(make_token(user))).status_code, 200)
        self.assertEqual(Generation.objects.count(), 3)

    def test_after_a_day_a_key_is_new(self):
        first = self.create().json()["id"]
        ApiAnswer.objects.update(created_at=timezone.now() - timedelta(hours=24, minutes=1))
        second = self.create(ASKED | {"prompt": "Another"})
        self.assertEqual(second.status_code, 200)
        self.assertNotEqual(second.json()["id"], first)
        self.assertEqual(ApiAnswer.objects.count(), 1)

    def test_the_sweep_drops_what_is_older_than_a_day(self):
        self.create(key="old")
        ApiAnswer.objects.update(created_at=timezone.now() - timedelta(hours=25))
        self.create(key="new")
        recovery.sweep()
        self.assertEqual(ApiAnswer.objects.get().key, "new")

    def test_a_refusal_is_not_remembered(self):
        self.assertEqual(self.create(ASKED | {"seconds": "7"}).status_code, 422)
        self.assertEqual(self.create().status_code, 200)

    def test_an_impossible_key_is_refused(self):
        for key in ("k" * 256, "", "a b", "ä"):
            response = self.create(key=key)
            self.assertEqual((response.status_code, error_of(response)["param"]), (422, "Idempotency-Key"))


class ManyAtOnceTests(FreshRates, UpstreamCase, TransactionTestCase):
    def test_a_hundred_sends_from_two_processes_make_one_row_and_one_create_upstream(self):
        secret = make_token()
        answers = self.sent_by_processes(secret, processes=2, threads=10)  # five sends each
        self.assertEqual(len(answers), 100)
        self.assertEqual({status for status, _ in answers}, {200}, answers[:3])
        self.assertEqual(len({body for _, body in answers}), 1)
        self.assertEqual((Generation.objects.count(), Prompt.objects.count()), (1, 1))
        run_queue()
        recovery.sweep()
        run_queue()
        self.assertEqual(len(self.upstream.creates), 1)

    def sent_by_processes(self, secret: str, *, processes: int, threads: int) -> list[tuple[int, str]]:
        """Let processes of their own send the same create with one key, all at the same moment."""
        url = os.environ.get("TEST_DATABASE_URL", "").rpartition("/")[0]
        name = str(connection.settings_dict["NAME"])
        environment = os.environ | {
            "TEST_DATABASE_URL": f"{url}/{name}" if url else f"sqlite:///{name}",
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "SENDER_KEYS": json.dumps([settings.SECRET_KEY, *settings.FIELD_KEYS]),
        }
        begin = str(time.time() + 6)
        command = [sys.executable, "-m", "tests.api.sender", secret, str(threads), begin]
        running = [
            subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, stdout=subprocess.PIPE, text=True)
            for _ in range(processes)
        ]
        return [tuple(answer) for process in running for answer in json.loads(process.communicate(timeout=100)[0])]
