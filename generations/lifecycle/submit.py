"""Submit: send one create request for a queued row, at most once for each attempt.

What each answer means is the table of docs/architecture.md section 3, one exception class a row.
"""

import logging
import random
import secrets
from datetime import datetime, timedelta
from functools import partial

from django.db import IntegrityError, transaction
from django.utils import timezone

from generations import queue
from generations.gateways import (
    GatewayBusy,
    GatewayError,
    GatewayNotSent,
    GatewayRejected,
    GatewayUnclear,
    Message,
    TaskStatus,
    VideoTask,
)
from generations.gateways.http import Endpoint, send_once
from generations.lifecycle import drift, receipts, verdicts
from generations.lifecycle.endpoints import busy_seconds, dialect_of, endpoint
from generations.lifecycle.fairness import next_in_line
from generations.lifecycle.persistence import AWAY, REFUSED, insist, storable
from generations.lifecycle.requests import CannotBuild, create_message
from generations.models import Failure, Gateway, Generation, ModelSwitch, Status, SubmitAttempt
from generations.models.prepared import Statement
from videostudio import lifeline
from videostudio.scrubbing import scrub

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=180)  # longer than the longest create (150 s), shorter than q2's patience
INSIST_SECONDS = 600
FIRST_POLL = timedelta(seconds=2)
NOT_SENT_FOR = timedelta(hours=24)
NO_ROOM = timedelta(seconds=2)
PAUSED = timedelta(seconds=30)
A_MOMENT = timedelta(seconds=1)
BLOCKED = timedelta(hours=1)
BACKOFF_SECONDS = (5.0, 300.0)
TURNS = 5  # rows a hint looks at while others are quicker
ACTOR = "submitter"


def submit(pk: int) -> None:
    """Send the create of a queued row that is due: of this one, or of whoever's turn it is at its gateway."""
    for _ in range(TURNS):
        generation = (
            Generation.objects.due()
            .filter(pk=next_in_line(pk), status=Status.QUEUED)
            .select_related("gateway", "prompt", "created_by")
            .first()
        )
        if generation is None or lifeline.is_leaving() or not _was_taken_by_another(generation):
            return


def _was_taken_by_another(generation: Generation) -> bool:
    """Send a row's create, or let it wait; True when somebody else was quicker, so that the next one is due."""
    if _has_to_wait(generation, generation.gateway):
        return False
    try:
        message = create_message(generation)
    except CannotBuild as error:  # nothing has left, so nothing is unknown
        generation.move_to(Status.FAILED, actor=ACTOR, reason=str(error), failure=Failure.NOT_SENT, detail=str(error))
        return False
    with lifeline.announced():
        return _claim_and_send(generation, message)


def _claim_and_send(generation: Generation, message: Message) -> bool:
    """True when somebody else has claimed the row meanwhile."""
    try:
        attempt = open_attempt(generation, message)
    except RuntimeError as error:
        generation.postpone(BLOCKED, detail=str(error))  # it must not stand in the way of the others
        raise
    if attempt is None:
        return not Generation.objects.filter(pk=generation.pk, status=Status.QUEUED).exists()
    send(generation, attempt, endpoint(generation.gateway), message)
    _pass_the_place_on(generation.gateway)
    return False


def _pass_the_place_on(gateway: Gateway) -> None:
    """Let one that waits for a place at this gateway be looked at now, not when the sweep comes upon it."""
    waiting = Generation.objects.filter(gateway=gateway, status=Status.QUEUED, detail=_no_room(gateway))
    pk = waiting.order_by("pk").values_list("pk", flat=True).first()
    if pk is not None:
        with transaction.atomic():
            waiting.filter(pk=pk).update(due_at=timezone.now())
            queue.hint("submit", pk)


def _no_room(gateway: Gateway) -> str:
    return f"Waiting for a free place at the gateway {gateway.name}."


def _has_to_wait(generation: Generation, gateway: Gateway) -> bool:
    """Say whether it may not be sent to this gateway now, or not at all; the row then waits, and says why."""
    rest = PAUSED
    if not gateway.enabled:
        reason = f"The gateway {gateway.name} is switched off."
    elif problem := gateway.key_problem:
        gateway.pause(problem)
        reason = problem
    elif gateway.is_paused:
        reason = f"The gateway {gateway.name} is paused: {gateway.paused_reason}"
        if until := gateway.paused_until:
            rest = min(max(until - timezone.now(), A_MOMENT), PAUSED)
    elif gateway.is_tripped:
        reason = f"The gateway {gateway.name} has not answered lately. It is tried again by itself."
        rest = max(gateway.rest, A_MOMENT)
    elif is_off := SWITCHED_OFF.first(model=generation.model_key):
        reason = f"{generation.model_label} is switched off{f': {is_off[0].rstrip(".")}' if is_off[0] else ''}."
    else:
        return False
    generation.postpone(rest, detail=reason)
    return True


