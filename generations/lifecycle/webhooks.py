"""Telling webhooks: the outbox is delivered by one step of the queue at a time, and no other step waits for it.

The row is the truth. A claim is a conditional UPDATE that pushes the due time forward by a lease, so a delivery whose
courier was killed is tried again, under the same id: each message arrives at least once.
"""

import logging
import random
import secrets
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from generations import queue
from generations.gateways import GatewayError, Message
from generations.gateways.base import retry_after
from generations.gateways.http import Endpoint, Times, send_once
from generations.lifecycle import heartbeat
from generations.lifecycle.webhook_messages import Unusable, envelope
from generations.models import Delivery, Membership, PollerSlot, User, Webhook
from generations.models.webhooks import LONGEST_WORDS, TEST, trial_message
from videostudio import lifeline
from videostudio.scrubbing import scrub

log = logging.getLogger(__name__)

SLOT = "webhooks"
SLOT_TTL = timedelta(seconds=15)
HINT_AGAIN = 5.0  # seconds
LEASE = timedelta(seconds=60)  # longer than the longest try
TIMES = Times(connect=5, write=5, read=10, overall=15)
BUDGET_SECONDS = 60.0
LANES = 16  # tries at once
EACH = 2  # of them to one webhook: one that hangs keeps the others from nothing
LOOK_AT = 200
# Seconds until the next try, a day all in all.
BACKOFF = (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 21_600, 37_200)
LONG_FAILURE = timedelta(days=1)
KEPT_FOR = timedelta(days=30)
GONE = 410

_hinted = 0.0


