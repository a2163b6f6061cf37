"""A gateway's own list of its models: GET /api/models, public, without a key.

Document: CometAPI, "Model directory" (read 2026-11). `endpoints` is JSON inside a string, `page` and `page_size` are 0
where everything came at once, and a price's unit is whichever of its fields is not null, whatever `currency` reads.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .base import Answer, GatewayProtocolError, Message, check_create, plain

PATH = "/api/models"
LONGEST_ID = 100
MOST_ENDPOINTS = 10
MOST = Decimal(1_000_000)
CURRENCY = re.compile(r"\s*([A-Z]{3})\b")


@dataclass(frozen=True)
class ListedModel:
    """A video model as its gateway lists it. `amount` is None where it names no price that can be understood."""

    upstream_id: str
    name: str
    provider: str
    features: tuple[str, ...]
    endpoints: tuple[str, ...]
    document: str
    per: str
    amount: Decimal | None
    currency: str


@dataclass(frozen=True)
class ListingPage:
    """One page: the ids of all its records, those of them that are video models, and how many there are in all."""

    ids: tuple[str, ...]
    videos: tuple[ListedModel, ...]
    total: int
    size: int


def listing_message(page: int = 1, size: int = 0) -> Message:
    """Return the question for a page. The first is asked without a size: the gateway's own is the one to go on with."""
    path = PATH if page == 1 else f"{PATH}?page={page}&page_size={size}"
    return Message("GET", path, is_public=True)


def read_listing(answer: Answer) -> ListingPage:
    """Return one page. Raise GatewayError when the answer is not such a list as a whole: half a list is none."""
    check_create(answer)
    # Read again, because here a number is money: no sum is ever a float.
    body = json.loads(answer.body, parse_float=Decimal, parse_constant=lambda _: None)
    records = body.get("data")
    if body.get("success") is not True or not isinstance(records, list) or not records:
        raise _broken(answer, "it is not a list of models")
    ids = [_id(record) for record in records]
    if not all(
        name or (isinstance(record, dict) and not _is_video(record)) for name, record in zip(ids, records, strict=True)
    ):
        raise _broken(answer, "a video model in it has no usable id")
    page, size, total = (_count(body.get(name)) for name in ("page", "page_size", "total"))
    return ListingPage(
        ids=tuple(name or str(record.get("id")) for name, record in zip(ids, records, strict=True)),
        videos=tuple(_model(record) for record in records if _is_video(record)),
        total=total if page and size and total else len(records),
        size=size or len(records),
    )


def _is_video(record: Any) -> bool:
    return isinstance(record, dict) and record.get("model_type") == "video"


def _broken(answer: Answer, why: str) -> GatewayProtocolError:
    return GatewayProtocolError(
        f"The gateway's list of models cannot be used: {why}.", status=answer.status, evidence=answer.evidence
    )


def _id(record: Any) -> str:
    found = record.get("id") or record.get("code") if isinstance(record, dict) else None
    is_good = isinstance(found, str) and len(found) <= LONGEST_ID and all("!" <= char <= "~" for char in found)
    return found if is_good and isinstance(found, str) else ""


def _model(record: Mapping[str, Any]) -> ListedModel:
    per, amount, currency = _price(record.get("pricing"))
    return ListedModel(
        upstream_id=_id(record),
        name=_text(record.get("name")) or _id(record),
        provider=_text(record.get("provider")) or _text(record.get("provider_code")),
        features=tuple(_text(word) for word in _list(record.get("features"))),
        endpoints=_endpoints(record.get("endpoints")),
        document=_text(record.get("api_doc_url"), 300),
        per=per,
        amount=amount,
        currency=currency,
    )


def _price(pricing: Any) -> tuple[str, Decimal | None, str]:
    """Return unit, amount and currency. Two units at once, or none, say nothing that could be relied on."""
    pricing = pricing if isinstance(pricing, dict) else {}
    currency = CURRENCY.match(str(pricing.get("currency") or ""))
    named = {"second": _amount(pricing.get("per_second")), "request": _amount(pricing.get("per_request"))}
    found = [(per, amount) for per, amount in named.items() if amount is not None]
    if not found and (tokens := _amount(pricing.get("output")) or _amount(pricing.get("input"))):
        found = [("million_tokens", tokens)]
    if len(found) != 1 or currency is None:
        return "", None, ""
    [(per, amount)] = found
    return per, amount, currency[1]


def _amount(value: Any) -> Decimal | None:
    """Return a sum of at least a millionth; 0 is how some lists spell that there is no price in this unit."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    amount = Decimal(value)
    if not amount.is_finite() or not 0 < amount < MOST:
        return None
    return amount.quantize(Decimal("0.000001")) or None


def _endpoints(value: Any) -> tuple[str, ...]:
    """Return routes such as "POST /v1/videos", from an object or from JSON in a string."""
    try:
        routes = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        routes = None
    found = []
    for route in list(routes.values())[:MOST_ENDPOINTS] if isinstance(routes, dict) else []:
        if isinstance(route, dict) and isinstance(route.get("path"), str):
            found.append(f"{_text(route.get('method')).upper() or 'POST'} {_text(route['path'])}")
    return tuple(found)


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _list(value: Any) -> list[Any]:
    return value[:20] if isinstance(value, list) else []


def _text(value: Any, limit: int = 100) -> str:
    return plain(value, limit) if isinstance(value, str) else ""
