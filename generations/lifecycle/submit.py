"""Submit: send one create request for a queued row, at most once for each attempt.

What each answer means is the table of docs/architecture.md section 3, one exception class a row.
"""

import logging
import random
import secrets
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from generations.gateways import (
    GatewayBusy,
    GatewayError,
    GatewayNotSent,
    GatewayRejected,
    Message,
    TaskStatus,
    VideoTask,
)
from generations.gateways.http import Endpoint, send_once
from generations.lifecycle import receipts, verdicts
from generations.lifecycle.endpoints import dialect_of, endpoint
from generations.lifecycle.persistence import insist
from generations.lifecycle.requests import CannotBuild, video_request
from generations.models import Failure, Gateway, Generation, Status, SubmitAttempt
from videostudio import lifeline
from videostudio.scrubbing import scrub, scrub_json

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=180)  # longer than the longest create (150 s), shorter than q2's patience
INSIST_SECONDS = 600
FIRST_POLL = timedelta(seconds=2)
NOT_SENT_FOR = timedelta(hours=24)
NO_ROOM = timedelta(seconds=2)
PAUSED = timedelta(seconds=30)
BUSY_SECONDS = 10.0  # for a 429 that does not say
BACKOFF_SECONDS = (5.0, 300.0)
ACTOR = "submitter"


def submit(pk: int) -> None:
    """Send the create of a queued row that is due, or leave the row to whoever owns it."""
    generation = (
        Generation.objects.due()
        .filter(pk=pk, status=Status.QUEUED)
        .select_related("gateway", "prompt", "created_by")
        .first()
    )
    if generation is None or lifeline.is_leaving():
        return
    gateway = generation.gateway
    if reason := _why_wait(gateway):
        generation.postpone(PAUSED, detail=reason)
        return
    try:
        message = dialect_of(generation).create(video_request(generation))
    except (CannotBuild, ValueError) as error:  # nothing has left, so nothing is unknown
        generation.move_to(Status.FAILED, actor=ACTOR, reason=str(error), failure=Failure.NOT_SENT, detail=str(error))
        return
    attempt = open_attempt(generation, message)
    if attempt is not None:
        send(generation, attempt, endpoint(gateway), message)


def _why_wait(gateway: Gateway) -> str:
    """Return why nothing may be sent to this gateway now, in words; empty when it may."""
    if not gateway.enabled:
        return f"The gateway {gateway.name} is switched off."
    if problem := gateway.key_problem:
        gateway.pause(problem)
        return problem
    return f"The gateway {gateway.name} is paused: {gateway.paused_reason}" if gateway.is_paused else ""


def open_attempt(generation: Generation, message: Message) -> SubmitAttempt | None:
    """Claim the row and write the attempt down, committed before the first byte leaves.

    Returns None when the gateway has no room now or somebody else owns the row.
    """
    token = secrets.token_hex(16)
    with transaction.atomic():
        # The gateway's row is the lock under which its caps are counted.
        gateway = Gateway.objects.select_for_update().get(pk=generation.gateway_id)
        if not _has_room(gateway):
            generation.postpone(NO_ROOM)
            return None
        last = generation.attempts.order_by("-number").first()
        if last and last.outcome not in SubmitAttempt.SAFE_TO_FOLLOW and last.decided_by_id is None:
            raise RuntimeError(f"attempt {last.number} of generation {generation.pk} may have been accepted")
        won = generation.move_to(
            Status.SUBMITTING,
            actor=ACTOR,
            reason="sending",
            claim=token,
            due_at=timezone.now() + LEASE,
            detail="",
        )
        if not won:
            return None
        return SubmitAttempt.objects.create(
            generation=generation,
            number=last.number + 1 if last else 1,
            token=token,
            request_digest=message.digest(),
            opened_at=timezone.now(),
        )


