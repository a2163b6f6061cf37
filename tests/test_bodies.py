"""A body that a broken connection cut short makes nothing, wherever it was cut; a whole one that comes in bits does."""

import io
import json
from typing import Any

from django.conf import settings
from django.core.signals import request_started
from django.db import close_old_connections
from django.middleware.csrf import _get_new_csrf_string
from django.test import Client, TestCase

from generations.models import Generation, Upload
from tests.api.base import ASKED, make_token
from tests.factories import alice, make_gateway
from tests.pages import picture
from videostudio.bodies import WholeBody
from videostudio.wsgi import application

BOUNDARY = "a-boundary-of-ours"


class Trickle(io.RawIOBase):
    """What a web server gives for a connection: bits, then nothing for its end."""

    def __init__(self, content: bytes, bit: int = 100) -> None:
        self.content, self.bit = io.BytesIO(content), bit

    def read(self, size: int = -1) -> bytes:
        return self.content.read(self.bit if size < 0 else min(size, self.bit))

    def readline(self, size: int = -1) -> bytes:
        return self.content.readline(self.bit if size < 0 else min(size, self.bit))


def form(fields: dict[str, Any]) -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def with_image(fields: dict[str, Any]) -> bytes:
    image = picture().read()
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="input_reference"; filename="a.png"\r\n\r\n'
    end = f"\r\n--{BOUNDARY}--\r\n"
    return form(fields)[: -len(f"--{BOUNDARY}--\r\n")] + head.encode() + image + end.encode()


class WholeBodyTests(TestCase):
    def setUp(self):
        # As Django's own test client does: the test's transaction stays open around each request.
        request_started.disconnect(close_old_connections)
        self.addCleanup(request_started.connect, close_old_connections)
        make_gateway()
        self.token = make_token()
        session = Client()
        session.force_login(alice())
        self.csrf = _get_new_csrf_string()
        cookies = {name: morsel.value for name, morsel in session.cookies.items()} | {
            settings.CSRF_COOKIE_NAME: self.csrf
        }
        self.cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())

    def send(self, path: str, body: bytes, kind: str, *, cut: int | None = None, **headers: str) -> tuple[int, bytes]:
        """Post a body of which only `cut` bytes arrive; return status and answer."""
        environ = {
            **{"REQUEST_METHOD": "POST", "PATH_INFO": path, "SCRIPT_NAME": "", "QUERY_STRING": ""},
            **{"SERVER_NAME": "testserver", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1"},
            **{"HTTP_HOST": "testserver", "CONTENT_TYPE": kind, "CONTENT_LENGTH": str(len(body))},
            **{"wsgi.url_scheme": "http", "wsgi.input": Trickle(body[:cut]), "wsgi.errors": io.StringIO()},
            **{"REMOTE_ADDR": "127.0.0.1", **headers},
        }
        said: list[str] = []
        answer = application(environ, lambda status, headers, error=None: said.append(status))
        return int(said[0][:3]), b"".join(answer)

    def kinds(self) -> dict[str, tuple[str, bytes, str, dict[str, str]]]:
        """Return every way to ask for a video: path, body, content type, headers."""
        bearer = {"HTTP_AUTHORIZATION": f"Bearer {self.token}"}
        page = {"HTTP_COOKIE": self.cookie}
        multipart = f"multipart/form-data; boundary={BOUNDARY}"
        fields = ASKED | {"prompt": "A red fox in the snow, seen from far away, walking slowly towards a hut"}
        veo = {"model": "veo/veo3.1", "prompt": "A red fox"}
        composer = {"csrfmiddlewaretoken": self.csrf, **fields}
        text = "&".join(f"{name}={value}" for name, value in fields.items())
        return {
            "json": ("/v1/videos", json.dumps(fields).encode() + b" " * 50, "application/json", bearer),
            "form": ("/v1/videos", form(fields), multipart, bearer),
            "text": ("/v1/videos", text.encode(), "application/x-www-form-urlencoded", bearer),
            "image": ("/v1/videos", with_image(veo), multipart, bearer),
            "composer": ("/", form(composer), multipart, page),
            "composer with an image": ("/", with_image({"csrfmiddlewaretoken": self.csrf, **veo}), multipart, page),
        }

    def test_whatever_arrives_in_part_makes_nothing(self):
        for name, (path, body, kind, headers) in self.kinds().items():
            for cut in sorted({len(body) - 1, len(body) - 40, len(body) * 3 // 4, len(body) // 2, 0}):
                with self.subTest(name, cut=cut):
                    status, answer = self.send(path, body, kind, cut=cut, **headers)
                    self.assertEqual(status, 400 if path.startswith("/v1") else 403)
                    if path.startswith("/v1"):
                        self.assertEqual(json.loads(answer)["error"]["code"], "incomplete_body")
        self.assertFalse(Generation.objects.exists() or Upload.objects.exists())

    def test_whatever_arrives_whole_in_bits_makes_one(self):
        for number, (name, (path, body, kind, headers)) in enumerate(self.kinds().items(), start=1):
            with self.subTest(name):
                status, answer = self.send(path, body, kind, **headers)
                self.assertEqual(status, 200 if path.startswith("/v1") else 302, answer[:500])
                self.assertEqual(Generation.objects.count(), number)

    def test_lines_are_read_as_far_as_the_body_goes(self):
        body = WholeBody(io.BytesIO(b"one\ntwo\nthree and more"), 13)
        self.assertEqual(
            [body.readline(), body.readline(2), body.readline(), body.readline()], [b"one\n", b"tw", b"o\n", b"three"]
        )
        self.assertEqual((body.readline(), body.read()), (b"", b""))
        with self.assertRaises(OSError):
            WholeBody(io.BytesIO(b"one"), 4).readlines()
