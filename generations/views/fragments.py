"""When a page is asked for as a part of itself."""

from django.http import HttpRequest


def wants_fragment(request: HttpRequest) -> bool:
    """Say whether htmx asks for a part. Going back in its history it asks for the whole page."""
    return bool(request.htmx) and not request.htmx.history_restore_request
