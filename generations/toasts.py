"""Toasts: one sentence in the corner, with at most one thing to do about it.

A toast is a message of django.contrib.messages. A whole page draws what waits by `_toasts.html` in its frame; an answer
to htmx includes `_toasts.html` with `oob=True`, and it arrives in the corner of the page that is there. Without
JavaScript it stands in the corner until the next page; with it, it leaves by itself unless it is a warning or an error.
"""

import json

from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.http import HttpRequest

MARK = "toast "


def toast(
    request: HttpRequest,
    text: str,
    *,
    label: str = "",
    url: str = "",
    fields: dict[str, str] | None = None,
    level: int = messages.SUCCESS,
) -> None:
    """Say `text` in the corner of the next page or fragment.

    `label` and `url` make the one action: a link, or, with `fields` (an empty mapping too), a button that posts them
    to `url` with the page's CSRF token. The URL is one of ours: it is never taken from a visitor.
    """
    action = {"label": label, "url": url, "fields": fields} if label else {}
    messages.add_message(request, level, text, extra_tags=MARK + json.dumps(action))


def offer_of(message: Message) -> dict | None:
    """Return `label`, `url` and `fields` of a toast, {} when it offers nothing; None for a message that is no toast."""
    tags = message.extra_tags or ""
    return json.loads(tags.removeprefix(MARK)) if tags.startswith(MARK) else None
