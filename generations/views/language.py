"""The language of the pages: kept in a cookie, and with the person for whenever they sign in elsewhere."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from generations.models import User
from generations.views.back import back
from videostudio.language import keep


@login_not_required
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    chosen = request.POST.get("language", "")
    response = back(request)
    if chosen in dict(settings.LANGUAGES):
        keep(response, chosen)
        if request.user.is_authenticated:
            User.objects.filter(pk=request.user.pk).update(language=chosen)
    return response
