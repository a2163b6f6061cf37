"""What a filter of the library finds: a page of it, and how many there are."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from generations.forms import LibraryForm
from generations.models import Entries, Generation, to_count
from generations.views.paging import Page, page_of, page_read
from generations.views.tiles import Key, for_keys, keys_among, newest_of

PAGE = 24
COUNTED = 10_000  # whoever has more reads "10,000+"
OVER_SECONDS = 60  # what is more is not counted again for so long
MOST_OVER = 1000  # of people and filters

_over: dict[tuple, float] = {}  # person and filters: until when that is known to be more than anybody counts


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
        if self.entries:
            return page_read(partial(self._read, self.entries), query, size=PAGE, keep=form.chosen)
        keys = for_keys(self.generations, form.user)
        return page_of(keys, query, size=PAGE, keep=form.chosen, by_time=form.is_by_time)

    def count(self, page: Page) -> Count:
        """Count up to a bound. A page that is everything needs no statement, what is over the bound one a minute."""
        if not page.newer_url and not page.older_url:
            return Count(len(page.rows))
        key = (self.form.user.pk, *self.form.chosen.items())
        if _over.get(key, 0) > time.monotonic():
            return Count(COUNTED + 1)
        most = COUNTED + 1
        count = Count(self.entries.count(most) if self.entries else self._counted()[:most].count())
        if count.number > COUNTED:
            if len(_over) >= MOST_OVER:
                _over.clear()
            _over[key] = time.monotonic() + OVER_SECONDS
        return count

    @cached_property
    def entries(self) -> Entries | None:
        """What the index of words alone finds, where words are all that was asked."""
        form = self.form
        return Entries.of(form.chosen["q"], teams=form.teams) if form.chosen.keys() == {"q"} else None

    def _read(self, entries: Entries, count: int, after: int | None, before: int | None) -> list[Key]:
        return keys_among(entries.read(count, after, before), self.form.user, most=count)

    def _counted(self) -> QuerySet:
        # An index has neither times nor several ratings in the order of the page.
        is_unordered = self.form.is_by_time or "rating" in self.form.chosen
        return self.generations.order_by() if is_unordered else to_count(self.generations)
