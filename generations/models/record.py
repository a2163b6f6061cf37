"""Generations as records for programs and tables: read in batches, so that a million take no more memory than one."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet, Sum

from generations.models.generation import Generation
from generations.models.library import Tagging
from generations.models.money import LedgerEntry, Sums, rounded

AT_ONCE = 500

type Record = dict[str, Any]


def records(generations: QuerySet[Generation]) -> Iterator[Record]:
    """Yield each as `/generations/<uuid>.json` says it, without events but with how the team keeps it; newest first.

    Three statements for each batch, and none open between them: a slow reader holds nothing of the database.
    """
    found = generations.order_by("-pk").select_related("prompt", "created_by", "gateway", "project", "parent")
    rest = found
    while batch := list(rest[:AT_ONCE]):
        keys = [row.pk for row in batch]
        sums, tags = sums_of(keys), tags_of(keys)
        for row in batch:
            yield record_of(row, sums.get(row.pk, {}), tags.get(row.pk, []))
        rest = found.filter(pk__lt=keys[-1])


def sums_of(keys: Iterable[int]) -> dict[int, dict[str, Sums]]:
    """Return what the ledger says of generations that it says anything of, by currency. One statement."""
    entries = LedgerEntry.objects.filter(generation__in=keys).order_by("generation", "currency")
    sums = entries.values_list("generation", "currency").annotate(Sum("held"), Sum("spent"))
    found: dict[int, dict[str, Sums]] = {}
    for generation, currency, held, spent in sums:
        found.setdefault(generation, {})[currency] = Sums(currency, rounded(held), rounded(spent))
    return found


def tags_of(keys: Iterable[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    rows = Tagging.objects.filter(generation__in=keys).order_by("tag__name")
    for generation, name in rows.values_list("generation", "tag__name"):
        found.setdefault(generation, []).append(name)
    return found


def record_of(row: Generation, sums: Mapping[str, Sums], tags: list[str]) -> Record:
    """Return one as JSON-ready data. Times are ISO 8601 UTC, sizes pixels, lengths seconds, sums text."""
    parent = row.parent if row.parent and row.parent.team_id == row.team_id and not row.parent.deleted_at else None
    times = {name: getattr(row, name) for name in ("created_at", "submitted_at", "completed_at")}
    return {
        "id": str(row.uuid),
        "status": row.status,
        "failure": row.failure or None,
        "detail": row.detail,
        "prompt": row.prompt.text,
        "rewritten_prompt": row.rewritten_prompt or None,
        "model": row.model_key,
        "options": row.options,
        "gateway": row.gateway.name,
        "upstream_id": row.upstream_id or None,
        "created_by": row.created_by.get_username(),
        **{name: moment.isoformat() if moment else None for name, moment in times.items()},
        "progress": row.progress,
        "asked": {"width": row.asked_width, "height": row.asked_height, "seconds": row.asked_seconds},
        "measured": measured(row),
        "price": price_of(row, sums),
        "differs": row.differs,
        "video": row.video_url or None,
        "poster": row.poster_url or None,
        "parent": str(parent.uuid) if parent else None,
        "project": row.project.name if row.project else None,
        "tags": tags,
        "rating": row.rating,
    }


def price_of(row: Generation, sums: Mapping[str, Sums]) -> Record:
    """Return what it was said to cost and what the ledger says of it; sums are text, so that they stay exact.

    `others` has what it did cost in another currency than that of its quote: the two are not added.
    """
    own, *others = sums_by_quote(row, sums)
    return {
        "quoted": amount(row.quote_amount),
        "currency": own.currency or None,
        "source": row.quote_source or None,
        "held": amount(own.held),
        "spent": amount(own.spent),
        "others": [{"currency": one.currency, "held": amount(one.held), "spent": amount(one.spent)} for one in others],
    }


def sums_by_quote(row: Generation, sums: Mapping[str, Sums]) -> list[Sums]:
    """Return what the ledger says of one, that in the currency of its quote first, even if it is nothing."""
    own = row.quote_currency or next(iter(sums), "")
    return [sums.get(own, Sums(own)), *(one for currency, one in sums.items() if currency != own and one.total)]


def amount(value: Decimal | None) -> str | None:
    """Return a sum with its six decimals; None for one that is not known, which is not nothing."""
    return None if value is None else f"{rounded(value):f}"


def measured(row: Generation) -> Record | None:
    """Return what was measured of its file: pixels, seconds, bytes; None while it has none."""
    if not row.sha256:
        return None
    return {
        "width": row.measured_width,
        "height": row.measured_height,
        "seconds": row.measured_seconds,
        "fps": row.measured_fps,
        "has_audio": row.measured_has_audio,
        "bytes": row.bytes,
        "sha256": row.sha256,
    }
