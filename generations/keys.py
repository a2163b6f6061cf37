"""Every key of the studio, once: the sheet behind `?` is drawn from this list, and the pages listen to that sheet."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext_lazy

# Where a key does something: a page names its places by `data-place`.
PLACES = {
    "everywhere": gettext_lazy("Everywhere"),
    "composer": gettext_lazy("Writing a prompt"),
    "library": gettext_lazy("A tile of the library"),
    "player": gettext_lazy("Watching and comparing"),
    "detail": gettext_lazy("A video's page"),
    "compare": gettext_lazy("Comparing"),
}
SHOWN = {" ": "Space", "ArrowLeft": "←", "ArrowRight": "→", "Escape": "Esc", "Ctrl+Enter": "Ctrl Enter"} | {
    "Alt+ArrowUp": "Alt ↑",
    "Alt+ArrowDown": "Alt ↓",
}
DIGITS = tuple("0123456789")


@dataclass(frozen=True)
class Key:
    """One line of the sheet: keys as KeyboardEvent.key spells them, each of which does `action` in `place`."""

    keys: tuple[str, ...]
    action: str
    words: str
    place: str = "everywhere"

    @property
    def shown(self) -> tuple[str, ...]:
        """The keys as people read them."""
        return ("0", "9") if self.keys == DIGITS else tuple(SHOWN.get(key, key) for key in self.keys)

    @property
    def as_json(self) -> str:
        return json.dumps(self.keys)

    @property
    def is_span(self) -> bool:
        return self.keys == DIGITS


KEYS = (
    Key(("?",), "keys", gettext_lazy("Show or hide these keys")),
    Key(("/",), "search", gettext_lazy("Search")),
    Key(("c",), "compose", gettext_lazy("Write a prompt")),
    Key(("Escape",), "close", gettext_lazy("Close what is open")),
    Key(("Ctrl+Enter",), "send", gettext_lazy("Generate"), "composer"),
    Key(("Alt+ArrowUp", "Alt+ArrowDown"), "recall", gettext_lazy("The team's prompts, older and newer"), "composer"),
    Key(("x",), "pick", gettext_lazy("Select it, or not"), "library"),
    Key(("s", "."), "star-tile", gettext_lazy("Star on or off"), "library"),
    Key(("k", " "), "play", gettext_lazy("Play or pause"), "player"),
    Key(("ArrowLeft",), "left", gettext_lazy("Back one second"), "player"),
    Key(("ArrowRight",), "right", gettext_lazy("On one second"), "player"),
    Key(("j",), "back", gettext_lazy("Back five seconds"), "player"),
    Key(("l",), "forward", gettext_lazy("On five seconds"), "player"),
    Key((",",), "frame-back", gettext_lazy("Back one frame"), "player"),
    Key((".",), "frame-forward", gettext_lazy("On one frame"), "player"),
    Key(DIGITS, "tenth", gettext_lazy("To that tenth of the length"), "player"),
    Key(("<",), "slower", gettext_lazy("Slower"), "player"),
    Key((">",), "faster", gettext_lazy("Faster"), "player"),
    Key(("L",), "loop", gettext_lazy("Loop on or off"), "player"),
    Key(("m",), "mute", gettext_lazy("Sound on or off"), "player"),
    Key(("f",), "fullscreen", gettext_lazy("Full screen"), "player"),
    Key(
        ("[", "p"),
        "previous",
        gettext_lazy("The newer one of the list it was opened from"),
        "detail",
    ),
    Key(
        ("]", "n"),
        "next",
        gettext_lazy("The older one of the list it was opened from"),
        "detail",
    ),
    Key(("t",), "comment", gettext_lazy("Comment on this moment"), "detail"),
    Key(("y",), "copy-link", gettext_lazy("Copy a link to this moment"), "detail"),
    Key(("r",), "remix", gettext_lazy("Use it again"), "detail"),
    Key(("d",), "download", gettext_lazy("Download"), "detail"),
    Key(("v",), "sound", gettext_lazy("Sound from the next video"), "compare"),
)


def by_place() -> Iterator[tuple[str, list[Key]]]:
    """Yield each heading of the sheet with its keys."""
    for place, heading in PLACES.items():
        yield heading, [key for key in KEYS if key.place == place]
