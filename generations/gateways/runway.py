"""Runway's own API: JSON POST /runwayml/v1/image_to_video, GET /runwayml/v1/tasks/{id}, each with a version header.

Document: CometAPI, Runway "Image to Video" and "Get task details" (read 2026-11). A task that was just created may
be unknown for some seconds, which the grace of the poller bears. Newer answers are Runway's own (PENDING, RUNNING,
SUCCEEDED, the link in output), older ones come inside the new-api envelope; reading.py tells them by shape.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from .base import Answer, Dialect, Message, VideoRequest, VideoTask, json_body
from .reading import created_task, polled_task

VERSION = {"X-Runway-Version": "2024-11-06"}


class Runway(Dialect):
    """One JSON body in camel case; the image is a link in it. There is no content route."""

    name = "runway"
    creates = ("POST /runwayml/v1/image_to_video",)

    def create(self, request: VideoRequest) -> Message:
        body = json_body(request, prompt="promptText")
        return Message("POST", "/runwayml/v1/image_to_video", headers=VERSION, json=body)

    def retrieve(self, upstream_id: str, state: dict[str, Any]) -> Message:
        return Message("GET", f"/runwayml/v1/tasks/{quote(upstream_id, safe='')}", headers=VERSION)

    def content(self, upstream_id: str, state: dict[str, Any]) -> Message | None:
        return None

    def read_create(self, answer: Answer) -> VideoTask:
        return created_task(answer)

    def read_task(self, answer: Answer) -> VideoTask:
        return polled_task(answer)
