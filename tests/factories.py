"""People, gateways and generations for tests. A row made here is one the engine could have made: with its attempts,
its events and, when it is completed, its file; so `check_invariants` finds nothing wrong with it.

alice and bob share a team; carol is on another one.
"""

import functools
import hashlib
import itertools
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.utils import timezone

from generations.catalog import catalog
from generations.lifecycle.begin import Order, begin
from generations.lifecycle.files import path_of, stored_name
from generations.models import (
    Failure,
    Gateway,
    Generation,
    LedgerEntry,
    Membership,
    ModelPrice,
    Prompt,
    Status,
    SubmitAttempt,
    Team,
    User,
)
from generations.models.prompt import normalise
from generations.specs import VideoModel
from tests.media.clips import make_clip
from tests.pages import picture
from tests.upstream import FakeUpstream

FORM_MODEL = "wan/wan2.6"
ENVELOPE_MODEL = "wan/wan2.6-t2v"
ALL_FAMILIES = sorted({model.family for model in catalog().models})
PASSWORD = "a long enough password"

_numbers = itertools.count(1)


def make_team(name: str = "Studio") -> Team:
    return Team.objects.filter(name=name).first() or Team.objects.create(name=name)


def make_user(username: str = "alice", *, team: Team | None = None, **fields: Any) -> User:
    """Return a person who is a member of `team` alone, by default of the first team there is."""
    team = team or Team.objects.default()
    user = User.objects.create_user(username, password=PASSWORD, **fields)
    Membership.objects.filter(user=user).exclude(team=team).delete()
    Membership.objects.get_or_create(user=user, team=team)
    return user


def alice() -> User:
    return User.objects.filter(username="alice").first() or make_user("alice")


def bob() -> User:
    """A colleague of alice's."""
    return User.objects.filter(username="bob").first() or make_user("bob", team=alice().team)


def carol() -> User:
    """Somebody of another team."""
    found = User.objects.filter(username="carol").first()
    alice()  # the first team is hers
    return found or make_user("carol", team=make_team("Elsewhere"))


def make_gateway(name: str = "fake", *, upstream: FakeUpstream | None = None, **fields: Any) -> Gateway:
    """Return a gateway that offers every model, reached at `upstream` or at an address nobody answers."""
    known = {"base_url": upstream.base_url, "key": upstream.key} if upstream else {}
    unknown = {"base_url": "https://gateway.invalid", "key": "sk-key-of-nobody-0000"}
    return Gateway.objects.create(name=name, **{**unknown, **known, "offers": ALL_FAMILIES, **fields})


def any_gateway() -> Gateway:
    return Gateway.objects.real().order_by("pk").first() or make_gateway()


def make_price(amount: str = "0.08", *, model: str = FORM_MODEL, per: str = "second", **fields: Any) -> ModelPrice:
    """Return an operator's price of a model."""
    fields = {"model_key": model, "source": "the contract", "currency": "USD", **fields}
    return ModelPrice.objects.create(per=per, amount=Decimal(amount), **fields)


def make_order(
    *,
    user: User | None = None,
    model: str | VideoModel = FORM_MODEL,
    prompt: str = "A red fox in the snow",
    options: dict[str, Any] | None = None,
    **fields: Any,
) -> Order:
    """Return a checked order; `options` are raw, as a form or a program gives them, defaults filled in."""
    user = user or alice()
    entry = catalog().get(model) if isinstance(model, str) else model
    fields.setdefault("team", user.team)
    return Order(user=user, model=entry, prompt=prompt, options=entry.clean(options or {}), **fields)


def begun(order: Order | None = None, **fields: Any) -> Generation:
    """Return the queued generation of a new order, on a gateway that is made when there is none."""
    any_gateway()
    generation, is_new = begin(order or make_order(**fields))
    assert is_new
    return generation


def defaults_of(entry: VideoModel) -> dict[str, Any]:
    """Return what a model takes for whatever is not chosen, by option."""
    return {option.name: option.default for option in entry.options if option.default is not None}


def needed_options(entry: VideoModel) -> dict[str, Any]:
    """Return something to post for each option that has no default and cannot be left out."""
    given = {"url": lambda: "https://example.com/still.jpg", "image": picture}
    return {option.name: given[option.kind]() for option in entry.options if option.required and option.default is None}


@functools.cache
def clip(seconds: float = 1.0, width: int = 320, height: int = 180) -> bytes:
    """Return a small real video."""
    with tempfile.TemporaryDirectory() as folder:
        return make_clip(Path(folder) / "clip.mp4", width, height, seconds).read_bytes()


