"""A studio of the bench seen from inside: `python -m tests.bench.rows COMMAND JSON` answers JSON."""

import json
import os
import secrets
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.bench.settings")
django.setup()

from django.db import connection, transaction  # noqa: E402
from django.db.models import Sum  # noqa: E402
from django.utils import timezone  # noqa: E402
from django_q.models import OrmQ  # noqa: E402
from django_q.tasks import async_task  # noqa: E402

from generations import queue  # noqa: E402
from generations.catalog import catalog  # noqa: E402
from generations.lifecycle.poll import SLOT_TTL  # noqa: E402
from generations.models import Event, Gateway, Generation, PollerSlot, Prompt, Status, Team, User  # noqa: E402
from tests.bench.upstream import task_id  # noqa: E402

MODEL = "wan/wan2.6"
LOOK_SECONDS = 0.02
LOOK_BACK = 1000  # events: on PostgreSQL a lower number may appear later


def fill(base_urls: list[str], key: str, lasting: int, done_at: list[float], interval: float, start: float) -> int:
    """Put `lasting` rows that never end and one for each time in `done_at` in flight. Returns how many there are.

    They fall due over one `interval` from `start` on, in seconds since 1970, as rows that are long under way do.
    """
    team, person, entry = Team.objects.default(), User.objects.get(), catalog().get(MODEL)
    prompt = Prompt.objects.keep(team, "A red fox in the snow")
    gateways = [
        Gateway.objects.create(name=f"bench{number}", base_url=url, key=key, offers=[])
        for number, url in enumerate(base_urls)
    ]
    ends = [None] * lasting + list(done_at)
    now = timezone.now()

    def row(number: int, end: float | None) -> Generation:
        due = start + interval * (number * 0.618034 % 1)  # spread evenly, whatever their number
        return Generation(
            **{"team": team, "created_by": person, "prompt": prompt, "options": entry.clean({})},
            gateway=gateways[number % len(gateways)],
            model_key=entry.key,
            dialect=entry.dialect,
            upstream_model=entry.upstream_id,
            upstream_id=task_id("np"[number // 2 % 2], number, end),
            upstream_status="in_progress",
            status=Status.IN_PROGRESS,
            submitted_at=now,
            due_at=datetime.fromtimestamp(due, UTC),
        )

    with transaction.atomic():
        made = Generation.objects.bulk_create(map(row, count(), ends), batch_size=2000)
    return len(made)


def reset(gateways: int) -> int:
    """Make every row due now and nobody's, free every slot and let only so many gateways be asked. See versions."""
    now = timezone.now()
    Generation.objects.update(claim="", due_at=now, submitted_at=now, tries=0)
    OrmQ.objects.all().delete()
    PollerSlot.objects.update(owner="", until=now)
    for number, gateway in enumerate(Gateway.objects.filter(name__startswith="bench").order_by("pk")):
        gateway.resume()
        if number >= gateways:
            gateway.pause("not in this round")
    return versions()


def versions() -> int:
    """Return the sum of all rows' versions: one more for each change that pages show."""
    return Generation.objects.aggregate(sum=Sum("version"))["sum"]


def second_poller() -> str:
    """Start a second poller, as a tick would if there were two slots."""
    token = secrets.token_hex(16)
    with transaction.atomic():
        PollerSlot.objects.create(name="p1", owner=token, until=timezone.now() + timedelta(seconds=20) + SLOT_TTL)
        queue.hint("poll", "p1", token)
    return token


def queue_single_polls(count: int) -> int:
    """Queue one task a poll for so many rows of the first gateway."""
    gateway = Gateway.objects.filter(name__startswith="bench").earliest("pk")
    for pk in Generation.objects.filter(gateway=gateway).order_by("pk").values_list("pk", flat=True)[:count]:
        async_task("tests.bench.tasks.poll_once", str(pk), cluster="single")
    return count


def watch(until: float) -> dict[str, Any]:
    """Return {upstream id: when its row was first seen to have moved on}, in seconds since 1970."""
    names = dict(Generation.objects.values_list("pk", "upstream_id"))
    last, seen = Event.objects.count(), {}
    table = connection.ops.quote_name(Event._meta.db_table)
    with connection.cursor() as cursor:
        while (now := time.time()) < until:
            cursor.execute(f"SELECT id, generation_id FROM {table} WHERE id > %s", [last - LOOK_BACK])  # noqa: S608
            for pk, generation in cursor.fetchall():
                last = max(last, pk)
                seen.setdefault(names[generation], now)
            time.sleep(LOOK_SECONDS)
    return seen


def backends() -> list[int]:
    """Return the process ids of the database server that work for this database: none on SQLite."""
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        return [pid for (pid,) in cursor.fetchall()]


COMMANDS: dict[str, Callable[..., Any]] = {
    command.__name__: command for command in (fill, reset, versions, second_poller, queue_single_polls, watch, backends)
}

if __name__ == "__main__":
    print(json.dumps(COMMANDS[sys.argv[1]](**json.loads(sys.argv[2]))))
