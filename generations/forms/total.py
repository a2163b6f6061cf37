"""What several videos cost together."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from decimal import Decimal

from django.utils.translation import gettext as _

from generations.lifecycle.lookups import Lookups
from generations.lifecycle.remixing import order_source
from generations.models import Team
from generations.specs import VideoModel, money

type Priced = tuple[VideoModel, Mapping[str, object]]


def total_words(asked: Iterable[Priced], team: Team, lookups: Lookups) -> str:
    """Return the price of all together: "about 1.20 USD", "free", and how many have a price nobody knows."""
    sums: dict[str, Decimal] = {}
    unknown = 0
    for model, options in asked:
        source = None
        with suppress(LookupError):
            source = order_source(model, options, team)
        gateway = source.gateway if source else lookups.gateway(model, team)
        if gateway is None:
            unknown += 1
        elif not gateway.is_sandbox:
            quote = lookups.quote(model, options, gateway, source)
            if quote is None:
                unknown += 1
            else:
                sums[quote.currency] = sums.get(quote.currency, Decimal(0)) + quote.amount
    return sum_words(sums, unknown)


def sum_words(sums: Mapping[str, Decimal], unknown: int) -> str:
    """Return sums by currency in words, and how many come on top whose price nobody knows."""
    parts = [_("about {money}").format(money=money(amount, currency)) for currency, amount in sorted(sums.items())]
    if unknown:
        parts.append(_("price unknown") if not parts else _("{unknown} of unknown price").format(unknown=unknown))
    return _(" and ").join(parts) or _("free")
