"""From a gateway's row to what http.py needs to reach it."""

from urllib.parse import urlsplit

from django.conf import settings

from generations.gateways import Dialect, dialect
from generations.gateways.http import Endpoint
from generations.models import Gateway, Generation
from videostudio.sandbox.keys import sandbox_key


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
