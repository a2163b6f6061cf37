"""Reading a create request as strictly as the documents are written: what is wrong gets a sentence, not a guess.

Any model name is served. What is not said defaults to 1280x720, 5 seconds, with sound. An image in
`input_reference` is checked and then dropped: the sandbox keeps nothing, so it has nowhere to show it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest
from django.http.multipartparser import MultiPartParserError

from videostudio.sandbox.tasks import MODEL_BYTES, SandboxTask

SECONDS = range(1, 61)
SIDES = range(64, 4097)  # pixels
MOST_PIXELS = 3840 * 2160
MOST_JSON = 64 * 1024 * 1024  # bytes
TIERS = {"480p": 480, "720p": 720, "1080p": 1080, "1440p": 1440, "2160p": 2160, "4k": 2160}  # short side, pixels

_SIZE = re.compile(r"(\d{2,5})[x*](\d{2,5})", re.ASCII)
_RATIO = re.compile(r"(\d{1,2}):(\d{1,2})", re.ASCII)
_IMAGE_START = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|RIFF....WEBP", re.DOTALL)


class Refusal(Exception):
    """A request the sandbox does not accept; each dialect words it in its own error shape."""

    def __init__(self, message: str, *, code: str = "invalid_request", status: int = 400, param: str | None = None):
        super().__init__(message)
        self.message, self.code, self.status, self.param = message, code, status, param


@dataclass(frozen=True)
class Order:
    """What a create asks for; width and height in pixels."""

    model: str
    prompt: str
    width: int
    height: int
    seconds: int
    audio: bool
    prompt_extend: bool = False


def read_form(request: HttpRequest) -> Order:
    """Read a multipart create of the OpenAI-style videos API; raises Refusal."""
    if request.content_type != "multipart/form-data":
        raise Refusal(f"Content-Type must be multipart/form-data, not {request.content_type or 'absent'}")
    try:
        fields, files = request.POST, request.FILES
    except (MultiPartParserError, SuspiciousOperation) as error:
        raise Refusal(f"the multipart body cannot be read: {error}") from error
    for name in fields:
        if len(fields.getlist(name)) > 1:
            raise Refusal(f"{name} was sent {len(fields.getlist(name))} times", param=name)
    for name in files:
        if name != "input_reference":
            raise Refusal(f"{name} must be a plain form field, not a file", param=name)
        for upload in files.getlist(name):
            check_image(upload.read(12), name)
    return _flat_order(fields.dict())


def read_video(request: HttpRequest) -> Order:
    """Read a create of the OpenAI-style videos API, multipart or JSON; raises Refusal."""
    if request.content_type != "application/json":
        return read_form(request)
    body = json_object(request)
    for name, value in body.items():
        if not isinstance(value, str | int | dict):
            raise Refusal(f"{name} must be a string, a number, a boolean or an object", param=name)
    flat = {name: value for name, value in body.items() if not isinstance(value, dict)}
    return _flat_order(
        {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in flat.items()}
    )


def _flat_order(texts: Mapping[str, str]) -> Order:
    width, height = read_frame(texts, texts.get("model", ""))
    return Order(
        model=read_model(texts),
        prompt=read_prompt(texts),
        width=width,
        height=height,
        seconds=read_seconds(texts, ("seconds", "duration")),
        audio=_text_flag(texts, "audio"),
    )


def read_remix(request: HttpRequest, source: SandboxTask) -> Order:
    """Read a remix of a finished task: a JSON object with a prompt alone, the rest is the source's; raises Refusal."""
    body = json_object(request)
    if strange := sorted(body.keys() - {"prompt"}):
        raise Refusal(f"a remix takes a prompt, not {strange[0][:40]}", param=strange[0][:40])
    return Order(
        model=source.model,
        prompt=read_prompt(body),
        width=source.width,
        height=source.height,
        seconds=source.seconds,
        audio=source.audio,
        prompt_extend=source.prompt_extend,
    )


def read_json(request: HttpRequest) -> Order:
    """Read a JSON create of the new-api kind: model, prompt, metadata {input, parameters}; raises Refusal."""
    body = json_object(request)
    metadata = inner_object(body, "metadata")
    inputs, parameters = inner_object(metadata, "input"), inner_object(metadata, "parameters")
    check_types(inputs, {"negative_prompt": str, "audio_url": str})
    check_types(parameters, _PARAMETERS)
    if parameters.get("shot_type", "single") not in ("single", "multi"):
        raise Refusal("shot_type must be single or multi", param="shot_type")
    check_types(body, {"size": str, "duration": int, "seconds": str})
    asked = {name: body[name] for name in ("size", "duration", "seconds") if name in body} | parameters
    model, prompt = read_model(body), read_prompt(body)
    width, height = read_frame(asked, model)
    return Order(
        model=model,
        prompt=prompt,
        width=width,
        height=height,
        seconds=read_seconds(asked, ("duration", "seconds")),
        audio=bool(inputs.get("audio_url")) or parameters.get("audio", True),
        prompt_extend=parameters.get("prompt_extend", False),
    )


