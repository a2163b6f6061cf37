"""Several orders at once: one group, and every member's row, reservation, event and hint in one transaction."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

from django.db import IntegrityError, transaction

from generations.lifecycle.begin import NoGateway, Order, make
from generations.lifecycle.lookups import Lookups
from generations.models import Generation, Group

__all__ = ["MOST_AT_ONCE", "NoGateway", "begin_group"]

MOST_AT_ONCE = 200


def begin_group(orders: Sequence[Order], *, kind: str, form_token: str) -> tuple[Group, bool]:
    """Return the group of these orders and whether it is new: the same token and content make it once.

    All of them are by one person for one team; the group's token stands for every member, which have none of
    their own. It is all or nothing. Raises NoGateway when nobody offers one of the models.
    """
    if not 0 < len(orders) <= MOST_AT_ONCE:
        raise ValueError(f"{len(orders)} orders at once")
    first = orders[0]
    content = json.dumps([kind, *(order.digest() for order in orders)])
    same = {
        "created_by": first.user,
        "form_token": form_token,
        "form_digest": hashlib.sha256(content.encode()).hexdigest() if form_token else "",
    }
    if form_token and (made := Group.objects.filter(**same).first()):
        return made, False
    try:
        with transaction.atomic():
            group = Group.objects.create(team=first.team, kind=kind, **same)
            lookups = Lookups()
            for number, order in enumerate(orders):
                make(member(order, group, is_copy=kind == Group.Kind.COPIES and number > 0), lookups)
            return group, True
    except IntegrityError:
        if form_token and (made := Group.objects.filter(**same).first()):
            return made, False  # a double click: the other request was a moment earlier
        raise


def member(order: Order, group: Group, *, is_copy: bool) -> Order:
    """Return an order as one of a group: a copy says that it is one, unless it comes from somewhere."""
    relation = Generation.Relation.COPY if is_copy and not order.relation else order.relation
    return replace(order, group=group, form_token="", relation=relation)
