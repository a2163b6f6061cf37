"""Stored files, for who may see them."""

from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from generations.lifecycle.files import path_of
from generations.media import serve_file
from generations.media.serving import IMMUTABLE
from generations.models import Generation, Prompt, Upload
from generations.models.prepared import Statement, in_order, loaded

TYPES = {"mp4": "video/mp4", "webm": "video/webm", "webp": "image/webp"}


@require_safe
def video(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """The stored video, by byte ranges for players; whole with `?download=1`."""
    generation = stored(request, uuid)
    return serve(
        request,
        generation.file,
        etag=generation.sha256,
        filename=generation.download_name,
        download=request.GET.get("download") == "1",
    )


@require_safe
def poster(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    generation = stored(request, uuid)
    if not generation.poster:
        raise Http404
    return serve(request, generation.poster, etag=f"{generation.sha256}-poster", filename=f"{generation.uuid.hex}.webp")


@require_safe
def preview(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """The short silent copy that plays under the pointer."""
    generation = stored(request, uuid)
    if not generation.preview:
        raise Http404
    etag, filename = f"{generation.sha256}-preview", f"{generation.uuid.hex}.preview.mp4"
    return serve(request, generation.preview, etag=etag, filename=filename)


@require_safe
def upload(request: HttpRequest, uuid: UUID) -> HttpResponseBase:
    """An accepted image, for its thumbnail."""
    try:
        found = Upload.objects.visible_to(request.user).get(uuid=uuid)
    except ObjectDoesNotExist:
        raise Http404 from None
    return serve(request, found.file.name, etag=found.sha256, filename=found.file.name, content_type=found.kind)


def stored(request: HttpRequest, uuid: UUID) -> Generation:
    """The generation whose file may be sent. Raises Http404. One statement: players ask often."""
    found = STORED.first(user=request.user.pk, uuid=uuid)
    if found is None:
        raise Http404
    *own, text = found
    generation = loaded(Generation, COLUMNS, own)
    generation.prompt = Prompt(pk=generation.prompt_id, text=text)
    return generation


COLUMNS = in_order(
    Generation,
    (
        *("id", "uuid", "prompt_id", "model_key", "created_at", "completed_at"),
        *("file", "sha256", "poster", "preview"),
    ),
)
STORED = Statement(
    lambda user, uuid: (
        Generation.objects.visible_to(user)
        .filter(uuid=uuid, purged_at=None)
        .exclude(file="")
        .order_by()
        .values_list(*COLUMNS, "prompt__text")
    ),
    user=int,
    uuid=UUID,
)


def serve(
    request: HttpRequest,
    name: str,
    *,
    etag: str,
    filename: str,
    download: bool = False,
    content_type: str = "",
    cache_control: str = IMMUTABLE,
) -> HttpResponseBase:
    """Send a file of the media folder. Raises Http404 when it is not on the disk."""
    path = path_of(name)
    try:
        return serve_file(
            request,
            path,
            content_type=content_type or TYPES[name.rpartition(".")[2]],
            etag=etag,
            last_modified=path.stat().st_mtime,
            filename=filename.rpartition("/")[2],
            download=download,
            cache_control=cache_control,
        )
    except FileNotFoundError:
        raise Http404 from None
