"""What is published about /v1: it is what the file in docs/ says, and what the routes do."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema_rs
from django.conf import settings
from django.test import LiveServerTestCase, SimpleTestCase

from generations.api.described import body_schema, options_schema
from generations.api.urls import document
from generations.catalog import catalog
from generations.models import Generation, Status, User
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


class SchemaTests(SimpleTestCase):
    def test_every_schema_is_one_and_takes_its_models_defaults(self):
        for model in catalog().models:
            with self.subTest(model.key):
                schema = options_schema(model)
                jsonschema_rs.meta.validate(schema)
                if "required" not in schema:
                    defaults = {option.name: option.default for option in model.options if option.default is not None}
                    jsonschema_rs.validate(schema, defaults)

    def test_every_value_of_a_choice_is_in_the_schema_and_others_are_not(self):
        for model in catalog().choosable():
            validator = jsonschema_rs.validator_for(body_schema(model) | {"required": []})
            for option in model.options:
                for value in getattr(option, "values", ()):
                    self.assertTrue(validator.is_valid({option.name: value}), (model.key, option.name, value))
                self.assertFalse(validator.is_valid({option.name: {"no": "value"}}), (model.key, option.name))
            self.assertFalse(validator.is_valid({"nonsense": 1}))


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
