"""A catalogue entry to begin from: what a gateway's list says of a model nobody has typed in yet, as TOML."""

import json
import re
from collections.abc import Iterable

# Where each dialect creates; what is not spoken here yet leaves the entry's dialect open.
DIALECT_OF = {
    "POST /v1/videos": "openai_videos",
    "POST /v1/video/generations": "newapi",
    "POST /kling/v1/videos/text2video": "kling",
    "POST /kling/v1/videos/image2video": "kling",
    "POST /runwayml/v1/image_to_video": "runway",
    "POST /grok/v1/videos/generations": "xai",
}
LEFT_OPEN = "# Its options are not in the list: type them from its document, and nothing else."


def draft(
    *,
    upstream_id: str,
    name: str,
    maker: str,
    features: Iterable[str],
    endpoints: Iterable[str],
    document: str,
    price: str,
    source: str,
) -> str:
    """Return one `[[model]]` for a file of its family. It loads as it is when we speak one of its routes.

    Without options it is sent a prompt alone. `price` in words is a comment: the studio takes it from the list itself.
    """
    routes = list(endpoints)
    dialect = next((DIALECT_OF[route] for route in routes if route in DIALECT_OF), "")
    family = re.sub(r"[^a-z0-9-]+", "-", maker.lower()).strip("-").lstrip("0123456789-") or "models"
    key = f"{family}/{re.sub(r'[^a-z0-9.-]+', '-', upstream_id.lower()).strip('-.') or 'model'}"
    what = ", ".join(features) or "no features named"
    lines = [
        f"# Save it as {family}.toml in STUDIO_CATALOG_DIR, or add it to the file of that name there.",
        f"# Routes: {', '.join(routes) or 'none named'}. Price: {price}.",
        *([f"# Document: {document}"] if document else []),
        "[[model]]",
        f"key = {toml(key)}",
        f"label = {toml(name)}",
        f"maker = {toml(maker or 'unknown')}",
        f"dialect = {toml(dialect)}" + ("" if dialect else "  # none of ours speaks its routes yet"),
        f"upstream_id = {toml(upstream_id)}",
        'status = "beta"',
        f"source = {toml(source)}",
        f"description = {toml(f'From the list of its gateway: {what}.')}",
        LEFT_OPEN,
    ]
    return "\n".join(lines) + "\n"


def toml(text: str) -> str:
    """Return text as a TOML string: JSON's escapes are TOML's too."""
    return json.dumps("".join(letter for letter in text if letter.isprintable()), ensure_ascii=False)
