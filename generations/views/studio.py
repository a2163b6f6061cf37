"""The studio: the composer, and one's own newest work under it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import reswap

from generations.forms import Dearer, GenerationForm, NoGateway
from generations.models import Generation, Group
from generations.models.recall import similar_to
from generations.views.fragments import wants_fragment
from videostudio.middleware import in_background

NEWEST = 12
SEEN = gettext_lazy("This is the same generation as before: the form was sent twice.")
SEEN_GROUP = gettext_lazy("These are the same videos as before: the form was sent twice.")
SECOND = gettext_lazy(
    "This form had been used before. Its content was different this time, so this is a new generation."
)
# Buttons of the composer that change the form and ask for no video. None may be named like a property of a form in
# the browser: one named "remove" hides form.remove(), which htmx needs.
SWITCHES = frozenset({"switch", "discard", "undo"})
# Sent by our own page, which needs of a fresh form only what is new in it. Others get the whole one.
KEEP_FORM = "X-Keep-Form"


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def studio(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return show(request, GenerationForm.prefilled(request.GET, user=request.user), part="#switched")
    if not SWITCHES.isdisjoint(request.POST):
        return show(request, GenerationForm.switched(request), part="#composer")
    form = GenerationForm.posted(request)  # an unknown model is an error, never another model
    if not form.is_valid():
        return show(request, form, part="#composer", status=422)
    try:
        if form.copies_wanted > 1:
            return created_copies(request, form, *form.save_copies())
        generation, is_new = form.save()  # row, reservation, event and queue message in one transaction
    except (NoGateway, Dearer) as error:
        form.add_error("model" if isinstance(error, NoGateway) else None, str(error))
        return show(request, form, part="#composer", status=422)
    return created(request, form, generation, is_new)


@in_background
@require_safe
def price(request: HttpRequest) -> HttpResponse:
    """What the button will cost with the options as they are now, and what was seen of others like it."""
    form = GenerationForm.of_choice(request.GET, user=request.user)
    return render(request, "generations/studio.html#priced", {"form": form, "is_choice_apart": True})


def created(request: HttpRequest, form: GenerationForm, generation: Generation, is_new: bool) -> HttpResponse:
    """Lead to the generation, or add its card to the page that htmx is on."""
    notice = SEEN if not is_new else SECOND if form.was_used_before else ""
    if not request.htmx:
        if notice:
            messages.info(request, notice)
        return redirect(generation)
    fresh = form.afresh(generation)
    context = {"form": fresh, "generation": generation, "is_new": is_new, "notice": notice}
    if notice or KEEP_FORM not in request.headers or not form.stands_as(fresh):
        return render(request, "generations/studio.html#created", context)
    answer = render(request, "generations/studio.html#added", context | {"is_apart": True})
    return reswap(answer, "none")  # beside the parts that name their place


def created_copies(request: HttpRequest, form: GenerationForm, group: Group, is_new: bool) -> HttpResponse:
    """Lead to the group's page, or add its cards to the page that htmx is on."""
    if not request.htmx:
        if not is_new:
            messages.info(request, SEEN_GROUP)
        return redirect(group)
    made = list(Generation.objects.visible_to(request.user).filter(group=group).newest().for_cards())
    context = {"made": made, "is_new": is_new, "group": group, "notice": "" if is_new else SEEN_GROUP}
    context["form"] = form.afresh(made[0]) if made else form  # another deleted them all in the meantime
    return render(request, "generations/group.html#created", context)


def show(request: HttpRequest, form: GenerationForm, *, part: str, status: int = 200) -> HttpResponse:
    """Return the page, or only the part of it that htmx asked for."""
    if wants_fragment(request):
        context = {"form": form, "is_switch": part == "#switched"}
        return render(request, f"generations/studio.html{part}", context, status=status)
    own = Generation.objects.visible_to(request.user).filter(created_by=request.user).newest().for_cards()
    generations = list(own[:NEWEST])
    context = {"form": form, "generations": generations, "is_live": any(row.is_active for row in generations)}
    if prompt := form["prompt"].value():  # nobody's words yet need no looking up
        context["similar"] = similar_to(request.user, prompt)
    return render(request, "generations/studio.html", context, status=status)
