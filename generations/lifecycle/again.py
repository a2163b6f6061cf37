"""Making the same once more: a new row of its own, linked to the old one."""

from decimal import Decimal

from django.utils.translation import gettext as _

from generations.lifecycle.begin import Order
from generations.lifecycle.remixing import order_source, scene_of
from generations.models import Gateway, Generation, ModelPrice, Upload, User
from generations.models.switches import ModelSwitch, why_not
from generations.specs import Agreed, OptionErrors, Quote


class CannotRepeat(Exception):
    """It cannot be made again as it was; the message says why to a person."""


def order_again(generation: Generation, user: User, *, token: str) -> Order:
    """Return the order for the same video once more, paid by `user`'s team. Raises CannotRepeat."""
    try:
        model = generation.require_model()
    except KeyError:
        raise CannotRepeat(_("its model is not in the catalogue any more")) from None
    if reason := why_not(model, ModelSwitch.objects.all().by_key().get(model.key)):
        raise CannotRepeat(reason)
    try:
        options = model.clean(generation.options)
    except OptionErrors as error:
        raise CannotRepeat(" ".join(sentence for found in error.errors.values() for sentence in found)) from error
    uploads: dict[str, list[Upload]] = {}
    for given in generation.inputs.select_related("upload"):
        uploads.setdefault(given.option, []).append(given.upload)
    return Order(
        user=user,
        team=generation.team,
        model=model,
        prompt=generation.prompt.text,
        options=options,
        uploads=uploads,
        form_token=f"{token}.{generation.pk}"[:64],
        parent=generation,
        relation=Generation.Relation.RERUN,
    )


def quote_of(order: Order) -> tuple[Quote | None, bool]:
    """Return what an order costs now, None when nobody knows, and whether that is because it is free.

    Raises CannotRepeat when nobody offers its model.
    """
    try:
        source = order_source(order.model, order.options, order.team)
    except LookupError as error:
        raise CannotRepeat(str(error)) from error
    gateway = source.gateway if source else Gateway.objects.all().offering(order.model, order.team)
    if gateway is None:
        raise CannotRepeat(_("no gateway offers {label} at the moment").format(label=order.model.label))
    return ModelPrice.objects.all().quote(order.model, order.options, gateway, scene_of(source)), gateway.is_sandbox


def cost_of_remix(source: Generation, user: User) -> Agreed | None:
    """Return what it costs now to let a finished video's own gateway remix it; None where that cannot be asked for."""
    model = source.video_model
    remix = model.option_with_role("remix") if model else None
    if model is None or remix is None or not source.upstream_id or ModelSwitch.objects.all().why_not(model):
        return None
    options = model.clean({remix.name: source.upstream_id})
    try:
        quote, is_free = quote_of(Order(user=user, team=source.team, model=model, prompt="", options=options))
    except CannotRepeat:
        return None
    return Agreed(Decimal(0)) if is_free else Agreed.to(quote)


def cost_again(generation: Generation, user: User) -> Agreed | None:
    """Return what the same video once more costs now; None when it cannot be made again."""
    try:
        quote, is_free = quote_of(order_again(generation, user, token=""))
    except CannotRepeat:
        return None
    return Agreed(Decimal(0)) if is_free else Agreed.to(quote)
