"""Gateways: what is said to them, what their answers mean, and how it is sent. Imports nothing of ours."""

from collections.abc import Iterable

from .base import (
    Answer,
    Dialect,
    FilePart,
    GatewayBusy,
    GatewayError,
    GatewayMissing,
    GatewayNotSent,
    GatewayProtocolError,
    GatewayRejected,
    GatewayUnclear,
    Message,
    TaskStatus,
    VideoRequest,
    VideoTask,
)
from .kling import Kling
from .newapi import NewAPI
from .openai_json import OpenAIJSON
from .openai_videos import OpenAIVideos
from .runway import Runway
from .xai import XAI

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        OpenAIVideos(),
        OpenAIJSON(),
        NewAPI(),
        Kling(),
        Runway(),
        XAI(),
    )
}


def dialect(name: str) -> Dialect:
    """Return the dialect of this name. Raise KeyError, naming the known ones, for any other."""
    try:
        return DIALECTS[name]
    except KeyError:
        raise KeyError(f"no dialect {name!r}; known: {', '.join(sorted(DIALECTS))}") from None


def speaker_of(routes: Iterable[str]) -> str:
    """Return the name of the dialect that creates at one of these routes, such as "POST /v1/videos"; "" for none."""
    wanted = set(routes)
    return next((known.name for known in DIALECTS.values() if wanted.intersection(known.creates)), "")


__all__ = [
    "DIALECTS",
    "XAI",
    "Answer",
    "Dialect",
    "FilePart",
    "GatewayBusy",
    "GatewayError",
    "GatewayMissing",
    "GatewayNotSent",
    "GatewayProtocolError",
    "GatewayRejected",
    "GatewayUnclear",
    "Kling",
    "Message",
    "NewAPI",
    "OpenAIJSON",
    "OpenAIVideos",
    "Runway",
    "TaskStatus",
    "VideoRequest",
    "VideoTask",
    "dialect",
    "speaker_of",
]
