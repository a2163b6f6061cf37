"""Keyset paging: pages by the id they begin after, so that they stay put while rows arrive."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlencode

from django.db.models import Q, QuerySet

from generations.models import newest_key


@dataclass(frozen=True)
class Page:
    rows: list
    newer_url: str  # "" on the first page
    older_url: str  # "" on the last page


# Reads so many rows: the oldest after a key, the newest before a key, or the newest of all.
Read = Callable[[int, int | None, int | None], list]


def page_of(
    rows: QuerySet, query: Mapping[str, str], *, size: int, keep: Mapping[str, str], by_time: bool = False
) -> Page:
    """Return the page that `before` or `after` in the query names, newest first; `keep` stays in the links.

    By id, or by time where times are what the rows were chosen by: then one statement more finds the time of the id.
    A key beyond either end leads to the newest.
    """
    order = ("created_at", "pk") if by_time else (newest_key(rows),)
    return page_read(partial(_read, rows, order), query, size=size, keep=keep)


def page_read(read: Read, query: Mapping[str, str], *, size: int, keep: Mapping[str, str]) -> Page:
    """Return the same page of whatever `read` reads."""
    before, after = _key(query.get("before")), _key(query.get("after"))
    if after is not None:
        found = read(size + 1, after, None)
        has_newer, has_older = len(found) > size, True
        found = found[:size][::-1]
    else:
        found = read(size + 1, None, before)
        has_newer, has_older = before is not None, len(found) > size
        found = found[:size]
    if not found and query.keys() & {"before", "after"}:
        return page_read(read, {}, size=size, keep=keep)
    if not found:
        return Page([], "", "")
    newer = _url({**keep, "after": found[0].pk}) if has_newer else ""
    older = _url({**keep, "before": found[-1].pk}) if has_older else ""
    return Page(found, newer, older)


def _read(rows: QuerySet, order: tuple[str, ...], count: int, after: int | None, before: int | None) -> list:
    if after is not None:
        return list(_beyond(rows, "gt", after, order).order_by(*order)[:count])
    older = rows if before is None else _beyond(rows, "lt", before, order)
    return list(older.order_by(*(f"-{column}" for column in order))[:count])


def _beyond(rows: QuerySet, side: str, key: int, order: tuple[str, ...]) -> QuerySet:
    """Return the rows on one side ("lt", "gt") of the row with this id."""
    if len(order) == 1:
        return rows.filter(**{f"{order[0]}__{side}": key})
    moment = rows.model.objects.filter(pk=key).values_list("created_at", flat=True).first()
    if moment is None:
        return rows.none()
    # The first condition is for the index, the second for those of the very same moment.
    strictly = Q(**{f"created_at__{side}": moment}) | Q(**{f"pk__{side}": key})
    return rows.filter(strictly, **{f"created_at__{side}e": moment})


def _key(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 19 else None


def _url(query: Mapping[str, object]) -> str:
    return f"?{urlencode(query)}"