# Asked at every create: what an operator switched off is not sent, whenever it was asked for.
SWITCHED_OFF = Statement(
    lambda model: ModelSwitch.objects.filter(model_key=model, position=ModelSwitch.Position.OFF).values_list("reason"),
    model=str,
)


def open_attempt(generation: Generation, message: Message) -> SubmitAttempt | None:
    """Claim the row and write the attempt down, committed before the first byte leaves.

    Returns None when the gateway cannot take it now or somebody else owns the row.
    """
    token = secrets.token_hex(16)
    try:
        with transaction.atomic():
            return _open_attempt(generation, message, token)
    except REFUSED:
        raise
    except AWAY as error:
        log.warning("generation %s: the database went away before the create (%s)", generation.pk, type(error).__name__)
        insist(partial(_take_back, token), seconds=LEASE.total_seconds())
        return None


def _open_attempt(generation: Generation, message: Message, token: str) -> SubmitAttempt | None:
    # The gateway's row is the lock under which its caps are counted and its pause is looked at again.
    gateway = Gateway.objects.select_for_update(no_key=True).get(pk=generation.gateway_id)
    if not generation.mine().due().exists() or _has_to_wait(generation, gateway):
        return None
    if not _has_room(gateway):
        generation.postpone(NO_ROOM, detail=_no_room(gateway))
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
        upstream_state=dict(message.state),
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


def _take_back(token: str) -> None:
    """Close an attempt whose commit was not confirmed, if it was committed after all: nothing of it has left."""
    sentence = "The database was away for a moment before the request was sent."
    with transaction.atomic():
        attempt = SubmitAttempt.objects.filter(token=token, outcome=SubmitAttempt.Outcome.OPEN).first()
        if attempt is not None:
            _close(attempt, SubmitAttempt.Outcome.NOT_SENT, sentence)
            _wait(attempt.generation, timedelta(0), sentence)


def _has_room(gateway: Gateway) -> bool:
    sending = Generation.objects.filter(gateway=gateway, status=Status.SUBMITTING).count()
    if sending >= (1 if gateway.is_on_trial else gateway.max_creates):
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
        answer = send_once(target, message)
        attempt.http_status = answer.status
        task = dialect_of(generation).read_create(answer)
    except GatewayError as error:
        insist(partial(refuse, attempt, error, key=target.key), seconds=INSIST_SECONDS)
        drift.note_trouble(generation.gateway_id, error, generation.pk, target.key)
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
        log.error(
            "generation %s: no receipt could be written for upstream id %s: %s",
            *(generation.pk, task.upstream_id, problem),
        )
    is_ours = insist(partial(accept, attempt, task, key=target.key), seconds=INSIST_SECONDS)
    receipts.remove(receipt)
    generation.gateway.note_health()
    if is_ours and task.status.is_verdict:
        generation.refresh_from_db()
        verdicts.settle(generation, task, actor=ACTOR)
    drift.note_answer(generation.gateway_id, task, generation.pk)


def accept(attempt: SubmitAttempt, task: VideoTask, *, key: str = "") -> bool:
    """Give the row its upstream id. False when the row cannot take it; the id is on record either way.

    An id that another row of this gateway already holds is set aside: the outcome stays unknown.
    """
    try:
        with transaction.atomic():
            return _accept(attempt, task, key)
    except IntegrityError:
        with transaction.atomic():
            _set_aside(attempt, task)
        return False


def _accept(attempt: SubmitAttempt, task: VideoTask, key: str) -> bool:
    generation = Generation.objects.select_for_update().get(pk=attempt.generation_id)
    if generation.upstream_id == task.upstream_id:
        return True  # by an earlier call whose commit was not confirmed
    if generation.status not in {Status.SUBMITTING, Status.UNKNOWN} or generation.claim != attempt.token:
        sentence = f"The gateway had accepted attempt {attempt.number} after all, as {task.upstream_id}."
        _came_late(generation, attempt, sentence)
        return False
    generation.move_to(
        Status.IN_PROGRESS,
        actor=ACTOR,
        reason="accepted by the gateway",
        evidence={"upstream_id": task.upstream_id},
        upstream_id=task.upstream_id,
        upstream_state=generation.upstream_state | task.state,
        upstream_status=task.word[:100],
        last_answer=storable(task.raw, key),
        progress=min(task.progress or 0, 99),
        submitted_at=attempt.sent_at or attempt.opened_at,
        due_at=timezone.now() + FIRST_POLL,
        claim="",
        tries=0,
        detail="",
    )
    _close(attempt, SubmitAttempt.Outcome.ACCEPTED)
    return True


