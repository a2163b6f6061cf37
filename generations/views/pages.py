"""The queue and the models."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from generations.catalog import catalog
from generations.forms import choosable_models
from generations.models import Generation, ModelSwitch, Status
from generations.models.experience import figures_of_model
from generations.models.money import known_prices
from generations.models.switches import successor_of, why_not

QUEUE = 100
CASES = 12


@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """What needs a decision, what is on its way, what waits."""
    mine = Generation.objects.visible_to(request.user).for_cards()
    groups = [
        ("unknown", _("Outcome unknown"), mine.filter(status=Status.UNKNOWN).order_by("id")[:QUEUE]),
        (
            "running",
            _("Running"),
            mine.filter(status__in=[Status.SUBMITTING, Status.IN_PROGRESS, Status.DOWNLOADING]).order_by("id")[:QUEUE],
        ),
        ("waiting", _("Waiting"), mine.filter(status=Status.QUEUED).order_by("due_at", "id")[:QUEUE]),
    ]
    shown = [(key, title, list(rows)) for key, title, rows in groups]
    is_live = any(row.is_active for _, _, rows in shown for row in rows)
    context = {"groups": shown, "is_live": is_live, "is_empty": not any(rows for _, _, rows in shown)}
    return render(request, "generations/queue.html", context)


@require_safe
def models(request: HttpRequest) -> HttpResponse:
    """The reference of the models, made from the catalogue."""
    choosable = {model.key for model in choosable_models()}
    switches = ModelSwitch.objects.all().by_key()
    hidden = {key for key, switch in switches.items() if switch.is_hidden}
    prices = known_prices(catalog().models)
    entries = [
        {
            "model": model,
            "is_choosable": model.key in choosable,
            "why_not": why_not(model, switches.get(model.key)),
            "successor": successor_of(model),
            "prices": prices[model.key],
            "seen": figures_of_model(model.key)[:CASES],
        }
        for model in catalog().models
        if model.key not in hidden
    ]
    return render(request, "generations/models.html", {"entries": entries})
