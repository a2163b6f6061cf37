"""The poller's HTTP client with nothing around it: `python -m tests.bench.bare SECONDS KEY URL...` answers JSON."""

import asyncio
import json
import sys
import time

from generations.gateways import dialect
from generations.gateways.http import Endpoint
from generations.gateways.polls import AsyncSender
from tests.bench.upstream import task_id


async def ask_for(seconds: float, connections: int, endpoints: list[Endpoint]) -> dict[str, float]:
    """Keep every connection busy for so long; return polls and processor time per second and poll."""
    speaker, asked = dialect("openai_videos"), 0
    end = time.monotonic() + seconds

    async def lane(number: int) -> None:
        nonlocal asked
        message = speaker.retrieve(task_id("np"[number % 2], number), {})
        while time.monotonic() < end:
            await sender.send(endpoints[number % len(endpoints)], message)
            asked += 1

    async with AsyncSender(connections=connections) as sender:
        used = time.process_time()
        await asyncio.gather(*map(lane, range(connections)))
        return {"rate": asked / seconds, "cpu_ms": 1000 * (time.process_time() - used) / asked}


if __name__ == "__main__":
    seconds, connections, key, *urls = sys.argv[1:]
    hosts = frozenset(url.partition("//")[2] for url in urls)
    endpoints = [Endpoint(url, key, hosts) for url in urls]
    print(json.dumps(asyncio.run(ask_for(float(seconds), int(connections), endpoints))))
