"""One queue task a poll: the design that the poller is measured against. Nothing of the product uses it."""

from django.utils import timezone
from django_q.tasks import async_task

from generations.gateways import dialect
from generations.gateways.http import send_once
from generations.lifecycle import batch
from generations.lifecycle.cadence import PolledRow, after_answer
from generations.lifecycle.endpoints import endpoint
from generations.models import Generation

TOKEN = "single"


def poll_once(pk: str) -> None:
    """Ask about one row, write what was said, and queue the next poll of it."""
    generation = Generation.objects.select_related("gateway").get(pk=pk)
    row = PolledRow(**{name: getattr(generation, name) for name in PolledRow.__dataclass_fields__})
    speaker = dialect(row.dialect)
    answer = send_once(endpoint(generation.gateway), speaker.retrieve(row.upstream_id, row.upstream_state))
    step = after_answer(row, speaker.read_task(answer), timezone.now(), 1)
    Generation.objects.filter(pk=pk).update(claim=TOKEN)
    batch.write_steps(TOKEN, [step])
    async_task("tests.bench.tasks.poll_once", pk, cluster="single")
