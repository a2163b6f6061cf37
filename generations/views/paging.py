"""Keyset paging: pages by the id they begin after, so that they stay put while rows arrive."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Q, QuerySet

from generations.models import newest_key


@dataclass(frozen=True)
class Page:
    rows: list
    newer_url: str  # "" on the first page
    older_url: str  # "" on the last page


def page_of(
    rows: QuerySet, query: Mapping[str, str], *, size: int, keep: Mapping[str, str], by_time: bool = False
) -> Page:
    """Return the page that `before` or `after` in the query names, newest first; `keep` stays in the links.

    By id, or by time where times are what the rows were chosen by: then one statement more finds the time of the id.
    A key beyond either end leads to the newest.
    """
    before, after = _key(query.get("before")), _key(query.get("after"))
    order = ("created_at", "pk") if by_time else (newest_key(rows),)
    if after is not None:
        found = list(_beyond(rows, "gt", after, order).order_by(*order)[: size + 1])
        has_newer, has_older = len(found) > size, True
        found = found[:size][::-1]
    else:
        older = _beyond(rows, "lt", before, order) if before is not None else rows
        found = list(older.order_by(*(f"-{column}" for column in order))[: size + 1])
        has_newer, has_older = before is not None, len(found) > size
        found = found[:size]
    if not found and query.keys() & {"before", "after"}:
        return page_of(rows, {}, size=size, keep=keep, by_time=by_time)
    if not found:
        return Page([], "", "")
    newer = _url({**keep, "after": found[0].pk}) if has_newer else ""
    older = _url({**keep, "before": found[-1].pk}) if has_older else ""
    return Page(found, newer, older)


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
