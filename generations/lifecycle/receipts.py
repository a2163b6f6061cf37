"""Receipts: an accepted task's id, written down and fsynced before the database hears of it.

A create that was answered while the database was away is paid for all the same; its receipt is what
keeps the id. One small JSON file an attempt, removed once the database has what it says.
"""

import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings

from generations.gateways import TaskStatus

log = logging.getLogger(__name__)

WHOLE, DRAFT = ".json", ".new"


@dataclass(frozen=True)
class Receipt:
    attempt: str  # the attempt's token
    upstream_id: str
    status: str  # a TaskStatus
    word: str
    state: dict
    accepted_at: str  # ISO 8601

    @property
    def path(self) -> Path:
        return settings.RECEIPTS_DIR / f"{self.attempt}{WHOLE}"


def write(receipt: Receipt) -> None:
    """Put a receipt on the disk; when this returns it survives a power cut. Raises OSError."""
    folder = settings.RECEIPTS_DIR
    folder.mkdir(parents=True, exist_ok=True)
    draft = receipt.path.with_suffix(DRAFT)
    with open(draft, "w", encoding="utf-8") as file:
        json.dump(asdict(receipt), file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, receipt.path)
    sync_folder(folder)


def remove(receipt: Receipt) -> None:
    """Forget a receipt that the database knows by now. It may stay where the folder cannot be written."""
    try:
        receipt.path.unlink(missing_ok=True)
    except OSError as problem:
        log.warning("receipt %s cannot be removed: %s", receipt.path.name, problem)


def is_kept(attempt: str) -> bool:
    """Say whether the receipt of an attempt, named by its token, waits to be used."""
    return bool(attempt) and (settings.RECEIPTS_DIR / f"{attempt}{WHOLE}").exists()


def older_than(seconds: float) -> list[Path]:
    """Return the files of receipts and drafts that were written longer ago, in the order of their names."""
    folder = settings.RECEIPTS_DIR
    found = []
    for path in sorted([*folder.glob(f"*{WHOLE}"), *folder.glob(f"*{DRAFT}")]):
        with suppress(FileNotFoundError):  # its own submitter was quicker
            if time.time() - path.stat().st_mtime >= seconds:
                found.append(path)
    return found


def kept(*, age: float = 0.0) -> Iterator[Receipt]:
    """Yield the receipts on disk that are at least so many seconds old, in the order of their names.

    A draft counts as well: a process may be killed while it waits for its fsync. What cannot be read is set aside.
    """
    for path in older_than(age):
        try:
            receipt = _read(path)
            if path.suffix == DRAFT:
                os.replace(path, receipt.path)
        except FileNotFoundError:
            continue
        except (ValueError, TypeError, KeyError) as problem:
            set_aside(path, f"it cannot be read ({problem})")
            continue
        yield receipt


def set_aside(path: Path, why: str) -> None:
    """Take a receipt that nobody can use out of the way, but keep it for a person to look at."""
    log.error("receipt %s is set aside: %s", path.name, why)
    os.replace(path, path.with_suffix(".aside"))


def _read(path: Path) -> Receipt:
    """Return the receipt in a file. Raises ValueError, TypeError or KeyError when it is none, FileNotFoundError."""
    facts = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(facts, dict):
        raise ValueError("not an object")
    receipt = Receipt(**facts)
    TaskStatus(receipt.status)
    datetime.fromisoformat(receipt.accepted_at)
    if receipt.attempt != path.stem or not receipt.upstream_id or not isinstance(receipt.state, dict):
        raise ValueError("its parts do not fit")
    return receipt


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
