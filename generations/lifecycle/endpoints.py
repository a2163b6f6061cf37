"""From a gateway's row to what http.py needs to reach it."""

import logging
from urllib.parse import urlsplit

from django.conf import settings

from generations.gateways import Dialect, GatewayBusy, GatewayError, GatewayRejected, dialect
from generations.gateways.http import Endpoint
from generations.models import Gateway, Generation
from videostudio.sandbox.keys import sandbox_key

log = logging.getLogger(__name__)

BUSY_SECONDS = (10.0, 300.0)  # for a 429 that does not say


def endpoint(gateway: Gateway) -> Endpoint:
    """Return where and how to reach a gateway. The sandbox lives where this very site listens."""
    if gateway.is_sandbox:
        origin = settings.SANDBOX_ORIGIN
        return Endpoint(
            base_url=f"{origin}/sandbox",
            key=sandbox_key(),
            private_hosts=settings.PRIVATE_HOSTS | {urlsplit(origin).netloc},
            user_agent=settings.USER_AGENT,
        )
    return Endpoint(
        base_url=gateway.base_url.rstrip("/"),
        key=gateway.key,
        private_hosts=settings.PRIVATE_HOSTS,
        user_agent=settings.USER_AGENT,
    )


def dialect_of(generation: Generation) -> Dialect:
    """Return the dialect a generation was submitted in."""
    return dialect(generation.dialect)


def busy_seconds(error: GatewayBusy, tries: int = 0) -> float:
    """Return how long a busy gateway is to rest: as long as it said, else longer with each try in vain."""
    low, high = BUSY_SECONDS
    return error.retry_after or min(low * 2 ** min(tries, 10), high)


def heed(gateway: Gateway, error: GatewayError) -> None:
    """Let the whole gateway rest when it says so: 429 for a while, 401, 402 and 403 until a person mends it."""
    if isinstance(error, GatewayBusy):
        gateway.pause_for(busy_seconds(error), str(error))
    elif isinstance(error, GatewayRejected) and error.is_account:
        log.error("gateway %s is paused: %s", gateway.name, error)
        gateway.pause(str(error))
