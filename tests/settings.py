"""The project's settings for tests: nothing of this machine's environment, .env or data directory gets in.

`TEST_DATABASE_URL` chooses the database server (Django makes, and drops, a database of its own there); without it
SQLite in a temporary file with the pragmas of production, so that several connections race as they really would.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import environ

CONTRACT = (
    *("HOST", "PORT", "SECRET_KEY", "DEBUG", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "DATABASE_URL", "CACHE_URL"),
    *("EMAIL_URL", "DEFAULT_FROM_EMAIL", "LOG_LEVEL", "Q_CLUSTER_NAME"),
)
PREFIXES = ("STUDIO_", "COMETAPI_", "COMPUTEVAULT_")


def belongs_to_the_contract(name: str) -> bool:
    """Whether the environment variable `name` (or the one its NAME_FILE stands for) configures the studio."""
    return name.startswith(PREFIXES) or name.removesuffix("_FILE") in CONTRACT


for _name in [name for name in os.environ if belongs_to_the_contract(name)]:
    del os.environ[_name]
environ.Env.read_env = lambda *args, **kwargs: None

_scratch = Path(tempfile.mkdtemp(prefix="videostudio-tests-"))
_owner = os.getpid()


@atexit.register
def _remove_scratch() -> None:
    if os.getpid() == _owner:  # not in a process a test forked
        shutil.rmtree(_scratch, ignore_errors=True)


os.environ["STUDIO_DATA_DIR"] = str(_scratch)
if os.environ.get("TEST_DATABASE_URL"):
    os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]

from videostudio.settings import *  # noqa: E402, F403
from videostudio.settings import CACHES, DATABASES, STATIC_ROOT, STORAGES  # noqa: E402

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {"NAME": str(_scratch / "tests.sqlite3")}
STATIC_ROOT.mkdir(exist_ok=True)
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
CACHES["default"] = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
