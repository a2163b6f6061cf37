"""A list to choose from, written at once: Django's own draws a template for each of its choices."""

import copy
from collections.abc import Sequence

from django import forms
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString

Choices = Sequence[tuple[str, str]]  # a value and its words


class PlainSelect(forms.Select):
    """A select without groups."""

    choices: Choices = ()  # Django's own property looks through every choice that is set

    def render(self, name, value, attrs=None, renderer=None) -> SafeString:
        chosen = "" if value is None else str(value)
        options = "".join(
            f'<option value="{escape(key)}"{" selected" if str(key) == chosen else ""}>{escape(label)}</option>'
            for key, label in self.choices
        )
        given = format_html_join("", ' {}="{}"', (self.attrs | (attrs or {})).items())
        return format_html('<select name="{}"{}>{}</select>', name, given, SafeString(options))


class PlainChoiceField(forms.ChoiceField):
    """A choice from (value, words), which each form may set for itself; Django's own copies them for every form."""

    widget = PlainSelect
    choices: Choices = ()

    def __init__(self, *, choices: Choices = (), **known) -> None:
        super().__init__(**known)
        self.offer(choices)

    def offer(self, choices: Choices) -> None:
        """Let these be chosen from, and nothing else."""
        self.choices = self.widget.choices = choices

    def __deepcopy__(self, memo: dict) -> "PlainChoiceField":
        found = copy.copy(self)
        found.widget = copy.copy(self.widget)
        found.widget.attrs = dict(self.widget.attrs)
        return found
