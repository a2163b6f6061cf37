"""One option of a video model as a form field."""

from django import forms

from generations.models import Upload
from generations.specs import Choice, Option, Size, is_absent


class OptionBoundField(forms.BoundField):
    """What a template needs to draw one option."""

    @property
    def uploads(self) -> list[Upload]:
        """The images that are chosen now, in their order."""
        return self.form.uploads.get(self.name, [])

    @property
    def upload(self) -> Upload | None:
        """The one image that is chosen now, where one is taken."""
        return self.uploads[-1] if self.uploads else None

    @property
    def stray(self) -> str:
        """What was chosen although the model does not offer it, so that it stays in sight; else empty."""
        option, held = self.field.option, self.value()
        if not isinstance(option, Choice | Size) or is_absent(held):
            return ""
        return "" if any(option.is_same(held, value) for value in option.values) else str(held)


class OptionField(forms.Field):
    """One option as a form field: it only carries the value; the model's `clean` judges all of them together."""

    def __init__(self, option: Option) -> None:
        self.option = option
        super().__init__(label=option.label, help_text=option.help, initial=option.default, required=False)

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> OptionBoundField:
        return OptionBoundField(form, self, field_name)

    def bound_data(self, data, initial):
        """Show what was posted, else what will be taken for it."""
        return initial if data is None else data

    def clean(self, value):
        return value
