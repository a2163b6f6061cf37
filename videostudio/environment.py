"""Reading the environment: values, files that hold values, and secrets made on first start.

An empty value counts as absent. `NAME_FILE` names a file whose first line is the value, as container secrets do.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

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


def read_list(name: str) -> list[str]:
    """Return a comma-separated variable as its parts."""
    return [part.strip() for part in read(name).split(",") if part.strip()]


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

    It appears there whole or not at all. Raises ImproperlyConfigured when somebody emptied the file.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(50))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was first: its secret is everybody's
            os.link(draft, path)
        draft.unlink()
    secret = path.read_text(encoding="ascii").strip()
    if not secret:
        raise ImproperlyConfigured(f"{path} is empty. Put it back from a backup, or remove it to have a new one made.")
    return secret
