"""Sessions, as Django keeps them in the database; reading one is a prepared statement, since every page does."""

from datetime import datetime

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.utils import timezone

from generations.models.prepared import Rows

LIVING = Rows(
    Session,
    lambda key, now: Session.objects.filter(session_key=key, expire_date__gt=now),
    key=str,
    now=datetime,
)


class SessionStore(db.SessionStore):
    def _get_session_from_db(self) -> Session | None:
        """Return the row of this session; for none, or one that is over, None, and its key is forgotten."""
        found = LIVING.first(key=self.session_key, now=timezone.now())
        if found is None:
            self._session_key = None
        return found
