"""Every key of the studio, once: the sheet behind `?` is drawn from this list, and the pages listen to that sheet."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

# Where a key does something: a page names its places by `data-place`.
PLACES = {
    "everywhere": "Everywhere",
    "player": "Watching and comparing",
    "detail": "A video's page",
    "compare": "Comparing",
}
SHOWN = {" ": "Space", "ArrowLeft": "←", "ArrowRight": "→", "Escape": "Esc", "Ctrl+Enter": "Ctrl Enter"}
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
    Key(("?",), "keys", "Show or hide these keys"),
    Key(("/",), "search", "Search"),
    Key(("c",), "compose", "Write a prompt"),
    Key(("Ctrl+Enter",), "send", "Generate, while you write a prompt"),
    Key(("Escape",), "close", "Close what is open"),
    Key(("k", " "), "play", "Play or pause", "player"),
    Key(("ArrowLeft",), "left", "Back one second", "player"),
    Key(("ArrowRight",), "right", "On one second", "player"),
    Key(("j",), "back", "Back five seconds", "player"),
    Key(("l",), "forward", "On five seconds", "player"),
    Key((",",), "frame-back", "Back one frame", "player"),
    Key((".",), "frame-forward", "On one frame", "player"),
    Key(DIGITS, "tenth", "To that tenth of the length", "player"),
    Key(("<",), "slower", "Slower", "player"),
    Key((">",), "faster", "Faster", "player"),
    Key(("L",), "loop", "Loop on or off", "player"),
    Key(("m",), "mute", "Sound on or off", "player"),
    Key(("f",), "fullscreen", "Full screen", "player"),
    Key(("[", "p"), "previous", "The newer one of the list it was opened from", "detail"),
    Key(("]", "n"), "next", "The older one of the list it was opened from", "detail"),
    Key(("t",), "comment", "Comment on this moment", "detail"),
    Key(("y",), "copy-link", "Copy a link to this moment", "detail"),
    Key(("r",), "remix", "Use it again", "detail"),
    Key(("d",), "download", "Download", "detail"),
    Key(("v",), "sound", "Sound from the next video", "compare"),
)


def by_place() -> Iterator[tuple[str, list[Key]]]:
    """Yield each heading of the sheet with its keys."""
    for place, heading in PLACES.items():
        yield heading, [key for key in KEYS if key.place == place]
