"""The kinds of option: each turns raw input into a typed value, or says in one sentence what is allowed."""

import math
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from generations.specs.reading import (
    Frame,
    is_absent,
    is_public_host,
    listed,
    nearest_ratio,
    parse_frame,
    parse_integer,
    parse_ratio,
    parse_tier,
    positive,
    quoted,
)
from generations.specs.wording import _

type Scalar = str | int | bool
type Value = Scalar | list[str]  # several images are the list of their ids
type Wire = Scalar | float
type WireType = Literal["string", "integer", "number", "boolean"]

WIRE_TYPES = ("string", "integer", "number", "boolean")
ENCODINGS = ("file", "data_uri", "base64")
GIVEN = "given"  # what a price may ask of an option whose values are nobody's list
# What a request carries beside its options.
RESERVED = frozenset({"model", "prompt"})

NAME = re.compile(r"[a-z][a-z0-9_]*")
PATH = re.compile(r"[a-z][A-Za-z0-9_]*(\.[a-z][A-Za-z0-9_]*)*")
UPLOAD = re.compile(r"[0-9A-Za-z-]{1,64}")
DECIMAL = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,4})?", re.ASCII)


class OptionError(ValueError):
    """One value is not legal; the text is a sentence for the person who chose it."""

    @property
    def sentence(self) -> str:
        return str(self)


class OptionErrors(ValueError):
    """Some options of one request are not legal: sentences by option name."""

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        self.errors = dict(errors)
        super().__init__(" ".join(sentence for found in self.errors.values() for sentence in found))


