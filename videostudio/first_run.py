"""What has to be in place before the site can answer: the tables, and the files that pages are made of.

Each step says what it does in a line, and is quick when there is nothing to do.
"""

import hashlib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from videostudio.command_line import words_of

Say = Callable[[str], object]


def migrate(say: Say) -> None:
    """Bring the tables up to date. Raises CommandError when the database is away, or of a newer studio."""
    try:
        executor = MigrationExecutor(connection)
    except DatabaseError as error:
        raise CommandError(words_of(error) or f"The database cannot be used: {error}") from error
    [(_, newest)] = executor.loader.graph.leaf_nodes("generations")
    newer = [name for app, name in executor.loader.applied_migrations if app == "generations" and name > newest]
    if newer:
        raise CommandError(f"The database was made by a newer studio (it has {max(newer)}). Upgrade this one first.")
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if pending:
        say(f"Preparing the database ({len(pending)} {'steps' if len(pending) > 1 else 'step'}) ...")
        call_command("migrate", interactive=False, verbosity=0)


def collect_static(say: Say) -> None:
    """Collect, fingerprint and compress the static files when their sources have changed since the last time."""
    stamp, current = Path(settings.DATA_DIR) / "static.stamp", static_digest()
    if stamp.exists() and stamp.read_text(encoding="ascii") == current and Path(settings.STATIC_ROOT).is_dir():
        return
    say("Collecting the static files ...")
    stamp.unlink(missing_ok=True)  # broken off half-way, it begins again
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(current, encoding="ascii")


def static_digest() -> str:
    """Return a digest of every static source's name, size and time, and of what they are processed with."""
    digest = hashlib.sha256()
    for name in ("django", "whitenoise", "brotli"):
        digest.update(f"{name} {version(name)}\n".encode())
    digest.update(f"{settings.STORAGES['staticfiles']} {settings.STATIC_URL}\n".encode())
    for finder in finders.get_finders():
        for name, storage in sorted(finder.list([]), key=lambda found: found[0]):
            facts = Path(storage.path(name)).stat()
            digest.update(f"{name} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()
