"""Health for machines, and the pages for when something went wrong."""

import sys

from allauth.account import views as account
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.template import loader
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from generations.lifecycle.persistence import is_away, is_full
from generations.readiness import problems


@login_not_required
@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Say that this process answers, and nothing else."""
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Say whether the whole studio can work: 200, or 503 with what is missing."""
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
        found = ["migrations are pending"] if pending else problems()
    except Error:
        found = ["the database does not answer"]
    return JsonResponse({"ready": not found, "problems": found}, status=503 if found else 200)


@login_not_required
@never_cache
def password_reset(request: HttpRequest) -> HttpResponseBase:
    """Send a link for a new password where mail is set up, else say who can help."""
    if settings.EMAIL_CONFIGURED:
        return account.password_reset(request)
    return render(request, "account/password_reset.html")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django refuses to read: too long a text has a page of its own."""
    if isinstance(exception, RequestDataTooBig):
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 2**20
        return render(request, "413.html", {"limit": limit, "is_text": True}, status=413)
    return render(request, "400.html", status=400)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer an exception: 503 while database or disk take nothing, which passes, else 500. No trace, no queries."""
    error = sys.exception()
    if is_away(error) or is_full(error):
        page = loader.get_template("503.html").render({"is_full": is_full(error)})
        return HttpResponse(page, status=503, headers={"Retry-After": "5"})
    return HttpResponse(loader.get_template("500.html").render({}), status=500)
