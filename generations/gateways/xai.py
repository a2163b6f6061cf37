"""xAI's own API: JSON POST /grok/v1/videos/generations, or edits for another video, GET /grok/v1/videos/{request_id}.

Document: CometAPI, xAI "Video generation" and "Get video generation results" (read 2026-11). The create answers a
request_id and nothing else, and so may a poll while the task waits: no status is a task that has not begun. Older
answers come inside the new-api envelope. `usage.cost_in_usd_ticks` is what the task cost.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from .base import Answer, Dialect, Message, TaskStatus, VideoRequest, VideoTask, json_body
from .reading import ID_PLACES, created_task, found_in, polled_task

IDS = ("request_id", *ID_PLACES)
TICKS_PER_USD = Decimal(10**10)
COSTS = ("usage.cost_in_usd_ticks", "data.data.usage.cost_in_usd_ticks")
MODERATION = ("video.respect_moderation", "data.data.video.respect_moderation")
HELD_BACK = "The provider's moderation held the video back (respect_moderation is false)."


class XAI(Dialect):
    """One JSON body; an image is a data URI in it. There is no content route."""

    name = "xai"
    creates = ("POST /grok/v1/videos/generations",)

    def create(self, request: VideoRequest) -> Message:
        action = "edits" if "video.url" in request.fields else "generations"
        return Message("POST", f"/grok/v1/videos/{action}", json=json_body(request))

    def retrieve(self, upstream_id: str, state: dict[str, Any]) -> Message:
        return Message("GET", f"/grok/v1/videos/{quote(upstream_id, safe='')}")

    def content(self, upstream_id: str, state: dict[str, Any]) -> Message | None:
        return None

    def read_create(self, answer: Answer) -> VideoTask:
        return created_task(answer, ids=IDS)

    def read_task(self, answer: Answer) -> VideoTask:
        task = polled_task(answer, ids=IDS)
        task = replace(task, cost_usd=cost_of(task.raw))
        is_held_back = False in found_in(task.raw, MODERATION)
        if task.status is TaskStatus.COMPLETED and is_held_back and not task.urls:
            return replace(task, status=TaskStatus.FAILED, error=HELD_BACK)
        return task


def cost_of(body: dict[str, Any]) -> Decimal | None:
    """Return what a task cost in USD, from ticks of a ten-billionth of one; None when the answer does not say."""
    for ticks in found_in(body, COSTS):
        if isinstance(ticks, int) and not isinstance(ticks, bool) and ticks >= 0:
            return Decimal(ticks) / TICKS_PER_USD
    return None
