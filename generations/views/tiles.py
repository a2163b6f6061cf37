"""The library's tiles. What has ended never changes but for its marks, so its tile is drawn once a process."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, tzinfo
from functools import cache
from itertools import groupby
from typing import NamedTuple
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from generations.models import Generation, Star, User
from generations.models.prepared import Statement
from generations.views.paging import Read

KEPT = 3_000  # tiles; about 3 KB each
NOBODY = 0  # no row has this id
STALE = 600  # seconds after which a name or a label that has changed is seen

_drawn: dict[tuple, SafeString] = {}


@dataclass(frozen=True)
class Day:
    """What was asked for on one day: the tiles of a page, and an id for its heading.

    One that `goes_on` has its heading on the page already: only its tiles come.
    """

    date: date
    tiles: SafeString
    key: int
    goes_on: bool = False

    @property
    def place(self) -> str:
        """Name the day and its heading for the page that follows this one: `following` reads it."""
        return f"{self.date:%Y-%m-%d}.{self.key}"


def starred_by(user, generations: QuerySet) -> QuerySet:
    """Return generations that know whether this person starred them."""
    return generations.annotate(is_starred=Exists(Star.objects.filter(person=user, generation=OuterRef("pk"))))


def for_tiles(generations: QuerySet, user) -> QuerySet:
    """Return generations with all that a tile shows, in one statement."""
    return starred_by(user, generations.for_cards())


class Key(NamedTuple):
    """What says which tile is a row's."""

    pk: int
    uuid: UUID
    version: int
    status: str
    rating: int | None
    created_at: datetime
    is_starred: bool


def for_keys(generations: QuerySet, user: User) -> QuerySet:
    """Return generations as the columns of their keys."""
    return starred_by(user, generations).values_list(*Key._fields, named=True)


def newest_of(team: int, user: User) -> Read:
    """Return what reads the keys of everything one team made: asked most, so its statements are kept."""

    def read(count: int, after: int | None, before: int | None) -> list[Key]:
        key = after if before is None else before
        side = "" if key is None else "lt" if after is None else "gt"
        values = {"user": user.pk, "team": team} | ({} if key is None else {"key": key})
        return [Key(*row) for row in _newest(side, count).rows(**values)]

    return read


@cache
def _newest(side: str, count: int) -> Statement:
    def make(user: int, team: int, key: int = 0) -> QuerySet:
        found = Generation.objects.visible_to(user).filter(team=team, **({f"pk__{side}": key} if side else {}))
        order = "pk" if side == "gt" else "-pk"
        return starred_by(user, found).order_by(order).values_list(*Key._fields)[:count]

    return Statement(make, user=int, team=int, **({"key": int} if side else {}))


def keys_among(ids: Sequence[int], user: User, *, most: int) -> list[Key]:
    """Return the keys of those, at most so many, that this person may see, in the order of the ids."""
    places = dict(zip(_places(most), [*ids, *[NOBODY] * (most - len(ids))], strict=True))
    rows = {row.pk: row for row in map(Key._make, _among(most).rows(user=user.pk, **places))}
    return [rows[pk] for pk in ids if pk in rows]


@cache
def _among(most: int) -> Statement:
    def make(user: int, **places: int) -> QuerySet:
        found = Generation.objects.visible_to(user).filter(pk__in=places.values())
        return starred_by(user, found).order_by().values_list(*Key._fields)

    return Statement(make, user=int, **dict.fromkeys(_places(most), int))


def _places(most: int) -> list[str]:
    return [f"place{number}" for number in range(most)]


def by_day(rows: Sequence[Key], user, zone: tzinfo = UTC) -> list[Day]:
    """Return the rows of a page as tiles under their days in a zone.

    One statement for those that are not drawn yet, or none.
    """
    drawn = tiles(rows, user)
    days = groupby(rows, key=lambda row: row.created_at.astimezone(zone).date())
    listed = [(day, [row.pk for row in found]) for day, found in days]
    return [Day(day, SafeString("".join(drawn[pk] for pk in pks if pk in drawn)), pks[0]) for day, pks in listed]


def following(days: list[Day], place: str) -> list[Day]:
    """Return the days of a page that is put under what ends at `place`: no day has its heading twice."""
    date, _, key = place.partition(".")
    if not days or f"{days[0].date:%Y-%m-%d}" != date or not (key.isascii() and key.isdecimal() and len(key) < 19):
        return days
    return [replace(days[0], key=int(key), goes_on=True), *days[1:]]


def tiles(rows: Sequence[Key], user) -> dict[int, SafeString]:
    """Return the tile of each row by its id; one that went meanwhile has none."""
    period, language = int(time.time() / STALE), get_language()
    keys = {row.pk: (row.uuid, row.version, row.is_starred, row.rating, language, period) for row in rows}
    found = {pk: _drawn[key] for pk, key in keys.items() if key in _drawn}
    missing = [pk for pk in keys if pk not in found]
    if not missing:
        return found
    if len(_drawn) > KEPT:
        _drawn.clear()
    for row in for_tiles(Generation.objects.filter(pk__in=missing), user):
        found[row.pk] = render_to_string("generations/_tile.html#tile", {"generation": row})
        if row.is_finished and not row.is_overdue and row.version == keys[row.pk][1]:
            _drawn[keys[row.pk]] = found[row.pk]
    return found
