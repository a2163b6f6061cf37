"""The OpenAI-style videos API of servers that want JSON: POST /v1/videos as JSON, with a file as multipart.

Documents: SGLang diffusion, "OpenAI-compatible API" (older versions refuse multipart without a file); LiteLLM proxy,
"/videos" (read 2026-11). All else is as openai_videos.py has it; what differs between such servers is known by shape.
"""

from __future__ import annotations

from .base import Message, VideoRequest, json_body
from .openai_videos import OpenAIVideos


class OpenAIJSON(OpenAIVideos):
    """The flat job, asked for in JSON: integers stay integers, dotted paths become objects."""

    name = "openai_json"

    def create(self, request: VideoRequest) -> Message:
        if any(request.files.values()):
            return super().create(request)
        return Message("POST", "/v1/videos", json=json_body(request))
