"""The library's filter."""

from django import forms
from django.http import QueryDict

from generations.catalog import catalog
from generations.models import Membership, Status, User

LONGEST_SEARCH = 500


def search_words(text: str) -> str:
    """Return the words searched for, short enough to search with and without what a database cannot hold."""
    return text.replace("\0", "").strip()[:LONGEST_SEARCH].strip()


class SearchField(forms.Field):
    """Words to search for; there are none that are wrong."""

    def clean(self, value: str | None) -> str:
        return search_words(value or "")


def model_filter() -> list[tuple[str, str]]:
    return [("", "Any model")] + [(model.key, model.label) for model in catalog().models]


def person_filter(user: User) -> list[tuple[str, str]]:
    """Return everybody of this person's teams, by name."""
    teams = Membership.objects.filter(user=user).values("team")
    people = User.objects.filter(memberships__team__in=teams).distinct().order_by("username")
    return [("", "Anyone")] + [(name, name) for name in people.values_list("username", flat=True)]


class LibraryForm(forms.Form):
    """The library's filter. It never refuses: what makes no sense filters nothing, and says so by being empty."""

    q = SearchField(required=False, label="Search")
    status = forms.ChoiceField(required=False, choices=[("", "Any status"), *Status.choices])
    model = forms.ChoiceField(required=False)
    person = forms.ChoiceField(required=False)

    def __init__(self, data: QueryDict, *, user: User) -> None:
        super().__init__(data)
        self.fields["model"].choices = model_filter()
        self.fields["person"].choices = person_filter(user)

    @property
    def chosen(self) -> dict[str, str]:
        """The filters that are set, by name."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}

    def apply(self, generations):
        """Return the generations that pass."""
        columns = {
            "q": "prompt__text__icontains",
            "status": "status",
            "model": "model_key",
            "person": "created_by__username",
        }
        return generations.filter(**{columns[name]: value for name, value in self.chosen.items()})
