"""What `manage.py` runs: Django's command line, where a person is told in a sentence what they can mend."""

import sys
from collections.abc import Sequence

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import InterfaceError, OperationalError, ProgrammingError


def main(arguments: Sequence[str]) -> None:
    """Run one command; what the environment or the database is to blame for is said in a line, but for --traceback."""
    try:
        settings.INSTALLED_APPS  # noqa: B018 (without settings Django would go on, and fail at something else)
        execute_from_command_line(list(arguments))
    except (ImproperlyConfigured, OperationalError, InterfaceError, ProgrammingError) as error:
        sentence = words_of(error)
        if not sentence or "--traceback" in arguments:
            raise
        sys.exit(sentence)


def words_of(error: Exception) -> str:
    """Return in a sentence what whoever runs the studio has to mend; "" when the studio itself is to blame."""
    text = " ".join(str(error).split()).removesuffix(".")
    if isinstance(error, ImproperlyConfigured):
        return f"{text}."
    if "no such table" in text or getattr(error.__cause__, "sqlstate", "") == "42P01":
        return f"The database has not been prepared ({text}). Run manage.py prepare, or start the studio once."
    if isinstance(error, OperationalError | InterfaceError):
        return f"The database cannot be used ({text}). DATABASE_URL says where it is; else it is in STUDIO_DATA_DIR."
    return ""
