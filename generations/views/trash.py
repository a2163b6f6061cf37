"""The trash: what was deleted, for 30 days."""

import shutil
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.contrib import messages
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from generations.lifecycle import trash as bin
from generations.models import Generation
from generations.views.back import back
from generations.views.bulk import several, ticked
from generations.views.paging import page_of

PAGE = 50


@require_safe
def trash(request: HttpRequest) -> HttpResponse:
    page = page_of(deleted(request).for_cards().select_related("deleted_by"), request.GET, size=PAGE, keep={})
    now = timezone.now()
    for row in page.rows:
        row.days_left = max((row.deleted_at + bin.KEPT - now).days, 0)
    context = {"page": page, "use": disk_use(request), "days": bin.KEPT.days}
    return render(request, "generations/trash.html", context)


def deleted(request: HttpRequest):
    """What this person's teams deleted and can still have back."""
    return bin.restorable(Generation.objects.of_teams(request.user))


def disk_use(request: HttpRequest) -> dict[str, int]:
    """Return the bytes of the team's videos, of those in the trash, and of what is free; and how many are pinned."""
    stored = Generation.objects.of_teams(request.user).filter(purged_at=None, bytes__isnull=False)
    sums = stored.aggregate(
        kept=Sum("bytes", filter=Q(deleted_at=None), default=0),
        trash=Sum("bytes", filter=Q(deleted_at__isnull=False), default=0),
        pinned=Count("pk", filter=Q(pinned_at__isnull=False)),
    )
    root = Path(settings.MEDIA_ROOT)
    free = shutil.disk_usage(root if root.exists() else root.parent).free
    return sums | {"free": free}


@require_POST
def restore(request: HttpRequest) -> HttpResponse:
    """Bring back what is ticked, or the one whose button was pressed."""
    wanted = request.POST.getlist("one") or request.POST.getlist("pick")
    count = bin.restore(ticked(deleted(request), wanted).values_list("pk", flat=True), request.user)
    if count:
        messages.success(request, _("{videos} restored.").format(videos=several(count)))
    else:
        messages.warning(request, _("Nothing was restored: tick some first."))
    return redirect("generations:trash")


@require_POST
def undo(request: HttpRequest) -> HttpResponse:
    """Bring back what this person deleted a moment ago."""
    moment = moment_of(request.POST.get("at", ""))
    count = bin.undo(request.user, moment) if moment else 0
    if count:
        messages.success(request, _("{videos} brought back.").format(videos=several(count)))
    else:
        messages.warning(request, _("There is nothing to bring back any more."))
    return back(request)


def moment_of(text: str) -> datetime | None:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment if moment and timezone.is_aware(moment) else None
