"""What the library shows, as a file: the same filters in the address, every generation that passes, as it is read."""

import json
from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter
from threading import Lock

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from generations.forms import LibraryForm
from generations.media.serving import RETRY_AFTER_SECONDS, STREAM_SLOTS
from generations.models import Generation
from generations.models.record import Record, records
from generations.views.costs import csv_lines, harmless
from generations.views.zones import zone_of
from videostudio.language import in_english

type Columns = dict[str, Callable[[Record], object]]


def plain(*names: str) -> Columns:
    """Return columns that are what the record says under their own names."""
    return {name: itemgetter(name) for name in names}


COLUMNS: Columns = {
    **plain("id", "created_at", "completed_at", "created_by", "model", "gateway"),
    **plain("status", "failure", "detail", "prompt"),
    "options": lambda row: json.dumps(row["options"], ensure_ascii=False),
    "asked_width": lambda row: row["asked"]["width"],
    "asked_height": lambda row: row["asked"]["height"],
    "asked_seconds": lambda row: row["asked"]["seconds"],
    "width": lambda row: row["measured"] and row["measured"]["width"],
    "height": lambda row: row["measured"] and row["measured"]["height"],
    "seconds": lambda row: row["measured"] and row["measured"]["seconds"],
    "has_audio": lambda row: row["measured"] and row["measured"]["has_audio"],
    "bytes": lambda row: row["measured"] and row["measured"]["bytes"],
    "sha256": lambda row: row["measured"] and row["measured"]["sha256"],
    "differs": lambda row: "; ".join(row["differs"]),
    "quoted": lambda row: row["price"]["quoted"],
    "currency": lambda row: row["price"]["currency"],
    "held": lambda row: row["price"]["held"],
    "spent": lambda row: row["price"]["spent"],
    "spent_otherwise": lambda row: "; ".join(f"{one['spent']} {one['currency']}" for one in row["price"]["others"]),
    **plain("project", "rating", "upstream_id", "parent"),
    "tags": lambda row: ", ".join(row["tags"]),
}


def asked_for(request: HttpRequest) -> Iterator[Record]:
    """Yield what the library shows for this very query, of all its pages."""
    form = LibraryForm(request.GET, user=request.user, zone=zone_of(request))
    return records(form.apply(Generation.objects.visible_to(request.user)))


@in_english
@require_safe
def export_csv(request: HttpRequest) -> HttpResponse:
    """One row a generation; no cell is taken for a formula by a spreadsheet."""
    return streamed(csv_lines(csv_rows(asked_for(request))), "csv", "text/csv; charset=utf-8")


def csv_rows(found: Iterable[Record]) -> Iterator[list[object]]:
    yield list(COLUMNS)
    for row in found:
        values = (read(row) for read in COLUMNS.values())
        yield ["" if value is None else harmless(value) if isinstance(value, str) else value for value in values]


@in_english
@require_safe
def export_json(request: HttpRequest) -> HttpResponse:
    """One array; with `?lines=1` one object a line, which a program can read as it comes."""
    texts = (json.dumps(row, ensure_ascii=False) for row in asked_for(request))
    if request.GET.get("lines") == "1":
        return streamed((f"{text}\n" for text in texts), "jsonl", "application/x-ndjson; charset=utf-8")
    return streamed(array(texts), "json", "application/json")


def array(texts: Iterable[str]) -> Iterator[str]:
    lead = "[\n"
    for text in texts:
        yield f"{lead}{text}"
        lead = ",\n"
    yield "[]\n" if lead == "[\n" else "\n]\n"


def streamed(parts: Iterable[str], suffix: str, content_type: str) -> HttpResponse:
    """Send a file as it is made, by one of the threads that may stream; 503 when all of those are busy."""
    if not STREAM_SLOTS.acquire():
        busy = "Too many files are being sent at the moment. Try again in a moment.\n"
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
        return HttpResponse(busy, status=503, content_type="text/plain; charset=utf-8", headers=headers)
    response = StreamingHttpResponse(Slotted(parts), content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="videos_{timezone.now():%Y-%m-%d}.{suffix}"'
    response["Cache-Control"] = "no-store"
    return response


class Slotted(Iterator[str]):
    """Parts of an answer that holds a streaming slot, and gives it back once: at the end, on an error, or on close."""

    def __init__(self, parts: Iterable[str]) -> None:
        self._parts = iter(parts)
        self._lock = Lock()
        self._is_held = True

    def __next__(self) -> str:
        try:
            return next(self._parts)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        with self._lock:
            is_held, self._is_held = self._is_held, False
        if is_held:
            STREAM_SLOTS.release()

    def __del__(self) -> None:
        self.close()
