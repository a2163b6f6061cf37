"""Reading the environment: values, files that hold values, and secrets made on first start.

An empty value counts as absent. `NAME_FILE` names a file whose first line is the value, as container secrets do.
"""

import os
import re
import secrets
import warnings
from collections.abc import Sequence
from contextlib import suppress
from email.utils import parseaddr
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

NAME_OF_A_HOST = r"\.?[\w-]+(\.[\w-]+)*\.?"
DATABASE_EXAMPLE = (
    "It takes postgres://user:password@host:5432/name, or sqlite:////path/of/a/file; "
    "of a password, letters that mean something in an address are written as %40 for @"
)
CACHE_EXAMPLE = "It takes filecache:///path/of/a/folder, or an address such as redis://127.0.0.1:6379/0"
# What a kind of cache is reached with, where that is not Django's own.
CACHE_PACKAGES = {"RedisCache": "redis", "PyMemcacheCache": "pymemcache", "PyLibMCCache": "pylibmc"}
MAIL_EXAMPLE = "It takes an address such as smtp+tls://user:password@mail.example.com:587"


def read(name: str, default: str = "") -> str:
    """Return the variable `name`, else the first line of the file `NAME_FILE` names, else `default`."""
    value = os.environ.get(name, "").strip()
    if value:
        return value
    path = os.environ.get(f"{name}_FILE", "").strip()
    if not path:
        return default
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").split("\n", maxsplit=1)
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE names {path}, which cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}_FILE names {path}, which is no text") from error
    return lines[0].strip() or default


def read_flag(name: str, default: bool = False) -> bool:
    """Return a yes-or-no variable as a bool. Raises ImproperlyConfigured for any other word."""
    value = read(name).lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} is {value!r}; it takes 1 or 0")


def read_number(name: str, default: float, low: float, high: float) -> float:
    """Return a number between `low` and `high`. Raises ImproperlyConfigured otherwise."""
    value = read(name)
    if not value:
        return default
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not low <= number <= high:
        raise ImproperlyConfigured(f"{name} is {value!r}; it takes a number from {low:g} to {high:g}")
    return number


def read_whole_number(name: str, default: int, low: int, high: int) -> int:
    """Return a whole number between `low` and `high`. Raises ImproperlyConfigured otherwise."""
    number = read_number(name, default, low, high)
    if number != int(number):
        raise ImproperlyConfigured(f"{name} is {read(name)!r}; it takes a whole number from {low} to {high}")
    return int(number)


def read_choice(name: str, default: str, choices: Sequence[str]) -> str:
    """Return one of `choices`, however its letters are written. Raises ImproperlyConfigured for any other word."""
    value = read(name, default)
    for choice in choices:
        if value.lower() == choice.lower():
            return choice
    raise ImproperlyConfigured(f"{name} is {value!r}; it takes {', '.join(choices[:-1])} or {choices[-1]}")


def read_list(name: str) -> list[str]:
    """Return a comma-separated variable as its parts."""
    return [part.strip() for part in read(name).split(",") if part.strip()]


def read_host(name: str, default: str) -> str:
    """Return the name or address of a host, as it is bound to. Raises ImproperlyConfigured for what cannot be one."""
    value = read(name, default)
    if re.fullmatch(rf"{NAME_OF_A_HOST}|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]+(%\w+)?", value):
        return value
    raise ImproperlyConfigured(f"{name} is {value!r}; it takes an address of this machine such as 127.0.0.1 or 0.0.0.0")


def read_hosts(name: str) -> list[str]:
    """Return names of hosts, `*` for all and `.example.com` for a domain's. Raises ImproperlyConfigured otherwise."""
    hosts = read_list(name)
    for host in hosts:
        if host != "*" and not re.fullmatch(rf"{NAME_OF_A_HOST}|\[[0-9A-Fa-f:.]+\]", host):
            raise ImproperlyConfigured(
                f"{name} has {host!r}; it takes names such as studio.example.com, without scheme or port, "
                "separated by commas"
            )
    return hosts


def read_origins(name: str) -> list[str]:
    """Return origins such as https://studio.example.com. Raises ImproperlyConfigured otherwise."""
    origins = read_list(name)
    for origin in origins:
        if not re.fullmatch(rf"https?://((\*\.)?{NAME_OF_A_HOST}|\[[0-9A-Fa-f:.]+\])(:\d{{1,5}})?", origin):
            raise ImproperlyConfigured(
                f"{name} has {origin!r}; it takes origins such as https://studio.example.com, separated by commas"
            )
    return origins


def read_database(name: str, default: Path) -> dict[str, object]:
    """Return a DATABASE_URL as an entry of Django's DATABASES; without one, SQLite in the file `default`.

    Raises ImproperlyConfigured, without the password.
    """
    if not (value := read(name)):
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(default)}
    try:
        with warnings.catch_warnings(action="ignore"):  # they would print the address with its password
            parsed: dict[str, object] = environ.Env.db_url_config(value)
    except ValueError:
        parsed = {}
    engine = str(parsed.get("ENGINE", "")).removeprefix("django.db.backends.")
    if engine not in {"postgresql", "sqlite3"}:
        raise ImproperlyConfigured(f"{name} cannot be read as a database's address. {DATABASE_EXAMPLE}")
    if not parsed["NAME"] or parsed["NAME"] == ":memory:":
        what = "database" if engine == "postgresql" else "file that the studio's processes could share"
        raise ImproperlyConfigured(f"{name} names no {what}. {DATABASE_EXAMPLE}")
    return parsed