def _has_room(gateway: Gateway) -> bool:
    sending = Generation.objects.filter(gateway=gateway, status=Status.SUBMITTING).count()
    if sending >= gateway.max_creates:
        return False
    running = Generation.objects.filter(gateway=gateway, status=Status.IN_PROGRESS).count()
    return sending + running < gateway.max_active


def send(generation: Generation, attempt: SubmitAttempt, target: Endpoint, message: Message) -> None:
    """Send the one create of an open attempt and record what came of it, even if the parent dies meanwhile."""
    with lifeline.shielded():
        _send(generation, attempt, target, message)


def _send(generation: Generation, attempt: SubmitAttempt, target: Endpoint, message: Message) -> None:
    attempt.sent_at = timezone.now()
    try:
        task = dialect_of(generation).read_create(send_once(target, message))
    except GatewayError as error:
        refusal = error  # Python unbinds `error` at the end of this block
        insist(lambda: refuse(attempt, refusal, key=target.key), seconds=INSIST_SECONDS)
        return
    receipt = receipts.Receipt(
        attempt=attempt.token,
        upstream_id=task.upstream_id,
        status=task.status,
        word=task.word,
        state=dict(task.state),
        accepted_at=timezone.now().isoformat(),
    )
    try:
        receipts.write(receipt)
    except OSError as problem:  # a full disk must not cost us the id: the database may still take it
        log.error("generation %s: no receipt could be written: %s", generation.pk, problem)
    insist(lambda: accept(attempt, task, key=target.key), seconds=INSIST_SECONDS)
    receipts.remove(receipt)
    if task.status.is_verdict:
        generation.refresh_from_db()
        verdicts.settle(generation, task, actor=ACTOR)


def accept(attempt: SubmitAttempt, task: VideoTask, *, key: str = "") -> bool:
    """Give the row its upstream id. False when the row has moved on without us.

    An id that another row of this gateway already holds is set aside: the outcome stays unknown.
    """
    generation = Generation.objects.get(pk=attempt.generation_id)
    if generation.status not in {Status.SUBMITTING, Status.UNKNOWN} or generation.claim != attempt.token:
        return False
    try:
        with transaction.atomic():
            won = generation.move_to(
                Status.IN_PROGRESS,
                actor=ACTOR,
                reason="accepted by the gateway",
                evidence={"upstream_id": task.upstream_id},
                upstream_id=task.upstream_id,
                upstream_state=dict(task.state),
                upstream_status=task.word[:100],
                last_answer=scrub_json(dict(task.raw), key),
                progress=min(task.progress or 0, 99),
                submitted_at=attempt.sent_at or attempt.opened_at,
                due_at=timezone.now() + FIRST_POLL,
                claim="",
                tries=0,
                detail="",
            )
            _close(attempt, SubmitAttempt.Outcome.ACCEPTED)
            return won
    except IntegrityError:
        log.error("generation %s: the gateway gave the id of another task: %s", generation.pk, task.upstream_id)
        sentence = "The gateway answered with an id that another generation already holds. A person must look."
        _to_unknown(generation, attempt, sentence, evidence=f"repeated id {task.upstream_id}")
        return False


def refuse(attempt: SubmitAttempt, error: GatewayError, *, key: str = "") -> None:
    """Record a create that gave no task: not sent, refused, refused for now, or unclear (the default)."""
    generation = Generation.objects.select_related("gateway").get(pk=attempt.generation_id)
    if generation.status != Status.SUBMITTING or generation.claim != attempt.token:
        return
    error_text = scrub(str(error), key)
    evidence = scrub(error.evidence, key)[:4096]
    attempt.http_status = error.status
    with transaction.atomic():
        match error:
            case GatewayNotSent():
                _not_sent(generation, attempt, error_text)
            case GatewayBusy():
                pause = error.retry_after or BUSY_SECONDS
                _close(attempt, SubmitAttempt.Outcome.REFUSED, evidence)
                _wait(generation, timedelta(seconds=pause), error_text)
                generation.gateway.pause_for(pause, error_text)
            case GatewayRejected():
                _close(attempt, SubmitAttempt.Outcome.REFUSED, evidence)
                failure = Failure.MODERATED if verdicts.sounds_moderated(error_text) else Failure.REJECTED
                generation.move_to(
                    Status.FAILED, actor=ACTOR, reason=error_text, failure=failure, detail=error_text, claim=""
                )
                if error.is_account:
                    generation.gateway.pause(error_text)
                    log.error("gateway %s is paused: %s", generation.gateway.name, error_text)
            case _:
                _to_unknown(generation, attempt, error_text, evidence=evidence)


