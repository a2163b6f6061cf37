"""Remixes made by the gateway: its own id of a finished video stands for scene, size and length."""

from collections.abc import Mapping

from django.utils.translation import gettext as _

from generations.models import Gateway, Generation, Status, Team
from generations.specs import VideoModel


def source_of(model: VideoModel, options: Mapping[str, object], team: Team) -> Generation | None:
    """Return the team's finished video that clean options ask to remix.

    Raises LookupError with a sentence for people when the team has none of this id, or when another model made it: an
    id that anybody may type must not reach the videos of others at the same gateway.
    """
    option = model.option_with_role("remix")
    upstream_id = str(options.get(option.name) or "") if option else ""
    if not upstream_id:
        return None
    found = Generation.objects.filter(team=team, upstream_id=upstream_id, status=Status.COMPLETED, deleted_at=None)
    source = next((row for row in found if row.model_key == model.key), None)
    if source is None:
        raise LookupError(
            _(
                "No finished {label} video of your team has the upstream id “{id}”. It stands on the video's page."
            ).format(label=model.label, id=upstream_id[:80])
        )
    return source


def scene_of(source: Generation | None) -> dict[str, object]:
    """Return what the video that is remixed was asked for: a remix keeps its length and size, and costs by them.

    Empty where there is none, and for the remix of a remix whose beginning is gone.
    """
    while source is not None:
        remix = source.video_model.option_with_role("remix") if source.video_model else None
        if remix is None or not source.options.get(remix.name):
            return dict(source.options)
        source = source.parent
    return {}


def order_source(model: VideoModel, options: Mapping[str, object], team: Team) -> Generation | None:
    """The same for a new order: it can only be done by the gateway that made the source, and that must offer it now."""
    source = source_of(model, options, team)
    if source is None:
        return None
    gateway = source.gateway
    if gateway.is_sandbox:
        renders = Gateway.objects.all().sandbox() is not None
    else:
        renders = gateway.does_offer(model) and Gateway.objects.all().usable().filter(pk=gateway.pk).exists()
    if not renders:
        raise LookupError(
            _("{gateway} made this video, so only {gateway} can remix it, and it does not offer {label} now.").format(
                gateway=gateway.name, label=model.label
            )
        )
    return source
