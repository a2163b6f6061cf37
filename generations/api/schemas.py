"""The answers, as they are described in OpenAPI. Routes answer with data of their own making, tests compare."""

from typing import Any, Literal

from ninja import Schema
from pydantic import ConfigDict


class Strict(Schema):
    model_config = ConfigDict(extra="forbid", from_attributes=False)


class ErrorWords(Strict):
    message: str
    type: str
    code: str
    param: str | None


class Refusal(Strict):
    error: ErrorWords


class RelayRefusal(Refusal):
    code: str
    message: str
    data: None


class VideoError(Strict):
    code: str
    message: str


class Measured(Strict):
    width: int | None
    height: int | None
    seconds: float | None
    fps: float | None
    has_audio: bool | None
    bytes: int | None
    sha256: str


class Quote(Strict):
    amount: str
    currency: str


class Video(Strict):
    id: str
    object: Literal["video"]
    model: str
    status: Literal["queued", "in_progress", "completed", "failed"]
    progress: int
    created_at: int
    completed_at: int | None
    expires_at: None
    seconds: str
    size: str
    prompt: str
    remixed_from_video_id: str | None
    error: VideoError | None
    studio_status: Literal[
        "queued", "submitting", "unknown", "in_progress", "downloading", "completed", "failed", "cancelled"
    ]
    studio_detail: str
    options: dict[str, Any]
    measured: Measured | None
    differs: list[str]
    quote: Quote | None


class Videos(Strict):
    object: Literal["list"]
    data: list[Video]
    first_id: str | None
    last_id: str | None
    has_more: bool


class Deleted(Strict):
    id: str
    object: Literal["video.deleted"]
    deleted: bool


class Model(Strict):
    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    upstream_id: str
    label: str
    status: str
    description: str
    prompt_max: int
    options: dict[str, Any]


class Models(Strict):
    object: Literal["list"]
    data: list[Model]


class RelayJob(Video):
    task_id: str


class RelayTask(Strict):
    task_id: str
    action: str
    status: Literal["QUEUED", "IN_PROGRESS", "SUCCESS", "FAILURE"]
    fail_reason: str
    submit_time: int
    start_time: int
    finish_time: int
    progress: str
    result_url: str
    data: Video


class RelayEnvelope(Strict):
    code: Literal["success"]
    message: str
    data: RelayTask
