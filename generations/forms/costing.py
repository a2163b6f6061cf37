"""What the composer says beside its choice: what a video costs, and what was seen of others like it."""

from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from functools import cached_property

from generations.forms.choosing import Choices
from generations.lifecycle.remixing import order_source, scene_of
from generations.models import Gateway, Generation, ModelPrice, Team
from generations.models.experience import Case, known_figures
from generations.specs import Agreed, OptionError, Value, VideoModel


class Costing:
    """Mixed into the composer, which has the `video_model`, the `team`, the `choices` and what was `given`."""

    video_model: VideoModel | None
    team: Team | None
    choices: Choices
    given: Mapping[str, object]
    copies_wanted: int

    @cached_property
    def served_by(self) -> Gateway | None:
        """The gateway that would render it now, that of its source for a remix; None when nobody offers it."""
        if self.to_remix:
            return self.to_remix.gateway
        return self.choices.serving(self.video_model, self.team) if self.video_model else None

    @cached_property
    def to_remix(self) -> Generation | None:
        """The finished video that its gateway is to remix, where one is named and can be."""
        if self.video_model is None or self.video_model.option_with_role("remix") is None or self.team is None:
            return None
        with suppress(LookupError):
            return order_source(self.video_model, self.legible_values, self.team)
        return None

    @cached_property
    def cost(self) -> Agreed | None:
        """What one video costs, as the form carries it back: a sum, nothing, or that nobody knows."""
        if self.served_by is None:
            return None
        if self.served_by.is_sandbox:
            return Agreed(Decimal(0))
        scene = scene_of(self.to_remix)
        return Agreed.to(ModelPrice.objects.all().quote(self.video_model, self.legible_values, self.served_by, scene))

    @property
    def price_words(self) -> str:
        """What the button will cost: "about 0.40 USD", "free", or that nobody knows; empty when nobody offers it."""
        return self.cost.times(self.copies_wanted).words if self.cost else ""

    @property
    def seen(self) -> list[str]:
        """What was seen of videos with this very choice, in sentences with their numbers; empty for none."""
        if self.served_by is None:
            return []
        asked = self.video_model.asked(self.legible_values)
        is_sandbox = self.served_by.is_sandbox
        case = Case.of(self.video_model.key, asked.width, asked.height, asked.seconds, is_sandbox=is_sandbox)
        figures = known_figures().get(case)
        return figures.sentences if figures else []

    @cached_property
    def legible_values(self) -> dict[str, Value]:
        """What is chosen as far as it can be read, with defaults, whatever else is still wrong with it."""
        found = {}
        for option in self.video_model.options:
            with suppress(OptionError):
                value = option.clean(self.given.get(option.name))
                if value is not None:
                    found[option.name] = value
        return found


def cost_of(made: Generation) -> Agreed:
    """Return what a generation was said to cost."""
    if made.quote_amount is not None:
        return Agreed(made.quote_amount, made.quote_currency)
    return Agreed(None if made.is_unpriced else Decimal(0))
