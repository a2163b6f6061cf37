"""manage.py export_library: everything that was made, with its files and its history, as one file."""

import os
import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from generations.archive import ArchiveRefused, Exported, export


class Command(BaseCommand):
    help = "Writes the whole library to FILE (- for standard output), for import_library. It holds no keys."

    def add_arguments(self, parser) -> None:
        parser.add_argument("file", metavar="FILE", help="a tar that must not exist yet; - writes to standard output")

    def handle(self, *args, file: str, **options) -> None:
        try:
            done = export(sys.stdout.buffer) if file == "-" else self.to_file(Path(file))
        except ArchiveRefused as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"The archive could not be written: {error.strerror or error}.") from error
        for words in done.left_out:
            self.stderr.write(f"Left out: {words}")
        counts = ", ".join(f"{done.counts[kind]} {kind}" for kind in ("generations", "prompts", "uploads", "files"))
        self.stderr.write(f"Written: {counts}, {done.counts['bytes'] // 2**20} MB.", style_func=str)
        if done.links:
            words = "open links for people outside stay here: their addresses belong to this installation"
            self.stderr.write(f"Not taken along: {done.links} {words}.", style_func=str)
        if done.left_out:
            raise CommandError("The archive is whole but for what is named above; see manage.py verify_media.")

    def to_file(self, path: Path) -> Exported:
        """Write beside the place and move it there when it is whole."""
        if path.exists():
            raise CommandError(f"{path} is there already; nothing is overwritten.")
        draft = path.with_name(f"{path.name}.part")
        try:
            with open(draft, "wb") as target:
                done = export(target)
                target.flush()
                os.fsync(target.fileno())
            os.replace(draft, path)
        finally:
            draft.unlink(missing_ok=True)
        return done
