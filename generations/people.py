"""Signing in: who may, and what happens the first time."""

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver


class StudioAccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request) -> bool:
        """Operators add people in the admin; nobody signs up."""
        return False


@receiver(user_logged_in, dispatch_uid="forget_initial_password")
def forget_initial_password(user, **kwargs) -> None:
    """Remove the note with the first account's generated password once it has been used."""
    if user.get_username() == settings.FIRST_ACCOUNT["username"]:
        settings.INITIAL_PASSWORD_FILE.unlink(missing_ok=True)
