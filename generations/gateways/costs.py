"""What a gateway says a task cost, where it says so at all. Exact: no sum is ever a float.

xAI counts `usage.cost_in_usd_ticks`, ten billion to the dollar; through relays it may sit inside an envelope.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

TICKS_A_DOLLAR = 10_000_000_000
MOST_TICKS = TICKS_A_DOLLAR * 100_000
PLACES = ((), ("data",), ("data", "data"))


def cost_in_usd(body: Mapping[str, Any]) -> Decimal | None:
    """Return what the answer says its task cost, in US dollars, or None when it does not say."""
    for place in PLACES:
        inner: Any = body
        for step in (*place, "usage"):
            inner = inner.get(step) if isinstance(inner, Mapping) else None
        ticks = inner.get("cost_in_usd_ticks") if isinstance(inner, Mapping) else None
        if isinstance(ticks, int) and not isinstance(ticks, bool) and 0 <= ticks <= MOST_TICKS:
            return Decimal(ticks) / TICKS_A_DOLLAR
    return None
