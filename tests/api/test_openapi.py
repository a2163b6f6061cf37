"""What is published about /v1: it is what the file in docs/ says, and what the routes do."""

import json
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import jsonschema_rs
from django.conf import settings
from django.test import LiveServerTestCase, SimpleTestCase

from generations.api.composing import place_common_names, prompt_of
from generations.api.described import body_schema, options_schema
from generations.api.problems import Problem
from generations.api.reading import Given, _json_object
from generations.api.urls import document
from generations.catalog import catalog
from generations.models import Generation, Status, User
from generations.specs import ImageFile, OptionErrors, VideoModel
from tests.api.base import Api, FreshRates, make_token
from tests.factories import make_generation
from tests.lifecycle.base import UpstreamCase

CONFIG = Path(__file__).parent / "schemathesis.toml"
FILE = settings.BASE_DIR / "docs" / "openapi.json"


class DocumentTests(SimpleTestCase):
    def test_the_file_in_docs_is_what_is_published(self):
        self.assertEqual(
            json.loads(FILE.read_text()),
            json.loads(json.dumps(document())),
            "run: manage.py openapi > docs/openapi.json",
        )

    def test_it_is_openapi_3_1_and_open_to_everybody(self):
        response = Api().get("/openapi.json")
        self.assertEqual(response.status_code, 200)
        self.assertEqual(response.json()["openapi"], "3.1.0")

    def test_every_route_needs_a_token(self):
        for path, methods in document()["paths"].items():
            for method, operation in methods.items():
                with self.subTest(path, method=method):
                    self.assertEqual(operation["security"], [{"Token": []}])
                    self.assertIn(401, operation["responses"])

    def test_every_model_that_can_be_chosen_has_a_body(self):
        refs = document()["paths"]["/v1/videos"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        self.assertEqual(len(refs["oneOf"]), len(catalog().choosable()))
        for one in refs["oneOf"]:
            self.assertIn(one["$ref"].rpartition("/")[2], document()["components"]["schemas"])


def needs_something(schema: dict) -> bool:
    return "required" in schema or any("anyOf" in rule for rule in schema.get("allOf", ()))


class SchemaTests(SimpleTestCase):
    def test_every_schema_is_one_and_takes_its_models_defaults(self):
        for model in catalog().models:
            with self.subTest(model.key):
                schema = options_schema(model)
                jsonschema_rs.meta.validate(schema)
                if not needs_something(schema):
                    defaults = {option.name: option.default for option in model.options if option.default is not None}
                    jsonschema_rs.validate(schema, defaults)

    def test_every_value_of_a_choice_is_in_the_schema_and_others_are_not(self):
        for model in catalog().choosable():
            schema = body_schema(model)
            exclusive = [rule for rule in schema.get("allOf", ()) if "not" in rule]
            validator = jsonschema_rs.validator_for(schema | {"required": [], "allOf": exclusive or [True]})
            for option in model.options:
                for value in getattr(option, "values", ()):
                    self.assertTrue(validator.is_valid({option.name: value}), (model.key, option.name, value))
                self.assertFalse(validator.is_valid({option.name: {"no": "value"}}), (model.key, option.name))
            self.assertFalse(validator.is_valid({"nonsense": 1}))

    def test_what_is_taken_is_valid_and_what_is_refused_is_not(self):
        prompt = {"prompt": "一只狐狸\n在雪地里"}
        link = "https://my-bucket.s3.eu-west-1.amazonaws.co.uk/a%20b.png?X-Signature=1&a=b#c"
        for model, options, is_right in (
            ("runway/gen3a_turbo", {"ratio": "1280:768", "prompt_image": link}, True),
            ("runway/gen3a_turbo", {"ratio": "1280x768", "prompt_image": link}, False),
            ("runway/gen3a_turbo", {"size": "1280x768", "prompt_image": link}, True),
            ("grok/grok-imagine-video-1.5", {"image": link}, True),
            ("grok/grok-imagine-video-1.5", {"input_reference": link}, True),
            ("grok/grok-imagine-video-1.5", {"image": link, "input_reference": link}, False),
            ("grok/grok-imagine-video-1.5", {}, False),
            ("runway/gen3a_turbo", {"size": "1280x768"}, False),
            ("wan/wan2.6", {"seconds": 5.0}, True),
            ("wan/wan2.6", {"seconds": 5.5}, False),
            ("wan/wan2.6", {"prompt": " \n "}, False),
        ):
            with self.subTest(model, **options):
                body = {"model": model, **prompt, **options}
                entry = catalog().get(model)
                self.assertEqual(jsonschema_rs.is_valid(body_schema(entry), body), is_right)
                given = _json_object(json.dumps(body).encode())
                self.assertEqual(self.is_taken(entry, given), is_right)

    def is_taken(self, model: VideoModel, values: dict) -> bool:
        """Say whether a create would take these values; a link counts as an image that was fetched."""
        given = Given(values)
        try:
            prompt_of(given.values.pop("prompt"), model)
            del given.values["model"]
            place_common_names(model, given)
            images = {option.name for option in model.options if isinstance(option, ImageFile)}
            model.clean(given.values | {name: str(uuid4()) for name in images & given.values.keys()})
        except (Problem, OptionErrors):
            return False
        return True


class FuzzTests(FreshRates, UpstreamCase, LiveServerTestCase):
    """schemathesis makes requests from what is published, right and wrong ones, and judges every answer."""

    def test_the_routes_do_what_is_published(self):
        secret = make_token()
        User.objects.update(api_rate=None, api_at_once=None)
        for status in (Status.COMPLETED, Status.FAILED, Status.QUEUED):
            make_generation(status, gateway=self.gateway)
        done = subprocess.run(
            [
                *(
                    sys.executable,
                    "-m",
                    "schemathesis.cli",
                    f"--config-file={Path(__file__).parent / 'schemathesis.toml'}",
                ),
                *("run", FILE, f"--url={self.live_server_url}", f"--header=Authorization: Bearer {secret}"),
            ],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=300,
        )
        self.assertEqual(done.returncode, 0, done.stdout[-6000:] + done.stderr[-2000:])
        self.assertIn("10 selected / 10 total", done.stdout)
        self.assertGreater(Generation.objects.filter(origin="api").count(), 0, "it never got a create right")
