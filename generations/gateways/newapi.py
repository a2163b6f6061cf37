"""The new-api envelope: JSON POST /v1/video/generations, GET /v1/video/generations/{id}.

Document: ComputeVault, "Wan Model Text-to-Video API Documentation" (read 2026-11). The create answers a flat
job, the poll an envelope whose `fail_reason` holds the link of a success (reading.py absorbs both).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from .base import Answer, Dialect, Message, VideoRequest, VideoTask, json_body
from .reading import created_task, polled_task


class NewAPI(Dialect):
    """One JSON body; options sit where their dotted path says. There is no content route."""

    name = "newapi"
    creates = ("POST /v1/video/generations",)

    def create(self, request: VideoRequest) -> Message:
        return Message("POST", "/v1/video/generations", json=json_body(request))

    def retrieve(self, upstream_id: str, state: dict[str, Any]) -> Message:
        return Message("GET", f"/v1/video/generations/{quote(upstream_id, safe='')}")

    def content(self, upstream_id: str, state: dict[str, Any]) -> Message | None:
        return None

    def read_create(self, answer: Answer) -> VideoTask:
        return created_task(answer)

    def read_task(self, answer: Answer) -> VideoTask:
        return polled_task(answer)
