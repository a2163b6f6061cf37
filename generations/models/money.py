"""Money: what models cost, and the ledger of what was reserved, spent and given back."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any, NoReturn

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Count, Q, Sum
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from generations.catalog import catalog, model_choices
from generations.models.gateway import Gateway
from generations.models.prepared import Statement, loaded
from generations.models.statuses import Failure, Status
from generations.specs import GIVEN, PER, OptionError, Price, Quote, Size, Value, VideoModel, money, rounded

NOTHING = Decimal(0)
FREE = "sandbox"  # the source of a quote that there is none for: sandbox clips cost nothing
NO_SCENE: Mapping[str, object] = {}
TOLD_IN = "USD"  # what a gateway says a task cost is in this currency
TOLD = "as the gateway says"  # the reason of its entry


class AppendOnly(Exception):
    """Somebody tried to change or delete what was written into the ledger."""


# Prices


class ModelPriceQuerySet(models.QuerySet):
    def of(self, model: str, upstream_id: str, gateway: int) -> "ModelPriceQuerySet":
        """What was entered for the model of this key, and what this gateway says of its upstream id.

        A row has one of the two names, so its origin need not be asked for. SQLite would also plan a statement anew
        each time in which a value stands beside a column that is the condition of an index.
        """
        here = Q(gateway=None) | Q(gateway=gateway)
        return self.filter(here, Q(model_key=model) | Q(upstream_id=upstream_id)).order_by("pk")

    def quote(
        self, model: VideoModel, values: Mapping[str, object], gateway: Gateway, scene: Mapping[str, object] = NO_SCENE
    ) -> Quote | None:
        """Return what a video of these clean values costs at this gateway; None when that is not known.

        An operator's row goes before the gateway's own list, and that before the catalogue; the first of
        them that has a price for these values decides. `scene` are the values of the video that is remixed, if one is.
        One statement; none for the sandbox.
        """
        if gateway.is_sandbox:
            return None
        named = {"model": model.key, "upstream_id": model.upstream_id, "gateway": gateway.pk}
        rows = [loaded(ModelPrice, PRICE_COLUMNS, values) for values in PRICES.rows(**named)]
        for row in rows:
            if row.gateway_id is not None:
                row.gateway = gateway
        of_origin = {
            name: [row.as_price(model) for row in rows if row.origin == origin]
            for origin, name in ((ModelPrice.Origin.OPERATOR, "operator"), (ModelPrice.Origin.LISTING, "gateway"))
        }
        of_origin["catalogue"] = [price for price in model.prices if price.gateway in {"", gateway.name}]
        for name, prices in of_origin.items():
            if found := model.quote([price for price in prices if price], values, scene):
                price, amount = found
                source = f"{name}, {price.in_english}, {price.as_of}: {price.source}"
                return None if amount is None else Quote(amount=amount, currency=price.currency, source=source[:200])
        return None


def known_prices(models: Iterable[VideoModel]) -> dict[str, list[str]]:
    """Return every price that is known of each model, in words, by its key, the strongest first. One statement."""
    rows = list(ModelPrice.objects.select_related("gateway").order_by("pk"))
    found = {}
    for model in models:
        own = [row for row in rows if row.model_key == model.key]
        listed = [row for row in rows if row.is_listed_for(model)]
        found[model.key] = [row.in_words(model) for row in (*own, *listed) if row.as_price(model)] + [
            _("{case} (the catalogue, {as_of}: {source})").format(
                case=price.case, as_of=price.as_of, source=price.source
            )
            for price in model.prices
        ]
    return found


class ModelPrice(models.Model):
    """One price beside the catalogue's: an operator's own, or one that a gateway's list of models named."""

    class Origin(models.TextChoices):
        OPERATOR = "operator", gettext_lazy("Entered here")
        LISTING = "listing", gettext_lazy("The gateway's list")

    origin = models.CharField(max_length=20, choices=Origin, default=Origin.OPERATOR, editable=False)
    model_key = models.CharField("model", max_length=100, blank=True, choices=model_choices)
    upstream_id = models.CharField(max_length=100, blank=True, editable=False)
    gateway = models.ForeignKey(
        Gateway,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="prices",
        help_text=gettext_lazy("Empty: whichever gateway renders it."),
    )
    per = models.CharField(max_length=20, choices=[(unit, words) for unit, words in PER.items()])
    amount = models.DecimalField(max_digits=12, decimal_places=6)
    currency = models.CharField(
        max_length=3,
        default="USD",
        validators=[RegexValidator(r"^[A-Z]{3}$", gettext_lazy("Three capitals, such as USD."))],
    )
    option = models.CharField(
        max_length=50,
        blank=True,
        help_text=gettext_lazy("Only where this option, for example size, has the value beside it."),
    )
    value = models.CharField(
        max_length=100, blank=True, help_text=gettext_lazy("A value of the option; of a size also its tier.")
    )
    source = models.CharField(
        max_length=200, help_text=gettext_lazy("Where it is written: a page, a contract, an invoice.")
    )
    as_of = models.DateField(gettext_lazy("as of"), default=timezone.localdate)

    objects = ModelPriceQuerySet.as_manager()

    class Meta:
        ordering = ["model_key", "upstream_id", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["model_key", "gateway", "option", "value"],
                condition=Q(origin="operator", gateway__isnull=False),
                name="one_own_price_a_case_and_gateway",
            ),
            models.UniqueConstraint(
                fields=["model_key", "option", "value"],
                condition=Q(origin="operator", gateway__isnull=True),
                name="one_own_price_a_case",
            ),
            models.UniqueConstraint(
                fields=["gateway", "upstream_id"], condition=Q(origin="listing"), name="one_listed_price_a_model"
            ),
        ]
        indexes = [
            models.Index(fields=["model_key"], name="price_of_model"),
            models.Index(fields=["upstream_id"], name="price_of_upstream_id"),
        ]

    def __str__(self) -> str:
        return f"{self.model_key or self.upstream_id}: {money(self.amount, self.currency)} {self.get_per_display()}"

    def clean(self) -> None:
        """Check it as a price in a catalogue file is checked."""
        if not self.model_key:
            raise ValidationError({"model_key": _("Choose a model.")})
        same = {"model_key": self.model_key, "gateway": self.gateway, "option": self.option, "value": self.value}
        if ModelPrice.objects.filter(origin=self.Origin.OPERATOR, **same).exclude(pk=self.pk).exists():
            raise ValidationError(_("There is a price for this case already."))
        if bool(self.option) != bool(self.value):
            raise ValidationError(_("An option and its value go together."))
        if self.amount is None:
            return  # said at the field
        model = catalog().get(self.model_key)
        try:
            model.check_price(self.require_price(model))
        except ValueError as error:
            sentence = str(error).removeprefix("price: ").rstrip(".")
            raise ValidationError(f"{sentence[:1].upper()}{sentence[1:]}.") from error

    def require_price(self, model: VideoModel) -> Price:
        """Return it as the catalogue would have it. Raises ValueError when it does not fit the model (any more)."""
        when = {self.option: typed(model, self.option, self.value)} if self.option else {}
        return Price(
            per=self.per,
            amount=self.amount,
            currency=self.currency,
            source=self.source,
            as_of=f"{self.as_of:%Y-%m-%d}",
            when=when,
            gateway=self.gateway.name if self.gateway_id and self.origin == self.Origin.OPERATOR else "",
        )

    def is_listed_for(self, model: VideoModel) -> bool:
        is_listed = self.origin == self.Origin.LISTING and self.upstream_id == model.upstream_id
        return is_listed and self.gateway is not None and self.gateway.does_offer(model)

    def in_words(self, model: VideoModel) -> str:
        """Return it as people read it, with where it comes from. Raises ValueError like `require_price`."""
        price = self.require_price(model)
        at = _(" at {name}").format(name=self.gateway.name) if self.gateway and not price.gateway else ""
        return f"{price.case}{at} ({self.get_origin_display().lower()}, {price.as_of}: {price.source})"

    def as_price(self, model: VideoModel) -> Price | None:
        """Return it as a price; None when the model lost the option or the value it is for."""
        try:
            return self.require_price(model)
        except ValueError:
            return None


