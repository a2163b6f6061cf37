"""What a video costs: a price as data, and the quote it makes of a choice of options. Decimal throughout."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from generations.specs.options import GIVEN, Value
from generations.specs.wording import _, gettext_noop

PER = {
    "second": gettext_noop("a second"),
    "request": gettext_noop("a video"),
    "million_tokens": gettext_noop("a million tokens"),
}
CURRENCY = re.compile(r"[A-Z]{3}")
MOST = Decimal(1_000_000)  # no video costs more; a column has room for less than this
SMALLEST = Decimal("0.000001")
CENT = Decimal("0.01")
SUM = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,6})?) ([A-Z]{3})")
MILLION = Decimal(1_000_000)


def is_amount(value: object) -> bool:
    """Say whether `value` is an exact sum that a ledger can hold: nothing negative, nothing finer than a millionth."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return False
    amount = Decimal(value)
    return amount.is_finite() and 0 <= amount < MOST and amount == rounded(amount)


def rounded(amount: Decimal) -> Decimal:
    """Return a sum as the ledger keeps it: to a millionth, half up."""
    return amount.quantize(SMALLEST, rounding=ROUND_HALF_UP)


def money(amount: Decimal, currency: str) -> str:
    """Return "0.40 USD": two decimals, and more only where they say something."""
    exact = rounded(amount).normalize()
    return f"{exact.quantize(CENT) if exact == exact.quantize(CENT) else f'{exact:f}'} {currency}"


@dataclass(frozen=True, kw_only=True)
class Price:
    """What a gateway asks for a model: `amount` for each second, video or million tokens.

    `when` narrows it to options of these values; of a size option a tier will do. `gateway` narrows it to the
    gateway of that name. Raises ValueError with a reason when it contradicts itself.
    """

    per: str
    amount: Decimal
    currency: str
    source: str
    as_of: str
    when: Mapping[str, Value] = field(default_factory=dict)
    tokens_per_second: int = 0
    gateway: str = ""

    def __post_init__(self) -> None:
        if self.per not in PER:
            raise ValueError(f"per {self.per!r} is not one of {', '.join(PER)}")
        if not is_amount(self.amount):
            raise ValueError(f"amount {self.amount} is not a sum from 0 to {MOST:,} with at most six decimals")
        object.__setattr__(self, "amount", Decimal(self.amount))
        if not CURRENCY.fullmatch(self.currency):
            raise ValueError(f"currency {self.currency!r} is not spelled like USD")
        if not self.source.strip():
            raise ValueError("source is empty")
        try:
            date.fromisoformat(self.as_of)
        except ValueError:
            raise ValueError(f"as_of {self.as_of!r} is not a date such as 2026-11-30") from None
        if self.tokens_per_second < 0 or (self.tokens_per_second and self.per != "million_tokens"):
            raise ValueError("tokens_per_second goes with a price per million_tokens, and is not below 0")

    @property
    def words(self) -> str:
        """The price as people read it: "0.10 USD a second"."""
        return f"{money(self.amount, self.currency)} {_(PER[self.per])}"

    @property
    def in_english(self) -> str:
        """The same for what is written down."""
        return f"{money(self.amount, self.currency)} {PER[self.per]}"

    @property
    def case(self) -> str:
        """When it is the price, as people read it: "0.12 USD a second where size is 1080p"."""
        when = _(" and ").join(
            _("{name} is {value}").format(name=name, value=_("given") if value == GIVEN else value)
            for name, value in self.when.items()
        )
        at = _(" at {gateway}").format(gateway=self.gateway) if self.gateway else ""
        return f"{self.words}{at}" + (_(" where {case}").format(case=when) if when else "")

    def cost(self, seconds: int | None) -> Decimal | None:
        """Return what a video of this length costs; None where the price needs to know more."""
        if self.per == "request":
            return rounded(self.amount)
        if seconds is None:
            return None
        if self.per == "second":
            return rounded(self.amount * seconds)
        return rounded(self.amount * seconds * self.tokens_per_second / MILLION) if self.tokens_per_second else None


@dataclass(frozen=True, kw_only=True)
class Quote:
    """What one video will cost, about, and how that is known."""

    amount: Decimal
    currency: str
    source: str

    @property
    def words(self) -> str:
        return _("about {sum}").format(sum=money(self.amount, self.currency))


@dataclass(frozen=True)
class Agreed:
    """What somebody was told a video costs before asking for it: a sum, or None where that nobody knows."""

    amount: Decimal | None
    currency: str = ""

    @classmethod
    def read(cls, text: str) -> "Agreed | None":
        """Return what `carried` wrote; None for anything else."""
        if text == "unknown":
            return cls(None)
        if text == "free":
            return cls(Decimal(0))
        if found := SUM.fullmatch(text):
            return cls(Decimal(found[1]), found[2])
        return None

    @classmethod
    def to(cls, quote: Quote | None) -> "Agreed":
        return cls(quote.amount, quote.currency) if quote else cls(None)

    @property
    def carried(self) -> str:
        """How a form carries it: "0.40 USD", "free" or "unknown"."""
        if self.amount is None:
            return "unknown"
        return money(self.amount, self.currency) if self.currency else "free"

    @property
    def words(self) -> str:
        """How the button says it."""
        if self.amount is None:
            return _("price unknown")
        return _("about {sum}").format(sum=self.carried) if self.currency else _("free")

    def times(self, count: int) -> "Agreed":
        """Return what so many of them cost."""
        return self if self.amount is None else replace(self, amount=self.amount * count)

    def covers(self, quote: Quote | None) -> bool:
        """Say whether a quote (None: nobody knows) asks for no more than this; sums are compared in one currency."""
        if quote is None or self.amount is None:
            return quote is None and self.amount is None
        return quote.amount <= (self.amount if self.currency == quote.currency else 0)
