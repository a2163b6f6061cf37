"""The bytes of a video, and pictures of it: /v1/videos/{id}/content."""

import threading
from collections.abc import Callable
from pathlib import Path

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from generations.api import shapes
from generations.api.problems import DO_NOT_RETRY, Problem
from generations.lifecycle.files import path_of, stored_name
from generations.media import NotAVideo, make_poster, serve_file
from generations.media.sprites import make_spritesheet
from generations.models import TERMINAL, Generation, Status
from generations.models.shown import Shown

VARIANTS = ("video", "thumbnail", "spritesheet")
TYPES = {"mp4": "video/mp4", "webm": "video/webm", "webp": "image/webp"}
# Decoding takes a processor for a moment; whoever comes meanwhile waits for the same picture.
_DRAWING = threading.Lock()


def serve(request: HttpRequest, row: Generation, variant: str) -> HttpResponseBase:
    """Send a file of a finished video in full, by ranges where they are asked for. Raises Problem."""
    name, etag = variant_of(row, variant)
    path = path_of(name)
    filename = Shown.download_name.fget(row) if variant == "video" else f"{row.uuid.hex}-{variant}.webp"
    try:
        response = serve_file(
            request,
            path,
            content_type=TYPES[name.rpartition(".")[2]],
            etag=etag,
            last_modified=path.stat().st_mtime,
            filename=filename,
            download=True,
        )
    except FileNotFoundError:
        raise Problem(404, "file_not_found", "The file is not stored any more.", param="id") from None
    if response.status_code == 503:
        words = "Too many files are being sent at the moment. Try again in a few seconds."
        raise Problem(503, "too_many_streams", words, headers={"Retry-After": response.headers["Retry-After"]})
    if response.status_code == 416:
        headers = {"Content-Range": response.headers["Content-Range"]}
        raise Problem(416, "range_not_satisfiable", "The file has no such bytes.", param="Range", headers=headers)
    return response


def variant_of(row: Generation, variant: str) -> tuple[str, str]:
    """Return the stored name of a variant and its entity tag. Raises Problem."""
    if row.purged_at is not None:
        raise Problem(404, "file_not_found", "The file of this video was removed.", param="id")
    if row.status != Status.COMPLETED or not row.file:
        raise Problem(
            409, "video_not_ready", f"This video has no file. {why_none(row)}", param="id", headers=DO_NOT_RETRY
        )
    if variant == "video":
        return row.file, row.sha256
    if variant == "thumbnail":
        # Its name is known before it is drawn: a worker does that soon after a video is stored.
        return drawn(row, row.poster or stored_name(row, ".webp"), make_poster), f"{row.sha256}-poster"
    return drawn(row, f"sprites/{row.uuid.hex[:2]}/{row.uuid.hex}.webp", make_spritesheet), f"{row.sha256}-sprites"


def why_none(row: Generation) -> str:
    """Return in words why a video has no file, and what a program can do about it."""
    if row.status in TERMINAL:
        return shapes.error(row)["message"]
    if row.status == Status.UNKNOWN:
        return shapes.words(row)
    return f"It is {row.get_status_display().lower()}: ask for the video until it is completed."


def drawn(row: Generation, name: str, draw: Callable[[Path, Path], None]) -> str:
    """Return the stored name of a picture of a video, which is drawn when it is first asked for. Raises Problem."""
    path = path_of(name)
    with _DRAWING:
        if not path.exists():
            try:
                draw(path_of(row.file), path)
            except FileNotFoundError:
                raise Problem(404, "file_not_found", "The file is not stored any more.", param="id") from None
            except NotAVideo as error:
                raise Problem(404, "file_not_found", str(error), param="variant") from error
    return name
