"""What an option of a video model can be, and what a video model is. Pure Python: no Django, no I/O.

Every kind of option turns raw input (text from a form, JSON from a program) into a typed value or says in
one sentence what is allowed. A `VideoModel` puts its options together: `clean` decides what is stored,
`sent` what goes on the wire, `asked` which frame and length that means.
"""

from generations.specs.models import SOURCES, STATUSES, Asked, Observed, VideoModel
from generations.specs.options import (
    Choice,
    Flag,
    ImageFile,
    ImageFiles,
    IntRange,
    Option,
    OptionError,
    OptionErrors,
    Scalar,
    Size,
    Text,
    Url,
    Value,
    WireType,
)
from generations.specs.prices import PER, Price, Quote, is_amount, money, rounded
from generations.specs.reading import (
    RATIOS,
    Frame,
    is_absent,
    is_public_host,
    listed,
    nearest_ratio,
    nominal_frame,
    parse_frame,
    parse_integer,
    parse_ratio,
    parse_tier,
    quoted,
)

__all__ = [
    "PER",
    "RATIOS",
    "SOURCES",
    "STATUSES",
    "Asked",
    "Choice",
    "Flag",
    "Frame",
    "ImageFile",
    "ImageFiles",
    "IntRange",
    "Observed",
    "Option",
    "OptionError",
    "OptionErrors",
    "Price",
    "Quote",
    "Scalar",
    "Size",
    "Text",
    "Url",
    "Value",
    "VideoModel",
    "WireType",
    "is_absent",
    "is_amount",
    "is_public_host",
    "listed",
    "money",
    "nearest_ratio",
    "nominal_frame",
    "parse_frame",
    "parse_integer",
    "parse_ratio",
    "parse_tier",
    "quoted",
    "rounded",
]
