"""What leaves for a webhook: where it may go, what it says to a program or to a chat, and its signature.

Signatures are those of Standard Webhooks 1.0: an HMAC-SHA256 of "<id>.<timestamp>.<body>" under the secret's bytes.
"""

import hashlib
import hmac
import ipaddress
import json
from base64 import b64decode, b64encode
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from generations.gateways import Message
from generations.gateways.guard import host_port, is_global
from generations.gateways.http import PORTS, Endpoint
from generations.models import Delivery, Webhook
from generations.models.webhooks import PREFIX, TEST, Kind

LONGEST_URL = 1000
LONGEST_PROMPT = 300
CHAT_WORDS: dict[str, str] = {
    Kind.CREATED: "{who} asked for a video on {model}",
    Kind.COMPLETED: "A video of {who} is ready ({model})",
    Kind.FAILED: "A video of {who} failed ({model})",
    Kind.UNKNOWN: "Nobody knows yet whether a video of {who} was begun ({model})",
}


class Unusable(Exception):
    """The webhook cannot be told anything as it is; the message says why to a person."""


def why_not(url: str) -> str:
    """Return why an address cannot be a webhook's, as far as its text tells; "" when it can.

    Names are resolved, and judged, when something is sent.
    """
    if len(url) > LONGEST_URL or not all("!" <= letter <= "~" for letter in url) or "\\" in url:
        return _("Enter an address of at most {longest_url} plain characters, without spaces.").format(
            longest_url=LONGEST_URL
        )
    try:
        parts = urlsplit(url)
        place = host_port(parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0))
    except ValueError:
        return _("That is not an address.")
    if parts.scheme not in PORTS or not parts.hostname:
        return _("Enter a whole address, such as https://example.com/hooks/videos")
    if parts.username is not None or parts.password is not None or parts.fragment:
        return _("Enter an address without a password and without a # part.")
    if place in settings.PRIVATE_HOSTS:
        return ""
    if parts.scheme != "https":
        return _("Only https addresses are told anything, unless STUDIO_PRIVATE_HOSTS lists {place}.").format(
            place=place
        )
    if parts.hostname == "localhost" or (is_literal(parts.hostname) and not is_global(parts.hostname)):
        return _("{place} is not on the public internet. An operator can list it in STUDIO_PRIVATE_HOSTS.").format(
            place=place
        )
    return ""


def is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def host_of(url: str) -> str:
    """Return what people are shown of an address: its host, and its port where that is not the usual one."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def envelope(delivery: Delivery, webhook: Webhook, now: datetime) -> tuple[Endpoint, Message]:
    """Return where a delivery goes and what goes there now. Raises Unusable."""
    parts = usable(webhook)
    endpoint = Endpoint(
        base_url=f"{parts.scheme}://{parts.netloc}",
        key="",
        private_hosts=settings.PRIVATE_HOSTS,
        user_agent=settings.USER_AGENT,
    )
    body = body_of(delivery, webhook)
    stamp = int(now.timestamp())
    headers = {
        "content-type": "application/json",
        "webhook-id": delivery.message_id,
        "webhook-timestamp": str(stamp),
        "webhook-signature": signatures(webhook.valid_secrets(now), delivery.message_id, stamp, body),
    }
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return endpoint, Message("POST", path, headers=headers, content=body, is_public=True)


def usable(webhook: Webhook) -> SplitResult:
    """Return a webhook's address in its parts. Raises Unusable for one that is not told anything (any more)."""
    if not (webhook.url and webhook.secret):
        raise Unusable("Its address and secret cannot be decrypted with STUDIO_FIELD_KEY. Add it again.")
    if problem := why_not(webhook.url):
        raise Unusable(problem)
    return urlsplit(webhook.url)


def signatures(secrets: Iterable[str], message_id: str, stamp: int, body: bytes) -> str:
    """Return the header `webhook-signature`: one signature a secret, the present one's first."""
    signed = f"{message_id}.{stamp}.".encode() + body
    found = []
    for secret in secrets:
        digest = hmac.new(b64decode(secret.removeprefix(PREFIX)), signed, hashlib.sha256).digest()
        found.append(f"v1,{b64encode(digest).decode()}")
    return " ".join(found)


def body_of(delivery: Delivery, webhook: Webhook) -> bytes:
    """Return the very bytes that are sent, and signed."""
    payload = delivery.payload
    if webhook.shape == Webhook.Shape.CHAT:
        payload = chat(delivery.kind, payload["data"])
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def chat(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    """Return a message that Slack and Mattermost read as `text` and Discord as `content`.

    No prompt can call a channel: Slack takes escaped brackets as text, the others a name that is cut after its @.
    """
    words = sentence(kind, data)
    escaped = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"text": escaped, "content": words, "allowed_mentions": {"parse": []}}


def sentence(kind: str, data: dict[str, Any]) -> str:
    if kind == TEST:
        return f"This is a test of the webhook “{quiet(data['webhook'])}”. It arrived. {data['page']}"
    head = CHAT_WORDS[kind].format(who=data["created_by"], model=data["model_label"])
    prompt = " ".join(data["prompt"].split())
    prompt = prompt if len(prompt) <= LONGEST_PROMPT else f"{prompt[: LONGEST_PROMPT - 1]}…"
    lines = [f"{quiet(head)}: “{quiet(prompt)}”", quiet(data["detail"][:LONGEST_PROMPT]), data["page"]]
    return "\n".join(line for line in lines if line)


def quiet(text: str) -> str:
    """Return text in which no @ calls anybody."""
    return text.replace("@", "@\u200b")
