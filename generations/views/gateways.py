"""What operators do about gateways without the admin: look what changed there, fetch a list, end a rest."""

from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from generations.lifecycle import decisions, listing
from generations.models import CatalogNotice, CatalogSnapshot, Drift, Gateway, ModelSwitch
from generations.specs import VideoModel
from generations.views.back import back

OPERATORS = permission_required("generations.change_gateway", raise_exception=True)


@require_safe
@OPERATORS
def gateways(request: HttpRequest) -> HttpResponse:
    """Each gateway: what it lists, what is new in it, and what it answered that no document says."""
    rows = Gateway.objects.real().prefetch_related(
        Prefetch("notices", CatalogNotice.objects.open(), to_attr="open_notices"),
        Prefetch("drift", Drift.objects.order_by("kind", "-last_at"), to_attr="oddities"),
    )
    newest = CatalogSnapshot.objects.order_by("gateway", "-id").defer("listed")
    snapshots: dict[int, CatalogSnapshot] = {}
    for snapshot in newest.filter(gateway__in=rows):
        snapshots.setdefault(snapshot.gateway_id, snapshot)
    switches = ModelSwitch.objects.all().by_key()
    for gateway in rows:
        for oddity in gateway.oddities:
            if oddity.model:
                oddity.switch = switches.get(oddity.model.key)
                oddity.switch_url = switch_url(oddity.model, oddity.switch)
    context = {"rows": [(gateway, snapshots.get(gateway.pk)) for gateway in rows]}
    return render(request, "generations/gateways.html", context)


def switch_url(model: VideoModel, switch: ModelSwitch | None) -> str:
    """Return where one model alone is switched off: the form of its switch, filled in where it has none yet."""
    if switch:
        return reverse("admin:generations_modelswitch_change", args=[switch.pk])
    off = {"model_key": model.key, "position": ModelSwitch.Position.OFF}
    return f"{reverse('admin:generations_modelswitch_add')}?{urlencode(off)}"


@require_POST
@OPERATORS
def fetch_list(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a gateway's list be fetched now: by the queue, because a page never waits for a gateway."""
    gateway = get_object_or_404(Gateway, pk=pk, lists_models=True)
    listing.ask_for(gateway)
    messages.success(
        request, _("The list of {name} is being fetched. Load this page again in a moment.").format(name=gateway.name)
    )
    return redirect("generations:gateways")


@require_POST
@OPERATORS
def dismiss(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a notice off the page: an operator has seen to it."""
    notice = get_object_or_404(CatalogNotice, pk=pk)
    CatalogNotice.objects.open().filter(pk=notice.pk).update(dismissed_at=timezone.now(), dismissed_by=request.user)
    return redirect("generations:gateways")


@require_POST
@OPERATORS
def forget_drift(request: HttpRequest, pk: int) -> HttpResponse:
    """Begin to count anew what a gateway answers that no document says."""
    gateway = get_object_or_404(Gateway, pk=pk)
    Drift.objects.filter(gateway=gateway).delete()
    messages.success(request, _("What {name} answers is counted anew.").format(name=gateway.name))
    return redirect("generations:gateways")


@require_POST
@OPERATORS
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Try a paused or silent gateway again, now."""
    gateway = get_object_or_404(Gateway, pk=pk)
    decisions.resume(gateway)
    messages.success(request, _("The gateway {name} is being tried again.").format(name=gateway.name))
    return back(request)
