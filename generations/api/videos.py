"""/v1/videos and /v1/models, as OpenAI's clients speak them."""

from typing import Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Query, Router

from generations.api import shapes
from generations.api.app import CREATE_REFUSALS, READ_REFUSALS
from generations.api.composing import compose
from generations.api.content import serve
from generations.api.creating import create
from generations.api.described import PROMPT, create_bodies, options_schema
from generations.api.problems import DO_NOT_RETRY, Problem, as_json, not_found
from generations.api.reading import Given, given_in
from generations.api.schemas import Deleted, Model, Models, Refusal, Video, Videos
from generations.api.tokens import Token
from generations.catalog import catalog
from generations.forms.choosing import choosable_models, find_model
from generations.lifecycle import trash
from generations.lifecycle.begin import Order
from generations.models import Generation, GenerationInput, Status, Upload, User
from generations.models.tokens import Caller
from generations.specs import VideoModel

router = Router(tags=["videos"])
READ, CREATE, MANAGE = Token("read"), Token("create"), Token("manage")
BINARY = {"schema": {"type": "string", "format": "binary"}}
FILES = {"content": {kind: BINARY for kind in ("video/mp4", "video/webm", "image/webp")}}
KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "description": "The same key with the same content is answered the same for 24 hours, and made once.",
    "schema": {"type": "string", "maxLength": 255, "pattern": "^[!-~]{1,255}$"},
}
LONGEST = max(model.prompt_max for model in catalog().models)  # of a prompt; each model has a limit of its own
REMIX = {
    "type": "object",
    "properties": {"prompt": {"type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": PROMPT}},
    "required": ["prompt"],
    "additionalProperties": False,
}


def visible(request: HttpRequest, text: str) -> tuple[Generation, str, UUID | None]:
    """Return the row of an id, its prompt and what it was made from. Raises Problem for another team's, as for none."""
    caller: Caller = request.auth
    try:
        found = shapes.ONE.first(user=caller.user_id, uuid=UUID(text))
    except ValueError:
        raise not_found() from None
    if found is None:
        raise not_found()
    return shapes.row_of(found)


def place_of(request: HttpRequest, text: str) -> int:
    """Return the key of the row after which a list goes on: also of one in the trash, for who deletes while listing."""
    try:
        mine = Generation.objects.of_teams(request.auth.user_id).filter(uuid=UUID(text))
    except ValueError:
        raise not_found(param="after") from None
    found = mine.values_list("pk", flat=True).first()
    if found is None:
        raise not_found(param="after")
    return found


@router.post(
    "/videos",
    auth=CREATE,
    response={200: Video, **CREATE_REFUSALS},
    operation_id="createVideo",
    openapi_extra={"requestBody": create_bodies(), "parameters": [KEY]},
)
def create_video(request: HttpRequest) -> HttpResponse:
    """Ask for a video. Besides the common fields, every option of the model goes by its own name: see /v1/models."""
    return create(request, given_in(request))


@router.get("/videos", auth=READ, response={200: Videos, **READ_REFUSALS}, operation_id="listVideos")
def list_videos(
    request: HttpRequest,
    after: str = Query("", max_length=64, description="The id after which to go on."),
    limit: int = Query(20, ge=1, le=100),
    order: Literal["asc", "desc"] = "desc",
) -> HttpResponse:
    """The videos of one's team, newest first."""
    rows = shapes.shown(Generation.objects.visible_to(request.auth.user_id))
    if after:
        last = place_of(request, after)
        rows = rows.filter(pk__gt=last) if order == "asc" else rows.filter(pk__lt=last)
    found = list(rows.order_by("pk" if order == "asc" else "-pk")[: limit + 1])
    data = [shapes.video(*shapes.row_of(values)) for values in found[:limit]]
    ids = [one["id"] for one in data]
    ends = {"first_id": ids[0] if ids else None, "last_id": ids[-1] if ids else None}
    return as_json({"object": "list", "data": data, **ends, "has_more": len(found) > limit})


@router.get("/videos/{video_id}", auth=READ, response={200: Video, **READ_REFUSALS}, operation_id="retrieveVideo")
def retrieve_video(request: HttpRequest, video_id: str) -> HttpResponse:
    """One video. An unknown outcome is `in_progress` here; `studio_status` says `unknown` and `studio_detail` why."""
    body = shapes.video(*visible(request, video_id))
    return as_json(body, headers=shapes.poll_hint(body))


