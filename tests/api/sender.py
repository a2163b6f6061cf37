"""`python -m tests.api.sender SECRET THREADS BEGIN`: the same create in many threads at the moment BEGIN.

Prints (status, body) of each as JSON. It works on the database in TEST_DATABASE_URL, with the keys in SENDER_KEYS.
"""

import json
import os
import sys
import time

import django
from django.conf import settings

settings.SECRET_KEY, *settings.FIELD_KEYS = json.loads(os.environ["SENDER_KEYS"])
django.setup()

from tests.api.base import Api  # noqa: E402
from tests.racing import race  # noqa: E402


def send(secret: str, begin: float) -> tuple[int, str]:
    api = Api(secret, Host="127.0.0.1")
    time.sleep(max(begin - time.time(), 0))
    response = api.post("/videos", Idempotency_Key="the same key")
    return response.status_code, response.content.decode()


if __name__ == "__main__":
    secret, threads, begin = sys.argv[1:]
    json.dump(race([lambda: send(secret, float(begin))] * int(threads), seconds=90), sys.stdout)
