"""What operators do about a gateway without leaving the page they are on."""

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from generations.lifecycle import decisions
from generations.models import Gateway
from generations.views.back import back


@require_POST
@permission_required("generations.change_gateway", raise_exception=True)
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Try a paused or silent gateway again, now."""
    gateway = get_object_or_404(Gateway, pk=pk)
    decisions.resume(gateway)
    messages.success(request, f"The gateway {gateway.name} is being tried again.")
    return back(request)
