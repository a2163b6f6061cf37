"""What must always hold, as queries: docs/architecture.md section 4. Each check yields the rows that break it."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db.models import (
    CharField,
    Count,
    DecimalField,
    Exists,
    F,
    Field,
    Func,
    JSONField,
    Model,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    TextField,
    Value,
    Window,
)
from django.db.models.functions import Cast, Coalesce, Lag, Round
from django.utils import timezone

from generations import queue
from generations.lifecycle import receipts
from generations.lifecycle.inventory import of_generation
from generations.models import (
    ACTIVE,
    TRANSITIONS,
    UNFINISHED,
    Event,
    Failure,
    Gateway,
    Generation,
    LedgerEntry,
    Status,
    SubmitAttempt,
    Webhook,
)
from generations.models.prepared import Statement
from videostudio.sandbox.keys import sandbox_key

SENT = (Status.SUBMITTING, Status.UNKNOWN, Status.IN_PROGRESS, Status.DOWNLOADING, Status.COMPLETED)
ACCEPTED = (Status.IN_PROGRESS, Status.DOWNLOADING, Status.COMPLETED)
# Nobody knows yet whether anything is spent.
NOT_DECIDED = (Status.QUEUED, Status.SUBMITTING, Status.UNKNOWN)
SETTLED = (Status.DOWNLOADING, Status.COMPLETED)
ENDS = (LedgerEntry.Kind.SETTLE, LedgerEntry.Kind.ADJUST)
NEVER_MADE = (Failure.NOT_SENT, Failure.REJECTED)
TEXTS = (CharField, TextField, JSONField)
MONEY = DecimalField(max_digits=20, decimal_places=6)
RECEIPT_AGE = timedelta(minutes=10)  # an older one should have been used long ago
LONGEST_WAIT = timedelta(hours=25)  # no gateway is believed that asks for more than one
SHORTEST_SECRET = 8
# Whatever a gateway said is stored without the queries of its links, so any query is one that slipped through.
SECRET_LOOKING = r"(https?://[^\s\"'<>?]+\?[^\s\"'<>]*=|bearer +[a-z0-9._~+/=-]{12,}|set-cookie *:|\"cookie\" *:)"  # noqa: S105
# What people write themselves may hold a link with a query: it is theirs to share.
OF_PEOPLE = {
    *("generations.Prompt.text", "generations.Generation.options", "generations.Comment.text"),
    *("generations.Webhook.name", "generations.Delivery.payload"),  # what is told repeats the prompt
}
APPS = ("generations", "django_q", "admin")


@dataclass(frozen=True)
class Violation:
    invariant: int  # its number in the architecture
    row: str
    words: str


type Check = Callable[[], Iterator[Violation]]


def violations(*, files: bool = False) -> Iterator[Violation]:
    """Yield everything that is not as it must be; `files` hashes and decodes every stored video as well."""
    for check in CHECKS:
        yield from check()
    yield from stored_files(is_thorough=files)


def of(invariant: int, generations: QuerySet[Generation], words: str) -> Iterator[Violation]:
    for pk, uuid in generations.order_by("pk").values_list("pk", "uuid"):
        yield Violation(invariant, f"generation {pk} ({uuid})", words)


def attempts_follow_safely() -> Iterator[Violation]:
    """1: an attempt follows only one that was surely not accepted, or one that a person decided about."""
    attempts = SubmitAttempt.objects.order_by("pk")
    later = SubmitAttempt.objects.filter(generation=OuterRef("generation"), number__gt=OuterRef("number"))
    before = SubmitAttempt.objects.filter(generation=OuterRef("generation"), number=OuterRef("number") - 1)
    unsafe = attempts.exclude(outcome__in=SubmitAttempt.SAFE_TO_FOLLOW).filter(Exists(later))
    for attempt in unsafe.filter(Q(decided_by=None) | Q(outcome=SubmitAttempt.Outcome.ACCEPTED)):
        yield Violation(1, str(attempt), "was followed by another although it may have been accepted")
    for attempt in attempts.filter(number__gt=1).exclude(Exists(before)):
        yield Violation(1, str(attempt), "follows an attempt that is not there")


def attempts_come_first() -> Iterator[Violation]:
    """2: nothing was sent without its attempt."""
    own = SubmitAttempt.objects.filter(generation=OuterRef("pk"))
    is_open = own.filter(token=OuterRef("claim"), outcome=SubmitAttempt.Outcome.OPEN)
    rows = Generation.objects.all()
    yield from of(2, rows.filter(status__in=SENT).exclude(Exists(own)), "was sent without an attempt")
    yield from of(2, rows.filter(status=Status.SUBMITTING).exclude(Exists(is_open)), "is being sent by no open attempt")
    accepted = own.filter(outcome=SubmitAttempt.Outcome.ACCEPTED)
    yield from of(2, rows.filter(status__in=ACCEPTED).exclude(Exists(accepted)), "goes on, but no attempt was accepted")
    yield from of(2, rows.filter(status__in=ACCEPTED, upstream_id=""), "goes on without an upstream id")
    left_open = SubmitAttempt.objects.filter(outcome=SubmitAttempt.Outcome.OPEN).exclude(
        generation__status=Status.SUBMITTING
    )
    for attempt in left_open.order_by("pk"):
        yield Violation(2, str(attempt), "is open, but its generation is not being sent")
    for attempt in SubmitAttempt.objects.filter(sent_at__lt=F("opened_at")).order_by("pk"):
        yield Violation(2, str(attempt), "was sent before it was written down")


def receipts_are_used() -> Iterator[Violation]:
    """2: every id that was kept on disk is put in place."""
    for path in receipts.older_than(RECEIPT_AGE.total_seconds()):
        yield Violation(2, f"receipt {path.name}", "keeps an upstream id that nobody has put in place")


def upstream_ids_are_unique() -> Iterator[Violation]:
    """3: one row an upstream task."""
    named = Generation.objects.exclude(upstream_id="").order_by()
    doubled = named.values("gateway__name", "upstream_id").annotate(count=Count("pk")).filter(count__gt=1)
    for found in doubled.order_by("gateway__name", "upstream_id"):
        row = f"{found['upstream_id']} of gateway {found['gateway__name']}"
        yield Violation(3, row, f"is held by {found['count']} generations")


def transitions_are_allowed() -> Iterator[Violation]:
    """4: rows move along the edges there are, the end is the end, and each move raises the version."""
    moves = Event.objects.exclude(before="").exclude(before=F("after")).order_by("pk")
    edges = Q(pk=None)
    for before, followers in TRANSITIONS.items():
        edges |= Q(before=before, after__in=followers)
    for event in moves.exclude(edges):
        yield Violation(4, f"event {event.pk} of generation {event.generation_id}", f"{event} is no allowed transition")
    revived = moves.filter(before=Status.FAILED, after=Status.IN_PROGRESS)
    for event in revived.exclude(actor_kind=Event.ActorKind.PERSON):
        yield Violation(
            4, f"event {event.pk} of generation {event.generation_id}", "revived a failure without a person"
        )
    counted = Generation.objects.annotate(
        moves=Count("events", filter=~Q(events__before="") & ~Q(events__before=F("events__after")))
    )
    yield from of(4, counted.filter(version__lte=F("moves")), "has a version that not every transition raised")


def progress_is_honest() -> Iterator[Violation]:
    """5: 0 to 100, and 100 is completed."""
    rows = Generation.objects.all()
    yield from of(5, rows.filter(Q(progress__lt=0) | Q(progress__gt=100)), "shows a progress beyond 0 to 100")
    yield from of(
        5, rows.filter(progress=100).exclude(status=Status.COMPLETED), "shows 100 percent but is not completed"
    )
    yield from of(5, rows.filter(status=Status.COMPLETED).exclude(progress=100), "is completed below 100 percent")


def completed_have_files() -> Iterator[Violation]:
    """6, as far as rows tell: a completed row names a file and its measures, or was purged."""
    kept = Generation.objects.filter(status=Status.COMPLETED, purged_at=None)
    yield from of(
        6, kept.filter(Q(file="") | Q(sha256="") | Q(bytes=None) | Q(bytes__lt=1)), "is completed without a file"
    )
    unmeasured = Q(measured_width=None) | Q(measured_height=None) | Q(measured_seconds=None)
    yield from of(6, kept.filter(unmeasured), "has a file that was not measured")


def stored_files(*, is_thorough: bool) -> Iterator[Violation]:
    """6, as far as the disk tells: present, of its size; with `is_thorough` its very bytes, and a decodable picture."""
    kept = Generation.objects.filter(status=Status.COMPLETED, purged_at=None).exclude(file="").order_by("pk")
    for generation in kept.iterator(chunk_size=500):
        for finding in of_generation(generation, quick=not is_thorough):
            if finding.kind != "posterless":
                yield Violation(
                    6, f"generation {generation.pk} ({generation.uuid})", f"{finding.kind}: {finding.words}"
                )


def unfinished_are_due() -> Iterator[Violation]:
    """7: whatever is not finished has a time at which somebody looks at it."""
    unfinished = Generation.objects.filter(status__in=UNFINISHED)
    yield from of(7, unfinished.filter(due_at=None), "will never be looked at again")
    far = timezone.now() + LONGEST_WAIT
    yield from of(7, unfinished.filter(status__in=ACTIVE, due_at__gt=far), "will not be looked at for days")


def messages_are_hints() -> Iterator[Violation]:
    """8: a message names one of our steps and keys as text, so that nothing is lost with it."""
    for pk, words in queue.odd_messages():
        yield Violation(8, f"message {pk}", words)


def events_tell_the_story() -> Iterator[Violation]:
    """9: the events of a row are its history, without a gap, and end where the row is."""
    first = Event.objects.filter(generation=OuterRef("pk"), before="", after=Status.QUEUED)
    rows = Generation.objects.all()
    yield from of(9, rows.exclude(Exists(first)), "has no event of its beginning")
    moves = Event.objects.exclude(before=F("after"))
    newer = moves.filter(generation=OuterRef("generation"), pk__gt=OuterRef("pk"))
    astray = moves.exclude(Exists(newer)).exclude(after=F("generation__status"))
    yield from of(9, rows.filter(pk__in=astray.values("generation")), "is not where its last event says")
    previous = Window(Lag("after"), partition_by=F("generation"), order_by=F("pk").asc())
    for event in (
        moves.annotate(previous=previous).filter(~Q(before=F("previous")), previous__isnull=False).order_by("pk")
    ):
        row = f"event {event.pk} of generation {event.generation_id}"
        yield Violation(9, row, f"{event} does not follow {event.previous}")


def nothing_holds_a_secret() -> Iterator[Violation]:
    """10: no key, signed query string or cookie in any text column, or in the queue."""
    plain_keys = Gateway.objects.annotate(raw=Cast("key", TextField())).exclude(raw="").exclude(raw__startswith="gAAAA")
    for gateway in plain_keys:
        yield Violation(10, f"gateway {gateway.name}", "its key is not encrypted")
    kept = [Cast(name, TextField()) for name in ("url", "secret", "old_secret")]
    for pk, *raw in Webhook.objects.order_by("pk").values_list("pk", *kept):
        if not all(text.startswith("gAAAA") for text in raw if text):
            yield Violation(10, f"webhook {pk}", "its address or its secret is not encrypted")
    known = secrets()
    for model, fields in with_texts().items():
        if _may_hold(model).rows(looks=SECRET_LOOKING, known="|".join(map(re.escape, known))):
            for field in fields:
                yield from column(model, field, known)
    for name, text in queue.texts():
        if any(secret in text for secret in known) or re.search(SECRET_LOOKING, text, re.IGNORECASE):
            yield Violation(10, name, "holds what looks like a secret")


@cache
def with_texts() -> dict[type[Model], Sequence[Field]]:
    """Return the text columns of each model that may hold a secret."""
    found: dict[type[Model], Sequence[Field]] = {}
    for app in APPS:
        for model in apps.get_app_config(app).get_models():
            columns = model._meta.concrete_fields
            fields = [field for field in columns if isinstance(field, TEXTS) and field.name != "key"]
            if fields and not model._meta.proxy:
                found[model] = fields
    return found


@cache
def _may_hold(model: type[Model]) -> Statement:
    """Find a row that may hold a secret: all its columns are looked at together, in one reading of the table."""
    names = [field.name for field in with_texts()[model]]
    ours = [name for name in names if f"{model._meta.label}.{name}" not in OF_PEOPLE]

    def make(looks: str, known: str) -> QuerySet:
        rows = model._default_manager.annotate(all=together(names), ours=together(ours))
        return rows.filter(Q(ours__iregex=looks) | Q(all__iregex=known)).order_by().values_list("pk")[:1]

    return Statement(make, looks=str, known=str)


def together(names: list[str]) -> Func:
    """Return columns as one text, a line each."""
    lines = [Value(""), *(Coalesce(Cast(name, TextField()), Value("")) for name in names)]
    joined = {"template": "(%(expressions)s)", "arg_joiner": " || '\n' || "}
    return Func(*lines, **joined, output_field=TextField())


def column(model: type[Model], field: Field, known: list[str]) -> Iterator[Violation]:
    """Yield the rows of one column that hold a known secret, or what looks like one."""
    name = f"{model._meta.label}.{field.name}"
    holds = Q(pk=None) if name in OF_PEOPLE else Q(as_text__iregex=SECRET_LOOKING)
    for secret in known:
        holds |= Q(as_text__contains=secret)
    texts = model._default_manager.annotate(as_text=Cast(field.name, TextField()))
    for pk in texts.filter(holds).order_by("pk").values_list("pk", flat=True):
        yield Violation(10, f"{name} of {pk}", "holds what looks like a secret")


def secrets() -> list[str]:
    """Return the keys that must stand nowhere."""
    keys = [str(gateway.key) for gateway in Gateway.objects.all()]
    for hook in Webhook.objects.all():
        keys += [str(hook.url), str(hook.secret), str(hook.old_secret)]
    found = [*keys, sandbox_key(), settings.SECRET_KEY, *settings.FIELD_KEYS]
    return [secret for secret in found if len(secret) >= SHORTEST_SECRET]


def ledger_agrees_with_rows() -> Iterator[Violation]:
    """11: each paid request of a priced row is reserved once, and its money is where the row's status says."""
    rows = Generation.objects.annotate(
        paid=Count("events", filter=Q(events__before=Status.UNKNOWN, events__after=Status.QUEUED), distinct=True) + 1,
        reserves=Coalesce(Subquery(_entries(LedgerEntry.Kind.RESERVE).annotate(n=Count("pk")).values("n")), 0),
        others=Exists(LedgerEntry.objects.filter(generation=OuterRef("pk")).exclude(kind=LedgerEntry.Kind.RESERVE)),
        ends=Exists(LedgerEntry.objects.filter(generation=OuterRef("pk"), kind__in=ENDS)),
        held=_total("held"),
        spent=_total("spent"),
    )
    priced = rows.exclude(quote_amount=None)
    yield from of(11, priced.exclude(reserves=F("paid")), "is not reserved once for each request that is paid")
    yield from of(11, rows.filter(quote_amount=None, reserves__gt=0), "is reserved without a price")
    waiting = priced.filter(status__in=NOT_DECIDED)
    yield from of(11, waiting.filter(others=True), "has money moved before anybody knows whether it is spent")
    yield from of(
        11, priced.filter(status=Status.CANCELLED).exclude(held=0, spent=0), "was withdrawn, but not released"
    )
    yield from of(11, priced.filter(status__in=SETTLED, ends=False), "is finished upstream, but not settled")
    refused = priced.filter(status=Status.FAILED, failure__in=NEVER_MADE, paid=1)
    yield from of(11, refused.exclude(held=0), "was never made, but is still held")
    wrong = LedgerEntry.objects.filter(generation__quote_amount__isnull=False)
    for entry in wrong.exclude(currency=F("generation__quote_currency")).exclude(held=0).order_by("pk"):
        yield Violation(
            11, f"ledger entry {entry.pk} of generation {entry.generation_id}", "holds another currency than was quoted"
        )
    unlike = wrong.filter(kind=LedgerEntry.Kind.RESERVE).exclude(held=F("generation__quote_amount"))
    for entry in unlike.order_by("pk"):
        yield Violation(11, f"ledger entry {entry.pk} of generation {entry.generation_id}", "is not what was quoted")
    sums = LedgerEntry.objects.order_by().values("generation", "number", "currency")
    sums = sums.annotate(kept=_rounded(Sum("held")), paid=_rounded(Sum("spent")))
    for found in sums.filter(Q(kept__lt=0) | Q(paid__lt=0)).order_by("generation", "number"):
        row = f"reservation {found['number']} of generation {found['generation']}"
        yield Violation(11, row, "holds or spends less than nothing")


def _entries(*kinds: str) -> QuerySet[LedgerEntry, Any]:
    """The ledger of the outer generation, grouped into one row."""
    entries = LedgerEntry.objects.filter(generation=OuterRef("pk")).order_by().values("generation")
    return entries.filter(kind__in=kinds) if kinds else entries


def _total(column: str) -> Coalesce:
    zero = Value(Decimal(0), output_field=MONEY)
    return Coalesce(Subquery(_entries().annotate(n=_rounded(Sum(column))).values("n"), output_field=MONEY), zero)


def _rounded(sum_of: Sum) -> Round:
    """SQLite adds decimals as floating point numbers: what is beyond a millionth is dust."""
    return Round(sum_of, precision=6, output_field=MONEY)


CHECKS: tuple[Check, ...] = (
    attempts_follow_safely,
    attempts_come_first,
    receipts_are_used,
    upstream_ids_are_unique,
    transitions_are_allowed,
    progress_is_honest,
    completed_have_files,
    unfinished_are_due,
    messages_are_hints,
    events_tell_the_story,
    nothing_holds_a_secret,
    ledger_agrees_with_rows,
)