@dataclass(frozen=True, kw_only=True)
class Option:
    """One control of a video model; the kinds below say what it accepts.

    `path` says where the value goes in the request, `type` as what it is sent. `requires` and
    `overridden_by` decide whether it is sent at all, never whether it may be chosen; `needs` names
    options without which it may not be given.
    """

    kind: ClassVar[str] = ""
    roles: ClassVar[frozenset[str]] = frozenset()
    allowed_for_data: ClassVar[str] = "among its values"
    is_open: ClassVar[bool] = False  # words, links and images: no list holds them

    name: str
    label: str
    path: str = ""
    type: WireType = "string"
    help: str = ""
    required: bool = False
    default: Value | None = None
    advanced: bool = False
    role: str = ""
    preference: bool = False
    requires: Mapping[str, Value] = field(default_factory=dict)
    overridden_by: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError with a reason when this could never work."""
        object.__setattr__(self, "path", self.path or self.name)
        if not NAME.fullmatch(self.name) or self.name in RESERVED:
            raise ValueError(f"name {self.name!r} is not a name of its own in small letters")
        if not PATH.fullmatch(self.path) or self.path.partition(".")[0] in RESERVED:
            raise ValueError(f"path {self.path!r} is not a free place in the request")
        if not self.label.strip():
            raise ValueError("label is empty")
        if self.type not in WIRE_TYPES:
            raise ValueError(f"type {self.type!r} is not one of {', '.join(WIRE_TYPES)}")
        if self.role and self.role not in self.roles:
            raise ValueError(f"role {self.role!r} does not suit kind {self.kind!r}")
        self.check()
        self.check_default()

    def check(self) -> None:
        """Raise ValueError when what this kind adds does not hold together."""

    def check_default(self) -> None:
        if self.default is not None and not self.is_value(self.default):
            raise ValueError(f"default {self.default} is not {self.allowed_for_data}")

    def is_value(self, value: object) -> bool:
        """Say whether `value` is legal and already typed: "5" is not 5, True is not 1."""
        try:
            read = self.read(value)
        except OptionError:
            return False
        return type(read) is type(value) and read == value

    def is_same(self, raw: object, value: Value | None) -> bool:
        """Say whether `raw` means this value."""
        try:
            return self.read(raw) == value
        except OptionError:
            return False

    def clean(self, raw: object) -> Value | None:
        """Return the typed value, the default when nothing was given, None when there is neither.

        Raises OptionError, a sentence that names what is allowed.
        """
        if not is_absent(raw):
            return self.read(raw)
        if self.required and self.default is None:
            raise self.problem(_("{label} is needed."))
        return self.default

    def read(self, raw: object) -> Value | None:
        """Return the typed value of something that was given. Raises OptionError."""
        raise NotImplementedError

    def words(self, value: object) -> str:
        """Return a value as a person reads it, e.g. "5 s"."""
        return quoted(value)

    def wire(self, value: Scalar) -> Wire:
        """Return a clean value as the type that is sent."""
        if self.type == "number":
            return float(value)
        if self.type == "string":
            return str(value).lower() if isinstance(value, bool) else str(value)
        return value

    def problem(self, sentence: str, **facts: object) -> OptionError:
        """Return a sentence about this option as what is raised."""
        return OptionError(sentence.format(label=_(self.label), **facts))

    def refuse(self, raw: object, allowed: str) -> OptionError:
        sentence = _("{label} can be {allowed}, not {given}.")
        return self.problem(sentence, allowed=allowed, given=quoted(raw))


@dataclass(frozen=True, kw_only=True)
class Choice(Option):
    """One of a few values, all text or all integers; texts of decimals, such as "0.5", may be sent as numbers."""

    kind = "choice"
    roles = frozenset({"seconds", "ratio", "tier"})

    values: tuple[str, ...] | tuple[int, ...]
    unit: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    def check(self) -> None:
        if not self.values or len({str(value) for value in self.values}) != len(self.values):
            raise ValueError("values are missing or doubled")
        if not self.is_numeric and not all(isinstance(value, str) and value.strip() for value in self.values):
            raise ValueError("values are neither all text nor all integers")
        if self.type == "boolean" or (self.type == "integer" and not self.is_numeric):
            raise ValueError(f"type {self.type!r} does not suit its values")
        if self.type == "number" and not all(plain_decimal(value) == value for value in self.values):
            raise ValueError("values to be sent as numbers are not spelled like 0.5")
        if unknown := set(self.labels) - {str(value) for value in self.values}:
            raise ValueError(f"labels name {listed(sorted(unknown))}, not among its values")
        parse = {"ratio": parse_ratio, "tier": parse_tier, "seconds": positive}
        if self.role and not all(parse[self.role](value) for value in self.values):
            raise ValueError(f"values cannot be read as {self.role}")

    @property
    def is_numeric(self) -> bool:
        return all(isinstance(value, int) and not isinstance(value, bool) for value in self.values)

    def read(self, raw: object) -> Value:
        number = parse_integer(raw)
        given = number if self.is_numeric or not isinstance(raw, str) else raw.strip()
        if self.type == "number" and not isinstance(raw, bool):
            given = plain_decimal(raw)
        for value in self.values:
            if value == given or (isinstance(given, int) and value == str(given)):
                return value
        unit = f" {_(self.unit)}" if self.unit else ""
        raise self.refuse(raw, listed(str(value) for value in self.values) + unit)

    def words(self, value: object) -> str:
        return _(self.labels.get(str(value), "")) or f"{quoted(value)} {_(self.unit)}".strip()


def plain_decimal(raw: object) -> str | None:
    """Return a number as a choice spells it: "0.5" for 0.50; None for what is none, or has many digits."""
    text = str(raw).strip()
    return f"{Decimal(text).normalize():f}" if DECIMAL.fullmatch(text) else None


@dataclass(frozen=True, kw_only=True)
class Size(Option):
    """One frame of those the model documents, by tier; spelled 1280x720, 1280*720 or 1280:720 as the wire wants it."""

    kind = "size"
    roles = frozenset({"size"})

    tiers: Mapping[str, tuple[str, ...]]

    def check(self) -> None:
        if not self.values or not all(self.tiers.values()):
            raise ValueError("a tier is empty or missing")
        for tier in self.tiers:
            if parse_tier(tier) is None:
                raise ValueError(f"tier {tier} is not spelled like 720p or 4K")
        for value in self.values:
            if parse_frame(value) is None:
                raise ValueError(f"size {value} is not spelled like 1280x720")
        if len({parse_frame(value) for value in self.values}) != len(self.values):
            raise ValueError("values are doubled")
        if self.type != "string":
            raise ValueError("a size is sent as a string")

    @property
    def values(self) -> tuple[str, ...]:
        return tuple(value for values in self.tiers.values() for value in values)

    def read(self, raw: object) -> str:
        given = raw.strip() if isinstance(raw, str) else ""
        if given not in self.values:
            raise self.refuse(raw, listed(self.values))
        return given

    def frame(self, value: str) -> Frame:
        """Return (width, height) in pixels. Raises ValueError for text that is no frame."""
        frame = parse_frame(value)
        if frame is None:
            raise ValueError(f"{value!r} is not a frame")
        return frame

    def tier_of(self, value: str) -> str:
        """Return the documented tier of one of the values, e.g. "720p". Raises ValueError for others."""
        for tier, values in self.tiers.items():
            if value in values:
                return tier
        raise ValueError(f"{value!r} is in no tier of {self.name}")

    def ratio_of(self, value: str) -> str:
        """Return the nearest usual ratio, e.g. "4:3" for 1088x832. Raises ValueError for no frame."""
        width, height = self.frame(value)
        return nearest_ratio(width / height)

    def words(self, value: object) -> str:
        frame = parse_frame(value)
        return f"{frame[0]}x{frame[1]}" if frame else quoted(value)


@dataclass(frozen=True, kw_only=True)
class IntRange(Option):
    """Any integer from low to high, both included."""

    kind = "integer"
    roles = frozenset({"seconds", "seed"})
    allowed_for_data = "an integer within its range"

    low: int
    high: int
    unit: str = ""

    def check(self) -> None:
        if self.low >= self.high:
            raise ValueError(f"low {self.low} is not below high {self.high}")
        if self.type in {"boolean", "number"}:
            raise ValueError(f"an integer is not sent as a {self.type}")
        if self.role == "seconds" and self.low < 1:
            raise ValueError("a clip lasts at least one second")

    def read(self, raw: object) -> int:
        number = parse_integer(raw)
        if number is None or not self.low <= number <= self.high:
            allowed = _("a whole number from {low} to {high}").format(low=self.low, high=self.words(self.high))
            raise self.refuse(raw, allowed)
        return number

    def words(self, value: object) -> str:
        return f"{quoted(value)} {_(self.unit)}".strip()


@dataclass(frozen=True, kw_only=True)
class Text(Option):
    """Words; line ends are stored as one newline, space around them is dropped."""

    kind = "text"
    roles = frozenset({"negative", "remix"})
    allowed_for_data = "text of its length"
    is_open = True

    max_length: int
    multiline: bool = False

    def check(self) -> None:
        if self.max_length < 1:
            raise ValueError("max_length is below 1")
        if self.type != "string":
            raise ValueError("text is sent as a string")

    def read(self, raw: object) -> str:
        if not isinstance(raw, str):
            raise self.problem(_("{label} must be text, not {given}."), given=quoted(raw))
        text = raw.replace("\r\n", "\n").replace("\r", "\n").strip()
        # A lone surrogate is legal in Python and JSON, but neither the wire nor a database can hold it.
        if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
            raise self.problem(_("{label} contains characters that cannot be sent."))
        if "\n" in text and not self.multiline:
            raise self.problem(_("{label} must be a single line."))
        if len(text) > self.max_length:
            raise self.problem(
                _("{label} can have at most {most} characters; this has {count}."),
                most=self.max_length,
                count=len(text),
            )
        return text


@dataclass(frozen=True, kw_only=True)
class Url(Option):
    """A public https link that the gateway will fetch."""

    kind = "url"
    roles = frozenset({"audio_url", "edit"})
    allowed_for_data = "a public https link"
    is_open = True

    max_length: int = 2048

    def check(self) -> None:
        if self.type != "string":
            raise ValueError("a link is sent as a string")

    def read(self, raw: object) -> str:
        url = raw.strip() if isinstance(raw, str) else ""
        if len(url) > self.max_length:
            raise self.problem(
                _("{label} can have at most {most} characters; this has {count}."), most=self.max_length, count=len(url)
            )
        # Backslashes and controls are where parsers disagree about which host a link means.
        if not re.fullmatch(r"[!-~]+", url) or "\\" in url:
            raise self.problem(_("{label} must be a link such as https://example.com/sound.mp3, without spaces."))
        try:
            parts = urlsplit(url)
            host, __ = parts.hostname, parts.port  # an impossible port raises here
        except ValueError:
            raise self.problem(_("{label} is not a link that can be read.")) from None
        if parts.scheme != "https" or not host:
            raise self.problem(_("{label} must begin with https://."))
        if "@" in parts.netloc:
            raise self.problem(_("{label} must not contain a user name or a password."))
        if "%" in host or not is_public_host(host):
            raise self.problem(_("{label} must be on a public host that the gateway can reach."))
        return url


@dataclass(frozen=True, kw_only=True)
class Flag(Option):
    """On or off; it always has a value."""

    kind = "flag"
    roles = frozenset({"audio"})
    allowed_for_data = "true or false"

    ON: ClassVar = frozenset({"true", "on", "1", "yes"})
    OFF: ClassVar = frozenset({"false", "off", "0", "no"})

    type: WireType = "boolean"
    default: bool

    def check(self) -> None:
        if self.type in {"integer", "number"}:
            raise ValueError("a flag is not sent as a number")

    def check_default(self) -> None:
        if not isinstance(self.default, bool):
            raise ValueError(f"default {self.default} is not {self.allowed_for_data}")

    def read(self, raw: object) -> bool:
        if isinstance(raw, bool):
            return raw
        word = str(raw).strip().lower() if isinstance(raw, str | int) else ""
        if word not in self.ON | self.OFF:
            raise self.refuse(raw, _("true or false"))
        return word in self.ON

    def words(self, value: object) -> str:
        return _("on") if value is True else _("off") if value is False else quoted(value)


@dataclass(frozen=True, kw_only=True)
class ImageFile(Option):
    """An image that goes along. Its value is the id of an accepted upload, never the bytes.

    `encoding` is how the wire wants the bytes: a file part, or text that is a data URI or bare base64.
    """

    kind = "image"
    roles = frozenset({"first_frame", "last_frame"})
    allowed_for_data = "possible: a file has none"
    is_open = True

    encoding: str = "file"
    types: tuple[str, ...] = ("image/jpeg", "image/png", "image/webp")
    max_bytes: int = 20 * 1024 * 1024
    max_pixels: int = 40_000_000
    min_side: int = 1

    def check(self) -> None:
        if not self.types or not all(kind.startswith("image/") for kind in self.types):
            raise ValueError("types are not image types")
        if self.max_bytes < 1 or self.max_pixels < 1 or self.min_side < 1:
            raise ValueError("max_bytes, max_pixels and min_side must be above 0")
        if self.encoding not in ENCODINGS:
            raise ValueError(f"encoding {self.encoding!r} is not one of {', '.join(ENCODINGS)}")

    def check_default(self) -> None:
        if self.default is not None:
            raise ValueError(f"default {self.default} is not {self.allowed_for_data}")

    @property
    def takes_several(self) -> bool:
        return False

    @property
    def allowed(self) -> str:
        """The limits in words: "a JPEG, PNG or WEBP image of at most 20 MB and 40 megapixels"."""
        return _("a {limits}").format(limits=self.limits)

    @property
    def limits(self) -> str:
        """What one image may be, in words without an article."""
        kinds = listed(kind.removeprefix("image/").upper() for kind in self.types)
        least = _(", at least {side} pixels wide and high").format(side=self.min_side) if self.min_side > 1 else ""
        size, pixels = self.max_bytes // (1024 * 1024), self.max_pixels // 1_000_000
        limits = _("{kinds} image of at most {size} MB and {pixels} megapixels")
        return limits.format(kinds=kinds, size=size, pixels=pixels) + least

    def misfit(self, kind: str, size: int, width: int, height: int) -> str:
        """Return why an image of this content type, bytes and pixels cannot be sent as this option; "" when it can."""
        is_right = kind in self.types and size <= self.max_bytes
        if is_right and width * height <= self.max_pixels and min(width, height) >= self.min_side:
            return ""
        facts = {"frame": f"{width}x{height}", "kind": kind.removeprefix("image/").upper()}
        weight = f"{size / 1024 / 1024:.1f} MB" if size >= 100 * 1024 else f"{math.ceil(size / 1024)} KB"
        shown = _("{frame} {kind} of {size}").format(**facts, size=weight)
        return str(self.problem(_("{label} can be {allowed}; this is a {shown}."), allowed=self.allowed, shown=shown))

    def read(self, raw: object) -> Value:
        given = str(raw) if isinstance(raw, uuid.UUID) else raw.strip() if isinstance(raw, str) else ""
        if not UPLOAD.fullmatch(given):
            raise self.problem(_("{label} must be {allowed}."), allowed=self.allowed)
        return given

    def words(self, value: object) -> str:
        if isinstance(value, list) and len(value) > 1:
            return _("{count} images").format(count=len(value))
        return _("an image")


@dataclass(frozen=True, kw_only=True)
class ImageFiles(ImageFile):
    """Several images in an order that matters. Its value is a list of ids.

    Files are sent one after the other under one name, data URIs and base64 as one list of texts.
    """

    kind = "images"
    roles = frozenset({"references"})

    most: int

    def check(self) -> None:
        super().check()
        if self.most < 2:
            raise ValueError("most is below 2")

    @property
    def takes_several(self) -> bool:
        return True

    @property
    def allowed(self) -> str:
        return _("up to {most} images, each a {limits}").format(most=self.most, limits=self.limits)

    def read(self, raw: object) -> list[str]:
        given = [super(ImageFiles, self).read(item) for item in (raw if isinstance(raw, list) else [raw])]
        if len(given) > self.most:
            raise self.problem(
                _("{label} can be at most {most} images, not {count}."), most=self.most, count=len(given)
            )
        return [str(item) for item in given]
