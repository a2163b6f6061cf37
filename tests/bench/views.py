"""What the bench adds to the site it measures; the product knows nothing of it."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase

COUNT = "X-Count-Statements"


@login_not_required
def five_bytes(request: HttpRequest) -> HttpResponse:
    """The least a view can do behind the full middleware: its processor time is H."""
    return HttpResponse(b"bench")


def count_statements(get_response: Callable[[HttpRequest], HttpResponseBase]):
    """Say in a header how many statements a request took, when it asks so. BEGIN is none: PostgreSQL sends no such."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if COUNT not in request.headers:
            return get_response(request)
        seen: list[str] = []

        def note(execute: Callable[..., Any], statement: str, *rest: Any) -> Any:
            seen.append(statement)
            return execute(statement, *rest)

        with connection.execute_wrapper(note):
            response = get_response(request)
        response[COUNT] = str(sum(1 for statement in seen if not statement.startswith("BEGIN")))
        return response

    return middleware
