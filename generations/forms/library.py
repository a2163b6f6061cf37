"""The library's filter."""

from datetime import UTC, date, datetime, time, tzinfo
from functools import cached_property

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from generations.catalog import catalog
from generations.forms.selects import Choices, PlainChoiceField
from generations.forms.surroundings import surroundings_of
from generations.models import Star, Status, Tagging, User, matching
from generations.models.sorting import Cost, Frame, Length, Tier

LONGEST_SEARCH = 500
NO_PROJECT = "none"
STARS = {
    1: gettext_lazy("1 star"),
    2: gettext_lazy("2 stars"),
    3: gettext_lazy("3 stars"),
    4: gettext_lazy("4 stars"),
    5: gettext_lazy("5 stars"),
}

# What is one column of a row, by the name of the filter.
COLUMNS = {
    "status": "status",
    "model": "model_key",
    "frame": "frame",
    "tier": "tier",
    "length": "length",
    "cost": "cost",
}


def search_words(text: str) -> str:
    """Return the words searched for, short enough to search with and without what a database cannot hold."""
    return text.replace("\0", "").strip()[:LONGEST_SEARCH].strip()


class SearchField(forms.Field):
    """Words to search for; there are none that are wrong."""

    def clean(self, value: str | None) -> str:
        return search_words(value or "")


class DayField(forms.DateField):
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    input_formats = ["%Y-%m-%d"]
    # A day at either end of the calendar would begin or end outside of it in some zone.
    default_validators = [MinValueValidator(date(1970, 1, 1)), MaxValueValidator(date(9998, 12, 31))]


def any_of(words: str, choices: list[tuple[str, str]]) -> PlainChoiceField:
    listed = [("", words), *((str(value), label) for value, label in choices)]
    return PlainChoiceField(required=False, choices=listed)


def model_filter() -> list[tuple[str, str]]:
    return [("", _("Any model"))] + [(model.key, model.label) for model in catalog().models]


def person_filter(user: User) -> list[tuple[str, str]]:
    """Return everybody of this person's teams, by name."""
    return [("", _("Anyone"))] + [(named.name, named.name) for named in surroundings_of(user).people]


class LibraryForm(forms.Form):
    """The library's filter. It never refuses: what makes no sense filters nothing, and says so by being empty."""

    q = SearchField(required=False, label=gettext_lazy("Search"))
    status = any_of(gettext_lazy("Any status"), Status.choices)
    model = PlainChoiceField(required=False)
    person = PlainChoiceField(required=False)
    project = PlainChoiceField(required=False)
    tag = PlainChoiceField(required=False)
    star = any_of(gettext_lazy("Starred or not"), [("mine", gettext_lazy("My stars"))])
    rating = any_of(
        gettext_lazy("Any rating"),
        [(number, format_lazy(gettext_lazy("{stars} or more"), stars=words)) for number, words in STARS.items()],
    )
    frame = any_of(gettext_lazy("Any shape"), Frame.choices)
    tier = any_of(gettext_lazy("Any size"), Tier.choices)
    length = any_of(gettext_lazy("Any length"), Length.choices)
    cost = any_of(gettext_lazy("Any price"), Cost.choices)
    differs = any_of(gettext_lazy("As asked or not"), [("yes", gettext_lazy("Differs from what was asked"))])
    since = DayField(required=False, label=gettext_lazy("From"))
    until = DayField(required=False, label=gettext_lazy("To"))

    def __init__(self, data: QueryDict, *, user: User, zone: tzinfo = UTC) -> None:
        super().__init__(data)
        self.user = user
        self.zone = zone  # where the days of `since` and `until` begin and end
        around = surroundings_of(user)
        self.teams = around.teams  # named to the database, so that it looks nowhere else
        self.people = {named.name: named.pk for named in around.people}
        self.projects, self.tags, self.views = around.projects, around.tags, around.views
        self.offer("model", model_filter())
        self.offer("person", [("", _("Anyone")), *((name, name) for name in self.people)])
        projects = [(str(project.pk), project.name) for project in self.projects]
        self.offer("project", [("", _("Any project")), *projects, (NO_PROJECT, _("In no project"))])
        names = dict.fromkeys(tag.name for tag in self.tags)  # two teams may have the same
        self.offer("tag", [("", _("Any tag")), *((name, name) for name in names)])

    def offer(self, name: str, choices: Choices) -> None:
        self.fields[name].offer(choices)

    @cached_property
    def choices(self) -> tuple:
        """Everything there is to choose from that is not always the same."""
        return tuple(model_filter()), tuple(self.people), tuple(self.projects), tuple(tag.name for tag in self.tags)

    @cached_property
    def chosen(self) -> dict[str, str]:
        """The filters that are set, by name, as they are in the address."""
        if self.data.keys().isdisjoint(self.fields):
            return {}
        self.is_valid()
        return {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in self.cleaned_data.items()
            if value
        }

    @property
    def is_by_time(self) -> bool:
        """Whether what passes is best read by time: an index has it so, and imported work keeps its place."""
        return not self.chosen.keys().isdisjoint({"since", "until"}) and "q" not in self.chosen

    def words_of(self, name: str) -> str:
        """Return a filter that is set in words."""
        value = self.chosen[name]
        labels = {
            "q": f"“{value}”",
            "since": _("From {value}").format(value=value),
            "until": _("To {value}").format(value=value),
        }
        return labels.get(name) or str(dict(self.fields[name].choices)[value])

    def apply(self, generations: QuerySet) -> QuerySet:
        """Return the generations that pass."""
        chosen = self.chosen
        # The index of words knows the teams itself; what leads away from it costs a look at every row of a team.
        found = generations if "q" in chosen else generations.filter(team__in=self.teams)
        found = found.filter(**{column: chosen[name] for name, column in COLUMNS.items() if name in chosen})
        if "person" in chosen:
            found = found.filter(created_by=self.people[chosen["person"]])
        if "project" in chosen:
            found = found.filter(project=None if chosen["project"] == NO_PROJECT else chosen["project"])
        if "tag" in chosen:
            tags = [tag.pk for tag in self.tags if tag.name == chosen["tag"]]
            found = found.filter(pk__in=Tagging.objects.filter(tag__in=tags).values("generation"))
        if "star" in chosen:
            found = found.filter(pk__in=Star.objects.filter(person=self.user).values("generation"))
        if "rating" in chosen:
            found = found.filter(rating__in=range(int(chosen["rating"]), 6))
        if "differs" in chosen:
            found = found.filter(mismatch=1)
        if "since" in chosen:
            found = found.filter(created_at__gte=datetime.combine(self.cleaned_data["since"], time.min, self.zone))
        if "until" in chosen:
            found = found.filter(created_at__lte=datetime.combine(self.cleaned_data["until"], time.max, self.zone))
        return matching(found, chosen["q"], teams=self.teams) if "q" in chosen else found