def make_generation(
    status: str = Status.QUEUED,
    *,
    failure: str = "",
    user: User | None = None,
    gateway: Gateway | None = None,
    model: str = FORM_MODEL,
    prompt: str = "A red fox in the snow",
    options: dict[str, Any] | None = None,
    quote: str = "",
    **fields: Any,
) -> Generation:
    """Return a generation in `status`, with the history that leads there; `fields` are set on the row at the end.

    A failed one failed as `failure`: the model failed, unless it is named. `quote` is its price in USD, if it has one.
    """
    user, entry = user or alice(), catalog().get(model)
    chosen = entry.clean(options or {})
    asked = entry.asked(chosen)
    generation = Generation.objects.create(
        team=user.team,
        created_by=user,
        prompt=Prompt.objects.keep(user.team, normalise(prompt)),
        options=chosen,
        asked_width=asked.width,
        asked_height=asked.height,
        asked_seconds=asked.seconds,
        gateway=gateway or any_gateway(),
        model_key=entry.key,
        dialect=entry.dialect,
        upstream_model=entry.upstream_id,
        quote_amount=Decimal(quote) if quote else None,
        quote_currency="USD" if quote else "",
        quote_source="operator, a test's price" if quote else "",
    )
    if quote:
        generation.ledger.create(
            kind=LedgerEntry.Kind.RESERVE, held=Decimal(quote), currency="USD", actor=user.get_username()
        )
    generation.events.create(after=Status.QUEUED, actor=user.get_username(), actor_kind="person", reason="asked for")
    failure = failure or (Failure.UPSTREAM_FAILED if status == Status.FAILED else "")
    for step in path_to(status, failure):
        take(generation, step, failure)
    if fields:
        Generation.objects.filter(pk=generation.pk).update(**fields)
        generation.refresh_from_db()
    return generation


def path_to(status: str, failure: str) -> list[str]:
    """Return the statuses that a row passes after queued on its way to `status`."""
    sent, polled = [Status.SUBMITTING], [Status.SUBMITTING, Status.IN_PROGRESS]
    if status == Status.FAILED:
        before: dict[str, list[str]] = {
            Failure.NOT_SENT: [],
            Failure.REJECTED: sent,
            Failure.NO_RESULT: [*polled, Status.DOWNLOADING],
            Failure.EXPIRED: [*polled, Status.DOWNLOADING],
        }
        return [*before.get(failure, polled), Status.FAILED]
    return {
        Status.QUEUED: [],
        Status.CANCELLED: [Status.CANCELLED],
        Status.SUBMITTING: sent,
        Status.UNKNOWN: [*sent, Status.UNKNOWN],
        Status.IN_PROGRESS: polled,
        Status.DOWNLOADING: [*polled, Status.DOWNLOADING],
        Status.COMPLETED: [*polled, Status.DOWNLOADING, Status.COMPLETED],
    }[Status(status)]


def take(generation: Generation, status: str, failure: str = "") -> None:
    """Take one step as the engine would, without any gateway."""
    now = timezone.now()
    changes: dict[str, Any] = {"claim": ""}
    if status == Status.SUBMITTING:
        changes["claim"] = make_attempt(generation).token
    elif status == Status.UNKNOWN:
        changes["claim"] = generation.claim
    elif status == Status.IN_PROGRESS:
        changes |= {"upstream_id": f"task_{next(_numbers):06d}", "submitted_at": now}
    elif status == Status.COMPLETED:
        changes |= stored_file(generation) | {"progress": 100, "completed_at": now}
    elif status == Status.FAILED:
        changes |= {"failure": failure, "detail": "It did not work out."}
    close_attempt(generation, status)
    assert generation.move_to(Status(status), actor="factory", reason=f"a test wants it {status}", **changes)


def make_attempt(generation: Generation, *, outcome: str = "", **fields: Any) -> SubmitAttempt:
    """Return the next attempt of a generation, open unless an outcome is given."""
    now = timezone.now()
    number = generation.attempts.count() + 1
    known = {"number": number, "token": f"token-{next(_numbers):06d}", "request_digest": "0" * 64, "opened_at": now}
    return generation.attempts.create(outcome=outcome, **{**known, "closed_at": now if outcome else None, **fields})


def close_attempt(generation: Generation, status: str) -> None:
    outcomes = {
        Status.UNKNOWN: SubmitAttempt.Outcome.UNKNOWN,
        Status.IN_PROGRESS: SubmitAttempt.Outcome.ACCEPTED,
        Status.FAILED: SubmitAttempt.Outcome.REFUSED,
    }
    if status in outcomes:
        opened = generation.attempts.filter(outcome=SubmitAttempt.Outcome.OPEN)
        opened.update(outcome=outcomes[Status(status)], closed_at=timezone.now())


def stored_file(generation: Generation, content: bytes | None = None) -> dict[str, Any]:
    """Put a video where the downloader would, and return what it would write on the row."""
    content = clip() if content is None else content
    name = stored_name(generation, ".mp4")
    path = path_of(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return {
        "file": name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "measured_width": 320,
        "measured_height": 180,
        "measured_seconds": 1.0,
        "measured_fps": 24.0,
        "measured_has_audio": False,
    }