@router.api_operation(["HEAD"], "/videos/{video_id}/content", auth=READ, include_in_schema=False)
@router.get(
    "/videos/{video_id}/content",
    auth=READ,
    response={**READ_REFUSALS, 409: Refusal, 416: Refusal, 503: Refusal},
    operation_id="downloadVideo",
    openapi_extra={
        "responses": {
            200: {"description": "The file", **FILES},
            206: {"description": "A part of the file", **FILES},
            304: {"description": "You have it already"},
            412: {"description": "You have another one"},
        }
    },
)
def video_content(
    request: HttpRequest, video_id: str, variant: Literal["video", "thumbnail", "spritesheet"] = "video"
) -> HttpResponseBase:
    """The file of a finished video, in full or by ranges; or a picture of it; or ten pictures on one sheet."""
    return serve(request, visible(request, video_id)[0], variant)


@router.delete(
    "/videos/{video_id}",
    auth=MANAGE,
    response={200: Deleted, **READ_REFUSALS, 409: Refusal},
    operation_id="deleteVideo",
)
def delete_video(request: HttpRequest, video_id: str) -> HttpResponse:
    """Move a video to the trash. One that waits is withdrawn first; one that is on its way cannot be deleted."""
    caller: Caller = request.auth
    row = Generation.objects.select_related("gateway").get(pk=visible(request, video_id)[0].pk)
    if not trash.discard(row, User(pk=caller.user_id, username=caller.username)):
        words = f"This video is on its way ({row.status_word.lower()}) and may be billed: delete it when it has ended."
        raise Problem(409, "video_not_finished", words, param="id", headers=DO_NOT_RETRY)
    return as_json({"id": str(row.uuid), "object": "video.deleted", "deleted": True})


@router.post(
    "/videos/{video_id}/remix",
    auth=CREATE,
    response={200: Video, **CREATE_REFUSALS},
    operation_id="remixVideo",
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/json": {"schema": REMIX}}},
        "parameters": [KEY],
    },
)
def remix_video(request: HttpRequest, video_id: str) -> HttpResponse:
    """The same again with another prompt: same model, same options, same images.

    A model whose gateway remixes by itself is asked for that.
    """
    return create(request, given_in(request), compose=lambda caller, given: remix_of(request, video_id, given))


def remix_of(request: HttpRequest, video_id: str, given: Given) -> Order:
    """Return the order for a remix of a video. Raises Problem."""
    source, _, _ = visible(request, video_id)
    if strange := [*sorted(given.values.keys() - {"prompt"}), *given.files]:
        words = f"A remix takes a prompt and nothing else, not '{strange[0][:40]}'."
        raise Problem(422, "invalid_option", words, param=strange[0][:40])
    uploads: dict[str, list[Upload]] = {}
    for item in GenerationInput.objects.filter(generation=source.pk).select_related("upload"):
        uploads.setdefault(item.option, []).append(item.upload)
    options = {name: value for name, value in source.options.items() if name not in uploads}
    model = source.video_model
    if model and (remix := model.option_with_role("remix")):
        if source.status != Status.COMPLETED:
            words = f"The gateway remixes a finished video, and this one is {source.get_status_display().lower()}."
            raise Problem(409, "video_not_finished", words, param="id", headers=DO_NOT_RETRY)
        options[remix.name] = source.upstream_id
    again = Given({**options, "model": source.model_key, **given.values})
    return compose(request.auth, again, parent=source, uploads=uploads)


@router.get("/models", auth=READ, response={200: Models, **READ_REFUSALS}, operation_id="listModels", tags=["models"])
def list_models(request: HttpRequest) -> HttpResponse:
    """The models that can be asked for now, each with its options as JSON Schema."""
    return as_json({"object": "list", "data": [model_as_json(model) for model in choosable_models()]})


@router.get(
    "/models/{path:model_id}",
    auth=READ,
    response={200: Model, **READ_REFUSALS},
    operation_id="retrieveModel",
    tags=["models"],
)
def retrieve_model(request: HttpRequest, model_id: str) -> HttpResponse:
    """One model by its key, or by the upstream id of one alone."""
    found, _ = find_model(model_id)
    if found not in choosable_models():
        raise not_found("model")
    return as_json(model_as_json(found))


def model_as_json(model: VideoModel) -> dict:
    return {
        "id": model.key,
        "object": "model",
        "created": 0,
        "owned_by": model.maker,
        "upstream_id": model.upstream_id,
        "label": model.label,
        "status": model.status,
        "description": model.description,
        "prompt_max": model.prompt_max,
        "options": options_schema(model),
    }