def typed(model: VideoModel, name: str, value: str) -> Value:
    """Return an option's value as its type, or a size's tier. Raises ValueError."""
    option = model.option(name)
    if option is None:
        raise ValueError(_("{label} has no option {name}").format(label=model.label, name=name))
    if (isinstance(option, Size) and value in option.tiers) or (option.is_open and value == GIVEN):
        return value
    try:
        read = option.read(value)
    except OptionError as error:
        raise ValueError(str(error).rstrip(".")) from error
    if read is None:
        raise ValueError(_("{name} has no value {value}").format(name=name, value=value))
    return read


# The ledger


@dataclass(frozen=True)
class Sums:
    """What is held and what was spent, in one currency: those of two are never added to one another."""

    currency: str
    held: Decimal = NOTHING
    spent: Decimal = NOTHING

    @property
    def total(self) -> Decimal:
        return self.held + self.spent

    @property
    def spent_words(self) -> str:
        return money(self.spent, self.currency)

    @property
    def held_words(self) -> str:
        return money(self.held, self.currency) if self.held else ""

    @property
    def words(self) -> str:
        """Both, as far as there is anything: "0.40 USD held, 0.25 USD spent"."""
        pairs = ((self.held, _("{sum} held")), (self.spent, _("{sum} spent")))
        return ", ".join(words.format(sum=money(amount, self.currency)) for amount, words in pairs if amount)


