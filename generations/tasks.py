"""What django-q2 runs, by name. Arguments are text; each function finds its row and does one step."""

from django.utils import timezone

from generations.lifecycle import download as downloading
from generations.lifecycle import listing as listings
from generations.lifecycle import poll as polling
from generations.lifecycle import submit as submitting
from generations.lifecycle import webhooks as telling
from generations.lifecycle.persistence import patient
from generations.models import Canary
from videostudio.desks import at_work


@at_work()
@patient
def submit(pk: str) -> None:
    submitting.submit(int(pk))


@at_work()
@patient
def download(pk: str) -> None:
    downloading.download(int(pk))


@at_work()
@patient
def poster(pk: str) -> None:
    downloading.poster(int(pk))


@at_work()
@patient
def listing(pk: str) -> None:
    listings.refresh(int(pk))


@at_work()
@patient
def webhooks() -> None:
    telling.deliver()


@patient
def poll(slot: str, token: str) -> None:
    polling.poll(slot, token)


@patient
def canary(cluster: str) -> None:
    """Prove that this cluster takes messages and runs them."""
    Canary.objects.update_or_create(cluster=cluster, defaults={"at": timezone.now()})