@dataclass(frozen=True)
class Result:
    """What came of one try. `status` is None without an answer; `words` say what was answered, or what went wrong."""

    status: int | None
    words: str
    seconds: float
    rest: float = 0.0

    @property
    def is_delivered(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def hint_due(now: datetime) -> None:
    """Queue the courier when something is due and none is at work."""
    global _hinted
    if not deliverable(now).exists() or time.monotonic() - _hinted < HINT_AGAIN:
        return
    if not PollerSlot.objects.filter(name=SLOT, until__gte=now).exists():
        _hinted = time.monotonic()
        queue.hint("webhooks")


def deliverable(now: datetime):
    return Delivery.objects.all().due(now).filter(webhook__disabled_at=None)


def deliver() -> None:
    """Deliver what is due until nothing is, or the time of one step is up. Returns at once while another does."""
    token = secrets.token_hex(16)
    if take_slot(token):
        try:
            Courier(token).run()
        finally:
            PollerSlot.objects.filter(name=SLOT, owner=token).update(owner="", until=timezone.now())


def take_slot(token: str) -> bool:
    now = timezone.now()
    PollerSlot.objects.get_or_create(name=SLOT, defaults={"until": now - SLOT_TTL})
    free = PollerSlot.objects.filter(name=SLOT, until__lt=now)
    return bool(free.update(owner=token, until=now + SLOT_TTL))


class Courier:
    """One run: claims, hands each claimed delivery to a thread that only speaks HTTP, writes down what came back."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.stop_at = time.monotonic() + BUDGET_SECONDS
        self.shown_at = float("-inf")
        self.in_hand: dict[Future[Result], Delivery] = {}

    def run(self) -> None:
        with ThreadPoolExecutor(LANES, thread_name_prefix="webhook") as pool:
            while True:
                if self.goes_on():
                    self.take_more(pool)
                if not self.in_hand:
                    break
                done, _ = wait(self.in_hand, timeout=1, return_when=FIRST_COMPLETED)
                for future in done:
                    record(self.in_hand.pop(future), future.result())
        Delivery.objects.filter(created_at__lt=timezone.now() - KEPT_FOR, due_at=None).delete()

    def goes_on(self) -> bool:
        """Keep the slot, and say whether more may be begun."""
        if lifeline.is_leaving() or time.monotonic() > self.stop_at:
            return False
        if time.monotonic() - self.shown_at < heartbeat.BEAT_SECONDS:
            return True
        self.shown_at = time.monotonic()
        heartbeat.show_life("download")
        held = PollerSlot.objects.filter(name=SLOT, owner=self.token)
        return bool(held.update(until=timezone.now() + SLOT_TTL))

    def take_more(self, pool: ThreadPoolExecutor) -> None:
        """Fill the free lanes, with no more than a few for each webhook."""
        busy = Counter(delivery.webhook_id for delivery in self.in_hand.values())
        while len(self.in_hand) < LANES:
            full = [webhook for webhook, count in busy.items() if count >= EACH]
            due = deliverable(timezone.now()).exclude(webhook__in=full).order_by("due_at", "pk")
            found = list(due.values_list("pk", "webhook_id")[:LOOK_AT])
            for pk, webhook in found:
                if busy[webhook] < EACH and len(self.in_hand) < LANES and (delivery := claim(pk)):
                    busy[webhook] += 1
                    self.in_hand[pool.submit(begin(delivery))] = delivery
            if not found:
                return


def claim(pk: int) -> Delivery | None:
    """Lease a due delivery to the caller: exactly one of many callers gets it, the others None."""
    token, now = secrets.token_hex(16), timezone.now()
    # Of its own columns alone: beside a join, PostgreSQL would let a second one through that waited for the first.
    due = Delivery.objects.all().due(now).filter(pk=pk)
    if not due.update(claim=token, due_at=now + LEASE, tries=F("tries") + 1, last_at=now):
        return None
    return Delivery.objects.select_related("webhook").filter(pk=pk, claim=token).first()


def begin(delivery: Delivery):
    """Return what a thread has to do for a claimed delivery: it needs no database."""
    try:
        return partial(post, *envelope(delivery, delivery.webhook, timezone.now()))
    except Unusable as error:
        return partial(Result, None, str(error), 0.0)


def post(endpoint: Endpoint, message: Message) -> Result:
    """Send one message, once. Redirects are not followed: a webhook that moved is entered anew."""
    began = time.monotonic()
    try:
        answer = send_once(endpoint, message, times=TIMES)
    except GatewayError as error:
        return Result(error.status, str(error), time.monotonic() - began)
    except Exception as error:  # whatever it is, this delivery is tried again, and the others go on
        log.exception("a webhook could not be told")
        return Result(None, f"{type(error).__name__}.", time.monotonic() - began)
    rest = retry_after(answer.headers) or 0.0
    return Result(answer.status, answer.evidence, time.monotonic() - began, rest)


def record(delivery: Delivery, result: Result) -> None:
    """Write down what came of a try, unless somebody else has the delivery by now."""
    now = timezone.now()
    said = {
        "http_status": result.status,
        "answer": scrub(result.words, *delivery.webhook.valid_secrets(now), delivery.webhook.url)[:LONGEST_WORDS],
        "seconds": round(result.seconds, 3),
        "claim": "",
    }
    with transaction.atomic():
        mine = Delivery.objects.filter(pk=delivery.pk, claim=delivery.claim)
        if result.is_delivered:
            if mine.update(**said, due_at=None, delivered_at=now, failed_at=None):
                Webhook.objects.filter(pk=delivery.webhook_id).update(failing_since=None)
            return
        due_at = next_try(delivery.tries, result.rest, now)
        if mine.update(**said, due_at=due_at, failed_at=None if due_at else now):
            note_failure(delivery.webhook, result, now)


def next_try(tries: int, rest: float, now: datetime) -> datetime | None:
    """Return when a delivery that was tried so often is tried again; None when a day of it was enough."""
    if tries > len(BACKOFF):
        return None
    seconds = BACKOFF[tries - 1] * random.uniform(1.0, 1.1)  # noqa: S311
    return now + timedelta(seconds=max(seconds, rest))


def note_failure(webhook: Webhook, result: Result, now: datetime) -> None:
    """Remember since when nothing gets through; switch the webhook off when that is a day, or when it says Gone."""
    Webhook.objects.filter(pk=webhook.pk, failing_since=None).update(failing_since=now)
    since = Webhook.objects.values_list("failing_since", flat=True).get(pk=webhook.pk)
    if result.status == GONE:
        switch_off(webhook, f"{webhook.host} answered 410: it wants no more.")
    elif since and now - since >= LONG_FAILURE:
        why = f"it answered {result.status}" if result.status else "it did not answer"
        switch_off(webhook, f"Nothing got through to {webhook.host} for a day; the last time {why}.")


def switch_off(webhook: Webhook, reason: str) -> None:
    """Tell a webhook nothing any more, and its team's managers that it is so."""
    if webhook.disable(reason):
        log.error("webhook %s is switched off: %s", webhook.pk, reason)
        transaction.on_commit(partial(tell_managers, webhook, reason))


def tell_managers(webhook: Webhook, reason: str) -> None:
    """Write to the managers of its team, as far as mail is set up; its page and a banner say it in any case."""
    managers = User.objects.filter(
        memberships__team=webhook.team_id, memberships__role=Membership.Role.MANAGER, is_active=True
    )
    addresses = list(managers.exclude(email="").values_list("email", flat=True))
    if not (settings.EMAIL_CONFIGURED and addresses):
        return
    page = f"{settings.STUDIO_URL}{webhook.get_absolute_url()}"
    body = f"{reason}\n\nSwitch it on again when it is mended, and send again what it missed:\n{page}\n"
    for address in addresses:
        try:
            send_mail(f"The webhook {webhook.name} is switched off", body, None, [address])
        except OSError:  # what smtplib raises, too
            log.exception("a message could not be sent; check EMAIL_URL")


def send_test(webhook: Webhook) -> Delivery:
    """Queue a message that says nothing but that messages arrive."""
    with transaction.atomic():
        delivery = Delivery.objects.create(webhook=webhook, kind=TEST, payload=trial_message(webhook))
        queue.hint("webhooks")
    return delivery


def resend(delivery: Delivery) -> None:
    """Let a delivery be tried from the beginning, soon."""
    with transaction.atomic():
        delivery.send_again()
        queue.hint("webhooks")
