"""Taking secrets out of text before it is stored, logged or shown."""

import logging
import re

_BEARER = re.compile(r"(?i)\b(bearer|token|authorization[\"':= ]+|api[-_]?key[\"':= ]+)\s*[A-Za-z0-9._~+/=-]{6,}")
_KEY = re.compile(r"\b(sk|vs|key|pk|rk)[-_][A-Za-z0-9_-]{8,}")
_QUERY = re.compile(r"(https?://[^\s\"'<>?#\\]+)\?[^\s\"'<>\\]+")
_BASE64 = re.compile(r"(?:data:[\w/+.-]+;base64,)?[A-Za-z0-9+/]{400,}={0,2}")


def scrub(text: str, *secrets: str) -> str:
    """Return `text` without keys, bearer tokens, query strings of links, long base64 and the given secrets."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "[key]")
    text = _BEARER.sub(lambda found: f"{found[1].strip()} [key]", text)
    text = _KEY.sub("[key]", text)
    text = _QUERY.sub(r"\1?[signed]", text)
    return _BASE64.sub("[base64]", text)


def scrub_json(value, *secrets: str):
    """Return a JSON value with every text in it scrubbed, account data of gateways left out."""
    if isinstance(value, str):
        return scrub(value, *secrets)
    if isinstance(value, list):
        return [scrub_json(item, *secrets) for item in value]
    if isinstance(value, dict):
        return {key: scrub_json(item, *secrets) for key, item in value.items() if key not in _ACCOUNT}
    return value


# new-api gateways put the account's own data into each task.
_ACCOUNT = frozenset({"user_id", "username", "group", "quota", "channel_id", "token_id"})


class ScrubFilter(logging.Filter):
    """Scrubs the message and the traceback of every record that passes."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = scrub(record.getMessage()), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = scrub(record.exc_text)
        return True
