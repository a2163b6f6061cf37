"""Sentences for people, in their language once somebody says how to translate: specs themselves know of none.

`_` marks a sentence and translates it; the studio hands gettext to `speak` when it starts.
"""

from collections.abc import Callable

_translate: Callable[[str], str] = str


def speak(translate: Callable[[str], str]) -> None:
    """Let sentences pass through `translate` from now on."""
    global _translate
    _translate = translate


def _(text: str) -> str:
    return _translate(text) if text else text


def gettext_noop(text: str) -> str:
    """Mark a text that is translated where it is shown."""
    return text