class LedgerQuerySet(models.QuerySet):
    def update(self, **kwargs: Any) -> NoReturn:
        raise AppendOnly("What the ledger says is not changed. Write an entry that corrects it.")

    def delete(self) -> NoReturn:
        raise AppendOnly("What the ledger says is not deleted. Write an entry that corrects it.")

    def bulk_update(self, objs: Any, fields: Any, batch_size: Any = None) -> NoReturn:
        raise AppendOnly("What the ledger says is not changed. Write an entry that corrects it.")

    def sums(self) -> dict[str, Sums]:
        """Return what is held and what was spent, all in all, by currency. One statement."""
        found = self.order_by("currency").values_list("currency").annotate(Sum("held"), Sum("spent"))
        return {currency: Sums(currency, rounded(held), rounded(spent)) for currency, held, spent in found}


class LedgerEntry(models.Model):
    """One movement of money: how much more, or less, is held, and how much more, or less, is spent.

    `number` counts the reservations of a generation from 1: each request that may be billed has its own.
    Entries are only ever added.
    """

    class Kind(models.TextChoices):
        RESERVE = "reserve", gettext_lazy("Reserved")
        SETTLE = "settle", gettext_lazy("Spent")
        RELEASE = "release", gettext_lazy("Released")
        ADJUST = "adjust", gettext_lazy("Corrected")

    generation = models.ForeignKey("generations.Generation", on_delete=models.PROTECT, related_name="ledger")
    number = models.PositiveIntegerField(default=1)
    kind = models.CharField(max_length=20, choices=Kind)
    held = models.DecimalField(max_digits=12, decimal_places=6, default=NOTHING)
    spent = models.DecimalField(max_digits=12, decimal_places=6, default=NOTHING)
    currency = models.CharField(max_length=3)
    at = models.DateTimeField(default=timezone.now)
    actor = models.CharField(max_length=150)
    reason = models.CharField(max_length=300, blank=True)

    objects = LedgerQuerySet.as_manager()

    class Meta:
        ordering = ["generation", "id"]
        verbose_name_plural = gettext_lazy("ledger entries")
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="adjust")
                | Q(kind="reserve", held__gte=0, spent=0)
                | Q(kind="settle", held__lte=0, spent__gte=0)
                | Q(kind="release", held__lte=0, spent=0),
                name="each_kind_moves_its_own_way",
            ),
            models.UniqueConstraint(
                fields=["generation", "number"], condition=Q(kind="reserve"), name="one_reserve_a_number"
            ),
            models.UniqueConstraint(
                fields=["generation", "number"], condition=Q(kind="settle"), name="one_settle_a_number"
            ),
        ]

    def __str__(self) -> str:
        amount = self.spent if self.kind == self.Kind.SETTLE else abs(self.held) or self.spent
        return f"{self.get_kind_display()} {money(amount, self.currency)}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnly("What the ledger says is not changed. Write an entry that corrects it.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly("What the ledger says is not deleted. Write an entry that corrects it.")


