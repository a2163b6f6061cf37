"""How far something is, in a terminal: a bar that moves, or plain lines where nobody watches."""

from collections.abc import Callable
from datetime import datetime

from django.utils import timezone

WIDTH = 24
LONGEST = 40  # letters: the line must fit into 80
CLEAR = "\r\x1b[K"


class Bar:
    """Shows progress through `write`: in place where `is_live`, else a line for each change of words."""

    def __init__(self, write: Callable[[str], object], *, is_live: bool, since: datetime) -> None:
        self.write, self.is_live, self.since = write, is_live, since
        self.said: set[str] = set()
        self.last = ""

    def show(self, percent: int, word: str, detail: str = "") -> None:
        words = f"{word}. {detail}" if detail else word
        if self.is_live:
            full = WIDTH * percent // 100
            seconds = int((timezone.now() - self.since).total_seconds())
            bar = f"[{'#' * full}{'-' * (WIDTH - full)}] {percent:3d} %  {seconds} s"
            self.write(f"{CLEAR}{bar}  {words[:LONGEST]}")
        elif words != self.last:
            self.last = words
            self.write(f"{words}\n")

    def say(self, words: str) -> None:
        """Say something once, on a line of its own."""
        if words not in self.said:
            self.said.add(words)
            self.write(f"{CLEAR if self.is_live else ''}{words}\n")

    def end(self) -> None:
        """Leave the line clean for what comes next."""
        if self.is_live:
            self.write(CLEAR)
