"""One's own tokens for programs: made, shown once, revoked."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from generations.forms.tokens import TokenForm
from generations.models import ApiToken

MOST_TOKENS = 50


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """The list, and the form. A new token stands in the answer to its POST, and nowhere else ever again."""
    mine = ApiToken.objects.filter(user=request.user)
    form = TokenForm(request.POST or None) if request.method == "POST" else TokenForm()
    secret = ""
    if request.method == "POST" and form.is_valid():
        if mine.usable().count() >= MOST_TOKENS:
            form.add_error(
                None, _("You have {most_tokens} tokens that work. Revoke one first.").format(most_tokens=MOST_TOKENS)
            )
        else:
            __, secret = ApiToken.objects.issue(user=request.user, **form.fields_of_token())
            form = TokenForm()
    context = {"form": form, "tokens": mine, "secret": secret}
    return render(request, "account/tokens.html", context, status=422 if form.errors else 200)


@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a token useless from the next request on."""
    token = get_object_or_404(ApiToken, pk=pk, user=request.user)
    token.revoke()
    messages.success(request, _("Revoked: {name} opens nothing any more.").format(name=token.name))
    return redirect("generations:tokens")
