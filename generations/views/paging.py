"""Keyset paging: pages by the id they begin after, so that they stay put while rows arrive."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import QuerySet

from generations.models import newest_key


@dataclass(frozen=True)
class Page:
    rows: list
    newer_url: str  # "" on the first page
    older_url: str  # "" on the last page


def page_of(rows: QuerySet, query: Mapping[str, str], *, size: int, keep: Mapping[str, str]) -> Page:
    """Return the page that `before` or `after` in the query names, newest first; `keep` stays in the links.

    A key beyond either end leads to the newest.
    """
    before, after = _key(query.get("before")), _key(query.get("after"))
    key = newest_key(rows)
    if after is not None:
        found = list(rows.filter(**{f"{key}__gt": after}).order_by(key)[: size + 1])
        has_newer, has_older = len(found) > size, True
        found = found[:size][::-1]
    else:
        older = rows.filter(**{f"{key}__lt": before}) if before is not None else rows
        found = list(older.order_by(f"-{key}")[: size + 1])
        has_newer, has_older = before is not None, len(found) > size
        found = found[:size]
    if not found and query.keys() & {"before", "after"}:
        return page_of(rows, {}, size=size, keep=keep)
    if not found:
        return Page([], "", "")
    newer = _url({**keep, "after": found[0].pk}) if has_newer else ""
    older = _url({**keep, "before": found[-1].pk}) if has_older else ""
    return Page(found, newer, older)


def _key(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 19 else None


def _url(query: Mapping[str, object]) -> str:
    return f"?{urlencode(query)}"
