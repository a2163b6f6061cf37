"""The sandbox gateway: documented shapes, signed ids, behaviours, byte ranges, and clips that really play."""

import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from datetime import timedelta
from pathlib import Path
from unittest import mock

import av
import httpx
import pytest
import time_machine
from django.http import StreamingHttpResponse
from django.test import Client, SimpleTestCase, override_settings
from PIL import Image

from tests.sandbox_site import MIDDLEWARE
from videostudio.sandbox import clip, tasks
from videostudio.sandbox.behaviours import BEHAVIOURS, find_behaviours, pack, unpack
from videostudio.sandbox.clip import ClipSpec
from videostudio.sandbox.drawing import Backdrop, Titles
from videostudio.sandbox.keys import sandbox_key
from videostudio.sandbox.serving import Blocks, NotSatisfiable, read_range

VIDEOS = "/sandbox/v1/videos"
GENERATIONS = "/sandbox/v1/video/generations"
START = 1_779_938_160.25  # begins one of the 20 seconds of [busy]
BODY = {"model": "wan2.6-t2v", "prompt": "A paper kite floats above a field."}


@override_settings(ROOT_URLCONF="tests.sandbox_site", MIDDLEWARE=MIDDLEWARE, SANDBOX_ORIGIN="http://127.0.0.1:8000")
class SandboxTestCase(SimpleTestCase):
    """A client with the key, a clock that stands still, and a directory for clips."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name) / "clips"
        self.enterContext(override_settings(SANDBOX_DIR=self.directory))
        self.clock = self.enterContext(time_machine.travel(START, tick=False))
        self.client = Client(headers={"Authorization": f"Bearer {sandbox_key()}"}, enforce_csrf_checks=True)

    def create(self, prompt=BODY["prompt"], **fields):
        """Create on the form dialect; a field of None is left out."""
        fields = {"model": "wan2.6", "prompt": prompt, "seconds": "1", "size": "128x96"} | fields
        return self.client.post(VIDEOS, {name: value for name, value in fields.items() if value is not None})

    def create_json(self, body=None, **parameters):
        body = body if body is not None else BODY | {"metadata": {"parameters": parameters}}
        return self.client.post(GENERATIONS, body, content_type="application/json")

    def finish(self, answer):
        """The id of a created task, after its time."""
        self.assertEqual(answer.status_code, 200, answer.content)
        self.clock.shift(tasks.TOTAL_SECONDS + 0.01)
        return answer.json()["id"]

    def retrieve(self, task_id):
        return self.client.get(f"{VIDEOS}/{task_id}").json()

    def retrieve_json(self, task_id):
        return self.client.get(f"{GENERATIONS}/{task_id}").json()["data"]


class KeyTests(SandboxTestCase):
    def test_every_route_wants_the_key_and_says_so_in_openais_shape(self):
        routes = [VIDEOS, f"{VIDEOS}/x", f"{VIDEOS}/x/content", GENERATIONS, f"{GENERATIONS}/x"]
        for route in routes:
            for header in ("", "Bearer sk-wrong", f"Basic {sandbox_key()}", f"Bearer {sandbox_key()}é"):
                with self.subTest(route=route, header=header):
                    answer = Client(headers={"Authorization": header}).post(route)
                    self.assertEqual(answer.status_code, 401)
                    self.assertEqual(answer.json()["error"]["code"], "invalid_api_key")

    def test_the_key_follows_the_secret_key(self):
        key = sandbox_key()
        self.assertTrue(key.startswith("sandbox-"))
        with override_settings(SECRET_KEY="another"):
            self.assertNotEqual(sandbox_key(), key)

    def test_another_method_is_refused_with_the_allowed_ones(self):
        for route, allowed in {VIDEOS: "POST", GENERATIONS: "POST", f"{VIDEOS}/x": "GET, HEAD"}.items():
            answer = self.client.delete(route)
            self.assertEqual((answer.status_code, answer["Allow"]), (405, allowed))


class FormDialectTests(SandboxTestCase):
    def test_a_create_has_the_documented_shape(self):
        job = self.create().json()
        self.assertEqual(
            job,
            {
                "id": job["id"],
                "task_id": job["id"],
                "object": "video",
                "model": "wan2.6",
                "status": "queued",
                "progress": 0,
                "created_at": int(START),
            },
        )

    def test_a_task_goes_from_queued_to_completed_with_rising_progress(self):
        task_id = self.create().json()["id"]
        self.clock.shift(0.1)
        seen = []
        for _ in range(13):
            seen.append(self.retrieve(task_id))
            self.clock.shift(0.5)
        states = [job["status"] for job in seen]
        self.assertEqual(states, ["queued"] * 2 + ["in_progress"] * 9 + ["completed"] * 2)
        progress = [job["progress"] for job in seen]
        self.assertEqual(progress, sorted(progress))
        self.assertEqual((progress[0], progress[-1]), (0, 100))
        self.assertLess(max(progress[:-2]), 100)
        fields = {"id", "task_id", "object", "model", "status", "progress", "created_at"}
        self.assertEqual(set(seen[5]), fields)
        self.assertEqual(set(seen[-1]), fields | {"completed_at", "video_url"})
        self.assertEqual(seen[-1]["completed_at"], int(START + 5.5))

    def test_what_is_wrong_with_a_create_is_said(self):
        png = io.BytesIO(b"\x89PNG\r\n\x1a\n....")
        cases = {
            "model is required": {"model": None},
            "prompt is required": {"prompt": None},
            "prompt must not be empty": {"prompt": "  "},
            "model must be at most 64 bytes": {"model": "m" * 65},
            "seconds must be a whole number from 1 to 60": {"seconds": "61"},
            "seconds must be a whole number": {"seconds": "five"},
            "duration must be a whole number": {"seconds": None, "duration": "0"},
            "seconds was sent 2 times": {"seconds": ["4", "5"]},
            "size must be width and height": {"size": "huge"},
            "is not a frame": {"size": "8000x4000"},
            "aspect_ratio must look like": {"size": None, "aspect_ratio": "wide"},
            "resolution must be one of": {"size": None, "aspect_ratio": "16:9", "resolution": "8k"},
            "audio must be true or false": {"audio": "yes"},
            "prompt must be a plain form field": {"prompt": png},
            "input_reference must be a JPEG, PNG or WebP": {"input_reference": io.BytesIO(b"GIF89a")},
        }
        for sentence, fields in cases.items():
            with self.subTest(sentence):
                answer = self.create(**fields)
                self.assertEqual(answer.status_code, 400)
                error = answer.json()["error"]
                self.assertEqual(set(error), {"message", "type", "param", "code"})
                self.assertIn(sentence, error["message"])

    def test_json_is_read_as_well_as_servers_of_one_s_own_want_it(self):
        body = {"model": "wan2.2", "prompt": "A kite", "seconds": 2, "size": "128x96", "extra_body": {"seed": 7}}
        answer = self.client.post(VIDEOS, body, content_type="application/json")
        task = tasks.find(answer.json()["id"], "openai_videos")
        self.assertEqual((task.model, task.width, task.height, task.seconds), ("wan2.2", 128, 96, 2))
        refused = self.client.post(VIDEOS, body | {"seconds": [2]}, content_type="application/json")
        self.assertEqual(refused.status_code, 400)
        self.assertIn("seconds must be", refused.json()["error"]["message"])

    def test_no_other_body_is_read(self):
        for kind, body in {
            "application/x-www-form-urlencoded": b"model=wan2.6&prompt=kite",
            "multipart/form-data": b"no boundary",
        }.items():
            answer = self.client.post(VIDEOS, body, content_type=kind)
            self.assertEqual(answer.status_code, 400)
            self.assertIn("multipart", answer.json()["error"]["message"])

    def test_an_image_is_accepted(self):
        for kind in ("JPEG", "PNG", "WEBP"):
            image = io.BytesIO()
            Image.new("RGB", (8, 8)).save(image, kind)
            image.seek(0)
            self.assertEqual(self.create(input_reference=image).status_code, 200)

    def test_a_finished_video_is_remixed_with_a_prompt_alone(self):
        source = self.create("A kite over a field", size="640x480", seconds="3").json()["id"]

        def remix(**body):
            return self.client.post(f"{VIDEOS}/{source}/remix", body, content_type="application/json")

        self.assertEqual(remix(prompt="A storm").json()["error"]["code"], "video_not_ready")
        self.clock.shift(tasks.TOTAL_SECONDS + 0.01)
        self.assertEqual(remix(prompt="A storm", seconds="4").json()["error"]["param"], "seconds")
        task = tasks.find(remix(prompt="A storm").json()["id"])
        self.assertEqual((task.prompt, task.model, task.width, task.seconds), ("A storm", "wan2.6", 640, 3))

    def test_the_frame_comes_from_size_or_from_ratio_and_tier(self):
        cases = [
            ({"size": "1088x832"}, (1088, 832)),
            ({"size": "1280*720"}, (1280, 720)),
            ({"size": None}, (1280, 720)),
            ({"size": None, "aspect_ratio": "9:16", "resolution": "1080p"}, (1080, 1920)),
            ({"size": None, "aspect_ratio": "1:1", "resolution": "720p"}, (720, 720)),
            ({"size": "4:3", "resolution": "480p"}, (640, 480)),
        ]
        for fields, frame in cases:
            with self.subTest(fields=fields):
                task = tasks.find(self.create(**fields).json()["id"], "openai_videos")
                self.assertEqual((task.width, task.height), frame)

    def test_omni_delivers_what_its_document_observed(self):
        observed = {
            ("720p", "16:9"): (1280, 720),
            ("720p", "9:16"): (720, 1280),
            ("720p", "1:1"): (1280, 720),
            ("1080p", "16:9"): (1280, 720),
        }
        for (resolution, ratio), frame in observed.items():
            answer = self.create(model="omni-fast", size=None, aspect_ratio=ratio, resolution=resolution)
            task = tasks.find(answer.json()["id"], "openai_videos")
            self.assertEqual(task.delivered_size, frame)


class JsonDialectTests(SandboxTestCase):
    def test_a_create_has_the_documented_shape(self):
        job = self.create_json().json()
        self.assertEqual(
            job,
            {
                "id": job["id"],
                "object": "video",
                "model": "wan2.6-t2v",
                "status": "queued",
                "progress": 0,
                "created_at": int(START),
            },
        )

    def test_a_running_task_has_the_documented_shape(self):
        task_id = self.create_json().json()["id"]
        waiting = self.retrieve_json(task_id)
        self.assertEqual((waiting["status"], waiting["start_time"], waiting["progress"]), ("QUEUED", 0, "0%"))
        self.clock.shift(3.01)
        whole = self.client.get(f"{GENERATIONS}/{task_id}").json()
        self.assertEqual((whole["code"], whole["message"], set(whole)), ("success", "", {"code", "message", "data"}))
        data = whole["data"]
        inner = data.pop("data")
        self.assertEqual(
            data,
            {
                "task_id": task_id,
                "action": "textGenerate",
                "status": "IN_PROGRESS",
                "fail_reason": "",
                "submit_time": int(START),
                "start_time": int(START) + 1,
                "finish_time": 0,
                "progress": "44%",
            },
        )
        self.assertEqual(set(inner), {"output", "request_id"})
        self.assertEqual(set(inner["output"]), {"scheduled_time", "submit_time", "task_id", "task_status"})
        self.assertEqual(inner["output"]["task_status"], "RUNNING")
        self.assertEqual(inner["output"]["submit_time"], "2026-05-28 11:16:00.250")

    def test_a_success_has_its_link_in_two_places_and_the_rewritten_prompt(self):
        task_id = self.finish(self.create_json(prompt_extend=True, size="1920*1080", duration=15))
        data = self.retrieve_json(task_id)
        output = data["data"]["output"]
        self.assertEqual((data["status"], data["progress"]), ("SUCCESS", "100%"))
        self.assertEqual(data["fail_reason"], output["video_url"])
        self.assertEqual(data["finish_time"], int(START + 5.5))
        self.assertEqual(output["orig_prompt"], BODY["prompt"])
        self.assertTrue(output["actual_prompt"].startswith(BODY["prompt"]))
        self.assertNotEqual(output["actual_prompt"], BODY["prompt"])
        self.assertEqual((output["task_status"], "end_time" in output), ("SUCCEEDED", True))
        usage = {"video_count": 1, "video_duration": 15, "video_ratio": "1920*1080"}
        self.assertEqual(data["data"]["usage"], usage)

    def test_without_prompt_extend_no_prompt_was_rewritten(self):
        data = self.retrieve_json(self.finish(self.create_json(prompt_extend=False)))
        self.assertNotIn("actual_prompt", data["data"]["output"])

    def test_a_failure_has_its_reason_in_fail_reason_and_output(self):
        data = self.retrieve_json(self.finish(self.create_json(BODY | {"prompt": "A kite [fail]"})))
        output = data["data"]["output"]
        self.assertEqual((data["status"], output["task_status"]), ("FAILURE", "FAILED"))
        self.assertEqual(data["fail_reason"], f"task failed, code: {output['code']} , message: {output['message']}")
        self.assertNotIn("video_url", output)
        self.assertNotIn("usage", data["data"])

    def test_what_is_wrong_with_a_create_is_said(self):
        cases = [
            ("missing_model", "model is required", {"prompt": "kite"}),
            ("invalid_request", "prompt is required", {"model": "m"}),
            ("invalid_request", "prompt must be a string", BODY | {"prompt": 5}),
            ("invalid_request", "half a character", BODY | {"prompt": "kite \ud83e"}),
            ("invalid_json", "JSON object", ["kite"]),
            ("invalid_request", "metadata must be an object", BODY | {"metadata": "x"}),
            ("invalid_request", "input must be an object", BODY | {"metadata": {"input": []}}),
        ]
        wrong = {
            "duration must be an integer": {"duration": "5"},
            "duration must be a whole number": {"duration": 0},
            "audio must be a boolean": {"audio": "true"},
            "seed must be an integer": {"seed": True},
            "size must be a string": {"size": [1280, 720]},
            "shot_type must be single or multi": {"shot_type": "many"},
        }
        cases += [
            ("invalid_request", sentence, BODY | {"metadata": {"parameters": parameters}})
            for sentence, parameters in wrong.items()
        ]
        for code, sentence, body in cases:
            with self.subTest(sentence):
                answer = self.create_json(body)
                self.assertEqual(answer.status_code, 400)
                self.assertEqual((answer.json()["code"], answer.json()["data"]), (code, None))
                self.assertIn(sentence, answer.json()["message"])

    def test_only_json_is_read(self):
        for kind, body in {
            "application/json": b"{",
            "multipart/form-data; boundary=x": b"--x--",
            "application/json; charset=utf-8": b"[" * 100_000,
        }.items():
            answer = self.client.post(GENERATIONS, body, content_type=kind)
            self.assertEqual(answer.status_code, 400)
            self.assertIn("JSON", answer.json()["message"].replace("json", "JSON"))

    def test_sound_follows_audio_unless_an_audio_url_is_given(self):
        def has_sound(parameters, inputs):
            body = BODY | {"metadata": {"parameters": parameters, "input": inputs}}
            return tasks.find(self.create_json(body).json()["id"], "newapi").has_sound

        self.assertTrue(has_sound({"audio": True}, {}))
        self.assertFalse(has_sound({"audio": False}, {}))
        self.assertTrue(has_sound({"audio": False}, {"audio_url": "https://example.com/a.mp3"}))


class TaskIdTests(SandboxTestCase):
    HARD_PROMPTS = (
        "A paper kite floats above a field.",
        "一只纸风筝漂浮在金色的麦田上空，" * 20,
        "👩‍👩‍👧‍👦" * 30,
        "🇫🇷🇯🇵🇧🇷" * 20,
        "👍🏽" * 60,
        "é" * 200,
        "a" + "\u0301" * 300,
        "\x00\n\t kite",
        "x" * 100_000,
        "ไก่ย่าง" * 30,
    )

    def test_ids_are_short_and_safe_for_the_hardest_prompts_and_models(self):
        for prompt in self.HARD_PROMPTS:
            for model in ("m", "m" * 64, "万" * 21):
                with self.subTest(prompt=prompt[:10], model=model[:3]):
                    task = self.accept(prompt=prompt, model=model)
                    self.assertRegex(task.id, r"^sbx_[A-Za-z0-9_-]+$")
                    self.assertLessEqual(len(task.id), 160)
                    self.assertEqual(tasks.find(task.id, "openai_videos"), task)
                    self.assertEqual(task.model, model)
                    self.assertTrue(task.prompt)
                    self.assertTrue(prompt.startswith(task.prompt))
                    self.assertEqual(task.is_cut, task.prompt != prompt)

    def test_the_prompt_is_cut_at_40_characters(self):
        self.assertEqual(self.accept(prompt="kite " * 20).prompt, ("kite " * 20)[:40])
        self.assertEqual(len(self.accept(prompt="风" * 80, model="wan2.6").prompt), 39)

    def test_no_character_is_broken(self):
        family, flag, thumb = "👩‍👩‍👧‍👦", "🇫🇷", "👍🏽"
        for whole in (family, flag, thumb, "e\u0301"):
            for lead in ("", "x", "xx", "xyz"):
                shown = self.accept(prompt=lead + whole * 60).prompt
                with self.subTest(whole=whole, lead=lead):
                    self.assertEqual(shown, lead + whole * shown.count(whole))

    def test_two_equal_creates_are_two_tasks(self):
        self.assertNotEqual(self.accept().id, self.accept().id)

    def test_forged_foreign_and_cut_ids_do_not_exist(self):
        task_id = self.accept().id
        with override_settings(SECRET_KEY="another site"):
            foreign = self.accept().id
        turned = task_id[:30] + ("A" if task_id[30] != "A" else "B") + task_id[31:]
        forged = [foreign, turned, task_id[:-1], task_id + "A", "task_example", "sbx_", "sbx_é", "sbx_" + "A" * 156]
        # Another spelling of the same bytes, where the last letter has bits to spare.
        spare = next(i for i in (self.accept(prompt="x" * n).id for n in range(1, 4)) if len(i[4:]) % 4 == 2)
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        forged.append(spare[:-1] + alphabet[alphabet.index(spare[-1]) + 1])
        for wrong in forged:
            with self.subTest(wrong=wrong):
                flat = self.client.get(f"{VIDEOS}/{wrong}")
                self.assertEqual((flat.status_code, flat.json()["error"]["message"]), (400, "task_not_exist"))
                self.assertEqual(self.client.get(f"{VIDEOS}/{wrong}/content").status_code, 400)
                nested = self.client.get(f"{GENERATIONS}/{wrong}")
                self.assertEqual((nested.status_code, nested.json()["code"]), (400, "task_not_exist"))

    def test_an_id_belongs_to_its_dialect(self):
        task_id = self.accept().id
        self.assertEqual(self.client.get(f"{VIDEOS}/{task_id}").status_code, 200)
        self.assertEqual(self.client.get(f"{GENERATIONS}/{task_id}").status_code, 400)

    def accept(self, prompt="kite", model="wan2.6"):
        return tasks.accept(
            dialect="openai_videos",
            model=model,
            prompt=prompt,
            width=1280,
            height=720,
            seconds=5,
            audio=True,
            prompt_extend=False,
            now=time.time(),
        )


class BehaviourTests(SandboxTestCase):
    def test_words_are_found_anywhere_in_any_case_and_survive_packing(self):
        self.assertEqual(find_behaviours("A kite [SLOW], then [other size]"), {"[slow]", "[other size]"})
        for word in BEHAVIOURS:
            self.assertEqual(unpack(pack(frozenset({word}))), {word})

    def test_words_beyond_the_carried_start_still_count(self):
        self.assertEqual(self.retrieve(self.finish(self.create("kite " * 50 + "[fail]")))["status"], "failed")

    def test_slow_takes_a_minute(self):
        task_id = self.finish(self.create("A kite [slow]"))
        self.assertEqual(self.retrieve(task_id)["status"], "in_progress")
        self.clock.shift(55)
        self.assertEqual(self.retrieve(task_id)["status"], "completed")

    def test_fail_and_moderated_end_as_failed_with_their_reasons(self):
        for word, reason in {"[fail]": "InternalError", "[moderated]": "DataInspectionFailed"}.items():
            job = self.retrieve(self.finish(self.create(f"A kite {word}")))
            self.assertEqual((job["status"], job["error"]["code"]), ("failed", reason))
            self.assertNotIn("video_url", job)
            self.assertNotIn("completed_at", job)
            self.assertEqual(self.client.get(f"{VIDEOS}/{job['id']}/content").status_code, 400)

    def test_refuse_is_a_400(self):
        self.assertEqual(self.create("A kite [refuse]").status_code, 400)
        self.assertEqual(self.create_json(BODY | {"prompt": "[refuse]"}).status_code, 400)

    def test_busy_is_a_429_half_of_the_time(self):
        seen = []
        for _ in range(8):
            answer = self.create("A kite [busy]")
            seen.append(answer.status_code)
            if answer.status_code == 429:
                self.assertEqual(answer["Retry-After"], "5")
            self.clock.shift(5)
        self.assertEqual(seen, [429, 429, 200, 200] * 2)

    def test_lost_announces_more_than_it_sends(self):
        answer = self.create("A kite [lost]")
        self.assertEqual(answer.status_code, 200)
        sent = answer.getvalue()
        self.assertLess(len(sent), int(answer["Content-Length"]))
        self.assertTrue(sent.startswith(b'{"id": "'))
        with self.assertRaises(ValueError):
            json.loads(sent)

    def test_other_size_delivers_another_frame(self):
        for size, other in {"1280x720": (832, 480), "832x480": (480, 832)}.items():
            task = tasks.find(self.create("A kite [other size]", size=size).json()["id"], "openai_videos")
            self.assertEqual(task.delivered_size, other)

    def test_no_file_completes_without_a_link(self):
        job = self.retrieve(self.finish(self.create("A kite [no file]")))
        self.assertEqual(job["status"], "completed")
        self.assertNotIn("video_url", job)
        self.assertEqual(self.client.get(f"{VIDEOS}/{job['id']}/content").status_code, 404)
        data = self.retrieve_json(self.finish(self.create_json(BODY | {"prompt": "A kite [no file]"})))
        self.assertEqual((data["status"], data["fail_reason"]), ("SUCCESS", ""))
        self.assertNotIn("video_url", data["data"]["output"])

    def test_silent_delivers_no_sound(self):
        task_id = self.finish(self.create("A kite [silent]"))
        with av.open(io.BytesIO(self.client.get(f"{VIDEOS}/{task_id}/content").getvalue())) as container:
            self.assertFalse(container.streams.audio)


class FileTests(SandboxTestCase):
    def setUp(self):
        super().setUp()
        self.task_id = self.finish(self.create())
        url = self.retrieve(self.task_id)["video_url"]
        self.assertTrue(url.startswith("http://127.0.0.1:8000/sandbox/files/"))
        self.path = url.removeprefix("http://127.0.0.1:8000")
        self.content = f"{VIDEOS}/{self.task_id}/content"

    def test_the_link_needs_no_key_and_gives_the_same_bytes_as_the_content_route(self):
        answer = Client().get(self.path)
        body = answer.getvalue()
        self.assertEqual((answer.status_code, answer["Content-Type"]), (200, "video/mp4"))
        self.assertEqual(int(answer["Content-Length"]), len(body))
        self.assertEqual(body, self.client.get(self.content).getvalue())
        self.assertEqual(body[4:8], b"ftyp")

    def test_the_link_dies_after_a_day_and_cannot_be_forged(self):
        self.clock.shift(timedelta(hours=23, minutes=59))
        self.assertEqual(Client().get(self.path).status_code, 200)
        self.clock.shift(timedelta(minutes=2))
        self.assertEqual(Client().get(self.path).status_code, 410)
        fresh = self.retrieve(self.task_id)["video_url"]
        self.assertEqual(Client().get(fresh.removeprefix("http://127.0.0.1:8000")).status_code, 200)
        self.assertEqual(Client().get("/sandbox/files/sbx_x.y.z.mp4").status_code, 403)

    def test_content_is_refused_before_the_end(self):
        answer = self.client.get(f"{VIDEOS}/{self.create().json()['id']}/content")
        self.assertEqual((answer.status_code, answer.json()["error"]["code"]), (400, "video_not_ready"))

    def test_ranges(self):
        whole = self.client.get(self.content).getvalue()
        size = len(whole)
        for route in (self.content, self.path):
            for header, first, last in [
                ("bytes=0-1", 0, 1),
                ("bytes=100-", 100, size - 1),
                ("bytes=-100", size - 100, size - 1),
                (f"bytes=10-{size + 5}", 10, size - 1),
                (f"bytes=-{size + 5}", 0, size - 1),
            ]:
                with self.subTest(route=route, header=header):
                    answer = self.client.get(route, headers={"Range": header})
                    self.assertEqual(answer.status_code, 206)
                    self.assertEqual(answer["Content-Range"], f"bytes {first}-{last}/{size}")
                    self.assertEqual(answer["Content-Length"], str(last - first + 1))
                    self.assertEqual(answer.getvalue(), whole[first : last + 1])

    def test_a_range_beyond_the_end_is_a_416(self):
        answer = self.client.get(self.content, headers={"Range": "bytes=99999999-"})
        self.assertEqual(answer.status_code, 416)
        self.assertRegex(answer["Content-Range"], r"^bytes \*/\d+$")

    def test_ranges_that_make_no_sense_are_ignored(self):
        for header in ("bytes=", "bytes=-", "bytes=5-2", "bytes=0-1,5-6", "lines=1-2", ""):
            self.assertIsNone(read_range(header, 1000))
        with self.assertRaises(NotSatisfiable):
            read_range("bytes=-0", 1000)

    def test_a_condition_on_another_file_sends_all(self):
        whole = self.client.get(self.content)
        for tag, status in {whole["ETag"]: 206, '"another"': 200}.items():
            answer = self.client.get(self.content, headers={"Range": "bytes=0-9", "If-Range": tag})
            self.assertEqual(answer.status_code, status)

    def test_head_has_the_headers_and_no_body(self):
        size = len(self.client.get(self.content).getvalue())
        answer = Client().head(self.path, headers={"Range": "bytes=0-9"})
        self.assertEqual((answer.status_code, answer["Content-Length"]), (206, "10"))
        answer = Client().head(self.path)
        self.assertEqual((answer["Content-Length"], answer["Accept-Ranges"]), (str(size), "bytes"))
        self.assertEqual(answer.content, b"")

    def test_a_file_nobody_reads_is_closed(self):
        file = io.BytesIO(b"0123456789")
        StreamingHttpResponse(Blocks(file, 2, 5)).close()
        self.assertTrue(file.closed)


class ClipTests(SandboxTestCase):
    SPEC = ClipSpec("A paper kite floats above a field.", "veo3.1", 320, 180, 2, True)

    def test_size_length_sound_and_keyframes_are_as_asked(self):
        for spec in (
            self.SPEC,
            ClipSpec("一只纸风筝", "wan2.6", 180, 320, 3, False),
            ClipSpec("kite 🪁", "m", 129, 97, 1, True),
            ClipSpec("kite", "veo3.1", 1920, 1080, 1, True),
        ):
            with self.subTest(spec=spec), av.open(str(clip.render(spec))) as container:
                video = container.streams.video[0]
                packets = [packet for packet in container.demux(video) if packet.pts is not None]
                keys = [float(packet.pts * packet.time_base) for packet in packets if packet.is_keyframe]
                self.assertEqual((video.width, video.height), spec.frame)
                self.assertEqual((video.codec_context.name, video.pix_fmt), ("h264", "yuv420p"))
                self.assertEqual(float(video.duration * video.time_base), spec.seconds)
                self.assertEqual(len(packets), spec.fps * spec.seconds)
                self.assertEqual(keys, list(range(spec.seconds)))
                self.assertEqual(len(container.streams.audio), int(spec.audio))
                self.assertAlmostEqual(container.duration / 1e6, spec.seconds, delta=0.05)

    def test_the_sound_is_quiet_but_there(self):
        with av.open(str(clip.render(self.SPEC))) as container:
            resampler = av.AudioResampler(format="s16", layout="mono", rate=48000)
            frames = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
        samples = b"".join(bytes(frame.planes[0])[: frame.samples * 2] for frame in frames)
        loudest = max(abs(level) for level in memoryview(samples).cast("h"))
        self.assertTrue(1000 < loudest < 8000, loudest)

    def test_the_index_comes_first(self):
        head = clip.render(self.SPEC).read_bytes()
        self.assertLess(head.index(b"moov"), head.index(b"mdat"))

    def test_every_second_looks_different(self):
        with av.open(str(clip.render(self.SPEC))) as container:
            frames = [frame.to_image() for frame in container.decode(video=0)]
        line = [frame.getpixel((100, 179)) for frame in (frames[0], frames[-1])]
        self.assertGreater(sum(line[1]) - sum(line[0]), 150)  # the line along the bottom has passed by
        self.assertNotEqual(frames[0].tobytes(), frames[24].tobytes())
        titles = Titles("kite", "wan2.6", 320, 180, 2)
        self.assertNotEqual(titles.at(0).tobytes(), titles.at(1).tobytes())

    def test_the_look_follows_the_prompt_and_the_light_moves(self):
        first = Backdrop("kite", 320, 180, 0)
        self.assertNotEqual(first.frame(0).tobytes(), first.frame(0.5).tobytes())
        self.assertNotEqual(first.frame(0).tobytes(), Backdrop("boat", 320, 180, 0).frame(0).tobytes())
        self.assertNotEqual(first.frame(0).tobytes(), Backdrop("kite", 320, 180, 9).frame(0).tobytes())

    def test_words_stay_inside_the_frame(self):
        for prompt in ("W" * 40, "wide words " * 4, "风" * 40, "i"):
            for width, height in ((1280, 720), (720, 1280), (320, 320)):
                with self.subTest(prompt=prompt, size=(width, height)):
                    left, top, right, bottom = Titles(prompt, "m" * 64, width, height, 60).at(59).getbbox()
                    self.assertGreaterEqual(min(left, top), round(min(width, height) * 0.05))
                    self.assertLessEqual(right, width - round(width * 0.02))
                    self.assertLessEqual(bottom, height - round(height * 0.02))

    def test_the_lower_left_corner_is_left_to_the_player(self):
        titles = Titles("A paper boat drifts down a rainy gutter at dusk", "veo3.1-fast", 1280, 720, 4).at(1)
        self.assertIsNone(titles.crop((0, 600, 640, 720)).getbbox())

    def test_many_askers_render_once(self):
        with mock.patch.object(clip, "encode", wraps=clip.encode) as encode:
            threads = [threading.Thread(target=clip.render, args=(self.SPEC,)) for _ in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(30)
        self.assertEqual(encode.call_count, 1)
        self.assertEqual(sorted(path.suffix for path in self.directory.iterdir()), ["", ".mp4"])

    def test_a_failed_rendering_leaves_no_clip(self):
        def fail(spec, path):
            path.write_bytes(b"half")
            raise OSError("no space left")

        with mock.patch.object(clip, "encode", fail), self.assertRaises(OSError):
            clip.render(self.SPEC)
        self.assertFalse(list(self.directory.glob("*.mp4")))
        clip.render(self.SPEC)
        self.assertFalse(list(self.directory.glob("*.tmp")))

    def test_old_and_surplus_clips_are_pruned(self):
        self.directory.mkdir()
        now = time.time()
        for name, age_days in {"fresh": 0, "older": 1, "oldest": 2, "forgotten": 8}.items():
            path = self.directory / f"{name}.mp4"
            path.write_bytes(b"x" * 100)
            os.utime(path, (now - age_days * 86400,) * 2)
        clip.prune(self.directory)
        self.assertEqual({path.stem for path in self.directory.iterdir()}, {"fresh", "older", "oldest"})
        with mock.patch.object(clip, "KEEP_BYTES", 250):
            clip.prune(self.directory)
        self.assertEqual({path.stem for path in self.directory.iterdir()}, {"fresh", "older"})


@pytest.mark.services
class RealServerTests(SimpleTestCase):
    """What only a real web server shows: cut connections, HEAD, streamed files."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        directory = cls.enterClassContext(tempfile.TemporaryDirectory())
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
        environment = os.environ | {"SANDBOX_SITE_DIR": directory, "SANDBOX_SITE_PORT": str(port)}
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        server = subprocess.Popen(
            [*command, "--blocking-threads", "4", "tests.sandbox_site:application"],
            env=environment,
            cwd=Path(__file__).parent.parent,
            stdout=subprocess.DEVNULL,
        )
        cls.addClassCleanup(server.wait, 10)
        cls.addClassCleanup(server.terminate)
        with override_settings(SECRET_KEY="a key for tests only, long enough to be taken for one"):
            key = sandbox_key()
        cls.http = cls.enterClassContext(
            httpx.Client(
                base_url=f"http://127.0.0.1:{port}/sandbox",
                headers={"Authorization": f"Bearer {key}"},
                timeout=15,
                trust_env=False,
            )
        )
        deadline = time.monotonic() + 20
        while server.poll() is None and time.monotonic() < deadline:
            try:
                cls.http.get("/v1/videos")
                return
            except httpx.TransportError:
                time.sleep(0.1)
        raise AssertionError("the server did not start")

    def create(self, prompt):
        fields = {"model": "wan2.6", "prompt": prompt, "seconds": "1", "size": "320x180"}
        return self.http.post("/v1/videos", files={name: (None, value) for name, value in fields.items()})

    def test_a_lost_answer_is_a_cut_connection(self):
        with self.assertRaises(httpx.RemoteProtocolError):
            self.create("A kite [lost]")

    def test_from_create_to_file(self):
        job = self.create("A kite").json()
        deadline = time.monotonic() + 15
        while job["status"] != "completed" and time.monotonic() < deadline:
            time.sleep(0.5)
            job = self.http.get(f"/v1/videos/{job['id']}").json()
        whole = httpx.get(job["video_url"], trust_env=False)
        with av.open(io.BytesIO(whole.content)) as container:
            self.assertEqual(next(container.decode(video=0)).width, 320)
        part = self.http.get(f"/v1/videos/{job['id']}/content", headers={"Range": "bytes=10-19"})
        self.assertEqual((part.status_code, part.content), (206, whole.content[10:20]))
        head = httpx.head(job["video_url"], trust_env=False)
        self.assertEqual((head.headers["Content-Length"], head.content), (str(len(whole.content)), b""))
