"""The one key the sandbox accepts: derived from SECRET_KEY, so nobody has to configure it."""

import secrets

from django.http import HttpRequest
from django.utils.crypto import salted_hmac


def sandbox_key() -> str:
    """Return the Bearer key of this site's sandbox; it changes when SECRET_KEY does."""
    return "sandbox-" + salted_hmac("videostudio.sandbox.key", "bearer", algorithm="sha256").hexdigest()[:40]


def has_key(request: HttpRequest) -> bool:
    """Whether the request carries ``Authorization: Bearer <sandbox_key()>``."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    # Bytes: compare_digest refuses text beyond ASCII, and a header may hold any.
    same = secrets.compare_digest(given.strip().encode(errors="replace"), sandbox_key().encode())
    return same and scheme.lower() == "bearer"
