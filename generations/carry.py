"""Options carried from one video model to another: what is still legal stays, every change is named.

Options are matched by role, then by name, so a duration stays a duration whatever it is called, and a size
becomes a ratio and a tier or the other way round.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from generations.specs import (
    Choice,
    Flag,
    Frame,
    ImageFile,
    IntRange,
    Option,
    OptionError,
    Size,
    Text,
    Url,
    Value,
    VideoModel,
    is_absent,
    nearest_ratio,
    nominal_frame,
    parse_frame,
    parse_integer,
    parse_ratio,
    parse_tier,
)
from generations.specs.wording import _

# What can stand in for what when a model has no option of the very role.
STAND_INS = {"size": ("ratio", "tier"), "ratio": ("size",), "tier": ("size",)}


@dataclass(frozen=True, kw_only=True)
class Change:
    """One option that could not stay as it was: before and after in words, after "" when it was left out."""

    option: str
    label: str
    before: str
    after: str
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Carried:
    """Clean values for the new model, by option name, and what had to change."""

    values: dict[str, Value]
    changes: tuple[Change, ...]


def carry(old: VideoModel | None, new: VideoModel, values: Mapping[str, object]) -> Carried:
    """Return `values`, chosen for `old` (None: nobody knows for what), as values that `new` accepts.

    Raw and illegal values are welcome: the nearest legal one takes their place, else the default. Names that
    neither model has are ignored. Never raises; the result passes `new.clean`, unless `new` needs
    something that has no default and was not given.
    """
    given = {name: raw for name, raw in values.items() if not is_absent(raw)}
    move = Move(old or new, new, given)
    handled = move.carry_look()
    for option in new.options:
        if option.name not in handled:
            move.carry_option(option)
    move.leave_out()
    move.drop_what_stands_alone()
    return Carried(
        values={option.name: move.values[option.name] for option in new.options if option.name in move.values},
        changes=tuple(move.changes),
    )


class Move:
    """One carrying under way: fills `values` and `changes`."""

    def __init__(self, old: VideoModel, new: VideoModel, given: Mapping[str, object]) -> None:
        self.old, self.new, self.given = old, new, given
        self.values: dict[str, Value] = {}
        self.changes: list[Change] = []

    def carry_option(self, option: Option) -> None:
        """Keep what was given for the option it was before, or take the nearest, or the default."""
        before = counterpart(option, self.old)
        raw = self.given.get(before.name) if before else None
        if before is None or raw is None:
            return self.set(option, option.default)
        try:
            return self.set(option, option.read(raw))
        except OptionError as error:
            near = nearest(option, raw)
            self.set(option, option.default if near is None else near)
            if near is None or parse_frame(near) is None or parse_frame(near) != parse_frame(raw):
                self.name_change(option, before.words(raw), error)

    def carry_look(self) -> set[str]:
        """Carry a size to a ratio and a tier, or back. Return the names of the options that are done."""
        size, shape = self.new.option_with_role("size"), shape_options(self.new)
        size_before, shape_before = self.old.option_with_role("size"), shape_options(self.old)
        if isinstance(size, Size) and size_before is None and shape_before:
            self.take_size(size, shape_before)
            return {size.name}
        if isinstance(size_before, Size) and size is None and shape:
            self.take_shape(shape, size_before)
            return {option.name for option in shape.values()}
        return set()

    def take_size(self, size: Size, before: Mapping[str, Option]) -> None:
        """Take the size that a ratio and a tier mean, or the nearest; one that says nothing is as usual."""
        raws = {role: self.given.get(option.name) for role, option in before.items()}
        if all(raw is None for raw in raws.values()):
            return self.set(size, size.default)
        usual = str(size.default or size.values[0])
        said = {role: option.default if raws[role] is None else raws[role] for role, option in before.items()}
        ratio = said["ratio"] if parse_ratio(said.get("ratio")) else size.ratio_of(usual)
        tier = said["tier"] if parse_tier(said.get("tier")) else size.tier_of(usual)
        value = nearest_size(size, nominal_frame(ratio, tier) or size.frame(usual), parse_tier(tier))
        self.set(size, value)
        if not is_kept(size.frame(value), said):
            words = [option.words(said[role]) for role, option in before.items() if said[role] is not None]
            self.name_change(size, ", ".join(words))
        return None

    def take_shape(self, shape: Mapping[str, Option], before: Size) -> None:
        """Take the ratio and the tier nearest to a size; when that means another frame, name it once."""
        raw = self.given.get(before.name)
        frame = parse_frame(raw)
        for role, option in shape.items():
            wanted = None if frame is None else shape_of(before, str(raw), frame)[role]
            self.set(option, option.default if wanted is None else nearest(option, wanted))
        after = {role: self.values.get(option.name) for role, option in shape.items()}
        if raw is not None and (frame is None or not is_kept(frame, after)):
            words = [option.words(after[role]) for role, option in shape.items() if after[role] is not None]
            self.name_change(next(iter(shape.values())), before.words(raw), after=", ".join(words))

    def leave_out(self) -> None:
        """Name what was chosen and has no place in the new model; a default goes without a word."""
        for option in self.old.options:
            raw = self.given.get(option.name)
            stand_ins = (self.new.option_with_role(role) for role in STAND_INS.get(option.role, ()))
            if raw is None or counterpart(option, self.new) or any(stand_ins):
                continue
            if not option.is_same(raw, option.default):
                label = _(option.label)
                what = f"{label[:1].lower()}{label[1:]}"
                is_flag = isinstance(option, Flag)
                sentence = (
                    _("{model} has no {what} setting: left out") if is_flag else _("{model} has no {what}: left out")
                )
                self.add(option, option.words(raw), "", sentence.format(model=self.new.label, what=what))

    def drop_what_stands_alone(self) -> None:
        """Leave out what the new model takes only together with something that is not there."""
        for option in self.new.options:
            if option.name in self.values and any(is_absent(self.values.get(name)) for name in option.needs):
                value = self.values.pop(option.name)
                others = ", ".join(self.new.label_of(name) for name in option.needs)
                sentence = _("{model} takes {label} only together with {others}: left out")
                facts = {"model": self.new.label, "label": _(option.label), "others": others}
                self.add(option, option.words(value), "", sentence.format(**facts))

    def set(self, option: Option, value: Value | None) -> None:
        if value is not None:
            self.values[option.name] = value

    def name_change(
        self, option: Option, before: str, error: OptionError | None = None, *, after: str | None = None
    ) -> None:
        if after is None:
            after = option.words(self.values[option.name]) if option.name in self.values else ""
        sentence = _("{before} is not offered by {model}: left out")
        if after:
            sentence = _("{before} is not offered by {model}: set to {after}")
        sentence = sentence.format(before=before, model=self.new.label, after=after)
        if error is not None and isinstance(option, Text | Url | ImageFile):  # words and links are not "offered"
            kept = isinstance(option, Text) and option.name in self.values
            sentence = f"{error.sentence} {_('Cut to that length.') if kept else _('Left out.')}"
        self.add(option, before, after, sentence)

    def add(self, option: Option, before: str, after: str, sentence: str) -> None:
        self.changes.append(
            Change(option=option.name, label=option.label, before=before, after=after, sentence=sentence)
        )


def counterpart(option: Option, model: VideoModel) -> Option | None:
    """Return the option of another model that means the same: by role, else by name."""
    by_role = model.option_with_role(option.role)
    named = model.option(option.name)
    if by_role or named is None or (named.role and option.role):
        return by_role
    return named


def shape_options(model: VideoModel) -> dict[str, Option]:
    """Return the options that describe a frame by ratio and tier, by role."""
    found = {role: model.option_with_role(role) for role in ("ratio", "tier")}
    return {role: option for role, option in found.items() if option is not None}


def shape_of(size: Size, value: str, frame: Frame) -> dict[str, str]:
    """Return the ratio and the tier of a frame, by role; a size the model documents is in its documented tier."""
    tier = size.tier_of(value) if value in size.values else f"{max(100, min(*frame, 9999))}p"
    return {"ratio": nearest_ratio(frame[0] / frame[1]), "tier": tier}


def is_kept(frame: Frame, said: Mapping[str, object]) -> bool:
    """Say whether a ratio, a tier or both (by role) mean this frame, as far as they say."""
    if len(said) == 2:
        return nominal_frame(said["ratio"], said["tier"]) == frame
    if "tier" in said:
        return parse_tier(said["tier"]) == min(frame)
    shape = parse_ratio(said.get("ratio"))
    return shape is not None and nearest_ratio(shape) == nearest_ratio(frame[0] / frame[1])


def nearest(option: Option, raw: object) -> Value | None:
    """Return the legal value nearest to an illegal one; None when nothing is near."""
    match option:
        case Choice(role="ratio"):
            shape = parse_ratio(raw)
            return None if shape is None else nearest_ratio(shape, [str(value) for value in option.values])
        case Choice(role="tier"):
            return nearest_number(parse_tier(raw), {parse_tier(value) or 0: value for value in option.values})
        case Choice():
            numbers = {value: value for value in option.values if isinstance(value, int)}
            return nearest_number(parse_integer(raw), numbers)
        case IntRange():
            number = parse_integer(raw)
            return None if number is None else min(max(number, option.low), option.high)
        case Size():
            frame = parse_frame(raw)
            return None if frame is None else nearest_size(option, frame)
        case Text():
            return nearest_text(option, raw)
    return None


def nearest_number(number: int | None, values: Mapping[int, Value]) -> Value | None:
    """Return the value whose number is nearest, the lower of two."""
    if number is None or not values:
        return None
    return values[min(values, key=lambda candidate: (abs(candidate - number), candidate))]


def nearest_size(size: Size, frame: Frame, tier: int | None = None) -> str:
    """Return the size of the same frame, else of the same ratio, then tier (when known), then nearest area."""
    ratio, area = nearest_ratio(frame[0] / frame[1]), frame[0] * frame[1]

    def distance(value: str) -> tuple[bool, bool, bool, int, float]:
        width, height = size.frame(value)
        return (
            (width, height) != frame,
            size.ratio_of(value) != ratio,
            tier is not None and parse_tier(size.tier_of(value)) != tier,
            abs(width * height - area),
            abs(math.log(width / height * frame[1] / frame[0])),
        )

    return min(size.values, key=distance)


def nearest_text(option: Text, raw: object) -> str | None:
    """Return text cut to the length allowed, None when that is not what is wrong with it."""
    try:
        return str(option.read(raw.strip()[: option.max_length])) if isinstance(raw, str) else None
    except OptionError:
        return None
