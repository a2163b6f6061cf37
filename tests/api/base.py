"""What tests of /v1 share: tokens, and a client that shows one."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from django.conf import settings
from django.http import HttpResponseBase
from django.test import Client, override_settings

from generations.api.rates import RATES
from generations.models import ApiToken, User
from tests.factories import alice

ALL = ["read", "create", "manage"]
MODEL = "wan/wan2.6"
ASKED = {"model": MODEL, "prompt": "A red fox in the snow", "seconds": "5", "size": "1280x720"}


def make_token(user: User | None = None, *, scopes: list[str] | None = None, **fields: Any) -> str:
    """Return the secret of a new token."""
    fields = {"name": "a test", "rate": None, "at_once": None, **fields}
    _, secret = ApiToken.objects.issue(user=user or alice(), scopes=ALL if scopes is None else scopes, **fields)
    return secret


class Api:
    """A program: its client keeps no cookies that matter, and shows a token with every request."""

    def __init__(self, secret: str = "", **headers: str) -> None:
        self.client = Client(raise_request_exception=False)
        self.headers = headers | ({"Authorization": f"Bearer {secret}"} if secret else {})

    def get(self, path: str, query: dict | None = None, **headers: str) -> HttpResponseBase:
        return self.client.get(f"/v1{path}", query or {}, headers=self.headers | named(headers))

    def head(self, path: str, **headers: str) -> HttpResponseBase:
        return self.client.head(f"/v1{path}", headers=self.headers | named(headers))

    def delete(self, path: str, **headers: str) -> HttpResponseBase:
        return self.client.delete(f"/v1{path}", headers=self.headers | named(headers))

    def post(self, path: str, body: Any = None, **headers: str) -> HttpResponseBase:
        """Send JSON; text and bytes go as they are."""
        content = body if isinstance(body, str | bytes) else json.dumps(ASKED if body is None else body)
        return self.client.post(
            f"/v1{path}", content, content_type="application/json", headers=self.headers | named(headers)
        )

    def form(self, path: str, fields: dict[str, Any], **headers: str) -> HttpResponseBase:
        return self.client.post(f"/v1{path}", fields, headers=self.headers | named(headers))


def named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def error_of(response: HttpResponseBase) -> dict[str, Any]:
    """Return the error of a refusal, after checking that it has OpenAI's shape and nothing more."""
    found = response.json()["error"]
    assert set(found) == {"message", "type", "code", "param"}, found
    assert response.headers["x-request-id"].startswith("req_")
    return found


class FreshRates:
    """Mixed into a TestCase: limits that another test used up are none of this one's."""

    def setUp(self) -> None:
        super().setUp()
        RATES.forget()


class FileServer:
    """Somebody's web server on this machine, which the guard lets through; every path is the same file."""

    def __init__(self, content: bytes, *, claims: int | None = None) -> None:
        self.headers: dict[str, str] = {}
        length = str(len(content) if claims is None else claims)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(handler) -> None:
                self.headers = dict(handler.headers)
                handler.send_response(200)
                handler.send_header("Content-Length", length)
                handler.end_headers()
                handler.wfile.write(content)

            def log_message(handler, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        host_port = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{host_port}/frame.png"
        self.allowed = override_settings(PRIVATE_HOSTS=settings.PRIVATE_HOSTS | {host_port})

    def __enter__(self) -> Self:
        self.allowed.enable()
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        self.allowed.disable()
