"""The family of one idea: what a video was made from, what else came of that, and what came of it."""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from generations.models import Generation

ANCESTORS = 3
SIBLINGS = 6
CHILDREN = 12
WORDS = {
    "rerun": gettext_lazy("Made again"),
    "remix": gettext_lazy("Remixed"),
    "copy": gettext_lazy("A copy"),
}


@dataclass(frozen=True)
class Relative:
    """One video of the family and what it is to the one that is looked at."""

    generation: Generation
    role: str
    is_self: bool = False


def family_of(user, generation: Generation, parent: Generation | None) -> list[Relative]:
    """Return ancestors, siblings, itself and children, the oldest idea first; empty when it is alone.

    At most six statements, whatever the size: three upwards, one for siblings, one for children.
    """
    mine = Generation.objects.visible_to(user).for_cards()
    above: list[Relative] = []
    key = generation.parent_id if parent else None
    while key and len(above) < ANCESTORS:
        found = mine.filter(pk=key, team=generation.team_id).first()
        if found is None or found.pk == generation.pk:
            break
        above.insert(0, Relative(found, _("Made from") if not above else _("Before that")))
        key = found.parent_id
    same = mine.filter(prompt=generation.prompt_id)
    if parent:
        same |= mine.filter(parent=parent)
    beside = same.exclude(pk__in=[generation.pk, *(one.generation.pk for one in above)]).exclude(parent=generation)
    siblings = [Relative(row, _("Beside it")) for row in beside.newest()[:SIBLINGS]]
    below = mine.filter(parent=generation).order_by("id")[:CHILDREN]
    children = [Relative(row, WORDS.get(row.relation, _("Came of it"))) for row in below]
    others = [*above, *siblings, *children]
    return [*above, *siblings, Relative(generation, _("This one"), is_self=True), *children] if others else []
