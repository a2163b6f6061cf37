"""Where the files of generations live below the media folder, and how much room is left."""

import hashlib
import shutil
from pathlib import Path

from django.conf import settings

from generations.models import Generation

FREE_FLOOR = 512 * 1024 * 1024  # bytes: below this no download starts
_BLOCK = 1024 * 1024


class DiskFull(Exception):
    """There is no room for another video; the message says so to a person."""


def stored_name(generation: Generation, suffix: str) -> str:
    """Return a file's path below the media folder: by row, so that a crash finds its own file again."""
    name = generation.uuid.hex
    return f"videos/{name[:2]}/{name}{suffix}"


def path_of(name: str) -> Path:
    return Path(settings.MEDIA_ROOT) / name


def part_of(generation: Generation) -> Path:
    """Return where this claim's unfinished download goes: two downloaders of one row never write to one file."""
    return path_of(stored_name(generation, f".{generation.claim[:16]}.part"))


def drop_parts(generation: Generation) -> None:
    """Remove what earlier tries left unfinished."""
    final = path_of(stored_name(generation, ""))
    for path in final.parent.glob(f"{final.name}.*.part"):
        path.unlink(missing_ok=True)


def require_room() -> None:
    """Make the media folder. Raises DiskFull when the disk is nearly full, OSError when it cannot be written."""
    root = Path(settings.MEDIA_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(root).free
    if free < FREE_FLOOR:
        raise DiskFull(f"The disk is nearly full ({free // 2**20} MB left). It goes on by itself when there is room.")


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file in hex."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