@dataclass(frozen=True, kw_only=True)
class Move:
    """A change of status, as far as money goes. `cost` is what the gateway says it took, in USD, when it says so.

    What it says goes before every rule about what a change means for money.
    """

    generation: int
    before: str
    after: str
    failure: str
    quote: Decimal | None
    currency: str
    policy: str
    actor: str
    cost: Decimal | None = None


@dataclass(frozen=True)
class Reservation:
    """The newest reservation of a generation: its number, what is left of it, and what was spent for it by currency.

    `is_final` once the gateway said what it took, or a person corrected it.
    """

    number: int
    held: Decimal = NOTHING
    spent: Mapping[str, Decimal] = field(default_factory=dict)
    is_settled: bool = False
    is_final: bool = False

    @property
    def is_done(self) -> bool:
        """Whether it is known what became of it: nothing is settled twice, or after a person corrected it."""
        return self.is_settled or bool(self.spent)


def follow(moves: Iterable[Move]) -> None:
    """Write what these changes of status mean for money: two statements however many, none when they mean nothing.

    Called in the transaction of the changes themselves.
    """
    kinds = [(move, kind) for move in moves if (kind := kind_of(move))]
    if not kinds:
        return
    known = newest_reservations([move.generation for move, _ in kinds])
    found = (entry for move, kind in kinds for entry in entries_of(move, kind, known.get(move.generation)))
    LedgerEntry.objects.bulk_create(found)


def kind_of(move: Move) -> str:
    """Return which kind of entry a change of status asks for; "" for none. docs/architecture.md section 3."""
    kind, edge = LedgerEntry.Kind, (move.before, move.after)
    if move.cost is not None:
        return kind.SETTLE
    if move.quote is None:
        return ""
    if edge == (Status.UNKNOWN, Status.QUEUED):
        return kind.RESERVE
    if edge == (Status.FAILED, Status.IN_PROGRESS):
        return kind.ADJUST
    if move.after == Status.DOWNLOADING:
        return kind.SETTLE
    if move.after == Status.CANCELLED:
        return kind.RELEASE
    if move.after != Status.FAILED or move.before == Status.DOWNLOADING or move.failure == Failure.GAVE_UP:
        return ""
    if move.before != Status.IN_PROGRESS:
        return kind.RELEASE  # nothing was made: it was refused, never sent, or a person confirmed it
    policies = {Gateway.FailurePolicy.BILLED: kind.SETTLE, Gateway.FailurePolicy.REFUNDED: kind.RELEASE}
    return policies.get(Gateway.FailurePolicy(move.policy), "")


def entries_of(move: Move, kind: str, last: Reservation | None) -> Iterator[LedgerEntry]:
    """Yield the entries of one change; none when the money is where it belongs already."""
    number, open_held = (last.number, last.held) if last else (1, NOTHING)
    write = partial(LedgerEntry, generation_id=move.generation, kind=kind, currency=move.currency, actor=move.actor)
    match kind:
        case LedgerEntry.Kind.RESERVE:
            held = move.quote or NOTHING
            yield write(number=number + 1 if last else 1, held=held, reason="sent again by decision")
        case LedgerEntry.Kind.ADJUST:
            if last and not last.held and not last.is_done and move.quote:
                yield write(number=number, held=move.quote, reason="held again: upstream is asked again")
        case LedgerEntry.Kind.SETTLE if move.cost is not None:
            if last and last.is_done:
                yield from corrections(move, last)
                return
            if open_held and move.currency != TOLD_IN:  # an entry has one currency
                kind, reason = LedgerEntry.Kind.RELEASE, "the gateway says what it took in another currency"
                yield write(number=number, kind=kind, held=-open_held, reason=reason)
                open_held = NOTHING
            yield write(number=number, held=-open_held, spent=rounded(move.cost), currency=TOLD_IN, reason=TOLD)
        case LedgerEntry.Kind.SETTLE:
            if last and not last.is_done and (last.held or not move.quote):
                yield write(number=number, held=-open_held, spent=open_held)
        case LedgerEntry.Kind.RELEASE if open_held:
            yield write(number=number, held=-open_held, reason=why_released(move))


