"""Raw words read as numbers, frames, ratios, tiers and hosts; and written back into sentences."""

import ipaddress
import math
import re
from collections.abc import Iterable

from generations.specs.wording import _

type Frame = tuple[int, int]

RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3", "21:9", "9:21")
# The short side of a tier that is not spelled as one.
NAMED_TIERS = {"2k": 1440, "4k": 2160, "8k": 4320}

# No sign but minus, no leading zero, no decimal point, ASCII digits only, and never long enough to be slow.
HUGE = 10**18
INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
# 1280:720 is a frame as well; 16:9 is a ratio.
FRAME = re.compile(r"([1-9][0-9]{0,4})[x*]([1-9][0-9]{0,4})|([1-9][0-9]{2,4}):([1-9][0-9]{2,4})")
RATIO = re.compile(r"([1-9][0-9]{0,2}):([1-9][0-9]{0,2})")
TIER = re.compile(r"([1-9][0-9]{2,3})p")


# White space, control characters, and what takes no ink: joiners, marks of direction, fillers, tags.
UNSEEN = (
    r"\s\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
)
SEEN = re.compile(rf"[^{UNSEEN}\U000e0000-\U000e0fff]")


def quoted(raw: object) -> str:
    """Return what somebody gave, short enough and clean enough to stand in a sentence."""
    if isinstance(raw, int) and abs(raw) >= HUGE:
        return _("a huge number")  # too long to print, and Python may refuse to
    text = raw if isinstance(raw, str) else str(raw) if isinstance(raw, int | float) else type(raw).__name__
    shown = "".join(letter if letter.isprintable() else "?" for letter in text[:40])
    return f"{shown}…" if len(text) > 40 else shown


def listed(words: Iterable[str]) -> str:
    """Return "a", "a or b", "a, b or c"."""
    *most, last = words
    return _("{most} or {last}").format(most=", ".join(most), last=last) if most else last


def is_absent(raw: object) -> bool:
    return raw is None or raw == [] or (isinstance(raw, str) and not raw.strip())


def parse_integer(raw: object) -> int | None:
    """Return the integer that `raw` is or spells, else None; neither True nor "5.0" is one."""
    if isinstance(raw, str) and INTEGER.fullmatch(raw.strip()):
        return int(raw)
    return raw if isinstance(raw, int) and not isinstance(raw, bool) and abs(raw) < HUGE else None


def positive(value: object) -> int | None:
    """Return a count that is at least 1, given as an integer and not as text, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def parse_frame(raw: object) -> Frame | None:
    """Return (width, height) in pixels from "1280x720", "1280*720" or "1280:720", else None."""
    match = FRAME.fullmatch(raw.strip()) if isinstance(raw, str) else None
    return (int(match[1] or match[3]), int(match[2] or match[4])) if match else None


def parse_ratio(raw: object) -> float | None:
    """Return width / height of "16:9", else None."""
    match = RATIO.fullmatch(raw.strip()) if isinstance(raw, str) else None
    return int(match[1]) / int(match[2]) if match else None


def parse_tier(raw: object) -> int | None:
    """Return the short side in pixels that "720p", "480P" or "4K" names, else None."""
    text = raw.strip().lower() if isinstance(raw, str) else ""
    match = TIER.fullmatch(text)
    return int(match[1]) if match else NAMED_TIERS.get(text)


def nearest_ratio(shape: float, labels: Iterable[str] = RATIOS) -> str:
    """Return the label nearest to width / height, e.g. 1088 / 832 is "4:3"; `labels` are ratios."""
    return min(labels, key=lambda label: abs(math.log(shape / (parse_ratio(label) or math.inf))))


def nominal_frame(ratio: object, tier: object) -> Frame | None:
    """Return the frame a ratio and a tier name, the tier being the short side: 720p 1:1 is 720x720."""
    shape, short = parse_ratio(ratio), parse_tier(tier)
    if shape is None or short is None:
        return None
    long = 2 * round(short * max(shape, 1 / shape) / 2)  # encoders want even sides
    return (long, short) if shape >= 1 else (short, long)


def is_public_host(host: str) -> bool:
    """Say whether a host in a link may be reached by strangers, as far as its name alone can tell.

    Names are not resolved. Whatever a resolver could read as an address (127.1, 2130706433, 0x7f.0.0.1)
    must be a plain global one, also inside IPv6.
    """
    host = host.lower().rstrip(".")
    last = host.rpartition(".")[2]
    if ":" not in host and not re.fullmatch(r"[0-9]+|0x[0-9a-f]*", last):
        return "." in host and last not in {"localhost", "local", "internal", "localdomain", "home", "lan", "arpa"}
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address in ipaddress.ip_network("64:ff9b::/96"):
            return is_public_host(str(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)))
        inner = address.ipv4_mapped or address.sixtofour
        if address.teredo or inner:
            return inner is not None and is_public_host(str(inner))
    return address.is_global and not address.is_multicast
