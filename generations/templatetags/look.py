"""What templates need to draw: icons, frames in their ratio, elapsed time, figures."""

import re
from collections.abc import Hashable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import NamedTuple

from django import template
from django.forms import BoundField, Form
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from generations.keys import by_place
from generations.models import Status
from generations.models.told import actor_words, told
from generations.moments import time_words
from generations.specs import Option, Size, VideoModel
from generations.toasts import offer_of

register = template.Library()

TOP = "_topbar.html"

FRAME = re.compile(r"(\d{1,5})\s*[x*:×]\s*(\d{1,5})")


class Frame(NamedTuple):
    """Width and height, in pixels or as the two sides of a ratio."""

    width: int
    height: int

    @property
    def is_tall(self) -> bool:
        return self.height > self.width


@register.simple_tag
@cache
def icon(name: str, classes: str = "") -> SafeString:
    """Return one icon of the sprite, hidden from screen readers: the words are beside it."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true"><use href="{}#{}"/></svg>', classes, static("icons.svg"), name
    )


# What is drawn from nothing but its key: the choices of a form, which are the same for everybody who makes them.
_drawn: dict[Hashable, SafeString] = {}
MOST_DRAWN, LONGEST_KEPT = 2000, 100


def drawn(key: Hashable, template: str, own: Mapping[str, object] | None = None, **context: object) -> SafeString:
    """Return a template rendered with what `key` stands for; drawn once a language.

    `own` is what differs from page to page: it is put in its places afterwards, and may only be shown as it is.
    """
    key, own = (key, get_language()), own or {}
    if key not in _drawn:
        if len(_drawn) >= MOST_DRAWN:
            _drawn.clear()
        _drawn[key] = render_to_string(template, context | {name: _place(name) for name in own})
    html = _drawn[key]
    for name, value in own.items():
        html = html.replace(_place(name), escape(value))
    return SafeString(html)


def _place(name: str) -> str:
    return f"\x02{name}\x03"  # two characters that no browser sends, no database holds and nothing escapes


@register.simple_tag
def option(field: BoundField) -> SafeString:
    """Return one option of a video model, drawn by its kind."""
    template, value = "generations/_option.html", field.value()
    is_plain = isinstance(value, str | int | None) and len(str(value)) <= LONGEST_KEPT
    if field.errors or field.uploads or field.stray or not is_plain:
        return render_to_string(template, {"field": field})
    return drawn((field.form.video_model, field.name, type(value), value), template, field=field)


@register.simple_tag
def models_to_choose(form: Form) -> SafeString:
    """Return the options of the model's select, by maker."""
    models = tuple(form.choosable)
    return drawn((models, form.video_model), "generations/_models.html", form=form)


@register.simple_tag(takes_context=True)
def framed(context: template.RequestContext, name: str) -> SafeString:
    """Return a part of the frame, drawn once for each place in the site, each kind of person and each appearance."""
    request = context.get("request")
    user = getattr(request, "user", None)
    is_staff = bool(user and user.is_staff)
    known = {
        "nav": context.get("nav", ""),
        "theme": context.get("theme", ""),
        "is_staff": is_staff,
        "sees_gateways": is_staff and user.has_perm("generations.change_gateway"),
        "sandbox_active": name == TOP and context["sandbox_active"](),
    }
    own = {}
    if name == TOP:
        own = {"username": user.get_username(), "next": request.get_full_path(), "csrf_token": context["csrf_token"]}
    return drawn((name, *known.values()), name, own, **known)


@register.simple_tag
def key_sheet() -> SafeString:
    """Return the sheet behind `?`, the same for everybody."""
    return drawn("keys", "_keys.html", key_sheet=by_place())


@register.simple_tag
def library_filter(form: Form, is_filtered_more: bool) -> SafeString:
    """Return the library's filter; without words to search for it is drawn once for everything it shows."""
    template, shown = "generations/_filters.html", {"form": form, "is_filtered_more": is_filtered_more}
    given = tuple((name, form.data[name]) for name in form.fields if name in form.data)
    if form.data.get("q") or len(str(given)) > LONGEST_KEPT:
        return render_to_string(template, shown)
    return drawn((template, form.choices, given), template, **shown)


@register.simple_tag(takes_context=True)
def library_bar(context: template.Context, form: Form, query: str, words: str, export: str) -> SafeString:
    """Return what can be done with selected videos, drawn once for what they can be given."""
    own = {"query": query, "words": words, "export": export, "csrf_token": context["csrf_token"]}
    return drawn(("bar", form.choices), "generations/_bulk.html", own, form=form)


