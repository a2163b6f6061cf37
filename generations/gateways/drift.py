"""Answers that are not as documented: status words and fields that nobody here knows. Cheap enough for every poll."""

from __future__ import annotations

from collections.abc import Iterator

from .base import GatewayError, GatewayProtocolError, VideoTask, plain
from .reading import TaskStatus, unwrapped

WORD, FIELD, SHAPE = "word", "field", "shape"
LONGEST = 100

# Every name that a document of any gateway shows at the top of a task or of the envelope around it.
FLAT = (  # OpenAI, and what speaks like it
    "id object model status progress created_at completed_at expires_at seconds size prompt quality error "
    "remixed_from_video_id video_url usage task_id request_id media_type file_name inference_time_s stage_durations "
    "peak_memory_mb reference_url updated_at type detail deleted"
)
ENVELOPE = (  # of new-api, and the task in it
    "code message data success action fail_reason submit_time start_time finish_time platform user_id group channel_id "
    "quota result_url properties username url format metadata created updated"
)
PROVIDERS = (  # Kling, Runway, xAI, Vidu, ModelArk, DashScope
    "task_status task_status_msg task_info task_result state output duration video image respect_moderation failure "
    "failureCode createdAt updatedAt startedAt estimatedTimeToStartSeconds content resolution ratio framespersecond "
    "seed watermark service_tier execution_expires_after generate_audio creations credits err_code payload "
    "unsigned_urls polling_url generation_id actual_prompt orig_prompt external_task_id final_unit_deduction"
)
KNOWN = frozenset(f"{FLAT} {ENVELOPE} {PROVIDERS}".split())
DOCUMENTED_WORDS = frozenset({"unknown"})  # of new-api and DashScope: they say so, and it decides nothing


def oddities(task: VideoTask) -> Iterator[tuple[str, str]]:
    """Yield (kind, what) of each word and field of an answer that is not known."""
    if task.status is TaskStatus.UNKNOWN and task.word.strip().lower() not in DOCUMENTED_WORDS:
        yield WORD, task.word[:LONGEST]
    for part in (task.raw, unwrapped(task.raw)):
        if not KNOWN.issuperset(part):
            yield from ((FIELD, plain(name, LONGEST) or "(blank)") for name in part if name not in KNOWN)
        if "code" not in task.raw:
            return


def oddity_of(error: GatewayError) -> tuple[str, str] | None:
    """Return (kind, what) of an answer that could not be read at all; None for every other trouble."""
    if not isinstance(error, GatewayProtocolError):
        return None
    return SHAPE, str(error).partition(":")[0].rstrip(".")[:LONGEST]
