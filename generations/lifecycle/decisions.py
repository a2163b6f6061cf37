"""What people decide about a generation. None of these sends a create."""

from django.db import transaction
from django.utils import timezone

from generations import queue
from generations.gateways import GatewayError, VideoTask
from generations.gateways.http import send_once
from generations.lifecycle.endpoints import dialect_of, endpoint
from generations.models import Event, Failure, Generation, Status, SubmitAttempt, User
from videostudio.scrubbing import scrub_json

PERSON = Event.ActorKind.PERSON
SEND_AGAIN_WORDS = "may cost twice"


class CannotDo(Exception):
    """The decision does not fit the row as it is now; the message says why to a person."""


def cancel(generation: Generation, user: User) -> bool:
    """Withdraw a generation that has not been sent. False when it left the queue a moment before."""
    if generation.status != Status.QUEUED:
        return False
    return generation.move_to(
        Status.CANCELLED, actor=user.get_username(), actor_kind=PERSON, reason="withdrawn before it was sent", detail=""
    )


def retrieve(generation: Generation, upstream_id: str) -> VideoTask:
    """Ask the generation's gateway about a task, now. Raises CannotDo with the gateway's words."""
    target = endpoint(generation.gateway)
    speaker = dialect_of(generation)
    try:
        answer = send_once(target, speaker.retrieve(upstream_id, generation.upstream_state))
        return speaker.read_task(answer)
    except GatewayError as error:
        raise CannotDo(str(error)) from error


def attach(generation: Generation, upstream_id: str, user: User) -> None:
    """Give an unknown outcome the upstream id a person found, after asking the gateway about it.

    Raises CannotDo when the row is not unknown, another row holds the id, the gateway does not know it,
    or it is a task of another model.
    """
    upstream_id = upstream_id.strip()
    if generation.status != Status.UNKNOWN:
        raise CannotDo("Only a generation whose outcome is unknown takes an upstream id.")
    if not upstream_id or len(upstream_id) > 512 or not upstream_id.isprintable() or " " in upstream_id:
        raise CannotDo("That is not an upstream id.")
    if Generation.objects.filter(gateway=generation.gateway, upstream_id=upstream_id).exists():
        raise CannotDo("Another generation already holds this upstream id.")
    task = retrieve(generation, upstream_id)
    model = task.raw.get("model")
    if isinstance(model, str) and model and model != generation.upstream_model:
        raise CannotDo(f"That task was made by {model}, not by {generation.upstream_model}.")
    with transaction.atomic():
        moved = generation.move_to(
            Status.IN_PROGRESS,
            actor=user.get_username(),
            actor_kind=PERSON,
            reason="upstream id attached by hand",
            evidence={"upstream_id": upstream_id},
            upstream_id=upstream_id,
            upstream_status=task.word[:100],
            last_answer=scrub_json(dict(task.raw)),
            submitted_at=generation.attempts.order_by("-number").values_list("opened_at", flat=True).first(),
            due_at=timezone.now(),
            claim="",
            detail="",
            tries=0,
        )
        if not moved:
            raise CannotDo("The generation moved on meanwhile.")
        _decide(generation, SubmitAttempt.Outcome.ACCEPTED, user)


def confirm_not_created(generation: Generation, user: User) -> None:
    """End an unknown outcome that a person checked with the gateway: nothing was made. Raises CannotDo."""
    if generation.status != Status.UNKNOWN:
        raise CannotDo("Only a generation whose outcome is unknown can be confirmed as not created.")
    sentence = f"{user.get_username()} confirmed with the gateway that this request was never accepted."
    with transaction.atomic():
        moved = generation.move_to(
            Status.FAILED,
            actor=user.get_username(),
            actor_kind=PERSON,
            reason="confirmed not created",
            failure=Failure.NOT_SENT,
            detail=sentence,
            claim="",
        )
        if not moved:
            raise CannotDo("The generation moved on meanwhile.")
        _decide(generation, SubmitAttempt.Outcome.CONFIRMED_NOT_CREATED, user)


def send_again(generation: Generation, user: User, *, typed: str) -> None:
    """Let another create follow one that may have been accepted: a person pays again, knowingly.

    Raises CannotDo when the row is not unknown or the words were not typed.
    """
    if generation.status != Status.UNKNOWN:
        raise CannotDo("Only a generation whose outcome is unknown can be sent again.")
    if " ".join(typed.split()).lower() != SEND_AGAIN_WORDS:
        raise CannotDo(f"Type “{SEND_AGAIN_WORDS}” to confirm. Nothing was sent.")
    with transaction.atomic():
        _decide(generation, SubmitAttempt.Outcome.UNKNOWN, user)
        moved = generation.move_to(
            Status.QUEUED,
            actor=user.get_username(),
            actor_kind=PERSON,
            reason="sent again by decision; it may cost twice",
            detail="",
            claim="",
            tries=0,
        )
        if not moved:
            raise CannotDo("The generation moved on meanwhile.")
        queue.hint("submit", generation.pk)


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
        raise CannotDo("There is no upstream id to ask about.")
    if generation.status == Status.IN_PROGRESS:
        # Only the due time moves; whoever holds the row keeps it.
        Generation.objects.filter(pk=generation.pk, status=Status.IN_PROGRESS, claim="").update(due_at=timezone.now())
        return
    if generation.status == Status.DOWNLOADING:
        Generation.objects.filter(pk=generation.pk, status=Status.DOWNLOADING, claim="").update(due_at=timezone.now())
        return
    if not generation.is_revivable:
        raise CannotDo("This generation has ended; there is nothing to ask again.")
    generation.move_to(
        Status.IN_PROGRESS,
        actor=user.get_username(),
        actor_kind=PERSON,
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
        raise CannotDo("Only an overdue generation can be given up.")
    generation.move_to(
        Status.FAILED,
        actor=user.get_username(),
        actor_kind=PERSON,
        reason="given up",
        failure=Failure.GAVE_UP,
        detail=f"Given up by {user.get_username()}. The gateway never reported an end and may still bill it.",
        claim=generation.claim,
    )
