"""/v1 over a real socket, with the queue and the clock worked by a thread: for clients that know nothing of Django."""

import threading
from pathlib import Path

from django.db import connection
from django.test import LiveServerTestCase

from generations.lifecycle.files import path_of
from generations.models import Generation, Status
from tests.api.base import FreshRates, make_token
from tests.lifecycle.base import UpstreamCase, run_queue


class LiveCase(FreshRates, UpstreamCase, LiveServerTestCase):
    """`self.url` is the studio, `self.token` opens it; whatever is asked for is rendered by the scripted upstream."""

    def setUp(self) -> None:
        super().setUp()
        self.url, self.token = self.live_server_url, make_token()
        self.is_over = threading.Event()
        self.trouble: list[BaseException] = []
        self.engine = threading.Thread(target=self.work)
        self.engine.start()
        self.addCleanup(self.end)

    def work(self) -> None:
        try:
            while not self.is_over.wait(0.1):
                run_queue()
                for row in Generation.objects.filter(status=Status.IN_PROGRESS):
                    self.finished(row)
        except BaseException as error:
            self.trouble.append(error)
        finally:
            connection.close()

    def end(self) -> None:
        self.is_over.set()
        self.engine.join(30)
        assert not self.trouble, self.trouble

    def stored(self, uuid: str) -> bytes:
        return Path(path_of(Generation.objects.get(uuid=uuid).file)).read_bytes()
