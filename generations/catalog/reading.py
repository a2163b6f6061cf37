"""Catalogue files read into specs: TOML in, `VideoModel`s out, or one sentence about what is wrong and where."""

import tomllib
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from generations.specs import (
    Choice,
    Flag,
    ImageFile,
    ImageFiles,
    IntRange,
    Observed,
    Option,
    Price,
    Size,
    Text,
    Url,
    VideoModel,
)

KINDS: dict[str, type[Option]] = {
    kind.kind: kind for kind in (Choice, Size, IntRange, Text, Url, Flag, ImageFile, ImageFiles)
}

type Shape = Literal[
    "text", "integer", "number", "flag", "scalar", "texts", "scalars", "text map", "scalar map", "tiers"
]

# What a file may say, and in what shape; everything else is refused by name.
MODEL: dict[str, Shape] = {
    "key": "text",
    "label": "text",
    "maker": "text",
    "dialect": "text",
    "upstream_id": "text",
    "status": "text",
    "source": "text",
    "description": "text",
    "sources": "texts",
    "prompt_max": "integer",
    "retired_on": "text",
    "successor": "text",
    "is_usual": "flag",
}
MODEL_NEEDS = ("key", "label", "maker", "dialect", "upstream_id", "status", "source", "description")
OBSERVED: dict[str, Shape] = {"asked": "text map", "frame": "text"}
PRICE: dict[str, Shape] = {
    "per": "text",
    "amount": "number",
    "currency": "text",
    "source": "text",
    "as_of": "text",
    "when": "scalar map",
    "tokens_per_second": "integer",
    "gateway": "text",
}
PRICE_NEEDS = ("per", "amount", "currency", "source", "as_of")
OPTION: dict[str, Shape] = {
    "name": "text",
    "label": "text",
    "path": "text",
    "type": "text",
    "help": "text",
    "required": "flag",
    "default": "scalar",
    "advanced": "flag",
    "role": "text",
    "preference": "flag",
    "requires": "scalar map",
    "overridden_by": "texts",
    "needs": "texts",
}
IMAGE: dict[str, Shape] = {
    "encoding": "text",
    "types": "texts",
    "max_bytes": "integer",
    "max_pixels": "integer",
    "min_side": "integer",
}
BY_KIND: dict[str, dict[str, Shape]] = {
    "choice": {"values": "scalars", "unit": "text", "labels": "text map"},
    "size": {"tiers": "tiers"},
    "integer": {"low": "integer", "high": "integer", "unit": "text"},
    "text": {"max_length": "integer", "multiline": "flag"},
    "url": {"max_length": "integer"},
    "flag": {},
    "image": IMAGE,
    "images": IMAGE | {"most": "integer"},
}
KIND_NEEDS = {
    "choice": ("values",),
    "size": ("tiers",),
    "integer": ("low", "high"),
    "text": ("max_length",),
    "flag": ("default",),
    "images": ("most",),
}


class CatalogError(ValueError):
    """A catalogue file is wrong: `file` by name, `key` of the model or "", and the `reason`."""

    def __init__(self, file: str, key: str, reason: str) -> None:
        self.file, self.key, self.reason = file, key, reason
        super().__init__(", ".join(part for part in (file, key, reason) if part))


def is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def is_scalar(value: object) -> bool:
    return isinstance(value, str | int)


SHAPES: dict[Shape, tuple[str, Callable[[Any], bool]]] = {
    "text": ("text", lambda value: isinstance(value, str)),
    "integer": ("an integer", is_integer),
    "number": ("a number", lambda value: is_integer(value) or isinstance(value, Decimal)),
    "flag": ("true or false", lambda value: isinstance(value, bool)),
    "scalar": ("text, an integer, true or false", is_scalar),
    "texts": ("a list of text", is_texts),
    "scalars": ("a list of text or integers", lambda value: isinstance(value, list) and all(map(is_scalar, value))),
    "text map": ("a table of text", lambda value: isinstance(value, dict) and is_texts(list(value.values()))),
    "scalar map": ("a table of values", lambda value: isinstance(value, dict) and all(map(is_scalar, value.values()))),
    "tiers": ("a table of lists of text", lambda value: isinstance(value, dict) and all(map(is_texts, value.values()))),
}


def read_file(path: Path) -> list[VideoModel]:
    """Return the models of one file in its order. Raises CatalogError."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise CatalogError(path.name, "", f"cannot be read: {error}") from error
    try:
        tables = take_tables(data, "model")
        refuse_leftovers(data)
        if not tables:
            raise ValueError("holds no model")
    except ValueError as error:
        raise CatalogError(path.name, "", str(error)) from error
    return [read_entry(path, table) for table in tables]


def read_entry(path: Path, table: dict[str, Any]) -> VideoModel:
    key = table.get("key")
    try:
        model = read_model(table)
        if model.family != path.stem:
            raise ValueError(f"key is not of the family {path.stem!r} that the file is named after")
    except ValueError as error:
        raise CatalogError(path.name, key if isinstance(key, str) else "", str(error)) from error
    return model


def read_model(table: dict[str, Any]) -> VideoModel:
    """Return one `[[model]]`. Raises ValueError with a reason."""
    left = dict(table)
    options = tuple(read_option(option) for option in take_tables(left, "option"))
    observed = tuple(Observed(**take(entry, OBSERVED, tuple(OBSERVED))) for entry in take_tables(left, "observed"))
    prices = tuple(read_price(price) for price in take_tables(left, "price"))
    return VideoModel(**take(left, MODEL, MODEL_NEEDS), options=options, observed=observed, prices=prices)


def read_price(table: dict[str, Any]) -> Price:
    """Return one `[[model.price]]`. Raises ValueError with a reason."""
    try:
        return Price(**take(table, PRICE, PRICE_NEEDS))
    except ValueError as error:
        raise ValueError(f"price: {error}") from error


def read_option(table: dict[str, Any]) -> Option:
    """Return one `[[model.option]]`. Raises ValueError with a reason that names it."""
    left = dict(table)
    name, kind = left.get("name"), left.pop("kind", None)
    try:
        if not isinstance(kind, str) or kind not in KINDS:
            raise ValueError(f"kind {kind!r} is not one of {', '.join(KINDS)}")
        fields = take(left, OPTION | BY_KIND[kind], ("name", "label", *KIND_NEEDS.get(kind, ())))
        return KINDS[kind](**fields)
    except ValueError as error:
        raise ValueError(f"option {name if isinstance(name, str) else '?'}: {error}") from error


def take(table: Mapping[str, Any], shapes: Mapping[str, Shape], needs: tuple[str, ...]) -> dict[str, Any]:
    """Return the table's values, each of its shape, lists as tuples. Raises ValueError for anything else."""
    refuse_leftovers({name: value for name, value in table.items() if name not in shapes})
    for name in needs:
        if name not in table:
            raise ValueError(f"{name} is missing")
    for name, value in table.items():
        wanted, fits = SHAPES[shapes[name]]
        if not fits(value):
            raise ValueError(f"{name} is not {wanted}")
    return {name: frozen(value) for name, value in table.items()}


def take_tables(table: dict[str, Any], name: str) -> list[dict[str, Any]]:
    tables = table.pop(name, [])
    if not isinstance(tables, list) or not all(isinstance(entry, dict) for entry in tables):
        raise ValueError(f"{name} is not written as [[{name}]]")
    return tables


def refuse_leftovers(table: Mapping[str, Any]) -> None:
    if table:
        raise ValueError(f"{', '.join(sorted(table))} is not known here")


def frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return {name: frozen(inner) for name, inner in value.items()} if isinstance(value, dict) else value
