"""Adding a webhook, and changing one."""

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from generations.lifecycle.webhook_messages import host_of, why_not
from generations.models import User, Webhook
from generations.models.webhooks import Kind, managed_teams

MOST = 20  # of one team


class WebhookForm(forms.ModelForm):
    """Where to tell what, and how. What was typed comes back when it is refused."""

    url = forms.CharField(
        label=gettext_lazy("Address"),
        strip=True,
        error_messages={"required": gettext_lazy("Enter an address.")},
    )
    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("Tell it when a video is"),
        choices=Kind.choices,
        error_messages={"required": gettext_lazy("Choose at least one thing to tell.")},
    )

    class Meta:
        model = Webhook
        fields = ["name", "url", "shape", "kinds"]

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].error_messages["required"] = _("Give it a name, so that others know what it is for.")

    @property
    def chosen_kinds(self) -> list[str]:
        """What is ticked: as it was posted, else as it begins."""
        return self.data.getlist("kinds") if self.is_bound else self.initial["kinds"]

    def clean_url(self) -> str:
        if problem := why_not(self.cleaned_data["url"]):
            raise forms.ValidationError(problem)
        return self.cleaned_data["url"]


class NewWebhookForm(WebhookForm):
    """Another one for a team that the person manages: at first told everything but what happens most."""

    class Meta(WebhookForm.Meta):
        fields = ["team", *WebhookForm.Meta.fields]

    def __init__(self, *args, user: User, **kwargs) -> None:
        super().__init__(*args, initial={"kinds": [Kind.COMPLETED, Kind.FAILED, Kind.UNKNOWN]}, **kwargs)
        self.user = user
        self.fields["team"].queryset = self.teams = managed_teams(user)
        self.fields["team"].empty_label = None
        self.fields["team"].required = False

    def clean_team(self):
        """The team that was chosen; the first where there is no choice."""
        return self.cleaned_data["team"] or self.teams.first()

    def clean(self) -> dict:
        data = super().clean()
        if data.get("team") and data["team"].webhooks.count() >= MOST:
            self.add_error(None, _("A team can have {most} webhooks. Delete one first.").format(most=MOST))
        return data

    def save(self, commit: bool = True) -> Webhook:
        self.instance.created_by = self.user
        self.instance.host = host_of(self.cleaned_data["url"])
        return super().save(commit)


class ChangeWebhookForm(WebhookForm):
    """Everything but its secret and its team. The address is shown to nobody: left empty, it stays what it is."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.initial["url"] = ""
        self.fields["url"].required = not self.instance.url

    def clean_url(self) -> str:
        return super().clean_url() if self.cleaned_data["url"] else self.instance.url

    def save(self, commit: bool = True) -> Webhook:
        """Save what can be changed here alone: a secret that changes at the same moment stays changed."""
        changed = ["name", "shape", "kinds"]
        if "url" in self.changed_data:
            self.instance.host = host_of(self.cleaned_data["url"])
            self.instance.failing_since = None  # that was another address
            changed += ["url", "host", "failing_since"]
        self.instance.save(update_fields=changed)
        return self.instance
