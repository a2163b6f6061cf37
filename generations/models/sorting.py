"""What the library filters by: columns that the database works out from others, so that no writer can forget one."""

from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Cast, Coalesce, Least
from django.db.models.lookups import Exact, GreaterThan, IsNull, LessThan
from django.utils.translation import gettext_lazy

# A file may be this much longer or shorter than asked before the page says so.
SECONDS_TOLERANCE = 0.25


class Frame(models.TextChoices):
    WIDE = "wide", gettext_lazy("Wide")
    TALL = "tall", gettext_lazy("Tall")
    SQUARE = "square", gettext_lazy("Square")


class Tier(models.IntegerChoices):
    """By the shorter side, in pixels."""

    SMALL = 480, gettext_lazy("Below 540p")
    HD = 720, "720p"
    FULL = 1080, "1080p"
    ULTRA = 2160, gettext_lazy("1440p and more")


class Length(models.TextChoices):
    SHORT = "short", gettext_lazy("Up to 5 s")
    MEDIUM = "medium", gettext_lazy("6 to 10 s")
    LONG = "long", gettext_lazy("Over 10 s")


class Cost(models.TextChoices):
    FREE = "free", gettext_lazy("Free")
    LOW = "low", gettext_lazy("Up to 0.10")
    MIDDLE = "middle", gettext_lazy("0.10 to 0.50")
    HIGH = "high", gettext_lazy("0.50 to 2")
    TOP = "top", gettext_lazy("Over 2")
    UNKNOWN = "unknown", gettext_lazy("Price unknown")


WIDTH, HEIGHT = Coalesce("measured_width", "asked_width"), Coalesce("measured_height", "asked_height")
SHORTER = Least(WIDTH, HEIGHT)
SECONDS = Coalesce(F("measured_seconds"), Cast("asked_seconds", models.FloatField()))


def worked_out(expression: Case, field: models.Field) -> models.GeneratedField:
    return models.GeneratedField(expression=expression, output_field=field, db_persist=True, null=True)


def frame() -> models.GeneratedField:
    return worked_out(
        Case(
            When(GreaterThan(WIDTH, HEIGHT), then=Value("wide")),
            When(LessThan(WIDTH, HEIGHT), then=Value("tall")),
            When(Exact(WIDTH, HEIGHT), then=Value("square")),
        ),
        models.CharField(max_length=10, null=True),
    )


def tier() -> models.GeneratedField:
    return worked_out(
        Case(
            When(LessThan(SHORTER, 540), then=Value(480)),
            When(LessThan(SHORTER, 900), then=Value(720)),
            When(LessThan(SHORTER, 1440), then=Value(1080)),
            When(IsNull(SHORTER, False), then=Value(2160)),
        ),
        models.PositiveSmallIntegerField(null=True),
    )


def length() -> models.GeneratedField:
    return worked_out(
        Case(
            When(LessThan(SECONDS, 5 + SECONDS_TOLERANCE), then=Value("short")),
            When(LessThan(SECONDS, 10 + SECONDS_TOLERANCE), then=Value("medium")),
            When(IsNull(SECONDS, False), then=Value("long")),
        ),
        models.CharField(max_length=10, null=True),
    )


def cost(free: str) -> models.GeneratedField:
    """Return the column of what it was said to cost, in its own currency; `free` is the source that means nothing."""
    return worked_out(
        Case(
            When(Q(quote_amount=0) | Q(quote_amount=None, quote_source=free), then=Value("free")),
            When(Q(quote_amount=None), then=Value("unknown")),
            When(Q(quote_amount__lte=0.1), then=Value("low")),
            When(Q(quote_amount__lte=0.5), then=Value("middle")),
            When(Q(quote_amount__lte=2), then=Value("high")),
            default=Value("top"),
        ),
        models.CharField(max_length=10, null=True),
    )


def mismatch() -> models.GeneratedField:
    """Return the column that is 1 where the file is not as asked, and null elsewhere: `Generation.differs`."""
    known = Q(asked_width__isnull=False, asked_height__isnull=False)
    known &= Q(measured_width__isnull=False, measured_height__isnull=False)
    other = Q()
    for side in ("width", "height"):
        other |= Q(**{f"asked_{side}__lt": F(f"measured_{side}")}) | Q(**{f"asked_{side}__gt": F(f"measured_{side}")})
    longer = Q(measured_seconds__gt=F("asked_seconds") + Value(SECONDS_TOLERANCE, models.FloatField()))
    shorter = Q(measured_seconds__lt=F("asked_seconds") - Value(SECONDS_TOLERANCE, models.FloatField()))
    return worked_out(
        Case(When((known & other) | longer | shorter, then=Value(1))), models.PositiveSmallIntegerField(null=True)
    )