def read_cache(name: str, default: Path) -> dict[str, object]:
    """Return a CACHE_URL as an entry of Django's CACHES; without one, files in the folder `default`.

    Raises ImproperlyConfigured, without the password, also for a kind that this installation has no package for.
    """
    if not (value := read(name)):
        return {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": str(default)}
    try:
        parsed: dict[str, object] = environ.Env.cache_url_config(value)
    except (ImproperlyConfigured, ValueError):
        raise ImproperlyConfigured(f"{name} cannot be read as a cache's address. {CACHE_EXAMPLE}") from None
    kind = str(parsed["BACKEND"])
    package = CACHE_PACKAGES.get(kind.rpartition(".")[2], "") if kind.startswith("django.") else kind.partition(".")[0]
    if package and find_spec(package) is None:
        raise ImproperlyConfigured(f"{name} needs the Python package {package}, which is not there. {CACHE_EXAMPLE}")
    if "filebased" in kind:
        try:
            Path(str(parsed["LOCATION"] or "/dev/null")).mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ImproperlyConfigured(f"{name} names no folder that can be used. {CACHE_EXAMPLE}") from error
    return parsed


def read_folder(name: str, default: Path) -> Path:
    """Return a folder's whole path; it need not be there yet. Raises ImproperlyConfigured for what cannot be one."""
    path = Path(read(name) or default)
    try:
        path = path.expanduser().resolve()
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(0, "it is no folder")
    except (OSError, RuntimeError) as error:
        raise no_folder(name, path, error) from error
    return path


def no_folder(name: str, path: Path, error: Exception) -> ImproperlyConfigured:
    reason = getattr(error, "strerror", None) or str(error)
    return ImproperlyConfigured(
        f"{name} is {path}, which cannot be used: {reason}. It takes a folder that this account may write to"
    )


def make_private(folder: Path) -> None:
    """Make the data directory, closed to other accounts, where it is not there yet. Raises ImproperlyConfigured."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(0, "this account may not write there")
    except OSError as error:
        raise no_folder("STUDIO_DATA_DIR", folder, error) from error


def read_url(name: str, default: str) -> str:
    """Return a plain http(s) address without its trailing slash. Raises ImproperlyConfigured otherwise."""
    value = read(name, default)
    try:
        parts = urlsplit(value)
        is_plain = parts.port != 0 and not (parts.query or parts.fragment or "@" in parts.netloc)
    except ValueError:  # brackets or a port that are none
        parts, is_plain = urlsplit(""), False
    if parts.scheme not in {"http", "https"} or not parts.hostname or not is_plain:
        raise ImproperlyConfigured(f"{name} is {value!r}; it takes an address such as https://studio.example.com")
    return value.rstrip("/")


def read_sender(name: str, default: str) -> str:
    """Return whom mail comes from. Raises ImproperlyConfigured for what is no address."""
    if not (value := read(name)):
        return default
    _, address = parseaddr(value)
    local, _, host = address.rpartition("@")
    if not local or not host or not value.isprintable():
        raise ImproperlyConfigured(
            f"{name} is {value!r}; it takes an address such as studio@example.com or Studio <studio@example.com>"
        )
    return value


def read_mailer(name: str) -> dict[str, object]:
    """Return an EMAIL_URL such as smtp+tls://user:password@host:587 as an entry of Django's MAILERS.

    Raises ImproperlyConfigured, without the password.
    """
    try:
        parsed = environ.Env.email_url_config(read(name))
    except (ImproperlyConfigured, ValueError) as error:
        raise ImproperlyConfigured(f"{name} cannot be read: {error}. {MAIL_EXAMPLE}") from error
    options: dict[str, object] = {}
    if parsed["EMAIL_BACKEND"].endswith("smtp.EmailBackend"):
        if not parsed["EMAIL_HOST"]:
            raise ImproperlyConfigured(f"{name} names no host. {MAIL_EXAMPLE}")
        options = {
            "host": parsed["EMAIL_HOST"],
            "port": parsed["EMAIL_PORT"],
            "username": parsed["EMAIL_HOST_USER"],
            "password": parsed["EMAIL_HOST_PASSWORD"],
            "use_tls": parsed.get("EMAIL_USE_TLS", False),
            "use_ssl": parsed.get("EMAIL_USE_SSL", False),
            "timeout": 10,  # a person waits for the page that sends the mail
        }
    elif parsed["EMAIL_BACKEND"].endswith("filebased.EmailBackend"):
        options = {"file_path": f"/{parsed['EMAIL_FILE_PATH']}"}
    return {"BACKEND": parsed["EMAIL_BACKEND"], "OPTIONS": options}


def kept_secret(path: Path) -> str:
    """Return the secret kept in `path`, made on first use and readable by its owner only.

    It appears there whole or not at all. Raises ImproperlyConfigured when somebody emptied or closed the file.
    """
    if not path.exists():
        make_private(path.parent)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(50))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was first: its secret is everybody's
            os.link(draft, path)
        draft.unlink()
    try:
        secret = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ImproperlyConfigured(f"{path} cannot be read: {reason}.") from error
    if not secret:
        raise ImproperlyConfigured(f"{path} is empty. Put it back from a backup, or remove it to have a new one made.")
    return secret
