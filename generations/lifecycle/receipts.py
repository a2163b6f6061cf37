"""Receipts: an accepted task's id, written down and fsynced before the database hears of it.

A create that was answered while the database was away is paid for all the same; its receipt is what
keeps the id. One small JSON file an attempt, removed once the row has it.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings


@dataclass(frozen=True)
class Receipt:
    attempt: str  # the attempt's token
    upstream_id: str
    status: str
    word: str
    state: dict
    accepted_at: str  # ISO 8601

    @property
    def path(self) -> Path:
        return settings.RECEIPTS_DIR / f"{self.attempt}.json"


def write(receipt: Receipt) -> None:
    """Put a receipt on the disk; when this returns it survives a power cut. Raises OSError."""
    folder = settings.RECEIPTS_DIR
    folder.mkdir(parents=True, exist_ok=True)
    draft = receipt.path.with_suffix(".new")
    with open(draft, "w", encoding="utf-8") as file:
        json.dump(asdict(receipt), file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, receipt.path)
    sync_folder(folder)


def remove(receipt: Receipt) -> None:
    receipt.path.unlink(missing_ok=True)


def kept() -> Iterator[Receipt]:
    """Yield the receipts on disk, oldest first."""
    try:
        paths = sorted(settings.RECEIPTS_DIR.glob("*.json"), key=os.path.getmtime)
    except FileNotFoundError:
        return
    for path in paths:
        try:
            yield Receipt(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            continue  # its own submitter was quicker


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
