"""What keeps the studio from working, in words."""

import os
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from generations.models import PollerSlot

POLLER_LATE = timedelta(seconds=30)


def problems() -> list[str]:
    """Return a sentence for each thing that is missing; empty when all is well."""
    found = []
    if not PollerSlot.objects.filter(until__gte=timezone.now() - POLLER_LATE).exists():
        found.append("no poller is running")
    media = Path(settings.MEDIA_ROOT)
    if media.exists() and not os.access(media, os.W_OK):
        found.append("the media folder cannot be written")
    return found
