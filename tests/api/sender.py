"""`python -m tests.api.sender SECRET THREADS BEGIN`: the same create in many threads from the moment BEGIN on.

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

EACH = 5  # sends of a thread, one after the other


def send(secret: str, begin: float) -> list[tuple[int, str]]:
    api = Api(secret, Host="127.0.0.1")
    time.sleep(max(begin - time.time(), 0))
    responses = [api.post("/videos", Idempotency_Key="the-same-key") for _ in range(EACH)]
    return [(response.status_code, response.content.decode()) for response in responses]


if __name__ == "__main__":
    secret, threads, begin = sys.argv[1:]
    answers = race([lambda: send(secret, float(begin))] * int(threads), seconds=90)
    json.dump([answer for found in answers for answer in found], sys.stdout)
