"""Pages read as a browser would: which controls a form would send back, which links and words stand where."""

import io
from html.parser import HTMLParser

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponseBase
from PIL import Image

VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})


class Element:
    """One element: its tag, attributes, children and text."""

    def __init__(self, tag: str, attributes: dict[str, str], parent: "Element | None") -> None:
        self.tag, self.attributes, self.parent = tag, attributes, parent
        self.children: list[Element] = []
        self.pieces: list[str | Element] = []

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]

    def __contains__(self, name: str) -> bool:
        return name in self.attributes

    def get(self, name: str, default: str = "") -> str:
        return self.attributes.get(name, default)

    @property
    def raw_text(self) -> str:
        return "".join(piece if isinstance(piece, str) else piece.raw_text for piece in self.pieces)

    @property
    def text(self) -> str:
        """The words, with single spaces, also between elements."""
        words = (piece if isinstance(piece, str) else piece.text for piece in self.pieces)
        return " ".join(" ".join(words).split())

    def all(self, tag: str = "", /, **attributes: str) -> list["Element"]:
        """Every element inside, in document order, of this tag and with these attributes; `id_` is `id`."""
        wanted = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
        found = []
        for child in self.children:
            if (not tag or child.tag == tag) and all(child.get(key) == value for key, value in wanted.items()):
                found.append(child)
            found += child.all(tag, **attributes)
        return found

    def one(self, tag: str = "", /, **attributes: str) -> "Element":
        found = self.all(tag, **attributes)
        assert len(found) == 1, f"{len(found)} of {tag} {attributes}"
        return found[0]

    def of_class(self, name: str) -> list["Element"]:
        return [element for element in self.all() if name in element.get("class").split()]

    def controls(self) -> dict[str, list[str]]:
        """What a browser would send of this form without pressing a button, files apart."""
        sent: dict[str, list[str]] = {}
        for element in self.all():
            if "name" in element and "disabled" not in element:
                for value in values_of(element):
                    sent.setdefault(element["name"], []).append(value)
        return sent


def values_of(control: Element) -> list[str]:
    kind = control.get("type", "text")
    if control.tag == "textarea":
        return [control.raw_text.removeprefix("\n")]  # the first newline is not part of the value
    if control.tag == "select":
        options = control.all("option")
        chosen = [option for option in options if "selected" in option] or options[:1]
        return [option.get("value", option.text) for option in chosen[-1:]]
    if control.tag != "input" or kind in {"submit", "button", "image", "reset", "file"}:
        return []
    if kind in {"radio", "checkbox"}:
        return [control.get("value", "on")] if "checked" in control else []
    return [control.get("value")]


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = self.place = Element("", {}, None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, self.place)
        self.place.children.append(element)
        self.place.pieces.append(element)
        if tag not in VOID:
            self.place = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        place: Element | None = self.place
        while place is not None and place.tag != tag:
            place = place.parent
        if place is not None and place.parent is not None:
            self.place = place.parent

    def handle_data(self, data: str) -> None:
        self.place.pieces.append(data)


def read(response: HttpResponseBase | str) -> Element:
    """Return a response's page, or a text's, as its root element."""
    reader = Reader()
    reader.feed(response if isinstance(response, str) else response.content.decode())
    reader.close()
    return reader.root


def picture(colour: str = "red", *, name: str = "frame.png", width: int = 32, height: int = 18) -> SimpleUploadedFile:
    """Return a small picture as a browser would send it."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, "PNG")
    return SimpleUploadedFile(name, buffer.getvalue(), content_type="image/png")
