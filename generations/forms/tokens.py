"""The form that makes a token."""

from datetime import timedelta

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy

from generations.models.tokens import SCOPES

DAYS = {
    "30": gettext_lazy("30 days"),
    "90": gettext_lazy("90 days"),
    "365": gettext_lazy("A year"),
    "": gettext_lazy("It does not expire"),
}


class TokenForm(forms.Form):
    """Name, scopes and how long it lasts. `fields_of_token` are what the row takes."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=100,
        help_text=gettext_lazy("Where it is used, so that you know which one to revoke."),
        error_messages={"required": gettext_lazy("Give it a name that says where it is used.")},
    )
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("It may"),
        choices=list(SCOPES.items()),
        initial=list(SCOPES),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Choose at least one thing that it may do.")},
    )
    days = forms.ChoiceField(label=gettext_lazy("It lasts"), choices=list(DAYS.items()), required=False, initial="90")

    def fields_of_token(self) -> dict:
        days = self.cleaned_data["days"]
        return {
            "name": self.cleaned_data["name"],
            "scopes": [scope for scope in SCOPES if scope in self.cleaned_data["scopes"]],
            "expires_at": timezone.now() + timedelta(days=int(days)) if days else None,
        }