def corrections(move: Move, last: Reservation) -> Iterator[LedgerEntry]:
    """Yield what makes of a sum that was only quoted the one that the gateway names later."""
    if last.is_final or move.cost is None:
        return
    told = {TOLD_IN: rounded(move.cost)}
    for currency in sorted({*last.spent, *told}):
        difference = told.get(currency, NOTHING) - last.spent.get(currency, NOTHING)
        if difference:
            yield LedgerEntry(
                **{"generation_id": move.generation, "number": last.number, "kind": LedgerEntry.Kind.ADJUST},
                **{"spent": difference, "currency": currency, "actor": move.actor, "reason": TOLD},
            )


def why_released(move: Move) -> str:
    """Return why nothing of it is held any more, in English: that is what is written down."""
    if not move.failure:
        return "withdrawn before it was sent"
    if move.before == Status.UNKNOWN:
        return "confirmed not created"
    with translation.override(settings.LANGUAGE_CODE):
        return str(Failure(move.failure).label)


def newest_reservations(generations: Collection[int]) -> dict[int, Reservation]:
    """Return the newest reservation of each generation that has one, by its key: one statement.

    Only what was quoted is ever held, so that is in one currency; what was spent may be in another.
    """
    kind = LedgerEntry.Kind
    sums = (
        LedgerEntry.objects.filter(generation__in=generations)
        .order_by("number", "currency")
        .values_list("generation", "number", "currency")
        .annotate(
            Sum("held"),
            Sum("spent"),
            settled=Count("pk", filter=Q(kind=kind.SETTLE)),
            final=Count("pk", filter=Q(reason=TOLD) | Q(kind=kind.ADJUST) & ~Q(spent=0)),
        )
    )
    found: dict[int, Reservation] = {}
    for generation, number, currency, held, paid, settled, final in sums:
        before = found.get(generation)
        one = before if before and before.number == number else Reservation(number)
        found[generation] = Reservation(
            number,
            one.held + rounded(held),
            {**one.spent, **({currency: rounded(paid)} if rounded(paid) else {})},
            one.is_settled or bool(settled),
            one.is_final or bool(final),
        )
    return found


def correct(generation: int, currency: str, spent: Decimal, *, actor: str, reason: str) -> None:
    """Write what a generation that has ended did cost after all: nothing of it is held, or in another currency."""
    sums = (
        LedgerEntry.objects.filter(generation=generation)
        .order_by("number", "currency")
        .values_list("number", "currency")
        .annotate(Sum("held"), Sum("spent"))
    )
    kept = {(number, paid_in): (rounded(held), rounded(paid)) for number, paid_in, held, paid in sums}
    last = (max((number for number, _ in kept), default=1), currency)
    so_far = sum((paid for (_, paid_in), (_, paid) in kept.items() if paid_in == currency), NOTHING)
    moves = {
        case: (-held, NOTHING if case[1] == currency else -paid) for case, (held, paid) in kept.items() if held or paid
    }
    moves[last] = (moves.get(last, (NOTHING, NOTHING))[0], spent - so_far)
    LedgerEntry.objects.bulk_create(
        LedgerEntry(
            **{"generation_id": generation, "number": number, "kind": LedgerEntry.Kind.ADJUST, "currency": paid_in},
            **{"held": held, "spent": more, "actor": actor, "reason": reason},
        )
        for (number, paid_in), (held, more) in sorted(moves.items())
        if held or more or (number, paid_in) == last
    )


PRICE_COLUMNS = tuple(field.attname for field in ModelPrice._meta.concrete_fields)
PRICES = Statement(
    lambda model, upstream_id, gateway: ModelPrice.objects.of(model, upstream_id, gateway).values_list(*PRICE_COLUMNS),
    model=str,
    upstream_id=str,
    gateway=int,
)
