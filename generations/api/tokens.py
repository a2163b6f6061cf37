"""Who asks: `Authorization: Bearer vs_...`, and nothing else. A session opens nothing here."""

import math

from django.http import HttpRequest
from ninja.security import HttpBearer

from generations.api.problems import Problem
from generations.api.rates import RATES, Bucket
from generations.models import ApiToken, User
from generations.models.tokens import PREFIX, Caller

WWW = {"WWW-Authenticate": 'Bearer realm="VideoStudio"'}
LONGEST = 200
HOW = "Send the header 'Authorization: Bearer vs_...' with a token from the page /account/tokens/."


class Token(HttpBearer):
    """Lets in who shows a usable token with this scope; the request's `auth` is the Caller then."""

    openapi_description = "A token from /account/tokens/ or `manage.py create_token`."

    def __init__(self, scope: str) -> None:
        super().__init__()
        self.scope = scope

    def __call__(self, request: HttpRequest) -> Caller:
        kind, _, secret = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if kind.lower() != "bearer" or not secret.strip():
            raise Problem(401, "missing_token", f"This needs a token. {HOW}", headers=WWW)
        return self.authenticate(request, secret.strip())

    def authenticate(self, request: HttpRequest, token: str) -> Caller:
        is_ours = token.startswith(PREFIX) and len(token) <= LONGEST and token.isascii()
        caller = ApiToken.objects.all().caller(token) if is_ours else None
        if caller is None:
            raise Problem(401, "invalid_token", f"This token is unknown, expired or revoked. {HOW}", headers=WWW)
        self.count(request, caller)
        ApiToken.objects.all().note_use(caller)
        if self.scope not in caller.scopes:
            has = ", ".join(caller.scopes) or "none"
            words = f"This token lacks the scope '{self.scope}'; it has {has}. Use one that has it."
            raise Problem(403, "missing_scope", words)
        return caller

    def count(self, request: HttpRequest, caller: Caller) -> None:
        standing = RATES.take(buckets_of(caller))
        if standing is None:
            return
        request.rate_headers = standing.headers()
        if standing.wait:
            seconds = math.ceil(standing.wait)
            words = f"More than {standing.limit} requests a minute. Send this again in {seconds} s."
            raise Problem(429, "rate_limit_exceeded", words, headers={"Retry-After": str(seconds)})


def buckets_of(caller: Caller) -> list[Bucket]:
    """Return what limits a caller's requests: its token's rate and its person's, as far as there are any."""
    limits = (
        (ApiToken, caller.token_id, caller.rate, caller.spent_until),
        (User, caller.user_id, caller.person_rate, caller.person_spent_until),
    )
    return [Bucket(owner, pk, rate, spent_until) for owner, pk, rate, spent_until in limits if rate is not None]
