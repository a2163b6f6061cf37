"""Carrying a create out: once for each Idempotency-Key, within the caller's limits, in one transaction."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from generations.api import shapes
from generations.api.composing import compose, unavailable
from generations.api.problems import DO_NOT_RETRY, Problem, as_json
from generations.api.reading import Given
from generations.lifecycle.begin import NoGateway, Order, begin
from generations.models import ApiAnswer, Generation, User
from generations.models.prepared import Statement, add
from generations.models.tokens import REPEATED_FOR, Caller

KEY = re.compile("[!-~]{1,255}")
EVER = datetime(1970, 1, 1, tzinfo=UTC)
RETRY_AFTER_ROOM = {"Retry-After": "10"}
# Seconds that a refused request waits for the answer of another with its key: as long as a link takes to be fetched.
WAIT_FOR = {"too_many_fetches": 3.0}
LOOK_EVERY = 0.25
Shape = Callable[[dict[str, Any]], dict[str, Any]]
Composing = Callable[[Caller, Given], Order]


def create(
    request: HttpRequest, given: Given, *, shape: Shape = lambda body: body, compose: Composing = compose
) -> HttpResponse:
    """Answer a create: 200 with the video, the same again for a key that was used for the same. Raises Problem.

    What makes a request the same is what it says, never what `compose` makes of it at this moment.
    """
    caller: Caller = request.auth
    once = Once(key_of(request), caller.token_id)
    if once.key:
        once.digest = given.digest(request.path_info)
        if body := once.answered():
            return answer(shape(json.loads(body)))
    try:
        order = compose(caller, given)
        body = carry_out(caller, order, once)
    except (Problem, NoGateway, IntegrityError) as error:
        # The same key, a moment earlier, in another thread or process: perhaps it took the last free place.
        if before := once.answered_soon(WAIT_FOR.get(getattr(error, "code", ""), 0)):
            body = json.loads(before)
        elif isinstance(error, NoGateway):
            raise unavailable(order.model) from None
        else:
            raise
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


@dataclass
class Once:
    """An Idempotency-Key of a token, "" for none, and the digest of what is asked with it."""

    key: str
    token: int
    digest: str = ""
    is_stale: bool = False  # an answer of more than a day ago is in the way

    def answered(self) -> str:
        """Return what this key was answered within a day, "" when it is new. Raises Problem for other content."""
        found = ANSWER.first(token=self.token, key=self.key) if self.key else None
        if found is None:
            return ""
        digest, body, created_at = found
        self.is_stale = timezone.now() - created_at >= REPEATED_FOR
        if self.is_stale:
            return ""
        if digest != self.digest:
            words = "This Idempotency-Key was used with other content in the last 24 hours. Send a new key with it."
            raise Problem(409, "idempotency_key_reused", words, param="Idempotency-Key", headers=DO_NOT_RETRY)
        return body

    def answered_soon(self, seconds: float) -> str:
        """The same, waiting for so long."""
        until = time.monotonic() + seconds
        while not (found := self.answered()) and self.key and time.monotonic() < until:
            time.sleep(LOOK_EVERY)
        return found

    def keep(self, generation: Generation, body: dict[str, Any]) -> None:
        """Write down what is answered. IntegrityError when another request with this key came first."""
        if self.is_stale:
            ApiAnswer.objects.stale().filter(token=self.token, key=self.key).delete()
        kept = {"token_id": self.token, "key": self.key, "digest": self.digest, "body": json.dumps(body)}
        add(ApiAnswer, generation_id=generation.pk, **kept)


ANSWER = Statement(
    lambda token, key: ApiAnswer.objects.filter(token=token, key=key).values_list("digest", "body", "created_at"),
    token=int,
    key=str,
)


def carry_out(caller: Caller, order: Order, once: Once) -> dict[str, Any]:
    """Return the new row as it is answered. Row, reservation, event, queue message and answer commit together."""
    with transaction.atomic():
        refuse_without_room(caller)
        generation, _ = begin(order, savepoint=False)
        body = shapes.video(generation, generation.prompt.text, order.parent.uuid if order.parent else None)
        if once.key:
            once.keep(generation, body)
    return body


def unfinished(user: int, token: int) -> QuerySet:
    """How many videos a person's programs, and one token of theirs, have on their way."""
    # Whatever is unfinished has a due time; SQLite proves it from this comparison, and so uses the index.
    mine = Generation.objects.filter(created_by=user, api_token__isnull=False, due_at__gt=EVER).order_by()
    counted = mine.values("created_by").annotate(all=Count("pk"), own=Count("pk", filter=Q(api_token=token)))
    return counted.values_list("own", "all")


UNFINISHED = Statement(unfinished, user=int, token=int)


def refuse_without_room(caller: Caller) -> None:
    """Refuse more unfinished videos than this token, or this person with all tokens, may have at once.

    Exact in any number of processes: on SQLite the transaction is alone, elsewhere the person's row is locked first.
    """
    limits = {"This token": caller.at_once, "This person": caller.person_at_once}
    if not any(limit is not None for limit in limits.values()):
        return
    if connection.features.has_select_for_update:
        list(User.objects.select_for_update(no_key=True).filter(pk=caller.user_id).values_list("pk"))
    found = UNFINISHED.first(user=caller.user_id, token=caller.token_id) or (0, 0)
    for (who, limit), count in zip(limits.items(), found, strict=True):
        if limit is not None and count >= limit:
            words = f"{who} has {count} unfinished videos; {limit} are allowed at once. Wait until one is finished."
            raise Problem(429, "too_many_unfinished", words, headers=RETRY_AFTER_ROOM)
