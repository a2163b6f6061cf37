"""Kling's own API: JSON POST /kling/v1/videos/{action}, GET the same path with the task's id behind it.

Documents: CometAPI, Kling "Text to Video", "Image to Video" and "Individual queries" (read 2026-11). The action is
image2video as soon as there is an image. A task is found only under the action it was created by, so that is kept
with the row. Success is spelled "succeed", times are milliseconds, ids are texts of 19 digits.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from .base import Answer, Dialect, Message, VideoRequest, VideoTask, json_body
from .reading import created_task, polled_task

ROOT = "/kling/v1/videos"
TEXT, IMAGE = "text2video", "image2video"


class Kling(Dialect):
    """One JSON body; images are bare base64 in it. There is no content route."""

    name = "kling"
    creates = tuple(f"POST {ROOT}/{action}" for action in (TEXT, IMAGE))

    def create(self, request: VideoRequest) -> Message:
        action = IMAGE if "image" in request.fields else TEXT
        body = json_body(request, model="model_name")
        return Message("POST", f"{ROOT}/{action}", json=body, state={"action": action})

    def retrieve(self, upstream_id: str, state: dict[str, Any]) -> Message:
        action = IMAGE if state.get("action") == IMAGE else TEXT
        return Message("GET", f"{ROOT}/{action}/{quote(upstream_id, safe='')}")

    def content(self, upstream_id: str, state: dict[str, Any]) -> Message | None:
        return None

    def read_create(self, answer: Answer) -> VideoTask:
        return created_task(answer)

    def read_task(self, answer: Answer) -> VideoTask:
        return polled_task(answer)
