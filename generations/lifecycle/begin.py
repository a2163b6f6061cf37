"""The first step: what somebody asked for becomes a row, its first event and a hint, all in one transaction."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from generations import queue
from generations.lifecycle.lookups import Lookups
from generations.lifecycle.remixing import order_source
from generations.models import (
    Event,
    Gateway,
    Generation,
    GenerationInput,
    Group,
    LedgerEntry,
    Prompt,
    Status,
    Team,
    Upload,
    User,
)
from generations.models.money import FREE
from generations.models.prepared import add, insert
from generations.models.prompt import normalise
from generations.specs import Agreed, Quote, VideoModel


class NoGateway(Exception):
    """No enabled gateway offers the model; the message says so to a person."""


class Dearer(Exception):
    """It costs more than was said, or nobody knows any more what it costs; the message says so to a person."""

    def __init__(self, before: Agreed, now: Agreed) -> None:
        self.before, self.now = before, now
        super().__init__(
            _(
                "The button said {words}; now it is {words_2}. Nothing was sent and nothing is lost: "
                "“Generate, {words_2}” makes it all the same."
            ).format(words=before.words, words_2=now.words)
        )

    def times(self, count: int) -> "Dearer":
        """Return the same of so many at once, for whose sum the button stood."""
        return Dearer(self.before.times(count), self.now.times(count))


@dataclass(frozen=True, kw_only=True)
class Order:
    """One request for one video, already checked: `options` come from `VideoModel.clean`.

    `is_first` says that its form token made nothing before, as far as anybody knew: it is not looked for then.
    `agreed` is what it was said to cost, if anybody was told. `gateways` are the usable ones, if they were just read.
    """

    user: User
    team: Team
    model: VideoModel
    prompt: str
    options: Mapping[str, object]
    uploads: Mapping[str, Sequence[Upload]] = field(default_factory=dict)
    origin: str = Generation.Origin.BROWSER
    api_token: int | None = None
    form_token: str = ""
    is_first: bool = False
    parent: Generation | None = None
    relation: str = ""
    agreed: Agreed | None = None
    gateways: Sequence[Gateway] | None = None
    group: Group | None = None
    edited_from: Prompt | None = None

    def digest(self) -> str:
        """Return what makes two orders the same: model, prompt, options and images, as sha256 hex."""
        images = {name: [upload.sha256 for upload in found] for name, found in self.uploads.items()}
        # An image sent twice is two uploads with one content: its own id must not make a difference.
        options = {name: value for name, value in self.options.items() if name not in self.uploads}
        content = [self.model.key, normalise(self.prompt), options, images]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def begin(order: Order, *, savepoint: bool = True) -> tuple[Generation, bool]:
    """Return the order's generation and whether it is new: the same form token and content make it once.

    Without a `savepoint` a transaction around it cannot go on after an error. Raises NoGateway when nobody offers the
    model, and Dearer when a new one would cost more than was agreed.
    """
    if not order.is_first and (made := _already(order)):
        return made, False
    try:
        with transaction.atomic(savepoint=savepoint):
            return make(order, Lookups(order.gateways)), True
    except IntegrityError:
        if made := _already(order):  # a double click: the other request was a moment earlier
            return made, False
        raise


def _already(order: Order) -> Generation | None:
    if not order.form_token:
        return None
    same = {"created_by": order.user, "form_token": order.form_token, "form_digest": order.digest()}
    return Generation.objects.filter(**same).first()


def make(order: Order, lookups: Lookups) -> Generation:
    """Write one order down: row, reservation, images, event and hint. Only inside a transaction."""
    try:
        source = order_source(order.model, order.options, order.team)
    except LookupError as error:
        raise NoGateway(str(error)) from error
    gateway = source.gateway if source else lookups.gateway(order.model, order.team)
    if gateway is None:
        raise NoGateway(
            _("No gateway offers {label} at the moment. Choose another model.").format(label=order.model.label)
        )
    quote = lookups.quote(order.model, order.options, gateway, source)
    if order.agreed and not gateway.is_sandbox and not order.agreed.covers(quote):
        raise Dearer(order.agreed, Agreed.to(quote))
    prompt = lookups.prompt(order.team, normalise(order.prompt), order.edited_from)
    generation = insert(_row(order, prompt, gateway, quote))
    if quote:
        add(
            LedgerEntry,
            generation_id=generation.pk,
            kind=LedgerEntry.Kind.RESERVE,
            held=quote.amount,
            currency=quote.currency,
            actor=order.user.get_username(),
            reason="asked for",
        )
    if order.uploads:
        GenerationInput.objects.bulk_create(
            GenerationInput(generation=generation, option=name, position=position, upload=upload)
            for name, uploads in order.uploads.items()
            for position, upload in enumerate(uploads)
        )
    Event.objects.all().note(
        generation_id=generation.pk,
        after=Status.QUEUED,
        actor=order.user.get_username(),
        actor_kind=Event.ActorKind.PERSON,
        reason="asked for",
    )
    queue.hint("submit", generation.pk)
    return generation


def _row(order: Order, prompt: Prompt, gateway: Gateway, quote: Quote | None) -> Generation:
    """Return an order as a row that is not stored yet."""
    asked = order.model.asked(order.options)
    return Generation(
        team=order.team,
        created_by=order.user,
        prompt=prompt,
        origin=order.origin,
        api_token_id=order.api_token,
        form_token=order.form_token,
        form_digest=order.digest() if order.form_token else "",
        parent=order.parent,
        relation=order.relation,
        group=order.group,
        options=dict(order.options),
        asked_width=asked.width,
        asked_height=asked.height,
        asked_seconds=asked.seconds,
        gateway=gateway,
        model_key=order.model.key,
        dialect=order.model.dialect,
        upstream_model=order.model.upstream_id,
        quote_amount=quote.amount if quote else None,
        quote_currency=quote.currency if quote else "",
        quote_source=quote.source if quote else FREE if gateway.is_sandbox else "",
    )
