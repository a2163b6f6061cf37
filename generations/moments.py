"""Moments of a video in words: "0:03.20"."""

import re

TIME = re.compile(r"(?:(?P<hours>\d{1,2}):)?(?:(?P<minutes>\d{1,3}):)?(?P<seconds>\d{1,5}(?:[.,]\d{1,6})?)")
LONGEST = 24 * 3600.0


def read_time(text: str) -> float | None:
    """Return the seconds of "75", "1:15", "1:15.5" or "0:01:15"; None for anything else."""
    found = TIME.fullmatch(text.strip())
    if found is None:
        return None
    first, minutes = found["hours"], found["minutes"]
    if first and not minutes:
        first, minutes = None, first  # "1:15": what looks like hours is minutes
    seconds = float(found["seconds"].replace(",", "."))
    seconds += 60 * int(minutes or 0) + 3600 * int(first or 0)
    return seconds if seconds <= LONGEST else None


def time_words(seconds: float) -> str:
    """Return seconds as "0:03.20", the way `read_time` reads it."""
    hundredths = round(seconds * 100)
    minutes, rest = divmod(hundredths, 6000)
    return f"{minutes}:{rest / 100:05.2f}"
