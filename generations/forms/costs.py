"""What the page of costs is asked for: a period, a model, a person, and by what it adds up."""

from datetime import UTC, date, datetime, time

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy

from generations.forms.library import model_filter, person_filter
from generations.models import User
from generations.models.generation import GenerationQuerySet

USUAL_DAYS = 30
MOST_DAYS = 366
BY = {
    "day": gettext_lazy("Day"),
    "model": gettext_lazy("Model"),
    "person": gettext_lazy("Person"),
    "prompt": gettext_lazy("Prompt"),
}


def days_before(day: date, count: int) -> date:
    """Return the day so many days earlier, or the first one there is."""
    return date.fromordinal(max(day.toordinal() - count, 1))


class CostsForm(forms.Form):
    """The filter of the costs. It never refuses: what makes no sense is as if it was not given."""

    since = forms.DateField(required=False, label=gettext_lazy("From"))
    until = forms.DateField(required=False, label=gettext_lazy("To"))
    model = forms.ChoiceField(required=False)
    person = forms.ChoiceField(required=False)
    by = forms.ChoiceField(required=False, label=gettext_lazy("Add up by"), choices=list(BY.items()))

    def __init__(self, data: QueryDict, *, user: User) -> None:
        super().__init__(data)
        self.fields["model"].choices = model_filter()
        self.fields["person"].choices = person_filter(user)
        self.is_valid()

    @property
    def period(self) -> tuple[date, date]:
        """The first and the last day, UTC: the last thirty unless others are asked for, never more than a year."""
        until = self.cleaned_data.get("until") or timezone.now().date()
        since = self.cleaned_data.get("since") or days_before(until, USUAL_DAYS - 1)
        since, until = min(since, until), max(since, until)
        return max(since, days_before(until, MOST_DAYS - 1)), until

    @property
    def grouping(self) -> str:
        """By what it is added up: one of BY."""
        return self.cleaned_data.get("by") or "day"

    @property
    def is_by_day(self) -> bool:
        return self.grouping == "day"

    @property
    def chosen(self) -> dict[str, str]:
        """The filters that are set beside the grouping, by name, for addresses."""
        since, until = self.period
        rest = {name: self.cleaned_data.get(name) for name in ("model", "person")}
        return {"since": f"{since:%Y-%m-%d}", "until": f"{until:%Y-%m-%d}"} | {
            name: value for name, value in rest.items() if value
        }

    def apply(self, generations: GenerationQuerySet) -> GenerationQuerySet:
        """Return the generations asked for within the period, by the model and the person."""
        since, until = self.period
        found = generations.filter(
            created_at__gte=datetime.combine(since, time.min, UTC),
            created_at__lte=datetime.combine(until, time.max, UTC),
        )
        if model := self.cleaned_data.get("model"):
            found = found.filter(model_key=model)
        if person := self.cleaned_data.get("person"):
            found = found.filter(created_by__username=person)
        return found
