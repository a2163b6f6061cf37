"""`python -m tests.api.sender SECRET THREADS BEGIN`: the same create in many threads at the moment BEGIN.

Prints (status, body) of each as JSON. It works on the database in TEST_DATABASE_URL.
"""

import json
import sys
import time

import django

django.setup()

from tests.api.base import Api  # noqa: E402
from tests.racing import race  # noqa: E402


def send(secret: str, begin: float) -> tuple[int, str]:
    api = Api(secret)
    time.sleep(max(begin - time.time(), 0))
    response = api.post("/videos", Idempotency_Key="the same key")
    return response.status_code, response.content.decode()


if __name__ == "__main__":
    secret, threads, begin = sys.argv[1:]
    json.dump(race([lambda: send(secret, float(begin))] * int(threads), seconds=90), sys.stdout)
