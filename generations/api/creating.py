"""Carrying a create out: once for each Idempotency-Key, within the caller's limits, in one transaction."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.http import HttpRequest, HttpResponse

from generations.api import shapes
from generations.api.composing import compose, unavailable
from generations.api.problems import DO_NOT_RETRY, Problem, as_json
from generations.api.reading import Given
from generations.lifecycle.begin import NoGateway, Order, begin
from generations.models import ApiAnswer, Generation, User
from generations.models.tokens import Caller

KEY = re.compile("[!-~]{1,255}")
EVER = datetime(1970, 1, 1, tzinfo=UTC)
RETRY_AFTER_ROOM = {"Retry-After": "10"}
Shape = Callable[[dict[str, Any]], dict[str, Any]]


def create(
    request: HttpRequest, given: Given, *, shape: Shape = lambda body: body, parent: Generation | None = None, **images
) -> HttpResponse:
    """Answer a create: 200 with the video, the same again for a key that was used for the same. Raises Problem."""
    caller: Caller = request.auth
    key = key_of(request)
    digest = given.digest(request.path_info) if key else ""
    if key and (body := answered_before(caller, key, digest)):
        return answer(shape(json.loads(body)))
    order = compose(caller, given, parent=parent, **images)
    try:
        body = carry_out(caller, order, key, digest, parent)
    except NoGateway:
        raise unavailable(order.model) from None
    except IntegrityError:  # the same key, a moment earlier, in another thread or process
        before = answered_before(caller, key, digest) if key else ""
        if not before:
            raise
        body = json.loads(before)
    return answer(shape(body))


def answer(body: dict[str, Any]) -> HttpResponse:
    return as_json(body, headers=shapes.poll_hint(body))


def key_of(request: HttpRequest) -> str:
    """Return the Idempotency-Key, "" without one. Raises Problem for one that nobody can mean."""
    key = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        return ""
    if not KEY.fullmatch(key):
        words = "An Idempotency-Key has 1 to 255 printable ASCII characters, without spaces."
        raise Problem(422, "invalid_idempotency_key", words, param="Idempotency-Key")
    return key


def answered_before(caller: Caller, key: str, digest: str) -> str:
    """Return what this key was answered within a day, "" when it is new. Raises Problem for other content."""
    found = ApiAnswer.objects.fresh().filter(token=caller.token_id, key=key).values_list("digest", "body").first()
    if found is None:
        return ""
    if found[0] != digest:
        words = "This Idempotency-Key was used with other content in the last 24 hours. Send a new key for a new video."
        raise Problem(409, "idempotency_key_reused", words, param="Idempotency-Key", headers=DO_NOT_RETRY)
    return found[1]


def carry_out(caller: Caller, order: Order, key: str, digest: str, parent: Generation | None) -> dict[str, Any]:
    """Return the new row as it is answered. Row, reservation, event, queue message and answer commit together."""
    with transaction.atomic():
        refuse_without_room(caller)
        generation, _ = begin(order)
        body = shapes.video(generation, parent.uuid if parent else None)
        if key:
            ApiAnswer.objects.stale().filter(token=caller.token_id, key=key).delete()
            ApiAnswer.objects.create(
                token_id=caller.token_id, key=key, digest=digest, generation=generation, body=json.dumps(body)
            )
    return body


def refuse_without_room(caller: Caller) -> None:
    """Refuse more unfinished videos than this token, or this person with all tokens, may have at once.

    Exact in any number of processes: on SQLite the transaction is alone, elsewhere the person's row is locked first.
    """
    if caller.at_once is None and caller.person_at_once is None:
        return
    if connection.features.has_select_for_update:
        list(User.objects.select_for_update(no_key=True).filter(pk=caller.user_id).values_list("pk"))
    # Whatever is unfinished has a due time; SQLite proves it from this comparison, and so uses the index.
    mine = Generation.objects.filter(created_by=caller.user_id, api_token__isnull=False, due_at__gt=EVER)
    limits = [("This token", mine.filter(api_token=caller.token_id), caller.at_once)]
    limits += [("This person", mine, caller.person_at_once)]
    for who, rows, limit in limits:
        if limit is not None and len(rows.values_list("pk")[:limit]) >= limit:
            words = f"{who} has {limit} unfinished videos, as many as are allowed at once. Wait until one is finished."
            raise Problem(429, "too_many_unfinished", words, headers=RETRY_AFTER_ROOM)
