"""What operators do about a gateway without leaving the page they are on."""

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from generations.lifecycle import decisions
from generations.models import Gateway


@require_POST
@permission_required("generations.change_gateway", raise_exception=True)
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Try a paused or silent gateway again, now."""
    gateway = get_object_or_404(Gateway, pk=pk)
    decisions.resume(gateway)
    messages.success(request, f"The gateway {gateway.name} is being tried again.")
    back = request.POST.get("next", "/")
    is_ours = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()})
    return redirect(back if is_ours else "/")
