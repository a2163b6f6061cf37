"""A team's webhooks, for its managers: add one, change it, try it, look what it was told, send that again."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from generations.forms.webhooks import ChangeWebhookForm, NewWebhookForm
from generations.lifecycle import webhooks as telling
from generations.models import Delivery, Membership, User, Webhook
from generations.models.webhooks import managed_teams
from generations.views.fragments import wants_fragment
from generations.views.paging import page_of

PAGE = 30


@require_http_methods(["GET", "HEAD", "POST"])
def webhooks(request: HttpRequest) -> HttpResponse:
    """Those there are, and the form for another one. Who manages no team is told who does."""
    if not managed_teams(request.user).exists():
        return render(request, "generations/webhooks.html", {"managers": managers_of(request.user)}, status=403)
    form = NewWebhookForm(request.POST or None, user=request.user)
    if request.method == "POST" and form.is_valid():
        webhook = form.save()
        messages.success(
            request,
            _("{name} is added. Send it a test, and give its secret to your program.").format(name=webhook.name),
        )
        return redirect(webhook)
    found = Webhook.objects.all().managed_by(request.user).select_related("team")
    context = {"form": form, "webhooks": found, "is_manager": True}
    return render(request, "generations/webhooks.html", context, status=422 if form.is_bound else 200)


def managers_of(user: User) -> list[str]:
    """Return the names of those who manage a team of this person's."""
    mine = Membership.objects.filter(user=user).values("team")
    managing = User.objects.filter(memberships__team__in=mine, memberships__role=Membership.Role.MANAGER)
    return list(managing.order_by("username").values_list("username", flat=True).distinct())


def managed(request: HttpRequest, pk: int) -> Webhook:
    """The one webhook a person asks for. Raises Http404 for one that is not theirs to manage."""
    return get_object_or_404(Webhook.objects.all().managed_by(request.user).select_related("team"), pk=pk)


@require_safe
def webhook(request: HttpRequest, pk: int) -> HttpResponse:
    """One webhook and the log of its deliveries, newest first."""
    return show(request, managed(request, pk))


def show(request: HttpRequest, found: Webhook, *, secret: str = "") -> HttpResponse:
    log = found.deliveries.select_related("generation")
    page = page_of(log, request.GET, size=PAGE, keep={})
    context = {"webhook": found, "page": page, "deliveries": page.rows, "secret": secret}
    context["is_live"] = any(row.is_waiting and not row.tries for row in page.rows)
    part = "#log" if wants_fragment(request) else ""
    return render(request, f"generations/webhook.html{part}", context)


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Change where and what one is told, and how. Its secret stays, so its program goes on as it is."""
    form = ChangeWebhookForm(request.POST or None, instance=managed(request, pk))
    if request.method == "POST" and form.is_valid():
        found = form.save()
        messages.success(request, _("{name} is changed. Its secret is the same as before.").format(name=found.name))
        return redirect(found)
    context = {"form": form, "webhook": managed(request, pk)}
    return render(request, "generations/webhook_change.html", context, status=422 if form.is_bound else 200)


@require_POST
@never_cache
def secret(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the signing secret: asked for by a POST, so that no address and no history leads to it."""
    found = managed(request, pk)
    return show(request, found, secret=found.secret or _("It cannot be decrypted. Change it."))


@require_POST
def rotate(request: HttpRequest, pk: int) -> HttpResponse:
    found = managed(request, pk)
    found.rotate()
    messages.success(request, _("It has a new secret. For a day the one before signs as well."))
    return redirect(found)


@require_POST
def test(request: HttpRequest, pk: int) -> HttpResponse:
    found = managed(request, pk)
    if found.disabled_at:
        messages.warning(request, _("It is switched off. Switch it on first."))
    else:
        telling.send_test(found)
        messages.success(request, _("A test is on its way. What came of it stands in the log."))
    return redirect(found)


@require_POST
def enable(request: HttpRequest, pk: int) -> HttpResponse:
    found = managed(request, pk)
    found.enable()
    messages.success(
        request, _("{name} is told again, from now on. What it missed can be sent again below.").format(name=found.name)
    )
    return redirect(found)


@require_POST
def disable(request: HttpRequest, pk: int) -> HttpResponse:
    found = managed(request, pk)
    words = _("Switched off by {name}.").format(name=request.user.get_username())
    if found.disable(words):
        messages.success(request, _("{name} is told nothing more until it is switched on.").format(name=found.name))
    return redirect(found)


@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    found = managed(request, pk)
    found.delete()
    messages.success(request, _("{name} is deleted, and its log with it.").format(name=found.name))
    return redirect("generations:webhooks")


@require_POST
def resend(request: HttpRequest, pk: int, uuid: UUID) -> HttpResponse:
    """Send once more, under the same id, what was delivered or given up, or waits for its next try."""
    found = managed(request, pk)
    delivery = get_object_or_404(Delivery, webhook=found, uuid=uuid)
    if found.disabled_at:
        messages.warning(request, _("It is switched off. Switch it on first."))
    elif not delivery.can_be_sent_again:
        messages.info(request, _("It is on its way already."))
    else:
        telling.resend(delivery)
        messages.success(request, _("It is sent again, under the same id."))
    return redirect(found)
