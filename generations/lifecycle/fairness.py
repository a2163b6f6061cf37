"""Who goes next: waiting rows of one gateway are shared out fairly between people."""

from django.db.models import Count, Min

from generations.models import Generation, Status

ON_ITS_WAY = (Status.SUBMITTING, Status.IN_PROGRESS)


def next_in_line(hinted: int) -> int | None:
    """Return the key of the row to send when a hint for `hinted` arrives; None when nobody of its gateway waits.

    The person with the fewest rows on their way goes first, with their oldest row. A hint says that there is
    something to send, not what: so a batch of a hundred does not keep a single one waiting.
    """
    gateway = Generation.objects.filter(pk=hinted).values_list("gateway", flat=True).first()
    waiting = Generation.objects.due().filter(gateway=gateway, status=Status.QUEUED)
    oldest = dict(waiting.order_by().values_list("created_by").annotate(oldest=Min("pk")))
    if len(oldest) < 2:
        return next(iter(oldest.values()), None)
    busy = dict(
        Generation.objects.filter(gateway=gateway, status__in=ON_ITS_WAY, created_by__in=oldest)
        .order_by()
        .values_list("created_by")
        .annotate(count=Count("pk"))
    )
    return min(oldest.items(), key=lambda item: (busy.get(item[0], 0), item[1]))[1]
