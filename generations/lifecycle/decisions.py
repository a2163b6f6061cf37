"""What people decide about a generation. None of these sends a create."""

from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from generations import queue
from generations.gateways import GatewayError, VideoTask
from generations.gateways.http import POLL_TIMES, send_once
from generations.lifecycle import mixups, receipts
from generations.lifecycle.endpoints import dialect_of, endpoint, heed
from generations.lifecycle.persistence import storable
from generations.models import Event, Failure, Gateway, Generation, Status, SubmitAttempt, User, money
from generations.models.shown import NEVER_ACCEPTED
from generations.specs import is_amount

PERSON = Event.ActorKind.PERSON
SEND_AGAIN_WORDS = gettext_lazy("may cost twice")
HINTS = 16  # rows of a gateway that is tried again which begin at once


class CannotDo(Exception):
    """The decision does not fit the row as it is now; the message says why to a person."""


def cancel(generation: Generation, user: User) -> bool:
    """Withdraw a generation that has not been sent. False when it left the queue a moment before.

    One that is sent again by decision cannot be withdrawn: what was sent before may be billed.
    """
    may_be_billed = generation.attempts.filter(outcome=SubmitAttempt.Outcome.UNKNOWN)
    if generation.status != Status.QUEUED or may_be_billed.exists():
        return False
    return generation.move_to(
        Status.CANCELLED, actor=user.get_username(), actor_kind=PERSON, reason="withdrawn before it was sent", detail=""
    )


def retrieve(generation: Generation, upstream_id: str) -> VideoTask:
    """Ask the generation's gateway about a task, now. Raises CannotDo with the gateway's words."""
    target = endpoint(generation.gateway)
    speaker = dialect_of(generation)
    try:
        answer = send_once(target, speaker.retrieve(upstream_id, generation.upstream_state), times=POLL_TIMES)
        task = speaker.read_task(answer)
        if mixups.is_anothers(generation.gateway_id, upstream_id, task):
            raise mixups.mixed_up(task)
        return task
    except GatewayError as error:
        heed(generation.gateway, error)
        raise CannotDo(str(error)) from error


def attach(generation: Generation, upstream_id: str, user: User) -> None:
    """Give an unknown outcome the upstream id a person found, after asking the gateway about it.

    Raises CannotDo when the row is not unknown, another row holds the id, the gateway does not know it,
    or it is a task of another model.
    """
    upstream_id = upstream_id.strip()
    if generation.status != Status.UNKNOWN:
        raise CannotDo(_("Only a generation whose outcome is unknown takes an upstream id."))
    is_plain = all("!" <= letter <= "~" for letter in upstream_id)
    if not 0 < len(upstream_id) <= 512 or not is_plain or upstream_id in {".", ".."}:
        raise CannotDo(_("That is not an upstream id."))
    if Generation.objects.filter(gateway=generation.gateway, upstream_id=upstream_id).exists():
        raise CannotDo(_("Another generation already holds this upstream id."))
    task = retrieve(generation, upstream_id)
    _refuse_another_model(generation, task)
    opened_at = generation.attempts.order_by("-number").values_list("opened_at", flat=True).first()
    try:
        with transaction.atomic():
            _move(
                generation,
                Status.IN_PROGRESS,
                user,
                reason="upstream id attached by hand",
                evidence={"upstream_id": upstream_id},
                upstream_id=upstream_id,
                upstream_status=task.word[:100],
                last_answer=storable(task.raw),
                submitted_at=opened_at or generation.created_at,
                due_at=timezone.now(),
                claim="",
                detail="",
                tries=0,
            )
            _decide(generation, SubmitAttempt.Outcome.ACCEPTED, user)
    except IntegrityError as error:
        raise CannotDo(_("Another generation already holds this upstream id.")) from error


def _refuse_another_model(generation: Generation, task: VideoTask) -> None:
    """Raises CannotDo when a task names a model that is not this row's. Envelopes name none."""
    model, ours = task.raw.get("model"), generation.upstream_model
    if not isinstance(model, str) or model in ("", ours):
        return
    # Some gateways answer with what they resolve an alias to: it is ours where our own creates were answered so.
    same = Generation.objects.filter(gateway=generation.gateway, upstream_model=ours, last_answer__model=model)
    if not same.exists():
        raise CannotDo(_("That task was made by {model}, not by {ours}.").format(model=model, ours=ours))


def _move(generation: Generation, status: Status, user: User, *, reason: str, **changes: Any) -> None:
    """Move a row by a person's decision. Raises CannotDo when it is no longer as that person saw it."""
    actor = user.get_username()
    if not generation.move_to(status, actor=actor, actor_kind=PERSON, reason=reason, **changes):
        raise CannotDo(_("The generation moved on meanwhile. Look at it again."))


def _refuse_if_answered(generation: Generation) -> None:
    """Raises CannotDo when the gateway's answer is on our disk, on its way to the row."""
    if receipts.is_kept(generation.claim):
        raise CannotDo(_("The gateway did accept this request: its answer was kept, and is being put in place."))


