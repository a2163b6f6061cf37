"""What templates need to draw: icons, frames in their ratio, elapsed time, figures."""

import re
from datetime import datetime
from typing import NamedTuple

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

FRAME = re.compile(r"(\d{1,5})\s*[x*:×]\s*(\d{1,5})")


class Frame(NamedTuple):
    """Width and height, in pixels or as the two sides of a ratio."""

    width: int
    height: int

    @property
    def is_tall(self) -> bool:
        return self.height > self.width


@register.simple_tag
def icon(name: str, classes: str = "") -> SafeString:
    """Return one icon of the sprite, hidden from screen readers: the words are beside it."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true"><use href="{}#{}"/></svg>', classes, static("icons.svg"), name
    )


@register.filter
def frame(value: object) -> Frame | None:
    """Return the frame written in "1280x720", "1280*720" or "16:9", else None."""
    found = FRAME.search(str(value))
    return Frame(int(found[1]), int(found[2])) if found and int(found[1]) and int(found[2]) else None


@register.filter
def elapsed(since: datetime | None, until: datetime | None = None) -> str:
    """Return the time from `since` to `until`, or to now, as "42 s", "3 min 05 s" or "1 h 02 min"."""
    if since is None:
        return ""
    seconds = max(0, int(((until or timezone.now()) - since).total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02} min"


@register.filter
def pixels(value: object) -> str:
    """Return "1280x720" and "1280*720" as people write them: "1280×720"."""
    return re.sub(r"(?<=\d)[x*](?=\d)", "×", str(value))