def _set_aside(attempt: SubmitAttempt, task: VideoTask) -> None:
    """Record an id that belongs to another row: only a person can tell whose task it is."""
    generation = Generation.objects.select_for_update().get(pk=attempt.generation_id)
    sentence = f"The gateway answered with an id that another generation already holds: {task.upstream_id}."
    if generation.status == Status.SUBMITTING and generation.claim == attempt.token:
        _to_unknown(generation, attempt, sentence, evidence=sentence)
    else:
        _came_late(generation, attempt, sentence)


def _came_late(generation: Generation, attempt: SubmitAttempt, sentence: str) -> None:
    """Keep what an answer said whose row has moved on meanwhile, for the person who looks into it."""
    if generation.events.filter(reason=sentence).exists():
        return
    generation.note(sentence, actor=ACTOR)
    SubmitAttempt.objects.filter(pk=attempt.pk).update(
        sent_at=attempt.sent_at, http_status=attempt.http_status, evidence=sentence
    )
    log.error("generation %s: %s", generation.pk, sentence)


def refuse(attempt: SubmitAttempt, error: GatewayError, *, key: str = "") -> None:
    """Record a create that gave no task: not sent, refused, refused for now, or unclear (the default)."""
    attempt.http_status = error.status
    sentence, evidence = scrub(str(error), key), scrub(error.evidence, key)[:4096]
    with transaction.atomic():
        generation = Generation.objects.select_for_update().get(pk=attempt.generation_id)
        if SubmitAttempt.objects.filter(pk=attempt.pk, sent_at__isnull=False).exists():
            return  # by an earlier call whose commit was not confirmed
        if generation.status != Status.SUBMITTING or generation.claim != attempt.token:
            _came_late(generation, attempt, f"The answer to attempt {attempt.number} came late. {sentence}")
            return
        if isinstance(error, GatewayNotSent | GatewayUnclear):
            generation.gateway.note_trouble()
        else:
            generation.gateway.note_health()
        match error:
            case GatewayNotSent():
                _not_sent(generation, attempt, sentence)
            case GatewayBusy():
                pause = busy_seconds(error, generation.tries)
                _close(attempt, SubmitAttempt.Outcome.REFUSED, evidence)
                _wait(generation, timedelta(seconds=pause), sentence)
                generation.gateway.pause_for(pause, sentence)
            case GatewayRejected():
                _close(attempt, SubmitAttempt.Outcome.REFUSED, evidence)
                failure = Failure.MODERATED if verdicts.sounds_moderated(sentence) else Failure.REJECTED
                generation.move_to(
                    Status.FAILED, actor=ACTOR, reason=sentence, failure=failure, detail=sentence, claim=""
                )
                if error.is_account:
                    generation.gateway.pause(sentence)
                    log.error("gateway %s is paused: %s", generation.gateway.name, sentence)
            case _:
                _to_unknown(generation, attempt, sentence, evidence=evidence)


def _not_sent(generation: Generation, attempt: SubmitAttempt, sentence: str) -> None:
    _close(attempt, SubmitAttempt.Outcome.NOT_SENT, sentence)
    first = generation.attempts.filter(outcome=SubmitAttempt.Outcome.NOT_SENT).order_by("number").first()
    if first and timezone.now() - first.opened_at > NOT_SENT_FOR:
        detail = f"It could not be sent for 24 hours. {sentence}"
        generation.move_to(Status.FAILED, actor=ACTOR, reason=detail, failure=Failure.NOT_SENT, detail=detail, claim="")
        return
    low, high = BACKOFF_SECONDS
    # Full jitter: waiting rows must not come back together.
    delay = random.uniform(low, min(high, low * 2 ** min(generation.tries + 1, 10)))  # noqa: S311
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
    """Give a row the id its receipt kept. False when the receipt names no attempt of ours."""
    attempt = SubmitAttempt.objects.filter(token=receipt.attempt).first()
    if attempt is None:
        return False
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
        log.warning("generation %s: its id came back from a receipt", attempt.generation_id)
    return True
