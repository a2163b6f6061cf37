"""`manage.py create_token USERNAME`: a token for a person, on standard output alone."""

from datetime import timedelta

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from generations.models import ApiToken, User
from generations.models.tokens import SCOPES


class Command(BaseCommand):
    help = "Makes an API token for a person and prints it, and nothing else. It is not stored and never shown again."

    def add_arguments(self, parser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", default="made by an operator", help="where it is used")
        parser.add_argument("--scopes", nargs="+", choices=list(SCOPES), default=list(SCOPES), metavar="SCOPE")
        parser.add_argument("--days", type=int, help="how long it lasts; it does not expire without")

    def handle(self, *, username: str, name: str, scopes: list[str], days: int | None, **options) -> None:
        user = User.objects.filter(username=username, is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active person called {username!r}.")
        if days is not None and not 1 <= days <= 36500:
            raise CommandError("--days must be at least 1.")
        expires_at = timezone.now() + timedelta(days=days) if days else None
        kept = [scope for scope in SCOPES if scope in scopes]
        _, secret = ApiToken.objects.issue(user=user, name=name[:100], scopes=kept, expires_at=expires_at)
        self.stdout.write(secret)
