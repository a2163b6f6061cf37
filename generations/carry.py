"""Options carried from one video model to another: what is still legal stays, every change is named.

Options are matched by role, then by name, so a duration stays a duration whatever it is called, and a size
becomes a ratio and a tier or the other way round.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from generations.specs import (
    Choice,
    Frame,
    IntRange,
    Option,
    OptionError,
    Size,
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

LOOK = frozenset({"size", "ratio", "tier"})


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
    """Return `values`, chosen for `old` (None: for nobody knows what), as values that `new` accepts.

    Raw and illegal values are welcome: the nearest legal one takes their place, else the default. Names that
    neither model has are ignored. Never raises; the result passes `new.clean`, unless `new` needs
    something that has no default and was not given.
    """
    old = old or new
    given = {name: raw for name, raw in values.items() if not is_absent(raw)}
    frame = frame_of(old, given)
    carried: dict[str, Value] = {}
    changes: list[Change] = []
    for option in new.options:
        before, raw = wanted(option, old, given, frame)
        value = option.default if raw is None else fitted(option, raw)
        if value is not None:
            carried[option.name] = value
        if before is not None and raw is not None and not is_same(option, value, raw):
            chosen = raw if option.role == "size" else given.get(before.name, raw)
            changes.append(changed(option, before, chosen, value, new))
    changes += left_out(old, new, given)
    return Carried(values=carried, changes=tuple(changes))


def wanted(
    option: Option, old: VideoModel, given: Mapping[str, object], frame: Frame | None
) -> tuple[Option | None, object]:
    """Return which old option means the same as this one, and what was chosen for it (None: nothing)."""
    before = counterpart(option, old)
    if before is not None:
        return before, given.get(before.name)
    if option.role not in LOOK or frame is None:
        return None, None
    before = old.option_with_role("size") or old.option_with_role("ratio")
    width, height = frame
    if option.role == "size":
        return before, f"{width}x{height}"
    return before, nearest_ratio(width / height) if option.role == "ratio" else f"{min(frame)}p"


def counterpart(option: Option, model: VideoModel) -> Option | None:
    """Return the option of `model` with the same role, else with the same name."""
    return model.option_with_role(option.role) or model.option(option.name)


def frame_of(model: VideoModel, given: Mapping[str, object]) -> Frame | None:
    """Return the frame that was chosen, by size or by ratio and tier; None when that cannot be read."""
    chosen = {option.role: given.get(option.name, option.default) for option in model.options if option.role in LOOK}
    return parse_frame(chosen.get("size")) or nominal_frame(chosen.get("ratio"), chosen.get("tier"))


def fitted(option: Option, raw: object) -> Value | None:
    """Return `raw` where it is legal, else the nearest legal value, else the default."""
    try:
        return option.read(raw)
    except OptionError:
        near = nearest(option, raw)
        return option.default if near is None else near


def nearest(option: Option, raw: object) -> Value | None:
    """Return the legal value nearest to `raw`, None where nearness means nothing. Ties go to the smaller."""
    number = parse_integer(raw)
    match option:
        case Size():
            frame = parse_frame(raw)
            return None if frame is None else min(option.values, key=lambda value: frame_distance(option, value, frame))
        case IntRange() if number is not None:
            return min(max(number, option.low), option.high)
        case Choice() if option.is_numeric and number is not None:
            numbers = [int(value) for value in option.values]
            return min(numbers, key=lambda value: (abs(value - number), value))
        case Choice(role="ratio") if parse_ratio(raw) is not None:
            return nearest_ratio(parse_ratio(raw) or 1, [str(value) for value in option.values])
        case Choice(role="tier") if parse_tier(raw) is not None:
            wanted_side = parse_tier(raw) or 0
            tiers = [str(value) for value in option.values]
            return min(tiers, key=lambda value: abs((parse_tier(value) or 0) - wanted_side))
    return None


def frame_distance(option: Size, value: str, frame: Frame) -> tuple[bool, float]:
    """Return how far a size is from a frame: another ratio is farther than any difference of area."""
    width, height = option.frame(value)
    is_other_ratio = option.ratio_of(value) != nearest_ratio(frame[0] / frame[1])
    shape = abs(width / height - frame[0] / frame[1]) if is_other_ratio else 0
    return is_other_ratio, shape * 1e9 + abs(width * height - frame[0] * frame[1])


def is_same(option: Option, value: Value | None, raw: object) -> bool:
    """Say whether the new value still means what was given: 1280*720 is 1280x720."""
    if value is None:
        return False
    if isinstance(option, Size):
        return parse_frame(value) == parse_frame(raw)
    try:
        return option.read(raw) == value
    except OptionError:
        return False


def changed(option: Option, before: Option, raw: object, value: Value | None, new: VideoModel) -> Change:
    was = before.words(raw)
    now = "" if value is None else option.words(value)
    done = f"set to {now}" if now else "left out"
    sentence = f"{was} is not offered by {new.label}: {done}"
    return Change(option=option.name, label=option.label, before=was, after=now, sentence=sentence)


def left_out(old: VideoModel, new: VideoModel, given: Mapping[str, object]) -> Iterable[Change]:
    """Yield what was chosen on purpose and the new model has nothing like."""
    has_look = any(option.role in LOOK for option in new.options)
    for option in old.options:
        raw = given.get(option.name)
        if raw is None or counterpart(option, new) is not None or (option.role in LOOK and has_look):
            continue
        try:
            if option.read(raw) == option.default:
                continue
        except OptionError:
            continue  # it meant nothing before either
        name = option.label[:1].lower() + option.label[1:]
        sentence = f"{new.label} has no {name}: left out"
        yield Change(option=option.name, label=option.label, before=option.words(raw), after="", sentence=sentence)
