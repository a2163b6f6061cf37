"""Taking secrets out of text before it is stored, logged or shown.

Every pattern reads a text once: what comes from a gateway may be long, and made to be slow.
"""

import logging
import re

KEY, COOKIE = "[key]", "[cookie]"

# A name that says its value is a secret, in headers, queries, JSON and Python.
_NAMES = (
    r"(?:x[-_])?api[-_]?key|(?:access|refresh|id|auth|session|security|csrf)[-_]?token|token|csrfmiddlewaretoken"
    r"|(?:client|app)[-_]?secret|secret(?:[-_]?key)?|access[-_]?key(?:[-_]?id)?|pass(?:word|wd)|session[-_]?id"
    r"|(?:x-(?:amz|goog|oss)-)?(?:signature|credential|security-token)|(?:oss|aws)accesskeyid|sig"
)
_IS = r"[\"']?\s{0,3}[:=]\s{0,3}(?:b(?=[\"']))?[\"']?"
_COOKIE = re.compile(rf"(?i)[\"']?\b(?:set-)?cookies?{_IS}(?:(?<=\")[^\"]*\"?|(?<=')[^']*'?|[^\r\n\"']*)")
_AUTHORIZATION = re.compile(
    rf"(?i)\b((?:proxy-)?authorization{_IS})(?:(?:bearer|basic|digest|token|key|api-?key)\s{{1,3}})?[^\s\"',;<>]{{4,}}"
)
_BEARER = re.compile(
    r"(?i)\b(bearer|token)\s{1,3}(?:[a-z0-9._~+/=-]{12,}(?<=\w|=)|(?=[a-z._~+/=-]{0,11}\d)[a-z0-9._~+/=-]{6,})"
)
_NAMED = re.compile(rf"(?i)(?<![a-z])((?:{_NAMES}){_IS})[^\s\"'&,;<>\\{{}}\[\]()]{{4,}}")
_SHAPED = re.compile(
    r"\bsk[-_][A-Za-z0-9_-]{8,}"  # as most gateways make their keys
    r"|\bwhsec_[A-Za-z0-9+/]{8,}={0,2}"  # a webhook's signing secret
    r"|\b(?:vs|key|pk|rk)[-_](?=[A-Za-z0-9_-]{0,64}[0-9])[A-Za-z0-9_-]{8,}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]{4,}"  # a JSON web token
    r"|\bAKIA[0-9A-Z]{12,}|\bAIza[0-9A-Za-z_-]{20,}"
)
_LINK = re.compile(r"(?i)\bhttps?:(?:\\?/){2}[^\s\"'<>]+")
_USERINFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,20}:(?:\\?/){2})[^\s/@\"'<>]{1,200}@")
_LONG = 400
_BASE64 = re.compile(rf"(?:data:[\w/+.-]{{1,100}};base64,)?[A-Za-z0-9+/]{{{_LONG},}}={{0,2}}")
_ADDRESS = re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
# Most texts of an answer: without a blank, a colon or "=", only a secret's own shape can give it away.
_ONE_WORD = re.compile(r"[^\s:=]*")


def scrub(text: str, *secrets: str) -> str:
    """Return `text` without keys, tokens, cookies, passwords, queries of links, long base64 and the given secrets."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, KEY)
    if _ONE_WORD.fullmatch(text):
        text = _SHAPED.sub(KEY, text)
        return _BASE64.sub("[base64]", text) if len(text) >= _LONG else text
    text = _COOKIE.sub(COOKIE, text)
    text = _LINK.sub(_without_query, text)
    text = _USERINFO.sub(rf"\1{KEY}@", text)
    text = _AUTHORIZATION.sub(rf"\1{KEY}", text)
    text = _BEARER.sub(rf"\1 {KEY}", text)
    text = _NAMED.sub(rf"\1{KEY}", text)
    text = _SHAPED.sub(KEY, text)
    return _BASE64.sub("[base64]", text)


def without_people(text: str) -> str:
    """Return `text` without addresses of mail: samples of answers are no place for whose account it is."""
    return _ADDRESS.sub("[address]", text)


def _without_query(link: re.Match[str]) -> str:
    """Return a link up to its query. In JSON it may end with the backslash of what follows."""
    place, _, query = link[0].partition("?")
    return f"{place}?[signed]{'\\' if query.endswith('\\') else ''}" if query else link[0]


def scrub_json(value, *secrets: str, _depth: int = 0):
    """Return a JSON value with every text in it scrubbed, cookies and account data of gateways left out."""
    if isinstance(value, str):
        return scrub(value, *secrets)
    if _depth > _DEEPEST and isinstance(value, list | dict):
        return "[too deep]"
    if isinstance(value, list):
        return [scrub_json(item, *secrets, _depth=_depth + 1) for item in value]
    if isinstance(value, dict):
        return {
            scrub(key, *secrets): KEY
            if isinstance(item, str) and item and _SECRET_NAME.fullmatch(key)
            else scrub_json(item, *secrets, _depth=_depth + 1)
            for key, item in value.items()
            if key.lower() not in _LEFT_OUT
        }
    return value


_DEEPEST = 50
_SECRET_NAME = re.compile(rf"(?i)(?:proxy-)?authorization|{_NAMES}")
# new-api gateways put the account's own data into each task.
_LEFT_OUT = frozenset(
    {"user_id", "username", "group", "quota", "channel_id", "token_id", "cookie", "set-cookie", "cookies"}
)


class ScrubFilter(logging.Filter):
    """Scrubs the message, the traceback and the stack of every record that passes."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except (
            TypeError,
            ValueError,
            KeyError,
        ):  # a log line that does not fit its arguments must not break its caller
            message = f"{record.msg} (its arguments do not fit)"
        record.msg, record.args = scrub(message), ()
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = scrub(record.exc_text)
        if record.stack_info:
            record.stack_info = scrub(record.stack_info)
        return True
