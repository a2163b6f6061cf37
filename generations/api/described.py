"""What may be asked for, as JSON Schema: each model's options, and the bodies of OpenAPI."""

from collections.abc import Iterable
from typing import Any

from generations.api.composing import first_image
from generations.catalog import catalog
from generations.specs import (
    UNSEEN,
    Choice,
    Flag,
    ImageFile,
    ImageFiles,
    IntRange,
    Option,
    Size,
    Text,
    Url,
    VideoModel,
    nominal_frame,
    parse_frame,
)

type Schema = dict[str, Any]

# What is enforced and can be said in a pattern; that a link leads to the public internet cannot.
LINK = r"^\s*https://[!-~]+\s*$"
PROMPT = rf"^[^\x00]*[^{UNSEEN}][^\x00]*$"
UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
DATA = "^data:image/(?:jpeg|png|webp);base64,[A-Za-z0-9+/]+={0,2}$"
IMAGE: Schema = {
    "description": "A public https link, a data URI with base64, or the id of an image that was uploaded.",
    "anyOf": [
        {"type": "string", "pattern": LINK},
        {"type": "string", "pattern": DATA},
        {"type": "string", "pattern": UUID},
        {
            "type": "object",
            "properties": {"image_url": {"type": "string"}, "file_id": {"type": "string"}},
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": False,
        },
    ],
}


def option_schema(option: Option, *, is_common: bool = False) -> Schema:
    """Return one option as JSON Schema: what is taken from JSON; a form's text is read the same way.

    Under OpenAI's own name (`is_common`, or when it has the same) a size may be spelled as OpenAI does.
    """
    found = _kind(option, is_common=is_common or option.name == "size")
    found["title"] = option.label
    if option.help:
        found["description"] = option.help
    if option.default is not None:
        found["default"] = option.default
    return found


def _kind(option: Option, *, is_common: bool) -> Schema:
    match option:
        case Choice(values=values):
            texts = [str(value) for value in values] if option.is_numeric else []
            numbers = [int(value) for value in values if str(value).isdecimal() and isinstance(value, str)]
            decimals = [float(value) for value in values] if option.type == "number" else []
            return {"enum": [*values, *texts, *numbers, *(one for one in decimals if not one.is_integer())]}
        case Size(values=values):
            frames = [frame for value in values if is_common and (frame := parse_frame(value))]
            return {"enum": list(dict.fromkeys([*values, *(f"{width}x{height}" for width, height in frames)]))}
        case IntRange(low=low, high=high):
            return {"type": "integer", "minimum": low, "maximum": high}
        case Text(max_length=longest, multiline=multiline):
            letters = r"^[^\x00]*$" if multiline else r"^[^\x00\n\r]*$"
            return {"type": "string", "maxLength": longest, "pattern": letters}
        case Url(max_length=longest):
            return {"type": "string", "maxLength": longest, "pattern": LINK}
        case Flag():
            return {"enum": [True, False, *sorted(Flag.ON), *sorted(Flag.OFF)]}
        case ImageFiles(most=most):
            return {"anyOf": [IMAGE, {"type": "array", "items": IMAGE, "maxItems": most}]}
        case ImageFile():
            return dict(IMAGE)
    raise TypeError(f"no schema for options of kind {option.kind!r}")


def options_schema(model: VideoModel) -> Schema:
    """Return all options of a model, with OpenAI's own names for those that mean them, as an object's schema."""
    properties = {option.name: option_schema(option) for option in model.options}
    exclusive, named = [], {}  # OpenAI's name of an option that has another one, by its own
    for name, target, schema in _common_names(model):
        if name not in properties:
            properties[name] = schema
            exclusive.append([name, *target])
            named |= {target[0]: name} if len(target) == 1 else {}
    found: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    # What is needed may be given under OpenAI's name too, or as what takes its place.
    ways = {
        option.name: [option.name, *([named[option.name]] if option.name in named else ()), *option.overridden_by]
        for option in model.options
        if option.required and option.default is None
    }
    if alone := [name for name, names in ways.items() if len(names) == 1]:
        found["required"] = alone
    if needs := {option.name: list(option.needs) for option in model.options if option.needs}:
        found["dependentRequired"] = needs
    rules: list[Schema] = [{"not": {"required": [name, other]}} for name, *targets in exclusive for other in targets]
    rules += [{"anyOf": [{"required": [name]} for name in names]} for names in ways.values() if len(names) > 1]
    if rules:
        found["allOf"] = rules
    return found


def _common_names(model: VideoModel) -> Iterable[tuple[str, list[str], Schema]]:
    seconds, size = model.option_with_role("seconds"), model.option_with_role("size")
    if seconds:
        yield "seconds", [seconds.name], option_schema(seconds, is_common=True)
    ratio, tier = model.option_with_role("ratio"), model.option_with_role("tier")
    if size:
        yield "size", [size.name], option_schema(size, is_common=True)
    elif isinstance(ratio, Choice) and isinstance(tier, Choice):
        frames = [nominal_frame(shape, short) for shape in ratio.values for short in tier.values]
        spelled = dict.fromkeys(f"{frame[0]}x{frame[1]}" for frame in frames if frame)
        yield "size", [ratio.name, tier.name], {"enum": list(spelled), "title": "Size"}
    if image := first_image(model):
        yield "input_reference", [image.name], option_schema(image)


def body_schema(model: VideoModel) -> Schema:
    """Return the body of a create of one model."""
    found = options_schema(model)
    names = {model.key, model.upstream_id} if is_unambiguous(model) else {model.key}
    found["title"] = model.label
    prompt = {"type": "string", "minLength": 1, "maxLength": model.prompt_max, "pattern": PROMPT}
    found["properties"] = {"model": {"enum": sorted(names)}, "prompt": prompt} | found["properties"]
    found["required"] = ["model", "prompt", *found.get("required", ())]
    return found


def is_unambiguous(model: VideoModel) -> bool:
    """Say whether an upstream id alone names this model, as `Catalog.find` reads it."""
    try:
        return catalog().find(model.upstream_id) is model
    except LookupError:
        return False


def component(model: VideoModel) -> str:
    """Return a model's name among OpenAPI's components."""
    return "create-" + model.key.replace("/", ".")


def create_bodies() -> Schema:
    """Return the request body of POST /v1/videos: JSON of one model exactly, or a form with files."""
    models = catalog().choosable()
    ids = {model.upstream_id for model in models if is_unambiguous(model)}
    keys = sorted({model.key for model in models} | ids)
    form = {
        "type": "object",
        "properties": {
            "model": {"enum": keys},
            "prompt": {"type": "string", "minLength": 1},
            "seconds": {"type": "string"},
            "size": {"type": "string"},
            "input_reference": {"type": "string", "format": "binary"},
        },
        "required": ["model", "prompt"],
        "additionalProperties": {"type": "string"},
    }
    refs = [{"$ref": f"#/components/schemas/{component(model)}"} for model in models]
    content = {"application/json": {"schema": {"oneOf": refs}}, "multipart/form-data": {"schema": form}}
    return {"required": True, "content": content}


def components() -> dict[str, Schema]:
    return {component(model): body_schema(model) for model in catalog().choosable()}
