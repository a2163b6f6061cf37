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
        parser.add_argument("--rate", type=int, help="requests a minute")
        parser.add_argument("--at-once", type=int, help="unfinished videos at once")

    def handle(self, *, username: str, name: str, scopes: list[str], days: int | None, **options) -> None:
        user = User.objects.filter(username=username, is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active person called {username!r}.")
        if days is not None and not 1 <= days <= 36500:
            raise CommandError("--days must be at least 1.")
        limits = {limit: options[limit] for limit in ("rate", "at_once") if options[limit] is not None}
        if any(not 1 <= value <= 1_000_000 for value in limits.values()):
            raise CommandError("--rate and --at-once must be 1 to 1000000.")
        expires_at = timezone.now() + timedelta(days=days) if days else None
        kept = [scope for scope in SCOPES if scope in scopes]
        fields = {"name": name[:100], "scopes": kept, "expires_at": expires_at, **limits}
        _, secret = ApiToken.objects.issue(user=user, **fields)
        self.stdout.write(secret)
