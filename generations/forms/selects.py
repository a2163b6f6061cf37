"""A list to choose from, written at once: Django's own draws a template for each of its choices."""

from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString


class PlainSelect(forms.Select):
    """A select without groups."""

    def render(self, name, value, attrs=None, renderer=None) -> SafeString:
        chosen = "" if value is None else str(value)
        options = format_html_join(
            "",
            '<option value="{}"{}>{}</option>',
            ((key, SafeString(" selected" if str(key) == chosen else ""), label) for key, label in self.choices),
        )
        given = format_html_join("", ' {}="{}"', (self.attrs | (attrs or {})).items())
        return format_html('<select name="{}"{}>{}</select>', name, given, options)
