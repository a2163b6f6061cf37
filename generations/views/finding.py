"""What a filter of the library finds: a page of it, and how many there are."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from generations.forms import LibraryForm
from generations.models import Generation, entries_of, newest_key
from generations.views.paging import Page, page_of, page_read
from generations.views.tiles import for_keys, newest_of

PAGE = 24
COUNTED = 10_000  # whoever has more reads "10,000+"
OVER_SECONDS = 60  # a library with more is not counted again for so long
MOST_OVER = 1000  # teams

_over: dict[tuple[int, ...], float] = {}  # teams: until when their library is known to be larger than anybody counts


@dataclass(frozen=True)
class Count:
    """How many pass a filter, counted as far as anybody wants to know."""

    number: int

    @property
    def words(self) -> str:
        if self.number > COUNTED:
            return _("{count}+ videos").format(count=f"{COUNTED:,}")
        return ngettext("%(count)s video", "%(count)s videos", self.number) % {"count": f"{self.number:,}"}


class Found:
    """What passes a filter. Its statement is put together when it is needed: the whole library has one of its own."""

    def __init__(self, form: LibraryForm) -> None:
        self.form = form

    @cached_property
    def generations(self) -> QuerySet:
        return self.form.apply(Generation.objects.visible_to(self.form.user))

    def page(self, query: Mapping[str, str]) -> Page:
        """Return the page of keys (of `tiles`) that `before` or `after` in the query names."""
        form = self.form
        if not form.chosen and len(form.teams) == 1:
            return page_read(newest_of(form.teams[0], form.user), query, size=PAGE, keep={})
        keys = for_keys(self.generations, form.user)
        return page_of(keys, query, size=PAGE, keep=form.chosen, by_time=form.is_by_time)

    def count(self, page: Page) -> Count:
        """Count up to a bound. A page that is everything needs no statement, a large library one now and then."""
        if not page.newer_url and not page.older_url:
            return Count(len(page.rows))
        teams = () if self.form.chosen else tuple(self.form.teams)
        if _over.get(teams, 0) > time.monotonic():
            return Count(COUNTED + 1)
        count = Count(self._counted()[: COUNTED + 1].count())
        if teams and count.number > COUNTED:
            if len(_over) >= MOST_OVER:
                _over.clear()
            _over[teams] = time.monotonic() + OVER_SECONDS
        return count

    def _counted(self) -> QuerySet:
        form, found = self.form, self.generations
        if form.chosen.keys() == {"q"} and (entries := entries_of(form.chosen["q"], teams=form.teams)) is not None:
            return entries
        # In the page's order SQLite takes the page's index, and none that it would have to look up every row for.
        return found.order_by() if form.is_by_time else found.order_by(f"-{newest_key(found)}")
