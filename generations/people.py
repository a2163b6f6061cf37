"""Signing in: who may, how often it may be tried, and what happens the first time."""

import logging
import math
import time
from functools import cache
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.core import context
from allauth.core.internal import ratelimit
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_permission_codename
from django.contrib.auth.signals import user_logged_in
from django.core.cache import cache as counted
from django.core.exceptions import ValidationError
from django.dispatch import receiver
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import ngettext

from generations.models import User
from generations.models.prepared import Rows

log = logging.getLogger(__name__)

APP, ACTION = "allauth.account", "login_failed"  # as allauth counts tries

PERSON = Rows(User, lambda pk: User.objects.filter(pk=pk), pk=int)
# What being an operator does not bring with it: a superuser gives it to each person, because it may cost twice.
GIVEN_BY_HAND = frozenset({"generations.send_again"})


def is_operator(user: User) -> bool:
    """Say whether this person does an operator's work: staff status alone is enough."""
    return user.is_active and user.is_staff


@cache
def operators_rights() -> frozenset[str]:
    """Return what every operator may: whatever there is to do in the studio, and nothing of Django's own groups."""
    rights = set()
    for model in apps.get_app_config("generations").get_models():
        meta = model._meta
        rights |= {get_permission_codename(action, meta) for action in meta.default_permissions}
        rights |= {codename for codename, _ in meta.permissions}
    return frozenset(f"generations.{codename}" for codename in rights) - GIVEN_BY_HAND


class StudioBackend(AuthenticationBackend):
    """Who is signed in, and what they may: an operator has rights without a group that somebody would have to make."""

    def has_perm(self, user_obj, perm: str, obj=None) -> bool:
        """Say whether a person may; of an operator's own rights the database is not asked."""
        if obj is None and is_operator(user_obj) and perm in operators_rights():
            return True
        return super().has_perm(user_obj, perm, obj)

    def get_all_permissions(self, user_obj, obj=None) -> set[str]:
        found = super().get_all_permissions(user_obj, obj)
        return found | operators_rights() if obj is None and is_operator(user_obj) else found

    def get_user(self, user_id: int) -> User | None:
        """Return who is signed in, as Django would: by a prepared statement, since every page asks."""
        person = PERSON.first(pk=user_id)
        return person if person and self.user_can_authenticate(person) else None


class StudioAccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request) -> bool:
        """Operators add people in the admin; nobody signs up."""
        return False

    def is_safe_url(self, url: str | None) -> bool:
        """Say whether a sign-in may lead there: to this very site, by any text, however broken."""
        return url_has_allowed_host_and_scheme(url, allowed_hosts={context.request.get_host()})

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Return the link for a message: at the address people type, whatever host the request named."""
        return f"{settings.STUDIO_URL}{urlsplit(super().get_reset_password_from_key_url(key)).path}"

    def get_password_change_redirect_url(self, request) -> str:
        """Lead back to the studio, which says that it is done: an empty form again would look like a refusal."""
        return resolve_url("generations:studio")

    def format_email_subject(self, subject: str) -> str:
        return subject

    def send_mail(self, template_prefix: str, email: str, context: dict[str, object]) -> None:
        """Send a message. When that fails, only operators are told: an error page would say whose account exists."""
        try:
            super().send_mail(template_prefix, email, context)
        except OSError:  # what smtplib raises, too
            log.exception("a message could not be sent; check EMAIL_URL")

    def pre_authenticate(self, request, **credentials: object) -> None:
        """Refuse too many tries, and say for how long: nothing that is tried meanwhile makes it longer."""
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError as error:
            minutes = self._minutes_to_wait(request, self._get_login_attempts_cache_key(request, **credentials))
            words = ngettext(
                "Too many failed tries to sign in. Try again in %(minutes)s minute.",
                "Too many failed tries to sign in. Try again in %(minutes)s minutes.",
                minutes,
            )
            raise ValidationError(words % {"minutes": minutes}, code=error.code) from error

    def _minutes_to_wait(self, request, key: str) -> int:
        """Return after how many minutes there is room for a try: when the oldest of as many as may be is forgotten."""
        waits = [1.0]  # seconds
        for rate in ratelimit.get_rates(app=APP, action=ACTION):
            history = counted.get(ratelimit.get_cache_key(request, app=APP, action=ACTION, rate=rate, key=key), [])
            if len(history) >= rate.amount:  # the newest first
                waits.append(history[rate.amount - 1] + rate.duration - time.time())
        return math.ceil(max(waits) / 60)

    def _get_login_attempts_cache_key(self, request, **credentials) -> str:
        """Count attempts by account alone: the host, which allauth adds, can be spelled with any port."""
        return credentials.get("username", "").lower()


@receiver(user_logged_in, dispatch_uid="forget_initial_password")
def forget_initial_password(user, **kwargs) -> None:
    """Remove the note with the first account's generated password once it has been used."""
    if user.get_username() == settings.FIRST_ACCOUNT["username"]:
        settings.INITIAL_PASSWORD_FILE.unlink(missing_ok=True)


@receiver(user_logged_in, dispatch_uid="follow_language")
def follow_language(request, user, **kwargs) -> None:
    """Let the browser go on in the language this person chose anywhere; the middleware writes it down."""
    request.language_to_keep = user.language