@register.simple_tag
def library_pages(newer_url: str, older_url: str, place: str) -> SafeString:
    """Return what leads to the pages of the library before and after this one, if there are any."""
    own = {name: url for name, url in (("newer_url", newer_url), ("older_url", older_url)) if url}
    if not own:
        return SafeString()
    return drawn(("pages", *own), "generations/_pages.html", own | {"place": place})


@register.filter
def frame(value: object) -> Frame | None:
    """Return the frame written in "1280x720", "1280*720" or "16:9", else None."""
    found = FRAME.search(str(value))
    return Frame(int(found[1]), int(found[2])) if found and int(found[1]) and int(found[2]) else None


@register.simple_tag
def day_words(day: date) -> SafeString:
    """Return a day in words: "Friday, 27 November 2026"."""
    return drawn(("day", day), "generations/_day.html", day=day)


@register.filter
def utc(moment: datetime) -> SafeString:
    """Return a moment to the second, and where its clock is: what is printed is read anywhere."""
    moment = moment.astimezone(UTC)
    return format_html('<time datetime="{}">{} UTC</time>', moment.isoformat(), f"{moment:%Y-%m-%d %H:%M:%S}")


@register.filter
def elapsed(since: datetime | None, until: datetime | None = None) -> str:
    """Return the time from `since` to `until`, or to now, as "42 s", "3 min 05 s" or "1 h 02 min"."""
    if since is None:
        return ""
    seconds = max(0, int(((until or timezone.now()) - since).total_seconds()))
    if seconds < 60:
        return _("{seconds} s").format(seconds=seconds)
    if seconds < 3600:
        return _("{minutes} min {seconds} s").format(minutes=seconds // 60, seconds=f"{seconds % 60:02}")
    return _("{hours} h {minutes} min").format(hours=seconds // 3600, minutes=f"{seconds % 3600 // 60:02}")


@register.filter
def age(since: datetime) -> str:
    """Return how long ago that was as people say it, "2 days, 3 hours"; the first minute in seconds."""
    recent = timezone.now() - since < timedelta(minutes=1)
    return elapsed(since) if recent else timesince(since)


@register.filter
def pixels(value: object) -> str:
    """Return "1280x720" and "1280*720" as people write them: "1280×720"."""
    return re.sub(r"(?<=\d)[x*](?=\d)", "×", str(value))


# How each status looks; the words are the model's own.
STATUS_LOOKS = {
    "queued": ("clock", ""),
    "submitting": ("send", "tone-accent"),
    "unknown": ("circle-question-mark", "tone-warning"),
    "in_progress": ("sparkles", "tone-accent"),
    "downloading": ("download", "tone-accent"),
    "completed": ("circle-check", "tone-success"),
    "failed": ("circle-alert", "tone-error"),
    "cancelled": ("ban", ""),
}


@register.filter(name="told")
def in_language(text: str) -> str:
    """Return what was written down in English in the reader's language: generations/models/told.py."""
    return told(text or "")


register.filter("who", actor_words)


@register.filter
def status_icon(status: str) -> str:
    return STATUS_LOOKS.get(status, ("info", ""))[0]


@register.filter
def status_tone(status: str) -> str:
    return STATUS_LOOKS.get(status, ("info", ""))[1]


@register.filter
def words(option: Option, value: object) -> str:
    """Return a value of an option as people read it: "5 s", "1280×720", "on"."""
    return pixels(option.words(value))


@register.filter
def rules(option: Option, model: VideoModel) -> list[str]:
    """Return when an option of a model is sent and may be given, a sentence each."""
    return model.rules_of(option)


@register.filter
def is_value(field: BoundField, value: object) -> bool:
    """Say whether `value` is what the field holds now, as typed or as a default."""
    held = field.value()
    if isinstance(held, bool):
        held = str(held).lower()
    return held is not None and str(held) == str(value)


@register.filter
def bare(field: BoundField, has_focus: bool = False) -> SafeString:
    """Return a field without the placeholder that only says its label again; the page may open with the focus in it."""
    field.field.widget.attrs.pop("placeholder", None)
    return field.as_widget(attrs={"autofocus": True} if has_focus else None)


@register.filter
def ratio(option: Size, value: str) -> str:
    """Return the nearest usual ratio of one of a size option's values: "4:3" for 1088x832."""
    return option.ratio_of(value)


@register.filter
def moment(seconds: float) -> str:
    """Return a moment of a video as "0:03.20"."""
    return time_words(seconds)


@register.filter
def action_of(message) -> dict | None:
    """Return what a toast offers, {} for nothing; None for a message that is no toast: generations/toasts.py."""
    return offer_of(message)


@register.filter
def status_name(status: str) -> str:
    """Return a status in words: "Generating" for in_progress."""
    return Status(status).label if status in Status.values else status
