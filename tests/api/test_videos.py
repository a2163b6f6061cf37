"""/v1/videos: create, retrieve, list, delete, remix, and the models there are."""

import errno
import gzip
import json
import uuid
from base64 import b64encode
from unittest import mock

from django.db import connection
from django.test import TestCase
from django_q.models import OrmQ

from generations.catalog import catalog
from generations.lifecycle import submit
from generations.models import Event, Failure, Generation, LedgerEntry, ModelSwitch, Status, Upload
from tests.api.base import ASKED, Api, FileServer, FreshRates, error_of, make_token
from tests.factories import alice, carol, make_gateway, make_generation, make_price
from tests.lifecycle.base import UpstreamCase, queued
from tests.pages import picture

VEO, SORA = "veo/veo3.1", "sora/sora-2"


class VideosCase(FreshRates, UpstreamCase, TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.api = Api(make_token())

    def made(self, body=None, **headers) -> Generation:
        response = self.api.post("/videos", body, **headers)
        self.assertEqual(response.status_code, 200, response.content)
        return Generation.objects.get(uuid=response.json()["id"])

    def refused(self, body, status: int = 422) -> dict:
        response = self.api.post("/videos", body)
        self.assertEqual(response.status_code, status, response.content)
        self.assertEqual(Generation.objects.count(), 0)
        return error_of(response)


class CreateTests(VideosCase):
    def test_a_create_makes_the_row_the_composer_would_make(self):
        make_price("0.08")
        self.client.force_login(alice())
        self.client.post("/", ASKED)
        browser = Generation.objects.get()
        program = self.made()
        for name in ("team", "created_by", "prompt", "options", "gateway", "model_key", "dialect", "upstream_model"):
            self.assertEqual(getattr(program, name), getattr(browser, name), name)
        for name in ("asked_width", "asked_height", "asked_seconds", "quote_amount", "quote_currency", "status"):
            self.assertEqual(getattr(program, name), getattr(browser, name), name)
        self.assertEqual((program.origin, browser.origin), ("api", "browser"))
        self.assertEqual(program.api_token.user, alice())
        self.assertEqual(Event.objects.filter(generation=program).count(), 1)
        self.assertEqual(LedgerEntry.objects.filter(generation=program).get().held, program.quote_amount)
        self.assertIn(("submit", (str(program.pk),)), queued())

    def test_the_answer_is_openais_video(self):
        body = self.api.post("/videos").json()
        self.assertEqual(body["object"], "video")
        self.assertEqual((body["status"], body["studio_status"], body["progress"]), ("queued", "queued", 0))
        self.assertEqual((body["seconds"], body["size"], body["model"]), ("5", "1280x720", "wan/wan2.6"))
        self.assertIsInstance(body["created_at"], int)
        self.assertIsNone(body["error"])

    def test_a_form_is_the_same_as_json(self):
        response = self.api.form("/videos", ASKED)
        self.assertEqual(response.status_code, 200, response.content)
        json_body = self.api.post("/videos").json()
        for name in json_body.keys() - {"id", "created_at"}:
            self.assertEqual(response.json()[name], json_body[name])

    def test_a_model_goes_by_its_upstream_id(self):
        self.assertEqual(self.made(ASKED | {"model": "wan2.6"}).model_key, "wan/wan2.6")

    def test_every_choosable_model_takes_its_own_defaults(self):
        for model in catalog().choosable():
            if any(option.required and option.default is None for option in model.options):
                continue
            with self.subTest(model.key):
                given = {option.name: option.default for option in model.options if option.default is not None}
                made = self.made({"model": model.key, "prompt": "A fox"} | given)
                self.assertEqual(made.options, model.clean(given))

    def test_seconds_and_size_find_the_options_that_mean_them(self):
        made = self.made({"model": "wan/wan2.6-t2v", "prompt": "A fox", "seconds": "10", "size": "1920x1080"})
        self.assertEqual((made.options["duration"], made.options["size"]), (10, "1920*1080"))
        made = self.made({"model": "omni/omni-fast", "prompt": "A fox", "size": "1080x1080"})
        self.assertEqual((made.options["aspect_ratio"], made.options["resolution"]), ("1:1", "1080p"))

    def test_seconds_twice_is_refused(self):
        words = self.refused({"model": "wan/wan2.6-t2v", "prompt": "A fox", "seconds": "10", "duration": 5})
        self.assertEqual(words["param"], "seconds")

    def test_wrong_values_are_refused_with_what_is_allowed(self):
        for body, param, words in (
            (ASKED | {"seconds": "7"}, "seconds", "5, 10 or 15"),
            (ASKED | {"size": "1x1"}, "size", "1280x720"),
            (ASKED | {"colour": "red"}, "colour", "Its options are: "),
            (ASKED | {"model": "nobody/nothing"}, "model", "wan/wan2.6"),
            (ASKED | {"model": ["wan"]}, "model", "must be text"),
            ({"prompt": "A fox"}, "model", "No model was chosen"),
            (ASKED | {"prompt": " "}, "prompt", "Write what"),
            (ASKED | {"prompt": "\ud800"}, "prompt", "cannot be sent"),
            (ASKED | {"prompt": "a\0b"}, "prompt", "cannot be sent"),
            (ASKED | {"prompt": "x" * 9999}, "prompt", "at most"),
        ):
            with self.subTest(words):
                error = self.refused(body)
                self.assertEqual((error["param"], error["type"]), (param, "invalid_request_error"))
                self.assertIn(words, error["message"])

    def test_a_model_that_is_switched_off_is_refused_with_its_reason(self):
        ModelSwitch.objects.create(model_key="wan/wan2.6", position="off", reason="too dear")
        error = self.refused(ASKED)
        self.assertEqual((error["code"], error["param"]), ("model_not_available", "model"))
        self.assertIn("too dear", error["message"])
        self.assertIn("Choose one of: ", error["message"])

    def test_a_model_that_nobody_offers_is_refused(self):
        self.gateway.offers = ["veo"]
        self.gateway.save()
        self.assertIn("veo/veo3.1", self.refused(ASKED)["message"])

    def test_somebody_without_a_team_makes_nothing(self):
        alice().memberships.all().delete()
        self.assertEqual(self.refused(ASKED, 403)["code"], "no_team")

    def test_what_cannot_be_read_is_refused(self):
        nested = ['{"a":' * depth + "1" + "}" * depth for depth in (21, 900, 5000, 100_000)]
        for body in ("{", "[]", "nonsense", b"\xff", '{"a": NaN}', "[" * 5000, *nested):
            with self.subTest(body[:20], length=len(body)):
                self.assertEqual(error_of(self.api.post("/videos", body))["code"], "invalid_json")
        text = self.api.client.post("/v1/videos", "x", content_type="text/plain", headers=self.api.headers)
        self.assertEqual((text.status_code, error_of(text)["code"]), (415, "unsupported_media_type"))
        broken = self.api.client.post("/v1/videos", "x", content_type="multipart/form-data", headers=self.api.headers)
        self.assertEqual((broken.status_code, error_of(broken)["code"]), (400, "unreadable_request"))

    def test_what_is_too_large_is_refused(self):
        many = self.api.form("/videos", ASKED | {"prompt": "x" * 3_000_000})
        self.assertEqual((many.status_code, error_of(many)["code"]), (413, "request_too_large"))
        headers = self.api.headers | {"Content-Length": str(40 * 2**20)}
        long = self.api.client.post("/v1/videos", b"", content_type="application/json", headers=headers)
        self.assertEqual(long.status_code, 413)

    def test_a_body_in_chunks_is_not_taken_for_an_empty_one(self):
        headers = self.api.headers | {"Transfer-Encoding": "chunked", "Content-Length": ""}
        response = self.api.client.post("/v1/videos", b"", content_type="application/json", headers=headers)
        self.assertEqual((response.status_code, error_of(response)["code"]), (411, "length_required"))

    def test_a_compressed_body_is_refused_by_its_name(self):
        packed = gzip.compress(json.dumps(ASKED).encode())
        headers = self.api.headers | {"Content-Encoding": "gzip"}
        response = self.api.client.post("/v1/videos", packed, content_type="application/json", headers=headers)
        self.assertEqual((response.status_code, error_of(response)["code"]), (415, "unsupported_encoding"))
        self.assertFalse(Generation.objects.exists())

    def test_the_statements_of_a_create_are_fixed(self):
        self.made()
        statements = 12 + connection.features.has_select_for_update  # where the person's row is locked first
        for prompt in ("A red fox in the snow", "Another one"):
            with self.subTest(prompt), self.assertNumQueries(statements):
                self.api.post("/videos", ASKED | {"prompt": prompt})


class ImageTests(VideosCase):
    def body(self, reference) -> dict:
        return {"model": VEO, "prompt": "A fox", "input_reference": reference}

    def data_uri(self) -> str:
        return "data:image/png;base64," + b64encode(picture(width=1280, height=720).read()).decode()

    def upload_of(self, made: Generation) -> Upload:
        return made.inputs.get(option="input_reference").upload

    def test_a_file(self):
        response = self.api.form("/videos", self.body(picture(width=1280, height=720)))
        self.assertEqual(response.status_code, 200, response.content)
        made = Generation.objects.get()
        self.assertEqual(self.upload_of(made).width, 1280)
        self.assertEqual(made.options["input_reference"], str(self.upload_of(made).uuid))

    def test_a_data_uri_however_it_is_wrapped(self):
        uri = self.data_uri()
        uploads = {self.upload_of(self.made(self.body(one))).pk for one in (uri, {"image_url": uri}, [uri])}
        self.assertEqual(len(uploads), 1)  # the same image is the same row
        response = self.api.form("/videos", {"model": VEO, "prompt": "A fox", "input_reference[image_url]": uri})
        self.assertEqual(response.status_code, 200, response.content)

    def test_the_id_of_an_upload_of_ones_team_alone(self):
        upload = self.upload_of(self.made(self.body(self.data_uri())))
        for given in (str(upload.uuid), {"file_id": str(upload.uuid)}):
            self.assertEqual(self.upload_of(self.made(self.body(given))), upload)
        Generation.objects.all().delete()
        other = Api(make_token(carol()))
        response = other.post("/videos", self.body(str(upload.uuid)))
        self.assertEqual((response.status_code, error_of(response)["param"]), (422, "input_reference"))
        self.assertEqual(Generation.objects.count(), 0)

    def test_a_link_is_fetched_under_the_guard_and_becomes_an_upload(self):
        with FileServer(picture(width=1280, height=720).read()) as server:
            made = self.made(self.body(server.url))
        self.assertEqual(self.upload_of(made).width, 1280)
        self.assertEqual([name for name in server.headers if name.lower() in {"authorization", "cookie"}], [])

    def test_links_that_may_not_be_followed_are_refused(self):
        for link in ("https://127.0.0.1/x.png", "http://example.invalid/x.png", "https://[::1]/x", "https://a b/"):
            with self.subTest(link):
                self.assertEqual(self.refused(self.body(link))["param"], "input_reference")

    def test_a_link_to_more_than_the_option_takes_is_refused(self):
        most = catalog().get(VEO).option("input_reference").max_bytes
        with FileServer(b"\x89PNG", claims=most + 1) as server:
            self.assertIn(f"{most} are allowed", self.refused(self.body(server.url))["message"])

    def test_links_are_fetched_a_few_at_a_time(self):
        with mock.patch("generations.lifecycle.references._slots.acquire", return_value=False):
            response = self.api.post("/videos", self.body("https://example.com/x.png"))
        self.assertEqual((response.status_code, error_of(response)["code"]), (429, "too_many_fetches"))
        self.assertEqual(response.headers["Retry-After"], "5")

    def test_what_is_no_image_is_refused(self):
        for given in ("data:image/png;base64,####", "data:text/plain,hello", {"a": 1}, 7, str(uuid.uuid4()), ["", 5]):
            with self.subTest(given):
                self.assertEqual(self.refused(self.body(given))["param"], "input_reference")
        response = self.api.form("/videos", ASKED | {"last_frame": picture()})
        self.assertIn("takes no file", error_of(response)["message"])


class RetrieveTests(VideosCase):
    def test_each_status_has_openais_word(self):
        for status, word in {
            Status.QUEUED: "queued",
            Status.SUBMITTING: "in_progress",
            Status.UNKNOWN: "in_progress",
            Status.IN_PROGRESS: "in_progress",
            Status.DOWNLOADING: "in_progress",
            Status.COMPLETED: "completed",
            Status.FAILED: "failed",
            Status.CANCELLED: "failed",
        }.items():
            with self.subTest(status):
                row = make_generation(status, gateway=self.gateway)
                response = self.api.get(f"/videos/{row.uuid}")
                body = response.json()
                self.assertEqual((body["status"], body["studio_status"]), (word, status))
                self.assertEqual(bool(body["error"]), word == "failed")
                self.assertEqual("openai-poll-after-ms" in response.headers, word in {"queued", "in_progress"})
                Generation.objects.filter(pk=row.pk).delete()

    def test_an_unknown_outcome_says_so_in_words(self):
        row = make_generation(Status.UNKNOWN, gateway=self.gateway)
        body = self.api.get(f"/videos/{row.uuid}").json()
        self.assertEqual((body["status"], body["studio_status"]), ("in_progress", "unknown"))
        self.assertIn("may have been accepted and billed", body["studio_detail"])

    def test_a_failure_says_which_kind_and_why(self):
        row = make_generation(Status.FAILED, failure=Failure.MODERATED, gateway=self.gateway)
        error = self.api.get(f"/videos/{row.uuid}").json()["error"]
        self.assertEqual(error["code"], "moderated")
        self.assertIn("It did not work out.", error["message"])

    def test_what_is_not_ones_own_is_not_there(self):
        row = make_generation(Status.COMPLETED)
        gone = make_generation(Status.COMPLETED)
        Generation.objects.filter(pk=gone.pk).update(deleted_at=gone.created_at)
        for api, name in ((Api(make_token(carol())), row.uuid), (self.api, gone.uuid), (self.api, "nonsense")):
            for path in (f"/videos/{name}", f"/videos/{name}/content", f"/video/generations/{name}"):
                with self.subTest(path):
                    response = api.get(path)
                    self.assertEqual((response.status_code, error_of(response)["code"]), (404, "video_not_found"))
            self.assertEqual(api.delete(f"/videos/{name}").status_code, 404)
            self.assertEqual(api.post(f"/videos/{name}/remix", {"prompt": "x"}).status_code, 404)

    def test_a_retrieve_is_two_statements(self):
        row = make_generation(Status.COMPLETED)
        self.api.get(f"/videos/{row.uuid}")
        with self.assertNumQueries(2):
            self.api.get(f"/videos/{row.uuid}")


class ListTests(VideosCase):
    def setUp(self) -> None:
        super().setUp()
        self.rows = [make_generation(gateway=self.gateway, prompt=f"Fox {number}") for number in range(5)]

    def ids(self, **query) -> list[str]:
        response = self.api.get("/videos", query)
        self.assertEqual(response.status_code, 200, response.content)
        return [one["id"] for one in response.json()["data"]]

    def test_pages_meet_every_video_once(self):
        newest = [str(row.uuid) for row in reversed(self.rows)]
        for order, wanted in (("desc", newest), ("asc", newest[::-1])):
            with self.subTest(order):
                self.assertEqual(self.ids(order=order), wanted)
                found, after = [], ""
                for _ in range(3):
                    body = self.api.get("/videos", {"limit": 2, "order": order, "after": after}).json()
                    found += [one["id"] for one in body["data"]]
                    self.assertEqual(body["has_more"], len(found) < 5)
                    after = body["last_id"]
                self.assertEqual(found, wanted)

    def test_who_deletes_while_listing_meets_every_video(self):
        after, met = "", 0
        while found := self.ids(limit=2, after=after):
            for one in found:
                self.assertEqual(self.api.delete(f"/videos/{one}").status_code, 200)
            after, met = found[-1], met + len(found)
        self.assertEqual(met, 5)

    def test_anothers_video_is_no_place_in_ones_list(self):
        strangers = Api(make_token(carol()))
        self.assertEqual(strangers.get("/videos", {"after": str(self.rows[0].uuid)}).status_code, 404)

    def test_a_colleague_sees_them_and_a_stranger_does_not(self):
        self.assertEqual(Api(make_token(carol())).get("/videos").json()["data"], [])

    def test_a_wrong_query_is_refused(self):
        for query, param in (({"limit": 0}, "limit"), ({"limit": "x"}, "limit"), ({"order": "up"}, "order")):
            with self.subTest(query):
                response = self.api.get("/videos", query)
                self.assertEqual((response.status_code, error_of(response)["param"]), (422, param))
        for after in (str(uuid.uuid4()), "video_1", "\0"):
            response = self.api.get("/videos", {"after": after})
            self.assertEqual((response.status_code, error_of(response)["param"]), (404, "after"))

    def test_a_list_is_two_statements_however_long(self):
        self.ids()  # the first request of a minute writes down that the token was used, and takes of its person's rate
        for _ in range(2):
            with self.assertNumQueries(2):
                self.api.get("/videos")


class DeleteTests(VideosCase):
    def test_a_finished_one_goes_to_the_trash_and_keeps_everything(self):
        row = make_generation(Status.COMPLETED, gateway=self.gateway)
        body = self.api.delete(f"/videos/{row.uuid}").json()
        self.assertEqual(body, {"id": str(row.uuid), "object": "video.deleted", "deleted": True})
        kept = Generation.objects.get()
        self.assertIsNotNone(kept.deleted_at)
        self.assertEqual((kept.status, kept.file), (row.status, row.file))
        self.assertEqual(self.api.get(f"/videos/{row.uuid}").status_code, 404)

    def test_one_that_waits_is_withdrawn_first(self):
        made = self.made()
        self.assertEqual(self.api.delete(f"/videos/{made.uuid}").status_code, 200)
        self.assertEqual(self.refreshed(made).status, Status.CANCELLED)

    def test_one_on_its_way_stays(self):
        for status in (Status.SUBMITTING, Status.UNKNOWN, Status.IN_PROGRESS, Status.DOWNLOADING):
            row = make_generation(status, gateway=self.gateway)
            response = self.api.delete(f"/videos/{row.uuid}")
            self.assertEqual((response.status_code, error_of(response)["code"]), (409, "video_not_finished"))
            self.assertIsNone(self.refreshed(row).deleted_at)
            Generation.objects.filter(pk=row.pk).delete()


class RemixTests(VideosCase):
    def test_a_remix_is_the_same_with_another_prompt(self):
        uri = "data:image/png;base64," + b64encode(picture(width=1280, height=720).read()).decode()
        source = self.made({"model": VEO, "prompt": "A fox", "seconds": "8", "input_reference": uri})
        response = self.api.post(f"/videos/{source.uuid}/remix", {"prompt": "A wolf"})
        self.assertEqual(response.status_code, 200, response.content)
        body = response.json()
        self.assertEqual((body["remixed_from_video_id"], body["prompt"]), (str(source.uuid), "A wolf"))
        made = Generation.objects.get(uuid=body["id"])
        self.assertEqual((made.options, made.parent, made.relation), (source.options, source, "remix"))
        self.assertEqual(made.inputs.get().upload, source.inputs.get().upload)
        self.assertEqual(self.api.get(f"/videos/{made.uuid}").json()["remixed_from_video_id"], str(source.uuid))

    def test_a_gateway_that_remixes_by_itself_is_asked_for_that(self):
        ModelSwitch.objects.create(model_key=SORA, position=ModelSwitch.Position.ON)
        source = self.finished(self.sent({"model": SORA, "prompt": "A fox", "seconds": "8"}))
        remix = self.sent({"prompt": "A wolf"}, f"/videos/{source.uuid}/remix")
        self.assertEqual(self.upstream.creates[-1].path, f"/v1/videos/{source.upstream_id}/remix")
        self.assertEqual((remix.options["remix_of"], remix.parent), (source.upstream_id, source))
        again = self.sent({"prompt": "A bear"}, f"/videos/{self.finished(remix).uuid}/remix")
        self.assertEqual(again.options["remix_of"], remix.upstream_id)
        named = self.sent({"model": SORA, "prompt": "An owl", "remix_of": source.upstream_id})
        self.assertEqual((named.parent, named.relation), (source, "remix"))
        response = self.api.post("/videos", {"model": SORA, "prompt": "A fox", "remix_of": "nobody's"})
        self.assertEqual((response.status_code, error_of(response)["param"]), (422, "remix_of"))

    def test_what_the_gateway_would_remix_must_be_finished(self):
        ModelSwitch.objects.create(model_key=SORA, position=ModelSwitch.Position.ON)
        first = self.finished(self.sent({"model": SORA, "prompt": "A fox"}))
        running = self.sent({"model": SORA, "prompt": "An owl"})
        remix = self.sent({"prompt": "A wolf"}, f"/videos/{first.uuid}/remix")
        self.assertTrue(remix.move_to(Status.FAILED, failure=Failure.UPSTREAM_FAILED, actor="test", reason="it failed"))
        count = Generation.objects.count()
        for source, word in ((running, "generating"), (remix, "failed")):
            response = self.api.post(f"/videos/{source.uuid}/remix", {"prompt": "A bear"})
            self.assertEqual((response.status_code, error_of(response)["code"]), (409, "video_not_finished"))
            self.assertIn(f"this one is {word}", error_of(response)["message"])
        self.assertEqual(Generation.objects.count(), count)

    def sent(self, body: dict, path: str = "/videos") -> Generation:
        response = self.api.post(path, body)
        self.assertEqual(response.status_code, 200, response.content)
        generation = Generation.objects.get(uuid=response.json()["id"])
        submit.submit(generation.pk)
        return self.refreshed(generation)

    def test_a_remix_takes_nothing_but_a_prompt(self):
        source = self.made()
        for body, param in (({"prompt": "x", "seconds": "5"}, "seconds"), ({}, "prompt")):
            response = self.api.post(f"/videos/{source.uuid}/remix", body)
            self.assertEqual((response.status_code, error_of(response)["param"]), (422, param))


class ModelsTests(VideosCase):
    def test_models_come_with_their_options_as_schema(self):
        data = self.api.get("/models").json()["data"]
        self.assertEqual({one["id"] for one in data}, {model.key for model in catalog().choosable()})
        options = next(one for one in data if one["id"] == "wan/wan2.6")["options"]
        self.assertEqual(options["properties"]["seconds"]["enum"][:3], catalog_values("wan/wan2.6", "seconds"))
        self.assertIs(options["additionalProperties"], False)

    def test_one_model_by_its_key(self):
        self.assertEqual(self.api.get("/models/wan/wan2.6").json()["id"], "wan/wan2.6")
        self.assertEqual(self.api.get("/models/wan2.6").json()["id"], "wan/wan2.6")
        self.assertEqual(error_of(self.api.get("/models/wan/none"))["code"], "model_not_found")

    def test_who_asks_for_none_is_told_those_that_can_be_asked_for(self):
        self.gateway.offers = ["veo"]
        self.gateway.save()
        for model, words in (("nope", "There is no model 'nope'."), ("", "No model was chosen.")):
            response = self.api.post("/videos", {"model": model, "prompt": "A fox"})
            message = error_of(response)["message"]
            self.assertEqual((response.status_code, message), (422, f"{words} Choose {VEO}-fast or {VEO}."))

    def test_more_values_than_any_model_takes_are_refused_in_one_sentence(self):
        response = self.api.post("/videos", ASKED | {f"option {number}": 1 for number in range(1000)})
        self.assertEqual((response.status_code, error_of(response)["code"]), (422, "too_many_values"))

    def test_what_is_switched_off_or_not_offered_is_not_listed(self):
        ModelSwitch.objects.create(model_key="wan/wan2.6", position="off")
        self.gateway.offers = ["wan"]
        self.gateway.save()
        found = {one["id"] for one in self.api.get("/models").json()["data"]}
        self.assertNotIn("wan/wan2.6", found)
        self.assertTrue(all(key.startswith("wan/") for key in found))


def catalog_values(key: str, name: str) -> list:
    return list(catalog().get(key).option(name).values)


class RelayTests(VideosCase):
    def test_a_client_of_that_family_moves_over_by_its_address(self):
        body = {
            "model": "wan2.6-t2v",
            "prompt": "A fox",
            "metadata": {"input": {"negative_prompt": "blur"}, "parameters": {"size": "1920*1080", "duration": 10}},
        }
        job = self.api.post("/video/generations", body).json()
        self.assertEqual((job["task_id"], job["object"]), (job["id"], "video"))
        made = Generation.objects.get(uuid=job["id"])
        self.assertEqual(made.options["negative_prompt"], "blur")
        self.assertEqual((made.options["size"], made.options["duration"]), ("1920*1080", 10))
        envelope = self.api.get(f"/video/generations/{job['id']}").json()
        self.assertEqual((envelope["code"], envelope["data"]["status"]), ("success", "QUEUED"))

    def test_the_end_of_a_task(self):
        row = make_generation(Status.COMPLETED, gateway=self.gateway)
        task = self.api.get(f"/video/generations/{row.uuid}").json()["data"]
        self.assertEqual((task["status"], task["progress"]), ("SUCCESS", "100%"))
        self.assertTrue(task["result_url"].endswith(f"/v1/videos/{row.uuid}/content"))
        row = make_generation(Status.FAILED, gateway=self.gateway)
        task = self.api.get(f"/video/generations/{row.uuid}").json()["data"]
        self.assertEqual((task["status"], task["fail_reason"][:20]), ("FAILURE", "It did not work out."))

    def test_a_refusal_has_code_and_message_where_that_family_has_them(self):
        response = self.api.post("/video/generations", {"model": "wan2.6-t2v", "prompt": "A fox", "size": "1x1"})
        body = response.json()
        self.assertEqual((response.status_code, body["code"], body["data"]), (422, "invalid_option", None))
        self.assertEqual(body["message"], error_of(response)["message"])
        self.assertEqual(self.api.get("/video/generations/x").json()["code"], "task_not_exist")


class LaneTests(VideosCase):
    def test_a_session_opens_nothing(self):
        self.client.force_login(alice())
        for path in ("/v1/videos", "/v1/models"):
            response = self.client.get(path)
            self.assertEqual((response.status_code, error_of(response)["code"]), (401, "missing_token"))
            self.assertNotIn("Set-Cookie", response.headers)

    def test_what_is_not_there_and_what_is_not_answered(self):
        response = self.api.get("/nothing")
        self.assertEqual((response.status_code, error_of(response)["code"]), (404, "unknown_url"))
        response = self.api.delete("/videos")
        self.assertEqual((response.status_code, error_of(response)["code"]), (405, "method_not_allowed"))
        self.assertEqual(set(response.headers["Allow"].split(", ")), {"GET", "POST"})

    def test_a_fault_of_ours_is_json_with_an_id_that_the_log_has(self):
        with (
            mock.patch("generations.api.shapes.ONE.first", side_effect=ZeroDivisionError),
            self.assertLogs("generations.api.lane", "ERROR") as logged,
        ):
            response = self.api.get(f"/videos/{uuid.uuid4()}")
        self.assertEqual((response.status_code, error_of(response)["code"]), (500, "server_error"))
        self.assertIn(response.headers["x-request-id"], logged.output[0])

    def test_a_disk_that_takes_nothing_is_said_as_such(self):
        with mock.patch("generations.api.shapes.ONE.first", side_effect=OSError(errno.ENOSPC, "No space left")):
            response = self.api.get(f"/videos/{uuid.uuid4()}")
        self.assertEqual((response.status_code, error_of(response)["code"]), (503, "unavailable"))
        self.assertIn("disk", error_of(response)["message"])

    def test_a_strange_host_is_refused(self):
        response = self.api.get("/videos", Host="evil.example")
        self.assertEqual((response.status_code, error_of(response)["code"]), (400, "unknown_host"))

    def test_security_headers_stay(self):
        self.assertEqual(self.api.get("/videos").headers["X-Content-Type-Options"], "nosniff")

    def test_no_hint_is_left_by_a_refusal(self):
        self.api.post("/videos", ASKED | {"seconds": "7"})
        self.assertEqual(OrmQ.objects.count(), 0)


class OtherGatewayTests(FreshRates, TestCase):
    def test_without_a_gateway_the_refusal_says_so(self):
        make_gateway("elsewhere", offers=["veo"])
        response = Api(make_token()).post("/videos")
        self.assertIn("veo/veo3.1", error_of(response)["message"])
