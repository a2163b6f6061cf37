"""Forms around the player: a comment, and a link for people outside."""

from datetime import timedelta

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from generations.models.watching import LONGEST_COMMENT
from generations.moments import read_time, time_words


class CommentForm(forms.Form):
    """What somebody says of a video; `at` is the moment, empty for all of it."""

    text = forms.CharField(
        max_length=LONGEST_COMMENT,
        error_messages={
            "required": gettext_lazy("Write something first."),
            "max_length": format_lazy(
                gettext_lazy("At most {most} characters: this has %(show_value)d."), most=LONGEST_COMMENT
            ),
        },
    )
    at = forms.CharField(required=False, max_length=40)

    def __init__(self, *args, length: float | None = None, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.length = length

    def clean_at(self) -> float | None:
        typed = self.cleaned_data["at"].strip()
        if not typed:
            return None
        seconds = read_time(typed)
        if seconds is None:
            raise forms.ValidationError(_("Write the moment as minutes and seconds, such as 0:03.2."))
        if self.length is not None and seconds > self.length + 0.01:
            raise forms.ValidationError(_("The video ends at {time_words}.").format(time_words=time_words(self.length)))
        return seconds


DAYS = {
    "1": gettext_lazy("1 day"),
    "7": gettext_lazy("7 days"),
    "30": gettext_lazy("30 days"),
    "90": gettext_lazy("90 days"),
}


class ShareForm(forms.Form):
    """How long a link is open, and whether the prompt is shown."""

    days = forms.ChoiceField(
        choices=list(DAYS.items()), error_messages={"required": gettext_lazy("Choose for how long.")}
    )
    shows_prompt = forms.BooleanField(required=False)

    @property
    def lifetime(self) -> timedelta:
        return timedelta(days=int(self.cleaned_data["days"]))
