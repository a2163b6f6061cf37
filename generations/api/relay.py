"""/v1/video/generations, as clients of new-api gateways speak it: the same videos in that family's envelope."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router

from generations.api import shapes
from generations.api.app import CREATE_REFUSALS, READ_REFUSALS
from generations.api.composing import first_image, model_of
from generations.api.creating import create
from generations.api.problems import Problem, as_json
from generations.api.reading import Given, given_in
from generations.api.schemas import RelayEnvelope, RelayJob, RelayRefusal
from generations.api.videos import CREATE, KEY, READ, visible
from generations.catalog import catalog
from generations.specs import VideoModel, is_absent

router = Router(tags=["new-api"])
IMAGES = ("image", "images")
BODY = {
    "type": "object",
    "properties": {
        "model": {"enum": sorted(model.key for model in catalog().choosable())},
        "prompt": {"type": "string", "minLength": 1},
        "image": {"type": "string"},
        "images": {"type": "array", "items": {"type": "string"}},
        "size": {"type": "string"},
        "duration": {"type": "integer"},
        "seconds": {"type": "string"},
        "input_reference": {"type": "string"},
        "metadata": {"type": "object"},
    },
    "required": ["model", "prompt"],
}


@router.post(
    "/video/generations",
    auth=CREATE,
    response={200: RelayJob, **dict.fromkeys(CREATE_REFUSALS, RelayRefusal)},
    operation_id="createTask",
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/json": {"schema": BODY}}},
        "parameters": [KEY],
    },
)
def create_task(request: HttpRequest) -> HttpResponse:
    """Ask for a video. Options go by their own names, or below `metadata` as the provider spells them."""
    given = given_in(request)
    return create(request, unwrapped(given), shape=shapes.relay_job)


@router.get(
    "/video/generations/{task_id}",
    auth=READ,
    response={200: RelayEnvelope, **dict.fromkeys(READ_REFUSALS, RelayRefusal)},
    operation_id="retrieveTask",
)
def retrieve_task(request: HttpRequest, task_id: str) -> HttpResponse:
    """One task in its envelope."""
    row, prompt, source = visible(request, task_id)
    body = shapes.video(row, prompt, source)
    return as_json(shapes.relay_task(row, body), headers=shapes.poll_hint(body))


def unwrapped(given: Given) -> Given:
    """Return a create with every value under the name of the option that it means here. Raises Problem."""
    model = model_of(given.values.get("model"))
    values = dict(given.values)
    metadata = values.pop("metadata", None)
    if metadata is not None and not isinstance(metadata, dict):
        raise Problem(422, "invalid_metadata", "metadata must be an object.", param="metadata")
    for path, value in flat(metadata or {}):
        put(values, name_of(model, path), value)
    if "duration" in values and model.option("duration") is None and (length := model.option_with_role("seconds")):
        put(values, length.name, values.pop("duration"))
    target = first_image(model)
    for name in IMAGES:
        if name in values and model.option(name) is None and target:
            put(values, target.name, values.pop(name))
    return Given({name: value for name, value in values.items() if not is_absent(value)}, given.files)


def flat(found: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    """Return (dotted path, value) of everything in an object."""
    pairs = []
    for name, value in found.items():
        inner = flat(value, f"{before}{name}.") if isinstance(value, dict) else [(f"{before}{name}", value)]
        pairs += inner
    return pairs


def name_of(model: VideoModel, path: str) -> str:
    """Return the option that a path below `metadata` means: by its place on the wire, or by its own name."""
    places = {option.path.removeprefix("metadata."): option.name for option in model.options}
    return places.get(path) or path.rpartition(".")[2]


def put(values: dict[str, Any], name: str, value: Any) -> None:
    if name in values and values[name] != value:
        raise Problem(422, "invalid_option", f"'{name}' came twice, with different values.", param=name)
    values[name] = value
