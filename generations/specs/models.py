"""A video model: its options put together, what is stored, what is sent, and what that asks for."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from generations.specs.options import GIVEN, ImageFile, Option, OptionError, OptionErrors, Size, Value, Wire
from generations.specs.prices import Price
from generations.specs.reading import is_absent, listed, nominal_frame, parse_frame, parse_integer, quoted
from generations.specs.wording import _

STATUSES = ("active", "beta", "paused", "retired")
SOURCES = ("video_url", "content")
DATE = re.compile(r"[0-9]{4}-[01][0-9]-[0-3][0-9]")
KEY = re.compile(r"[a-z][a-z0-9-]*/[a-z0-9][a-z0-9._-]*")


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What a provider says it delivers when `asked` (option name to value) is chosen: a frame as WxH."""

    asked: Mapping[str, str]
    frame: str


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The frame in pixels and the length that a choice of options means, as far as they say."""

    width: int | None
    height: int | None
    seconds: int | None


@dataclass(frozen=True, kw_only=True)
class VideoModel:
    """One entry of the catalogue. Raises ValueError with a reason when it contradicts itself."""

    key: str
    label: str
    maker: str
    dialect: str
    upstream_id: str
    status: str
    source: str
    description: str
    sources: tuple[str, ...] = SOURCES
    options: tuple[Option, ...] = ()
    prompt_max: int = 5000
    observed: tuple[Observed, ...] = ()
    prices: tuple[Price, ...] = ()
    retired_on: str = ""
    successor: str = ""
    is_usual: bool = False  # what the composer begins with for somebody who has made nothing yet

    def __hash__(self) -> int:
        return hash(self.key)

    def __post_init__(self) -> None:
        if not KEY.fullmatch(self.key):
            raise ValueError(f"key {self.key!r} is not spelled like family/model")
        for name in ("label", "maker", "dialect", "upstream_id", "source", "description"):
            if not getattr(self, name).strip():
                raise ValueError(f"{name} is missing")
        if self.status not in STATUSES:
            raise ValueError(f"status {self.status!r} is not one of {', '.join(STATUSES)}")
        if self.status == "retired" and not self.retired_on:
            raise ValueError("retired_on is missing")
        if self.retired_on and not DATE.fullmatch(self.retired_on):
            raise ValueError(f"retired_on {self.retired_on!r} is not spelled like 2026-09-24")
        if not self.sources or not set(self.sources) <= set(SOURCES) or len(set(self.sources)) != len(self.sources):
            raise ValueError(f"sources are not some of {', '.join(SOURCES)}")
        if self.prompt_max < 1:
            raise ValueError("prompt_max is below 1")
        self.check_names()
        for option in self.options:
            self.check_rules(option)
        for observed in self.observed:
            self.check_observed(observed)
        self.check_prices()

    def check_names(self) -> None:
        for what, found in {
            "option": [option.name for option in self.options],
            "path": [option.path for option in self.options],
            "role": [option.role for option in self.options if option.role],
        }.items():
            doubled = {name for name in found if found.count(name) > 1}
            if what == "path":  # two ways to say one thing, such as a file and a link, of which only one is sent
                doubled = {path for path in doubled if not self.is_one_of_two(path)}
            if doubled:
                raise ValueError(f"{what} {listed(sorted(doubled))} is given twice")
        for option in self.options:
            if any(other.path.startswith(f"{option.path}.") for other in self.options):
                raise ValueError(f"option {option.name}: path {option.path} is also the folder of another option")

    def is_one_of_two(self, path: str) -> bool:
        """Say whether of the options at a path never more than one is sent."""
        first, *others = [option for option in self.options if option.path == path]
        return len(others) == 1 and (others[0].name in first.overridden_by or first.name in others[0].overridden_by)

    def check_rules(self, option: Option) -> None:
        rules = {"requires": option.requires, "overridden_by": option.overridden_by, "needs": option.needs}
        for rule, names in rules.items():
            for name in names:
                if name == option.name or self.option(name) is None:
                    raise ValueError(f"option {option.name}: {rule} names {name}, which is no other option")
        for name, value in option.requires.items():
            other = self.option(name)
            if other is not None and not other.is_value(value):
                raise ValueError(f"option {option.name}: requires {name} to be {value}, which it cannot be")

    def check_observed(self, observed: Observed) -> None:
        for name, value in observed.asked.items():
            option = self.option(name)
            if option is None or not option.is_value(value):
                raise ValueError(f"observed: {name} {value} cannot be asked for")
        if not observed.asked or parse_frame(observed.frame) is None:
            raise ValueError(f"observed: {observed.frame} is not a frame such as 1280x720, or nothing was asked")

    def check_prices(self) -> None:
        for place, price in enumerate(self.prices):
            self.check_price(price)
            if any((price.when, price.gateway) == (other.when, other.gateway) for other in self.prices[:place]):
                raise ValueError("price: two are for the same case")

    def check_price(self, price: Price) -> None:
        """Raise ValueError when a price is for a value that cannot be chosen, or for seconds nobody can choose."""
        for name, value in price.when.items():
            option = self.option(name)
            is_tier = isinstance(option, Size) and value in option.tiers
            is_given = option is not None and option.is_open and value == GIVEN
            if option is None or not (is_tier or is_given or option.is_value(value)):
                raise ValueError(f"price: {name} {value} cannot be chosen")
        if price.per == "second" and self.option_with_role("seconds") is None:
            raise ValueError("price: it is per second, but no option says how many")

    @property
    def family(self) -> str:
        return self.key.partition("/")[0]

    @property
    def is_choosable(self) -> bool:
        return self.status in {"active", "beta"}

    def option(self, name: str) -> Option | None:
        return next((option for option in self.options if option.name == name), None)

    def label_of(self, name: str) -> str:
        option = self.option(name)
        return _(option.label) if option else name

    def option_with_role(self, role: str) -> Option | None:
        return next((option for option in self.options if role and option.role == role), None)

    def clean(self, values: Mapping[str, object]) -> dict[str, Value]:
        """Return every option that has a value, typed, defaults filled in, by name.

        An option that will not be sent (see `sent`) keeps its value: nothing typed is lost.
        Raises OptionErrors with every sentence at once, also for names this model does not have.
        """
        return self.checked({option.name: None for option in self.options} | dict(values))

    def checked(self, values: Mapping[str, object]) -> dict[str, Value]:
        """Return the named options that have a value, typed. Raises OptionErrors."""
        cleaned: dict[str, Value] = {}
        errors: dict[str, list[str]] = {}
        for name, raw in values.items():
            option = self.option(name)
            if option is None:
                errors[quoted(name)] = [
                    _("{model} has no option '{name}'.").format(model=self.label, name=quoted(name))
                ]
                continue
            try:
                value = option.clean(raw)
            except OptionError as error:
                errors[name] = [error.sentence]
            else:
                if value is not None:
                    cleaned[name] = value
        for option in self.options:  # what is not sent need not be given
            if option.name in errors and is_absent(values.get(option.name)) and not self.is_sent(option, cleaned):
                del errors[option.name]
        for option in self.options:
            missing = [self.label_of(name) for name in option.needs if is_absent(values.get(name))]
            if option.name in cleaned and missing:
                sentence = _("{label} is only taken together with {others}.")
                errors[option.name] = [sentence.format(label=_(option.label), others=", ".join(missing))]
        if errors:
            raise OptionErrors(errors)
        return cleaned

    def rules_of(self, option: Option) -> list[str]:
        """Return when an option is sent and when it may be given, a sentence each."""
        found = []
        for name, value in option.requires.items():
            other = self.option(name)
            on = other.words(value) if other else str(value)
            found.append(_("Only sent while {label} is {value}.").format(label=self.label_of(name), value=on))
        for sentence, names in (
            (_("Not sent beside {label}."), option.overridden_by),
            (_("Only together with {label}."), option.needs),
        ):
            found += [sentence.format(label=", ".join(map(self.label_of, names)))] if names else []
        return found

    def is_sent(self, option: Option, values: Mapping[str, object]) -> bool:
        """Say whether the rules let this option on the wire beside these clean values."""
        met = all(values.get(name) == value for name, value in option.requires.items())
        return met and all(is_absent(values.get(name)) for name in option.overridden_by)

    def sent(self, values: Mapping[str, object]) -> dict[str, Wire]:
        """Return exactly what goes on the wire for values that `clean` returned: typed, by dotted path.

        Absent: what has no value, images, unmet `requires`, and whatever `overridden_by` is given for.
        Nothing is filled in here: what is stored is what is sent. Raises OptionErrors when a value is
        not legal, so a changed catalogue never changes a request silently.
        """
        given = self.checked({name: raw for name, raw in values.items() if not is_absent(raw)})
        fields: dict[str, Wire] = {}
        for option in self.options:
            value = given.get(option.name)
            if value is None or isinstance(value, list) or isinstance(option, ImageFile):
                continue
            if self.is_sent(option, given):
                fields[option.path] = option.wire(value)
        return fields

    def is_met(self, when: Mapping[str, Value], values: Mapping[str, object]) -> bool:
        """Say whether the values that count (`counted`) fulfil a price's `when`."""
        return all(self._is_chosen(name, wanted, values.get(name)) for name, wanted in when.items())

    def _is_chosen(self, name: str, wanted: Value, value: object) -> bool:
        option = self.option(name)
        if option is None or is_absent(value):
            return False
        is_given = option.is_open and wanted == GIVEN
        return is_given or value == wanted or (isinstance(option, Size) and value in option.tiers.get(str(wanted), ()))

    def counted(self, values: Mapping[str, object], scene: Mapping[str, object]) -> dict[str, object]:
        """Return what a price goes by: the clean values that are sent, and of the `scene` of a source the others."""
        sent = {option.name for option in self.options if self.is_sent(option, values)}
        return {name: value for name, value in scene.items() if name not in sent} | {
            name: value for name, value in values.items() if name in sent
        }

    def quote(
        self, prices: Collection[Price], values: Mapping[str, object], scene: Mapping[str, object]
    ) -> tuple[Price, Decimal | None] | None:
        """Return the price for these clean values and what it makes of them; None when none is for them.

        `scene` are the values of the video they remix, which decide what is not sent: its length and size.
        """
        counted = self.counted(values, scene) if prices else {}
        price = self.fitting(prices, counted)
        if price is None:
            return None
        seconds = self.option_with_role("seconds")
        return price, price.cost(parse_integer(counted.get(seconds.name)) if seconds else None)

    def fitting(self, prices: Iterable[Price], counted: Mapping[str, object]) -> Price | None:
        """Return the price for the values that count, the most particular one first; None when none is for them."""
        found = [price for price in prices if self.is_met(price.when, counted)]
        return max(found, key=lambda price: (bool(price.gateway), len(price.when)), default=None)

    def asked(self, values: Mapping[str, object]) -> Asked:
        """Return the frame and the length that clean values mean, where they are sent; None where they do not say."""
        chosen = {
            option.role: values.get(option.name)
            for option in self.options
            if option.role and self.is_sent(option, values)
        }
        frame = parse_frame(chosen.get("size")) or nominal_frame(chosen.get("ratio"), chosen.get("tier"))
        width, height = frame or (None, None)
        return Asked(width=width, height=height, seconds=parse_integer(chosen.get("seconds")))