def confirm_not_created(generation: Generation, user: User) -> None:
    """End an unknown outcome that a person checked with the gateway: nothing was made. Raises CannotDo."""
    if generation.status != Status.UNKNOWN:
        raise CannotDo(_("Only a generation whose outcome is unknown can be confirmed as not created."))
    _refuse_if_answered(generation)
    with transaction.atomic():
        _move(
            generation,
            Status.FAILED,
            user,
            reason="confirmed not created",
            failure=Failure.NOT_SENT,
            detail=f"{user.get_username()} {NEVER_ACCEPTED}",
            claim="",
        )
        _decide(generation, SubmitAttempt.Outcome.CONFIRMED_NOT_CREATED, user)


def send_again(generation: Generation, user: User, *, typed: str) -> None:
    """Let another create follow one that may have been accepted: a person pays again, knowingly.

    Raises CannotDo when the row is not unknown or the words were not typed.
    """
    if generation.status != Status.UNKNOWN:
        raise CannotDo(_("Only a generation whose outcome is unknown can be sent again."))
    if " ".join(typed.split()).lower() != SEND_AGAIN_WORDS:
        raise CannotDo(
            _("Type “{send_again_words}” to confirm. Nothing was sent.").format(send_again_words=SEND_AGAIN_WORDS)
        )
    _refuse_if_answered(generation)
    with transaction.atomic():
        _move(
            generation,
            Status.QUEUED,
            user,
            reason="sent again by decision; it may cost twice",
            detail="",
            claim="",
            tries=0,
        )
        _decide(generation, SubmitAttempt.Outcome.UNKNOWN, user)
        queue.hint("submit", generation.pk)


def last_attempt(generation: Generation) -> int:
    """Return the number of the newest attempt, 0 without one."""
    return generation.attempts.order_by("-number").values_list("number", flat=True).first() or 0


def _decide(generation: Generation, outcome: str, user: User) -> None:
    last = generation.attempts.order_by("-number").first()
    if last:
        SubmitAttempt.objects.filter(pk=last.pk).update(
            outcome=outcome, decided_by=user, closed_at=last.closed_at or timezone.now()
        )


def ask_again(generation: Generation, user: User) -> None:
    """Ask upstream again, now: at once for a task in flight, and for a file that did not reach us.

    Never creates anything. Raises CannotDo when there is nothing to ask.
    """
    if not generation.upstream_id:
        raise CannotDo(_("There is no upstream id to ask about."))
    if generation.status in {Status.IN_PROGRESS, Status.DOWNLOADING}:
        # Only the due time moves; whoever is at it now keeps the row.
        waiting = Generation.objects.filter(pk=generation.pk, status=generation.status, claim="")
        with transaction.atomic():
            if waiting.update(due_at=timezone.now()) and generation.status == Status.DOWNLOADING:
                queue.hint("download", generation.pk)
        return
    if not generation.is_revivable:
        raise CannotDo(_("This generation has ended; there is nothing to ask again."))
    _move(
        generation,
        Status.IN_PROGRESS,
        user,
        reason="asked upstream again",
        failure="",
        detail="",
        claim="",
        tries=0,
        overdue_at=None,
        due_at=timezone.now(),
    )


def give_up(generation: Generation, user: User) -> None:
    """End an overdue generation by a person's word. The gateway may still bill it. Raises CannotDo."""
    if generation.status != Status.IN_PROGRESS or generation.overdue_at is None:
        raise CannotDo(_("Only an overdue generation can be given up."))
    _move(
        generation,
        Status.FAILED,
        user,
        reason="given up",
        failure=Failure.GAVE_UP,
        detail=f"Given up by {user.get_username()}. The gateway never reported an end and may still bill it.",
        claim="",
    )


def correct_cost(generation: Generation, spent: Decimal, user: User, *, reason: str) -> None:
    """Write into the ledger what a generation that has ended did cost after all; nothing of it stays held.

    `spent` is in the currency of its quote, else in USD. Raises CannotDo.
    """
    if not generation.is_finished:
        raise CannotDo(_("It has not ended yet: what it costs is written down when it has."))
    if not is_amount(spent):
        raise CannotDo(_("Enter what it did cost: a sum from 0 on, with at most six decimals."))
    if not reason.strip():
        raise CannotDo(_("Say how you know."))
    with transaction.atomic():
        Generation.objects.select_for_update().get(pk=generation.pk)  # two corrections at once would add up
        currency = generation.quote_currency or "USD"
        money.correct(generation.pk, currency, spent, actor=user.get_username(), reason=reason.strip()[:300])


def resume(gateway: Gateway) -> None:
    """End a gateway's rest, and let what waits for it be sent now: the sweep would come upon it only seconds later."""
    gateway.resume()
    waiting = Generation.objects.filter(gateway=gateway, status=Status.QUEUED)
    with transaction.atomic():
        waiting.update(due_at=timezone.now())
        for pk in waiting.order_by("pk").values_list("pk", flat=True)[:HINTS]:
            queue.hint("submit", pk)
