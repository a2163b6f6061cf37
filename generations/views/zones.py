"""In which time zone a reader's days begin: where their browser says they are, else in UTC."""

from datetime import UTC, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest

COOKIE = "zone"  # static/app.js keeps it


@cache
def known() -> set[str]:
    return available_timezones()


def zone_of(request: HttpRequest) -> tzinfo:
    name = request.COOKIES.get(COOKIE, "")
    return ZoneInfo(name) if name in known() else UTC
