"""Reading the environment: values, files that hold values, and secrets made on first start.

An empty value counts as absent. `NAME_FILE` names a file whose first line is the value, as container secrets do.
"""

import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured


def read(name: str, default: str = "") -> str:
    """Return the variable `name`, else the content of the file `NAME_FILE` names, else `default`."""
    value = os.environ.get(name, "").strip()
    if value:
        return value
    path = os.environ.get(f"{name}_FILE", "").strip()
    if not path:
        return default
    try:
        return Path(path).read_text(encoding="utf-8").strip() or default
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE names {path}, which cannot be read: {error.strerror}") from error


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
    """Return an http(s) address without its trailing slash. Raises ImproperlyConfigured otherwise."""
    value = read(name, default).rstrip("/")
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ImproperlyConfigured(f"{name} is {value!r}; it takes an address such as https://studio.example.com")
    return value


def read_mailer(name: str) -> dict[str, object]:
    """Return an EMAIL_URL such as smtp+tls://user:password@host:587 as an entry of Django's MAILERS."""
    parsed = environ.Env.email_url_config(read(name))
    options: dict[str, object] = {}
    if parsed["EMAIL_BACKEND"].endswith("smtp.EmailBackend"):
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
    """Return the secret kept in `path`, made on first use and readable by its owner only."""
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:  # another process was first
        return path.read_text(encoding="ascii").strip()
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(50))
    return path.read_text(encoding="ascii").strip()
