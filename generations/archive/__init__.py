"""A whole library as one file, which another installation can take in. docs/archive.md says what is in it."""

from generations.archive.checking import check
from generations.archive.layout import ArchiveRefused
from generations.archive.reading import Imported, take_in
from generations.archive.writing import Exported, export

__all__ = ["ArchiveRefused", "Exported", "Imported", "check", "export", "take_in"]
