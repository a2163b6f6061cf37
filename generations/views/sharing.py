"""Links for people outside: made, withdrawn, and what whoever has one sees."""

import hashlib
import hmac
import re
from collections.abc import Callable
from functools import wraps
from uuid import UUID

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.csp import CSP
from django.utils.translation import gettext as _
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from generations.forms.watching import ShareForm
from generations.models import Generation, ShareLink
from generations.models.watching import token_digest
from generations.toasts import toast
from generations.views import around, detail, media

HOUR = 3600
# No script, no form, nobody else's anything.
POLICY = {
    "default-src": [CSP.NONE],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF],
    "media-src": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "form-action": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}
# Programs that fetch a page because somebody pasted its address, or to index it.
BOTS = re.compile(
    r"bot\b|bot/|crawl|spider|slurp|preview|externalhit|facebookcatalog|whatsapp|telegram|skype|headless|lighthouse"
    r"|curl|wget|python|httpx|okhttp|java/|go-http|node|axios|scrapy|monitor|scan|fetch|embed|archiver",
    re.I,
)


# Inside


@require_POST
@vary_on_headers("HX-Request")
def share(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Make a link to a video that is ready."""
    generation = detail.visible(request, uuid)
    form = ShareForm(request.POST)
    if not form.is_valid():
        return answer(request, generation, status=422, share_form=form)
    if not generation.is_ready:
        return answer(request, generation, status=422, share_problem=_("There is no video to show yet."))
    now = timezone.now()
    ShareLink.objects.create(
        generation=generation,
        created_by=request.user,
        created_at=now,
        expires_at=now + form.lifetime,
        shows_prompt=form.cleaned_data["shows_prompt"],
    )
    return answer(request, generation)


@require_POST
@vary_on_headers("HX-Request")
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Withdraw a link, for good: anybody of the team may."""
    seen = Generation.objects.visible_to(request.user)
    link = get_object_or_404(ShareLink.objects.select_related("generation"), pk=pk, generation__in=seen)
    open_one = ShareLink.objects.filter(pk=link.pk, revoked_at=None)
    if open_one.update(revoked_at=timezone.now(), revoked_by=request.user):
        toast(request, _("The link is withdrawn. Whoever opens it sees that, and nothing else."))
    return answer(request, detail.visible(request, link.generation.uuid))


def answer(request: HttpRequest, generation: Generation, *, status: int = 200, **context) -> HttpResponse:
    if not request.htmx and status == 200:
        return HttpResponseRedirect(f"{generation.get_absolute_url()}{around.kept_from(request)}#share")
    part = "generations/_share.html" if request.htmx else "generations/detail.html"
    shown = detail.detail_context(request, generation) | {"with_toasts": bool(request.htmx)} | context
    return render(request, part, shown, status=status)


# Outside


def for_anybody(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A view that needs no sign-in, is not indexed, and tells nobody where its visitor came from."""

    @login_not_required
    @csp_override(POLICY)
    @require_safe
    @wraps(view)
    def wrapped(request: HttpRequest, *args, **kwargs) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive, noimageindex"
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return wrapped


def found_link(token: str) -> ShareLink | None:
    links = ShareLink.objects.select_related("generation__prompt", "generation__gateway")
    return links.filter(digest=token_digest(token)).first()


@for_anybody
def shared(request: HttpRequest, token: str) -> HttpResponse:
    """The public page: the video, and the prompt if the link shows it. 404 for no link, 410 for one that is closed."""
    link = found_link(token)
    if link is None:
        return closed(request, _("There is no such link. Check that it was copied whole."), status=404)
    if why := link.why_closed:
        return closed(request, why, status=410)
    if counts(request, link):
        ShareLink.objects.filter(pk=link.pk).update(views=F("views") + 1, viewed_at=timezone.now())
    return render(request, "generations/shared.html", {"link": link, "generation": link.generation, "token": token})


def closed(request: HttpRequest, why: str, *, status: int) -> HttpResponse:
    return render(request, "generations/shared_closed.html", {"why": why, "status": status}, status=status)


@for_anybody
def shared_video(request: HttpRequest, token: str) -> HttpResponseBase:
    """The file in pieces, as players ask for it. Whole downloads are the team's: they hold a thread each."""
    generation = open_generation(token)
    name = f"video.{generation.file.rpartition('.')[2]}"
    return media.serve(request, generation.file, etag=generation.sha256, filename=name, cache_control=REVALIDATE)


@for_anybody
def shared_poster(request: HttpRequest, token: str) -> HttpResponseBase:
    generation = open_generation(token)
    if not generation.poster:
        raise Http404
    etag = f"{generation.sha256}-poster"
    return media.serve(request, generation.poster, etag=etag, filename="poster.webp", cache_control=REVALIDATE)


REVALIDATE = "private, no-cache"  # a link that is withdrawn closes at once, also for what a browser has kept


def open_generation(token: str) -> Generation:
    """Return what an open link shows. Raises Http404 for every other."""
    link = found_link(token)
    if link is None or link.why_closed:
        raise Http404
    return link.generation


def counts(request: HttpRequest, link: ShareLink) -> bool:
    """Say whether this is a visit to be counted: by a person, once an hour.

    Nothing of a visitor is stored: a keyed hash of address and browser stays in the cache for the hour.
    """
    agent = request.headers.get("User-Agent", "")
    is_early = "prefetch" in request.headers.get("Sec-Purpose", request.headers.get("Purpose", ""))
    if request.method != "GET" or is_early or not agent or BOTS.search(agent):
        return False
    visitor = f"{link.pk} {address_of(request)} {agent}"
    name = hmac.new(settings.SECRET_KEY.encode(), visitor.encode(), hashlib.sha256).hexdigest()
    try:
        return cache.add(f"share-view-{name}", True, HOUR)
    except OSError:  # a full disk keeps nobody from the video
        return False


def address_of(request: HttpRequest) -> str:
    """Return the visitor's address as the sign-in limits see it; "" when the proxy did not name one."""
    try:
        return get_adapter().get_client_ip(request)
    except PermissionDenied:
        return ""
