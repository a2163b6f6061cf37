"""What a request says, read but not judged: named values and files, from JSON or from a form."""

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any, NoReturn

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest

from generations.api.problems import Problem

FORM_TYPES = ("multipart/form-data", "application/x-www-form-urlencoded")
PLACE = re.compile(r"(?P<name>[^\[\]]+)\[(?P<inner>[^\[\]]*)\]")
DEEPEST = 20
MOST_VALUES = 200


@dataclass
class Given:
    """Values by name as JSON has them (those of a form are text), and files by name."""

    values: dict[str, Any]
    files: dict[str, list[UploadedFile]] = field(default_factory=dict)

    def digest(self, path: str) -> str:
        """Return what makes two requests the same, as sha256 hex: the route, every value, every byte of every file.

        How it was wrapped makes no difference: a client that sends a form again draws a new boundary.
        """
        files = {name: [_sha256(file) for file in found] for name, found in self.files.items()}
        content = json.dumps([path, self.values, files], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


def given_in(request: HttpRequest) -> Given:
    """Return what a request's body says. Raises Problem, and what Django raises for a broken or large form."""
    given = _read(request)
    if len(given.values) + len(given.files) > MOST_VALUES:
        raise Problem(422, "too_many_values", f"No model takes more than {MOST_VALUES} values.")
    return given


def _read(request: HttpRequest) -> Given:
    match request.content_type:
        case "application/json":
            return Given(_json_object(request.read()))
        case kind if kind in FORM_TYPES:
            return _form(request)
    kind = f"not {request.content_type[:60]}" if request.content_type else "and say which in Content-Type"
    raise Problem(415, "unsupported_media_type", f"Send application/json or multipart/form-data, {kind}.")


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body, parse_constant=_no_number, parse_float=_number)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise Problem(400, "invalid_json", "The body is not JSON that can be read.") from error
    if not isinstance(found, dict):
        raise Problem(400, "invalid_json", 'The body must be a JSON object, such as {"model": ..., "prompt": ...}.')
    if _is_deeper(found, DEEPEST):
        raise Problem(400, "invalid_json", f"The body is nested deeper than {DEEPEST} levels.")
    return {name: value for name, value in found.items() if value is not None}


def _number(text: str) -> float | int:
    """Return a number; 5.0 is 5 to JSON, and a length of 5 to us."""
    found = float(text)
    return int(found) if found.is_integer() else found


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON's")


def _is_deeper(value: Any, levels: int) -> bool:
    """Say whether a value is nested deeper than so many levels, without going deeper itself."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(levels <= 1 or _is_deeper(one, levels - 1) for one in inner)


def _form(request: HttpRequest) -> Given:
    """Return a form's fields. `name[]` and `name[0]` are lists, `name[inner]` is an object, as OpenAI's clients do."""
    values: dict[str, Any] = {}
    for name, texts in request.POST.lists():
        match = PLACE.fullmatch(name)
        if match and not match["inner"].isdecimal() and match["inner"]:
            inner = values.setdefault(match["name"], {})
            if isinstance(inner, dict):
                inner[match["inner"]] = texts[-1]
            continue
        kept = values.get(match["name"] if match else name, [])
        values[match["name"] if match else name] = [*(kept if isinstance(kept, list) else [kept]), *texts]
    files: dict[str, list[UploadedFile]] = {}
    for name, found in request.FILES.lists():
        match = PLACE.fullmatch(name)
        files.setdefault(match["name"] if match else name, []).extend(found)
    single = {
        name: found[0] if isinstance(found, list) and len(found) == 1 else found for name, found in values.items()
    }
    return Given(single, files)


def _sha256(file: UploadedFile) -> str:
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()
