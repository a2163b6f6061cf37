"""Costs: what was spent and what is held, as a chart, as a table and as CSV."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import batched
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from generations.catalog import catalog
from generations.forms import CostsForm
from generations.forms.costs import BY
from generations.models import Generation, Prompt
from generations.models.generation import GenerationQuerySet
from generations.models.money import NOTHING, Sums
from generations.models.record import AT_ONCE, sums_by_quote, sums_of
from generations.models.spending import Line, spending, spending_in_all
from generations.specs import money, rounded
from generations.views.fragments import wants_fragment
from videostudio.language import in_english

EDGE = 1000  # units from edge to edge of a drawing
COLUMNS = (
    *("asked_at", "id", "person", "model", "gateway", "status", "failure", "prompt"),
    *("quoted", "currency", "held", "spent", "price_source"),
)
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True)
class Bar:
    """One day of a chart, from the bottom: what was spent, on it what is held. In units of EDGE."""

    x: int
    spent: int
    held: int
    words: str

    @property
    def spent_y(self) -> int:
        return EDGE - self.spent

    @property
    def held_y(self) -> int:
        return self.spent_y - self.held


@dataclass(frozen=True)
class Chart:
    """The days of one currency, side by side, 10 units each."""

    currency: str
    most: str
    bars: list[Bar]

    @property
    def width(self) -> int:
        return 10 * len(self.bars)


@dataclass(frozen=True)
class Share:
    """How much of the highest sum of its currency a line spent and holds, in units of EDGE."""

    spent: int
    held: int
    words: str


@dataclass(frozen=True)
class Shown:
    """A line of the table: what it is called, where it leads, and its shares of the highest, drawn."""

    line: Line
    words: str
    url: str
    shares: list[Share]


@require_safe
@vary_on_headers("HX-Request")
def costs(request: HttpRequest) -> HttpResponse:
    form = CostsForm(request.GET, user=request.user)
    generations = asked_for(request, form)
    lines, total = spending(generations, form.grouping), spending_in_all(generations)
    since, until = form.period
    context = {
        **{"form": form, "since": since, "until": until, "total": total},
        "grouping": BY[form.grouping],
        "rows": shown(lines, form),
        "charts": [chart(lines, currency, since, until) for currency in sorted(total.sums)] if form.is_by_day else [],
        "is_cut": sum(line.videos for line in lines) < total.videos,
        "export": f"{reverse('generations:costs-export')}?{urlencode(form.chosen)}",
    }
    part = "#rows" if wants_fragment(request) else ""
    return render(request, f"generations/costs.html{part}", context)


def asked_for(request: HttpRequest, form: CostsForm) -> GenerationQuerySet:
    """The generations the form asks for, of this person's teams; deleted ones too: they were paid for all the same."""
    return form.apply(Generation.objects.of_teams(request.user))


def chart(lines: Iterable[Line], currency: str, since: date, until: date) -> Chart:
    """Draw each day of the period, those without any cost as well."""
    by_day = {line.key: line.sums[currency] for line in lines if currency in line.sums}
    most = max((sums.total for sums in by_day.values()), default=NOTHING)
    bars = []
    for number in range((until - since).days + 1):
        day = since + timedelta(days=number)
        sums = by_day.get(day, Sums(currency))
        words = _("{day}: {spent} spent, {held} held") if sums.held else _("{day}: {spent} spent")
        words = words.format(day=f"{day:%Y-%m-%d}", spent=sums.spent_words, held=sums.held_words)
        bars.append(Bar(10 * number, part_of(sums.spent, most), part_of(sums.held, most), words))
    return Chart(currency, money(most, currency), bars)


def part_of(amount: Decimal, most: Decimal) -> int:
    return int(EDGE * amount / most) if most > 0 else 0


def shown(lines: list[Line], form: CostsForm) -> list[Shown]:
    """Name each line, and let it lead to the same page for it alone, or to what it is."""
    most: dict[str, Decimal] = {}
    for line in lines:
        for currency, sums in line.sums.items():
            most[currency] = max(most.get(currency, NOTHING), sums.total)
    names = names_of(lines, form.grouping)
    return [Shown(line, names.get(line.key, str(line.key)), address(line, form), drawn(line, most)) for line in lines]


def drawn(line: Line, most: dict[str, Decimal]) -> list[Share]:
    """Return the line's share of the highest sum of each of its currencies: two currencies have two measures."""
    return [
        Share(part_of(sums.spent, most[currency]), part_of(sums.held, most[currency]), sums.words)
        for currency, sums in line.sums.items()
        if sums.words
    ]


def names_of(lines: list[Line], grouping: str) -> dict[date | str | int, str]:
    if grouping == "model":
        return {model.key: model.label for model in catalog().models}
    if grouping == "prompt":
        return dict(Prompt.objects.filter(pk__in=[line.key for line in lines]).values_list("pk", "text"))
    return {}


def address(line: Line, form: CostsForm) -> str:
    """Return where a line leads: a day to itself, by model; a model or a person to its days; a prompt to its reuse."""
    if form.grouping == "prompt":
        return f"{reverse('generations:studio')}?{urlencode({'prompt_id': line.key})}"
    if form.is_by_day:
        return f"?{urlencode(form.chosen | {'since': line.key, 'until': line.key, 'by': 'model'})}"
    return f"?{urlencode(form.chosen | {form.grouping: line.key})}"


class Echo:
    """What csv.writer writes to, so that each row comes back as text."""

    def write(self, text: str) -> str:
        return text


def csv_lines(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Yield a table as CSV, with the mark in front by which spreadsheets know that it is UTF-8."""
    writer = csv.writer(Echo())
    yield "\ufeff"
    yield from map(writer.writerow, rows)


@in_english
@require_safe
def export(request: HttpRequest) -> StreamingHttpResponse:
    """Every generation the filters ask for, a row each, as it is read; a further one for a further currency."""
    form = CostsForm(request.GET, user=request.user)
    since, until = form.period
    rows = csv_rows(asked_for(request, form))
    response = StreamingHttpResponse(csv_lines(rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="costs_{since}_{until}.csv"'
    return response


def csv_rows(generations: GenerationQuerySet) -> Iterator[tuple[object, ...]]:
    yield COLUMNS
    found = generations.select_related("created_by", "prompt", "gateway").order_by("pk")
    for rows in batched(found.iterator(chunk_size=AT_ONCE), AT_ONCE):
        known = sums_of([row.pk for row in rows])
        for row in rows:
            sums = known.get(row.pk, {})
            for number, one in enumerate(sums_by_quote(row, sums)):
                yield (
                    *(row.created_at.isoformat(timespec="seconds"), row.uuid, harmless(row.created_by.get_username())),
                    *(row.model_key, row.gateway.name, row.status, row.failure, harmless(row.prompt.text)),
                    *("" if number else sum_text(row.quote_amount), one.currency),
                    *((sum_text(one.held), sum_text(one.spent)) if sums else ("", "")),
                    harmless(row.quote_source),
                )


def sum_text(amount: Decimal | None) -> str:
    """Return a sum with its six decimals; empty for one that is not known, which is not nothing."""
    return "" if amount is None else f"{rounded(amount):f}"


def harmless(text: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text