def _not_sent(generation: Generation, attempt: SubmitAttempt, sentence: str) -> None:
    _close(attempt, SubmitAttempt.Outcome.NOT_SENT, sentence)
    if timezone.now() - generation.created_at > NOT_SENT_FOR:
        detail = f"It could not be sent for 24 hours. {sentence}"
        generation.move_to(Status.FAILED, actor=ACTOR, reason=detail, failure=Failure.NOT_SENT, detail=detail, claim="")
        return
    low, high = BACKOFF_SECONDS
    # Full jitter: waiting rows must not come back together.
    delay = random.uniform(low, min(high, low * 2 ** (generation.tries + 1)))  # noqa: S311
    _wait(generation, timedelta(seconds=delay), sentence)


def _wait(generation: Generation, delay: timedelta, sentence: str) -> None:
    generation.move_to(
        Status.QUEUED,
        actor=ACTOR,
        reason=sentence,
        detail=sentence,
        claim="",
        due_at=timezone.now() + delay,
        tries=generation.tries + 1,
    )


def _to_unknown(generation: Generation, attempt: SubmitAttempt, sentence: str, *, evidence: str) -> None:
    with transaction.atomic():
        _close(attempt, SubmitAttempt.Outcome.UNKNOWN, evidence)
        make_unknown(generation, sentence)


def make_unknown(generation: Generation, sentence: str, *, actor: str = ACTOR) -> bool:
    """Set a row aside whose create may have been accepted. It keeps its claim, so that a late receipt fits."""
    moved = generation.move_to(
        Status.UNKNOWN,
        actor=actor,
        reason=sentence,
        detail=sentence,
        due_at=timezone.now() + timedelta(hours=1),  # when the age alarm rings
    )
    if moved:
        log.error("generation %s: outcome unknown: %s", generation.pk, sentence)
    return moved


def _close(attempt: SubmitAttempt, outcome: str, evidence: str = "") -> None:
    SubmitAttempt.objects.filter(pk=attempt.pk).update(
        outcome=outcome,
        sent_at=attempt.sent_at,
        closed_at=timezone.now(),
        http_status=attempt.http_status,
        evidence=evidence,
    )


def accept_late(receipt: receipts.Receipt) -> bool:
    """Give a row the id its receipt kept. True when the receipt is no longer needed."""
    attempt = SubmitAttempt.objects.filter(token=receipt.attempt).select_related("generation").first()
    if attempt is None:
        log.error("a receipt names no attempt of ours: %s holds upstream id %s", receipt.path.name, receipt.upstream_id)
        return False
    generation = attempt.generation
    if generation.upstream_id == receipt.upstream_id:
        return True
    attempt.sent_at = attempt.sent_at or datetime.fromisoformat(receipt.accepted_at)
    task = VideoTask(
        upstream_id=receipt.upstream_id,
        status=TaskStatus(receipt.status),
        word=receipt.word,
        progress=None,
        urls=(),
        error="",
        state=receipt.state,
    )
    if accept(attempt, task):
        log.warning("generation %s: its id came back from a receipt", generation.pk)
        return True
    return Generation.objects.filter(pk=generation.pk, upstream_id=receipt.upstream_id).exists()
