"""What a fresh installation needs before anybody signs in: a team, an account, gateways."""

import os
import secrets
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import transaction

from generations.fields import LockedText
from generations.lifecycle import listing
from generations.models import Gateway, Team, User
from generations.models.gateway import LOCKED_KEY, NO_KEY
from videostudio.environment import make_private

COMETAPI_OFFERS = [
    *("grok", "happyhorse", "kling", "omni", "runway", "seedance", "sora", "veo", "vidu"),
    *("wan/wan2.6", "wan/wan2.7"),
]
# What earlier releases gave a gateway: a row that nobody changed since follows to what is known by now.
EARLIER_OFFERS = {"cometapi": [["omni", "veo", "wan/wan2.6", "wan/wan2.7"]]}
COMPUTEVAULT_OFFERS = ["wan/wan2.5-t2v-preview", "wan/wan2.6-t2v"]
LISTS_MODELS = "cometapi"


def prepare() -> list[str]:
    """Make what is missing and follow the environment. Returns what was done, a sentence each."""
    lines = []
    with transaction.atomic():
        Team.objects.default()
        lines += ensure_first_account()
        lines += seed_gateways()
        listing.close_known()
    return lines


def ensure_first_account() -> list[str]:
    """Make the first account while there is none; a generated password is kept in a file until it is used.

    Raises ImproperlyConfigured when the environment says of it what no account can have.
    """
    if User.objects.exists():
        return []
    account = settings.FIRST_ACCOUNT
    user = User(username=account["username"], email=account["email"])
    for name in ("username", "email"):
        if said := faults(user._meta.get_field(name).clean, getattr(user, name), user):
            raise ImproperlyConfigured(f"The first account cannot have this STUDIO_ADMIN_{name.upper()}. {said}")
    weakness = faults(validate_password, account["password"], user) if account["password"] else ""
    password = account["password"] or secrets.token_urlsafe(12)
    User.objects.create_superuser(account["username"], account["email"], password)
    if account["password"]:
        lines = [f"The first account is {account['username']}, with the password of STUDIO_ADMIN_PASSWORD."]
        if weakness:
            lines.append(f"That password is weak: change it before others can reach the studio. {weakness}")
        return lines
    path = settings.INITIAL_PASSWORD_FILE
    make_private(path.parent)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(f"{password}\n")
    return [
        f"The first account is {account['username']}, its password {password}",
        f"(also in {path} until its first use).",
    ]


def faults(judge: Callable[..., object], *what: object) -> str:
    """Return in words why a field or a password is refused, as the admin would say it; "" when it is not."""
    try:
        judge(*what)
    except ValidationError as error:
        return " ".join(error.messages)
    return ""


def seed_gateways() -> list[str]:
    """Make each gateway the environment names, let its key and address follow it, and look at every key."""
    lines = []
    sandbox = {"key_source": Gateway.KeySource.SANDBOX, "priority": 1000, "max_creates": 8}
    Gateway.objects.get_or_create(name="sandbox", defaults=sandbox)
    for name, source, offers in (
        ("cometapi", settings.COMETAPI, COMETAPI_OFFERS),
        ("computevault", settings.COMPUTEVAULT, COMPUTEVAULT_OFFERS),
    ):
        if source["key"]:
            lines += follow_environment(name, source["key"], source["base_url"], offers)
    return lines + look_at_keys()


def follow_environment(name: str, key: str, base_url: str, offers: list[str]) -> list[str]:
    """Make or update one gateway. A key typed in the admin is never overwritten."""
    gateway, is_new = Gateway.objects.get_or_create(
        name=name,
        defaults={
            "key": key,
            "base_url": base_url,
            "offers": offers,
            "key_source": Gateway.KeySource.ENVIRONMENT,
            "lists_models": name == LISTS_MODELS,
        },
    )
    if is_new:
        return [f"Gateway {name} added: {base_url}"]
    lines = []
    if gateway.offers in EARLIER_OFFERS.get(name, []):
        gateway.offers = offers
        gateway.save(update_fields=["offers"])
        lines.append(f"Gateway {name} offers the models that came since.")
    is_same = (gateway.key, gateway.base_url) == (key, base_url) and not isinstance(gateway.key, LockedText)
    if gateway.key_source != Gateway.KeySource.ENVIRONMENT or is_same:
        return lines
    gateway.key, gateway.base_url = key, base_url
    gateway.paused_reason, gateway.paused_until = "", None
    gateway.save()
    return [*lines, f"Gateway {name} follows the environment again: {base_url}"]


def look_at_keys() -> list[str]:
    """Pause each gateway whose stored key cannot be opened, and end such a pause once it can."""
    lines = []
    for gateway in Gateway.objects.real().exclude(key=""):
        if problem := gateway.key_problem:
            gateway.pause(problem)
            lines.append(f"Gateway {gateway.name} is paused. {problem}")
        elif gateway.paused_reason in {LOCKED_KEY, NO_KEY}:
            gateway.resume()
            lines.append(f"Gateway {gateway.name} works again: its key can be used.")
    return lines
