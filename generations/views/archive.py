"""Several videos as one file, written while it is sent: stored, never compressed, with a record beside each."""

import io
import json
import zipfile
from collections.abc import Iterator

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from generations.lifecycle.files import path_of
from generations.media import STREAM_SLOTS
from generations.models import Generation
from generations.views.detail import as_record

BLOCK = 256 * 1024  # bytes
AT_ONCE = 50  # rows


def zip_of(pks: list[int]) -> HttpResponseBase:
    """Send the videos of these generations; 503 while as many threads stream as may. Takes memory for one block."""
    if not STREAM_SLOTS.acquire():
        sentence = _("Too many downloads are under way. Try again in a moment.")
        return HttpResponse(
            sentence, status=503, content_type="text/plain; charset=utf-8", headers={"Retry-After": "5"}
        )
    response = StreamingHttpResponse(Held(zip_blocks(pks)), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="videos_{timezone.now():%Y-%m-%d_%H%M}.zip"'
    response["X-Accel-Buffering"] = "no"
    return response


class Held(Iterator[bytes]):
    """Blocks for as long as somebody reads them; the slot is given back whatever ends it."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self.blocks, self.is_held = blocks, True

    def __next__(self) -> bytes:
        try:
            return next(self.blocks)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self.is_held:
            self.is_held = False
            STREAM_SLOTS.release()


class Outbox(io.RawIOBase):
    """What zipfile writes to and cannot seek in: holds what was written until it is taken."""

    def __init__(self) -> None:
        self.waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self.waiting += data
        return len(data)

    def take(self) -> bytes:
        taken, self.waiting = bytes(self.waiting), bytearray()
        return taken


def zip_blocks(pks: list[int]) -> Iterator[bytes]:
    """Yield an archive, block by block: each video that is still there, and its record as JSON."""
    outbox = Outbox()
    with zipfile.ZipFile(outbox, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for begin in range(0, len(pks), AT_ONCE):
            rows = Generation.objects.filter(pk__in=pks[begin : begin + AT_ONCE]).for_cards().select_related("parent")
            for generation in rows.order_by("-pk"):
                yield from one(archive, outbox, generation)
    yield outbox.take()


def one(archive: zipfile.ZipFile, outbox: Outbox, generation: Generation) -> Iterator[bytes]:
    name = generation.download_name
    moment = timezone.localtime(generation.completed_at or generation.created_at).timetuple()[:6]
    try:
        video = open(path_of(generation.file), "rb")  # noqa: SIM115 (closed below)
    except FileNotFoundError:
        return  # purged since it was picked
    with video, archive.open(entry(name, moment), "w", force_zip64=True) as written:
        while block := video.read(BLOCK):
            written.write(block)
            yield outbox.take()
    with translation.override(settings.LANGUAGE_CODE):  # programs read it
        record = json.dumps(as_record(generation), cls=DjangoJSONEncoder, ensure_ascii=False, indent=1)
    archive.writestr(entry(f"{name.rpartition('.')[0]}.json", moment), record)
    yield outbox.take()


def entry(name: str, moment: tuple[int, ...]) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, max(moment, (1980, 1, 1, 0, 0, 0)))
    info.compress_type = zipfile.ZIP_STORED
    info.external_attr = 0o644 << 16
    return info
