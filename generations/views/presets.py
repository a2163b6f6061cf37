"""Presets: prompts with {placeholders} that a team keeps, filled in and handed to the composer."""

from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from generations.forms.given import visible_generation, visible_prompt
from generations.models import Preset, Team
from generations.models.preset import filled, placeholders
from generations.models.prompt import normalise

MOST = 200


class PresetForm(forms.Form):
    name = forms.CharField(max_length=80)
    text = forms.CharField(
        max_length=20_000,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        label=gettext_lazy("Prompt"),
    )
    with_model = forms.BooleanField(required=False, label=gettext_lazy("Keep the model and its options too"))

    def clean_text(self) -> str:
        text = normalise(self.cleaned_data["text"])
        if not text:
            raise forms.ValidationError(_("Write what the video should show."))
        return text


@require_http_methods(["GET", "HEAD", "POST"])
def presets(request: HttpRequest) -> HttpResponse:
    """The team's presets, and a form for a new one: empty, or from a prompt, or from a video."""
    given = request.POST if request.method == "POST" else request.GET
    source = visible_generation(request.user, given.get("from", ""))
    prompt = source.prompt if source else visible_prompt(request.user, given.get("prompt_id", ""))
    form = PresetForm(initial={"text": prompt.text if prompt else ""})
    if request.method == "POST":
        form = PresetForm(request.POST)
        team = Team.objects.filter(memberships__user=request.user).order_by("memberships__pk").first()
        if team is None:
            form.add_error(None, _("You are not a member of a team yet. Ask an operator to add you to one."))
        if form.is_valid():
            keeps_model = source and form.cleaned_data["with_model"]
            preset = Preset(
                team=team,
                name=form.cleaned_data["name"],
                text=form.cleaned_data["text"],
                model_key=source.model_key if keeps_model else "",
                options=source.options if keeps_model else {},
                promoted_from=prompt if prompt and prompt.team_id == team.pk else None,
                created_by=request.user,
            )
            if kept(preset, form):
                messages.success(request, _("The preset {name} is kept for your team.").format(name=preset.name))
                return redirect(preset)
    found = Preset.objects.visible_to(request.user).select_related("created_by")[:MOST]
    context = {"form": form, "presets": found, "source": source, "prompt": prompt}
    return render(request, "generations/presets.html", context, status=422 if form.errors else 200)


def kept(preset: Preset, form: PresetForm) -> bool:
    """Save a preset; False, with the reason in the form, when its name is taken."""
    try:
        with transaction.atomic():
            preset.save()
    except IntegrityError:
        form.add_error("name", _("Your team has a preset of this name already."))
        return False
    return True


@require_http_methods(["GET", "HEAD", "POST"])
def preset(request: HttpRequest, pk: int) -> HttpResponse:
    """One preset: a field for each placeholder, and the way into the composer. A POST changes its words."""
    shown = get_object_or_404(Preset.objects.visible_to(request.user).select_related("created_by"), pk=pk)
    form = PresetForm(initial={"name": shown.name, "text": shown.text})
    if request.method == "POST":
        form = PresetForm(request.POST)
        if form.is_valid():
            shown.name, shown.text = form.cleaned_data["name"], form.cleaned_data["text"]
            if kept(shown, form):
                messages.success(request, _("Changed."))
                return redirect(shown)
    elif "use" in request.GET:
        values = {name: request.GET.get(f"of-{name}", "").strip() for name in shown.placeholders}
        if all(values.values()):
            return redirect(f"{reverse('generations:studio')}?{query_of(shown, values)}")
        missing = ", ".join(f"{{{name}}}" for name, value in values.items() if not value)
        messages.warning(request, _("Fill in {missing} first.").format(missing=missing))
    fields = [(name, request.GET.get(f"of-{name}", "")) for name in placeholders(shown.text)]
    context = {"preset": shown, "form": form, "fields": fields, "batch_query": urlencode({"template": shown.text})}
    return render(request, "generations/preset.html", context, status=422 if form.errors else 200)


def query_of(preset: Preset, values: dict[str, str]) -> str:
    """Return the composer's query of a preset with its places filled in."""
    query = {"prompt": filled(preset.text, values)}
    if preset.model_key:
        query |= {"model": preset.model_key, **texts_of(preset.options)}
    return urlencode(query, doseq=True)


def texts_of(options: dict) -> dict[str, object]:
    """Return options as the composer's address has them."""
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in options.items()}


@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Preset.objects.visible_to(request.user), pk=pk)
    found.delete()
    messages.success(request, _("The preset {name} is deleted. The videos made with it stay.").format(name=found.name))
    return redirect("generations:presets")
