"""A list to choose from, written at once: Django's own draws a template for each of its choices."""

from django import forms
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString


class PlainSelect(forms.Select):
    """A select without groups."""

    def render(self, name, value, attrs=None, renderer=None) -> SafeString:
        chosen = "" if value is None else str(value)
        options = "".join(
            f'<option value="{escape(key)}"{" selected" if str(key) == chosen else ""}>{escape(label)}</option>'
            for key, label in self.choices
        )
        given = format_html_join("", ' {}="{}"', (self.attrs | (attrs or {})).items())
        return format_html('<select name="{}"{}>{}</select>', name, given, SafeString(options))
