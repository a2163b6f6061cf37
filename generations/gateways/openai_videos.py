"""OpenAI-style videos API: multipart POST /v1/videos, GET /v1/videos/{id}, GET /v1/videos/{id}/content.

A remix is JSON, POST /v1/videos/{id}/remix: the prompt for a finished video's scene, and nothing else.
Documents: CometAPI, "Create a Wan video", "Create an Omni video (Beta)", "Create Veo video" (read 2026-11).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from .base import Answer, Dialect, Message, Part, VideoRequest, VideoTask
from .reading import created_task, polled_task

REMIX_OF = "remix_of"


class OpenAIVideos(Dialect):
    """The flat job: scalars as form fields, files beside them."""

    name = "openai_videos"
    creates = ("POST /v1/videos",)

    def create(self, request: VideoRequest) -> Message:
        if source := request.fields.get(REMIX_OF):
            if len(request.fields) > 1 or request.files:
                raise ValueError("A remix carries a prompt and nothing else.")
            path = f"/v1/videos/{quote(str(source), safe='')}/remix"
            return Message("POST", path, json={"prompt": request.prompt})
        fields = {"model": request.model, "prompt": request.prompt, **request.fields}
        parts: list[tuple[str, Part]] = [
            (name, (None, as_text(item), None))
            for name, value in fields.items()
            for item in (value if isinstance(value, list) else [value])
        ]
        for name, files in request.files.items():
            parts += [(name, (file.name, file.content, file.content_type)) for file in files]
        return Message("POST", "/v1/videos", parts=tuple(parts))

    def retrieve(self, upstream_id: str, state: dict[str, Any]) -> Message:
        return Message("GET", f"/v1/videos/{quote(upstream_id, safe='')}")

    def content(self, upstream_id: str, state: dict[str, Any]) -> Message | None:
        return Message("GET", f"/v1/videos/{quote(upstream_id, safe='')}/content")

    def read_create(self, answer: Answer) -> VideoTask:
        return created_task(answer)

    def read_task(self, answer: Answer) -> VideoTask:
        return polled_task(answer)


def as_text(value: str | int | float | bool) -> str:
    """Return a scalar as a form field spells it: true and false in lower case."""
    return str(value).lower() if isinstance(value, bool) else str(value)
