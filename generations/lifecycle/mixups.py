"""Answers about another task than the one that was asked about: a cache or a proxy on the way hands them out."""

from generations.gateways import GatewayProtocolError, VideoTask
from generations.models import Generation


def is_named_otherwise(asked: str, task: VideoTask) -> bool:
    """Say whether the answer names another task than was asked for. Some gateways only call the same one otherwise."""
    return task.upstream_id not in ("", asked)


def is_anothers(gateway: int, asked: str, task: VideoTask) -> bool:
    """Say whether the answer is surely about another task: one that another generation of this gateway holds."""
    if not is_named_otherwise(asked, task):
        return False
    return Generation.objects.filter(gateway=gateway, upstream_id=task.upstream_id).exists()


def mixed_up(task: VideoTask) -> GatewayProtocolError:
    """Return the error that such an answer is: it says nothing about the task that was asked about."""
    return GatewayProtocolError(f"The gateway answered about another task: {task.upstream_id[:100]}.")
