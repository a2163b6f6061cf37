"""A catalogue entry to begin from: what a gateway's list says of a model nobody has typed in yet, as TOML."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, Field, fields

from generations.specs import Option, VideoModel

SHORTEST_STEM = 3
WHAT_IS_SHARED = ("sources", "prompt_max")  # by models of one family at one kind of gateway
NO_SIBLING = (
    "# Unknown: its options, so it is sent a prompt alone; its longest prompt, and where its file comes",
    "# from. Type them from its document, and nothing else.",
)


def draft(
    *,
    upstream_id: str,
    name: str,
    maker: str,
    dialect: str,
    features: Iterable[str],
    endpoints: Iterable[str],
    document: str,
    price: str,
    source: str,
    offers: Iterable[str] = (),
    known: Iterable[VideoModel] = (),
) -> str:
    """Return one `[[model]]` for a file of its family. It loads as it is when we speak one of its routes (`dialect`).

    Its options are those of the nearest one of the `known` models of its family; without such a one it is sent a prompt
    alone. What nobody knows is named in comments. `price` in words is one of them: the studio takes it from the list.
    """
    known = list(known)
    sibling = sibling_of(upstream_id, dialect, known)
    family = sibling.family if sibling else slug(maker) or "models"
    key = f"{family}/{re.sub(r'[^a-z0-9.-]+', '-', upstream_id.lower()).strip('-.') or 'model'}"
    label = f"{name} ({upstream_id})" if name in {model.label for model in known} else name
    lines = [
        f"# Save it as {family}.toml in STUDIO_CATALOG_DIR, or add it to the file of that name there, and start again.",
        f"# {offered(key, family, set(offers))}",
        f"# Routes: {', '.join(endpoints) or 'none named'}. Price: {price}.",
        *([f"# Document: {document}"] if document else []),
        "[[model]]",
        f"key = {toml(key)}",
        f"label = {toml(label)}",
        f"maker = {toml(maker or 'unknown')}",
        f"dialect = {toml(dialect)}"
        + ("" if dialect else "  # unknown: none of ours speaks its routes yet, so it cannot be taken"),
        f"upstream_id = {toml(upstream_id)}",
        'status = "beta"',
        f"source = {toml(source)}",
        f"description = {toml(f'From the list of its gateway: {", ".join(features) or "no features named"}.')}",
    ]
    lines += likely_options(sibling) if sibling else NO_SIBLING
    return "\n".join(lines) + "\n"


def likely_options(sibling: VideoModel) -> Iterator[str]:
    """Yield what the new model has in common with the nearest of its family, as far as anybody may guess."""
    yield from written(sibling, WHAT_IS_SHARED)
    yield f"# Unknown: whether it takes what follows. These are the options and limits of {sibling.label}"
    yield f"# ({sibling.key}), the nearest of its family: compare each with its document before anybody pays."
    for option in sibling.options:
        names = [field.name for field in fields(option)]
        yield from ["", "[[model.option]]", f"kind = {toml(option.kind)}", *written(option, names)]


def sibling_of(upstream_id: str, dialect: str, known: Iterable[VideoModel]) -> VideoModel | None:
    """Return the model of the same name but for its number, in the same dialect; the nearest where there are several.

    "wan2.9" has the sibling "wan2.7", for example.
    """
    stem = stem_of(upstream_id)
    near = [model for model in known if model.dialect == dialect and stem_of(model.upstream_id) == stem]
    if len(stem) < SHORTEST_STEM or not near:
        return None
    return max(near, key=lambda model: (in_common(model.upstream_id, upstream_id), model.is_choosable))


def in_common(one: str, other: str) -> int:
    """Return how many letters two texts begin with alike."""
    pairs = zip(one, other, strict=False)
    return next((place for place, (left, right) in enumerate(pairs) if left != right), min(len(one), len(other)))


def stem_of(upstream_id: str) -> str:
    return re.split(r"[0-9]", upstream_id.lower(), maxsplit=1)[0].strip("-_.")


def offered(key: str, family: str, offers: set[str]) -> str:
    if offers & {key, family}:
        return "Its gateway offers this family already."
    return f"Its gateway serves it once its `offers` name {toml(key)}, or the family {toml(family)}."


def slug(maker: str) -> str:
    return re.sub(r"[^a-z0-9-]+", "-", maker.lower()).strip("-").lstrip("0123456789-")


def written(record: VideoModel | Option, names: Iterable[str]) -> list[str]:
    """Return the named fields that are not as they would be anyway, a line each."""
    return [
        f"{field.name} = {toml(value)}"
        for field in fields(record)
        if field.name in names and not is_default(field, value := getattr(record, field.name), record)
    ]


def is_default(field: Field, value: object, record: object) -> bool:
    if field.name == "path":
        return value == getattr(record, "name", None)
    default = field.default_factory() if field.default_factory is not MISSING else field.default
    return default is not MISSING and value == default and type(value) is type(default)


def toml(value: object) -> str:
    """Return a value as TOML, where JSON's escapes of text are good too."""
    match value:
        case str():
            return json.dumps("".join(letter for letter in value if letter.isprintable()), ensure_ascii=False)
        case list() | tuple():
            return f"[{', '.join(map(toml, value))}]"
        case Mapping():
            return f"{{ {', '.join(f'{toml(name)} = {toml(item)}' for name, item in value.items())} }}"
    return json.dumps(value)
