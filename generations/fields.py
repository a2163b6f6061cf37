"""A text column encrypted at rest under STUDIO_FIELD_KEY."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models


class LockedText(str):
    """Stands for a stored value that none of our keys opens: empty to use, yet saved back untouched."""

    ciphertext: str

    @classmethod
    def of(cls, ciphertext: str) -> "LockedText":
        locked = cls()
        locked.ciphertext = ciphertext
        return locked


def _fernet() -> MultiFernet:
    """Return the cipher: the first key of STUDIO_FIELD_KEY encrypts, every one decrypts."""
    digests = (hashlib.sha256(key.encode()).digest() for key in settings.FIELD_KEYS)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])


class EncryptedTextField(models.TextField):
    """Text that is clear in Python and a Fernet token in the table."""

    def get_prep_value(self, value):
        if isinstance(value, LockedText):
            return value.ciphertext
        value = super().get_prep_value(value)
        return _fernet().encrypt(value.encode()).decode() if value else value

    def from_db_value(self, value, expression, connection):
        if not value:
            return value
        try:
            return _fernet().decrypt(value.encode()).decode()
        except InvalidToken:
            return LockedText.of(value)
