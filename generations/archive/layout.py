"""What an archive is made of: a plain tar, its members in an order that one pass can check and another take in."""

import json
import math
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models

FORMAT, VERSION = "videostudio-library", 2
READABLE = (1, 2)  # the first knew no comments, comparisons, presets, saved views or versions of prompts
HEAD, SUMS, MANIFEST = "videostudio.json", "SHA256SUMS", "manifest.json"
MEDIA = "media/"
KINDS = (
    *("teams", "people", "gateways", "projects", "tags", "views", "prompts", "presets", "uploads", "generations"),
    "comparisons",
)
PART = re.compile(rf"({'|'.join(KINDS)})-[0-9]{{6}}\.jsonl")
# Stored names are made of a row's id: nothing that a member is called can lead out of the media folder.
STORED = re.compile(r"(videos|uploads)/[0-9a-f]{2}/[0-9a-f]{32}[A-Za-z0-9_-]{0,40}(\.preview)?\.[a-z0-9]{2,5}")
LARGEST_PART = 256 * 1024 * 1024  # bytes of rows: more is no part of ours
BLOCK = 1024 * 1024

type Line = dict[str, Any]


class ArchiveRefused(Exception):
    """The archive cannot be taken in, or not be made; the message says why to a person."""


def part_name(kind: str, number: int) -> str:
    return f"{kind}-{number:06d}.jsonl"


def as_text(value: object) -> str:
    """Return what JSON has no form for, as text that keeps all of it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID | Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in an archive")


def dump(lines: Iterable[Line]) -> bytes:
    return "".join(f"{json.dumps(line, default=as_text, ensure_ascii=False)}\n" for line in lines).encode()


def load(content: bytes, name: str) -> Iterator[Line]:
    """Yield the objects of a part. Raises ArchiveRefused."""
    for number, text in enumerate(content.split(b"\n")[:-1], start=1):
        try:
            line = json.loads(text)
        except ValueError as error:
            raise ArchiveRefused(f"{name}, line {number}, is not JSON.") from error
        if not isinstance(line, dict):
            raise ArchiveRefused(f"{name}, line {number}, is no object.")
        try:
            if b"\\u" in text:
                json.dumps(line, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ArchiveRefused(f"{name}, line {number}, has half a character, which no database takes.") from error
        yield line


# Rows


def columns(model: type[models.Model], left_out: Iterable[str] = ()) -> dict[str, models.Field]:
    """Return the columns that go along as they are: all but the key, what points elsewhere, and `left_out`."""
    return {
        field.name: field
        for field in model._meta.concrete_fields
        if not (field.primary_key or field.is_relation or field.name in set(left_out))
    }


def values(row: models.Model, fields: Iterable[str]) -> Line:
    return {name: getattr(row, name) for name in fields}


def read_values(given: object, fields: dict[str, models.Field], what: str) -> Line:
    """Return the columns in `given` as Python has them. Raises ArchiveRefused for one that is unknown or wrong."""
    if not isinstance(given, dict):
        raise ArchiveRefused(f"{what} is no object.")
    if unknown := given.keys() - fields.keys():
        raise ArchiveRefused(
            f"{what} has {', '.join(sorted(unknown))}, which this studio does not know. Upgrade it first."
        )
    try:
        found = {name: fields[name].to_python(value) for name, value in given.items()}
        for name, value in found.items():
            check_value(fields[name], value)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise ArchiveRefused(f"{what} has a value that cannot be: {error}") from error
    except ValidationError as error:
        raise ArchiveRefused(f"{what} has a value that cannot be: {' '.join(error.messages)}") from error
    return found


def check_value(field: models.Field, value: object) -> None:
    """Raises ValueError for a value that one of our databases would not take."""
    if value is None and not field.null:
        raise ValueError(f"{field.name} is empty")
    if isinstance(value, str) and (field.max_length or len(value)) < len(value):
        raise ValueError(f"{field.name} is longer than {field.max_length}")
    if isinstance(value, str) and "\0" in value:
        raise ValueError(f"{field.name} has a character that no database takes")
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError(f"{field.name} has no time zone")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{field.name} is no number")
    if isinstance(field, models.IntegerField) and value is not None:
        field.run_validators(value)  # its range, as the database has it
