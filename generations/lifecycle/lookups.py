"""What orders made at once ask the database for again and again, each asked once."""

import json
from collections.abc import Mapping, Sequence

from generations.lifecycle.remixing import scene_of
from generations.models import Gateway, Generation, ModelPrice, Prompt, Team
from generations.specs import Quote, VideoModel


class Lookups:
    """Gateways, prices and prompts as they are now: for one request, never kept longer.

    `usable` are the gateways, when they have been read.
    """

    def __init__(self, usable: Sequence[Gateway] | None = None) -> None:
        self._usable = usable
        self._gateways: dict[tuple[str, int], Gateway | None] = {}
        self._quotes: dict[tuple[str, int, str], Quote | None] = {}
        self._prompts: dict[tuple[int, str], Prompt] = {}

    def gateway(self, model: VideoModel, team: Team) -> Gateway | None:
        """Return the gateway that will render `model` for `team`; None when nobody offers it."""
        key = (model.key, team.pk)
        if key not in self._gateways:
            self._gateways[key] = Gateway.objects.all().offering(model, team, self._usable)
        return self._gateways[key]

    def quote(
        self, model: VideoModel, options: Mapping[str, object], gateway: Gateway, source: Generation | None = None
    ) -> Quote | None:
        """Return what a video of these clean options costs there; None when nobody knows, and for the sandbox.

        `source` is the video that it remixes, if it remixes one: the options name it.
        """
        key = (model.key, gateway.pk, json.dumps(options, sort_keys=True))
        if key not in self._quotes:
            self._quotes[key] = ModelPrice.objects.all().quote(model, options, gateway, scene_of(source))
        return self._quotes[key]

    def prompt(self, team: Team, text: str, edited_from: Prompt | None) -> Prompt:
        """Return the team's one row for a prompt, marked as used now."""
        key = (team.pk, text)
        if key not in self._prompts:
            self._prompts[key] = Prompt.objects.keep(team, text, edited_from)
        return self._prompts[key]