_PARAMETERS: dict[str, type] = {
    "prompt_extend": bool,
    "watermark": bool,
    "seed": int,
    "size": str,
    "aspect_ratio": str,
    "resolution": str,
    "duration": int,
    "audio": bool,
    "shot_type": str,
}
_TYPE_NAMES = {bool: "a boolean", int: "an integer", str: "a string"}


def json_object(request: HttpRequest) -> dict[str, Any]:
    """Return a JSON body that is an object; raises Refusal."""
    if request.content_type != "application/json":
        raise Refusal(f"Content-Type must be application/json, not {request.content_type or 'absent'}")
    # Not request.body, whose limit is meant for people's forms: an image is text in this one.
    content = request.read(MOST_JSON + 1)
    if len(content) > MOST_JSON:
        raise Refusal(f"the body is longer than {MOST_JSON} bytes", code="too_large", status=413)
    try:
        body = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Refusal(f"the body is not JSON: {error}", code="invalid_json") from error
    if not isinstance(body, dict):
        raise Refusal("the body must be a JSON object", code="invalid_json")
    return body


def check_types(values: Mapping[str, Any], types: Mapping[str, type]) -> None:
    for name, wanted in types.items():
        # Not isinstance: Python takes true for an integer, JSON does not.
        if name in values and type(values[name]) is not wanted:
            raise Refusal(f"{name} must be {_TYPE_NAMES[wanted]}", param=name)


def check_image(content: bytes, name: str) -> None:
    if not _IMAGE_START.match(content[:12]):
        raise Refusal(f"{name} must be a JPEG, PNG or WebP image", param=name)


def inner_object(parent: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = parent.get(name, {})
    if not isinstance(value, dict):
        raise Refusal(f"{name} must be an object", param=name)
    return value


def read_model(values: Mapping[str, Any], name: str = "model") -> str:
    model = _text(values, name, code="missing_model")
    if len(model.encode()) > MODEL_BYTES:
        raise Refusal(f"{name} must be at most {MODEL_BYTES} bytes long", param=name)
    return model


def read_prompt(values: Mapping[str, Any], name: str = "prompt") -> str:
    return _text(values, name, code="invalid_request")


def _text(values: Mapping[str, Any], name: str, *, code: str) -> str:
    value = values.get(name)
    if value is None:
        raise Refusal(f"{name} is required", code=code, param=name)
    if not isinstance(value, str):
        raise Refusal(f"{name} must be a string", param=name)
    if not value.strip():
        raise Refusal(f"{name} must not be empty", code=code, param=name)
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise Refusal(f"{name} holds half a character (a lone surrogate)", param=name)
    return value


def read_seconds(values: Mapping[str, Any], names: tuple[str, ...]) -> int:
    name = next((name for name in names if name in values), None)
    if name is None:
        return 5
    text = str(values[name])
    if not re.fullmatch(r"\d{1,3}", text, re.ASCII) or int(text) not in SECONDS:
        raise Refusal(f"{name} must be a whole number from {SECONDS[0]} to {SECONDS[-1]}", param=name)
    return int(text)


def _text_flag(values: Mapping[str, str], name: str) -> bool:
    text = values.get(name, "true")
    if text not in ("true", "false"):
        raise Refusal(f"{name} must be true or false", param=name)
    return text == "true"


def read_frame(values: Mapping[str, str], model: str) -> tuple[int, int]:
    """Width and height from a size, or from a ratio (also given as the size) and a tier."""
    size = values.get("size")
    if size and (match := _SIZE.fullmatch(size)):
        return _checked(int(match[1]), int(match[2]), "size")
    ratio = values.get("aspect_ratio", size or "16:9")
    match = _RATIO.fullmatch(ratio)
    if not match or not int(match[1]) or not int(match[2]):
        if size and "aspect_ratio" not in values:
            raise Refusal('size must be width and height in pixels, such as "1280x720"', param="size")
        raise Refusal('aspect_ratio must look like "16:9"', param="aspect_ratio")
    tier = values.get("resolution", "720p").lower()
    if tier not in TIERS:
        raise Refusal(f"resolution must be one of {', '.join(TIERS)}", param="resolution")
    width, height = int(match[1]), int(match[2])
    if model.lower().startswith("omni"):
        # What its document observed: always 720p, and portrait only for a portrait ratio.
        return (720, 1280) if width < height else (1280, 720)
    scale = TIERS[tier] / min(width, height)
    return _checked(_even(width * scale), _even(height * scale), "aspect_ratio")


def _even(pixels: float) -> int:
    return round(pixels / 2) * 2


def _checked(width: int, height: int, param: str) -> tuple[int, int]:
    if width not in SIDES or height not in SIDES or width * height > MOST_PIXELS:
        raise Refusal(f"{param}: {width}x{height} is not a frame from 64x64 to 3840x2160 pixels", param=param)
    return width, height
