"""Several at once: one prompt on several models, a batch, and one video once more."""

import secrets
from dataclasses import replace
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from generations.forms.batch import BatchForm
from generations.forms.several import PRICE_ROSE, NoGateway, SeveralForm
from generations.lifecycle.again import CannotRepeat, order_again
from generations.lifecycle.begin import Dearer, begin
from generations.specs import Agreed
from generations.views.bulk import several as several_words
from generations.views.detail import visible
from generations.views.studio import SEEN, SEEN_GROUP, SWITCHES


@require_http_methods(["GET", "HEAD", "POST"])
def models(request: HttpRequest) -> HttpResponse:
    """The same prompt on several models: tick them, look at each one's options and the total, then send them all."""
    is_post = request.method == "POST"
    form = SeveralForm(request.POST if is_post else request.GET, request.FILES, user=request.user)
    if not is_post or not SWITCHES.isdisjoint(request.POST):
        form.show()
        status = 200
    elif form.is_valid() and has_seen(request, form) and (answer := save(request, form)):
        return answer
    else:
        status = 422
    return render(request, "generations/several.html", {"form": form, "seen": seen_words(form)}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def batch(request: HttpRequest) -> HttpResponse:
    """A table or placeholders: the first press checks all of it and says the price, the second sends it.

    What was changed since it was checked is checked again before anything is spent.
    """
    is_post = request.method == "POST"
    form = BatchForm(request.POST if is_post else request.GET, request.FILES, user=request.user)
    form.token = form.token or secrets.token_urlsafe(16)
    if not is_post or "switch" in request.POST:
        return render(request, "generations/batch.html", {"form": form})
    is_checked = form.is_valid()
    status = 200 if is_checked else 422
    if is_checked and "generate" in request.POST:
        if has_seen(request, form) and (answer := save(request, form)):
            return answer
        status = 422
    context = {"form": form, "is_checked": is_checked}
    if is_checked:
        context |= {"price": form.price_words, "seen": seen_words(form)}
    return render(request, "generations/batch.html", context, status=status)


def has_seen(request: HttpRequest, form: SeveralForm | BatchForm) -> bool:
    """Say whether the person saw what this costs, and how many; else add the sentence that says what it is now."""
    now = seen_words(form)
    before = request.POST.get("seen", "")
    if before == now:
        return True
    form.errors.append(PRICE_ROSE.format(now=now, before=before or _("not known yet")))
    return False


def seen_words(form: SeveralForm | BatchForm) -> str:
    count = len(form.members)
    return f"{several_words(count)}, {form.price_words}"


def save(request: HttpRequest, form: SeveralForm | BatchForm) -> HttpResponse | None:
    """Send them all and lead to their group; None, with the reason in the form, when nobody offers a model."""
    try:
        group, is_new = form.save()
    except NoGateway as error:
        form.errors.append(str(error))
        return None
    if not is_new:
        messages.info(request, SEEN_GROUP)
    # htmx would swap the group's page into this one.
    return HttpResponseClientRedirect(group.get_absolute_url()) if request.htmx else redirect(group)


@require_POST
def retry(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Ask for one video once more: a new row, linked to the old one, for no more than the button said."""
    source = visible(request, uuid)
    token = request.POST.get("form_token", "")[:40] or secrets.token_urlsafe(16)
    agreed = Agreed.read(request.POST.get("shown_price", ""))
    try:
        generation, is_new = begin(replace(order_again(source, request.user, token=token), agreed=agreed))
    except CannotRepeat as error:
        messages.warning(request, _("It cannot be made again as it was: {error}.").format(error=error))
        return redirect(f"{reverse('generations:studio')}?from={source.uuid}")
    except Dearer as error:
        messages.warning(request, PRICE_ROSE.format(now=error.now.words, before=error.before.words))
        return redirect(source)
    except NoGateway as error:
        messages.warning(request, str(error))
        return redirect(source)
    if not is_new:
        messages.info(request, SEEN)
    return redirect(generation)
