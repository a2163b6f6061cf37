"""The composer: what is asked for one video, built from a video model's own options."""

import secrets
from collections.abc import Iterable, Mapping
from functools import cached_property
from urllib.parse import urlencode

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Exists, QuerySet
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from generations.carry import Change, carry
from generations.forms.choosing import (
    Choices,
    find_model,
    instead_of,
    last_or_first,
    not_choosable,
)
from generations.forms.costing import Costing, cost_of
from generations.forms.fields import OptionField
from generations.forms.given import (
    CANNOT_BE_SENT,
    BadPrompt,
    given_options,
    is_token,
    read_prompt,
    visible_generation,
    visible_prompt,
)
from generations.forms.images import Images
from generations.lifecycle.begin import Dearer, NoGateway, Order, begin
from generations.lifecycle.remixing import order_source
from generations.lifecycle.together import begin_group
from generations.models import Generation, Group, Prompt, Team, Upload, User
from generations.models.prepared import Statement, loaded
from generations.specs import (
    Agreed,
    Flag,
    ImageFile,
    ImageFiles,
    OptionErrors,
    VideoModel,
    is_absent,
    parse_integer,
)

__all__ = ["Dearer", "GenerationForm", "NoGateway"]

MOST_COPIES = 10
NO_GATEWAY = gettext_lazy("No gateway is set up; an operator can add one.")


class GenerationForm(Images, Costing, forms.Form):
    """What the composer asks for one video: bound to a POST, or made by one of the ways below.

    `problems` are sentences about what could not be shown as it was asked for; `changes` name each option
    that became another one, and `undo` is the query of the form as it was before.
    """

    model = forms.Field(required=False)
    prompt = forms.CharField(
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"null_characters_not_allowed": CANNOT_BE_SENT},
    )
    form_token = forms.Field(required=False, widget=forms.HiddenInput)
    parent = forms.Field(required=False, widget=forms.HiddenInput)
    base = forms.Field(required=False, widget=forms.HiddenInput)  # the prompt that this one is edited from
    copies = forms.Field(required=False)

    def __init__(
        self,
        data: QueryDict | None = None,
        files: MultiValueDict[str, UploadedFile] | None = None,
        *,
        user: User,
        video_model: VideoModel | None,
        model_error: str = "",
        values: Mapping[str, object] | None = None,
        prompt: str = "",
        parent: str = "",
        base: str = "",
        copies: str = "",
        token: str = "",
        changes: Iterable[Change] = (),
        undo: str = "",
        problems: Iterable[str] = (),
        choices: Choices | None = None,
    ) -> None:
        super().__init__(data, files)
        self.user = user
        self.video_model, self.model_error = video_model, model_error
        self.changes, self.undo, self.problems = tuple(changes), undo, list(problems)
        self.given = given_options(data) if data is not None else dict(values or {})
        self.uploads: dict[str, list[Upload]] = {}
        self.remixed: Generation | None = None  # whose scene the gateway is asked to take
        self.image_errors: dict[str, list[str]] = {}
        self.fresh_token = secrets.token_urlsafe(16)
        self.initial = {
            "model": video_model.key if video_model else "",
            "prompt": prompt,
            "form_token": token or self.fresh_token,
            "parent": parent,
            "base": base,
            "copies": copies,
        }
        self.choices = choices or Choices()
        for option in video_model.options if video_model else ():
            self.fields[option.name] = OptionField(option)
            if data is None and option.name in self.given:
                self.initial[option.name] = self.given[option.name]
        if data is None:
            self._show_uploads()

    # Making one

    @classmethod
    def posted(cls, request: HttpRequest) -> "GenerationForm":
        """Return the form of a POST that asks for a video."""
        model, error = find_model(request.POST.get("model", ""))
        return cls(request.POST, request.FILES, user=request.user, video_model=model, model_error=error)

    @classmethod
    def prefilled(cls, query: QueryDict, *, user: User) -> "GenerationForm":
        """Return the form of a GET: of the model the query names, with its values, or after another generation."""
        problems = []
        if "from" in query:
            if source := visible_generation(user, query["from"]):
                return cls.after(source, user=user, is_rewritten=query.get("words") == "rewritten")
            problems.append(_("The video to begin from was not found."))
        if "remix" in query:
            if source := visible_generation(user, query["remix"]):
                return cls.remix_of(source, user=user)
            problems.append(_("The video to begin from was not found."))
        prompt, base = query.get("prompt", ""), query.get("base", "")
        if "prompt_id" in query:
            kept = visible_prompt(user, query["prompt_id"])
            prompt, base = (kept.text, str(kept.pk)) if kept else (prompt, "")
            problems += [] if kept else [_("The prompt to begin from was not found.")]
        return cls.carried(
            query.get("was", ""),
            query.get("model", "") if "model" in query else None,
            given_options(query),
            user=user,
            prompt=prompt,
            parent=query.get("parent", ""),
            base=base,
            copies=query.get("copies", ""),
            problems=problems,
            way_back={name: query[name] for name in ("prompt", "prompt_id", "base", "copies") if name in query},
        )

    @classmethod
    def after(cls, source: Generation, *, user: User, is_rewritten: bool = False) -> "GenerationForm":
        """Return a form with everything another generation had, changed only where its model cannot be chosen.

        With `is_rewritten` its prompt is the one the gateway made of it, where it said so.
        """
        model, problems, choices = source.video_model, [], Choices()
        choosable = choices.models(model)
        if model not in choosable:
            model = instead_of(model, user, choosable)
            sentence = _("{model} cannot be chosen any more.")
            if model:
                sentence = _("{model} cannot be chosen any more: {successor} takes its place.")
            problems.append(sentence.format(model=source.model_label, successor=model.label if model else ""))
        return cls.carried(
            source.model_key,
            model.key if model else "",
            source.options,
            user=user,
            prompt=(is_rewritten and source.rewritten_prompt) or source.prompt.text,
            parent=str(source.uuid),
            base=str(source.prompt_id),
            problems=problems,
            way_back=None,
            choices=choices,
        )

    @classmethod
    def remix_of(cls, source: Generation, *, user: User) -> "GenerationForm":
        """Return a form that asks a finished video's own gateway to remix it; its prompt is still to be written."""
        model = source.video_model
        remix = model.option_with_role("remix") if model else None
        if remix is None:
            form = cls.after(source, user=user)
            form.problems.append(_("{model} takes no video to remix.").format(model=source.model_label))
            return form
        values, parent = {remix.name: source.upstream_id}, str(source.uuid)
        return cls.carried(
            model.key, model.key, values, user=user, prompt="", parent=parent, problems=[], way_back=None
        )

    @classmethod
    def switched(cls, request: HttpRequest) -> "GenerationForm":
        """Return the form of a POST that asks for no video: another model, an undone change, an image more or less.

        Everything typed stays, the form's token too: it is still the same form.
        """
        posted, user = request.POST, request.user
        bound = cls.posted(request)
        bound.accept_images(find_model(posted.get("was", ""))[0])
        values = bound.kept_values(posted.getlist("discard"))
        was, wanted = posted.get("was", ""), posted.get("model", "")
        if undo := posted.get("undo"):
            before = QueryDict(undo)
            was, wanted, values = "", before.get("model", ""), given_options(before)
        form = cls.carried(
            was,
            wanted,
            values,
            user=user,
            prompt=posted.get("prompt", ""),
            parent=posted.get("parent", ""),
            base=posted.get("base", ""),
            copies=posted.get("copies", ""),
            token=bound.token,
            problems=[],
            way_back={},
        )
        form.say_of_images(bound)
        return form

    @classmethod
    def carried(
        cls,
        was: str,
        wanted: str | None,
        values: Mapping[str, object],
        *,
        user: User,
        problems: Iterable[str],
        way_back: Mapping[str, str] | None,
        choices: Choices | None = None,
        **shown: str,
    ) -> "GenerationForm":
        """Return an unbound form of the model `wanted` with what it can take of values chosen for the model `was`.

        No model wanted (None) is the usual one; one that is unknown or cannot be chosen is said, and no other takes
        its place. `way_back` is what undoing carries beside the options; None when nothing is undone.
        """
        model, error = find_model(wanted) if wanted is not None else (None, NO_GATEWAY)
        choices = choices or Choices()
        choosable = choices.models(model)
        if wanted is None:
            model = last_or_first(user, choosable)
        if model is None:
            problems = [*problems, error]
            return cls(user=user, video_model=None, values=values, problems=problems, choices=choices, **shown)
        if model not in choosable:
            problems = [*problems, not_choosable(model, choosable, choices.why_not(model))]
        before, _ = find_model(was) if was else (None, "")
        carried = carry(before or model, model, values)
        is_undoable = before and before is not model and carried.changes and way_back is not None
        return cls(
            user=user,
            video_model=model,
            values=carried.values,
            changes=carried.changes,
            undo=urlencode({**way_back, **values, "model": before.key}, doseq=True) if is_undoable else "",
            problems=problems,
            choices=choices,
            **shown,
        )

    @classmethod
    def of_choice(cls, query: QueryDict, *, user: User) -> "GenerationForm":
        """Return a form with just what the query chooses, nothing carried or said: what that costs is all it is for."""
        model, _ = find_model(query.get("model", ""))
        return cls(user=user, video_model=model, values=given_options(query), copies=query.get("copies", ""))

    def afresh(self, made: Generation) -> "GenerationForm":
        """Return the same form after its order went out as `made`: all that was chosen, with a token of its own."""
        form = type(self)(
            user=self.user,
            video_model=self.video_model,
            values=self.cleaned_data["options"],
            prompt=self.cleaned_data["prompt"],
            base=str(made.prompt_id),
            choices=self.choices,
        )
        form.served_by, form.cost = made.gateway, cost_of(made)
        return form

    def stands_as(self, fresh: "GenerationForm") -> bool:
        """Whether the page this was sent from may stay, but for its token: it says nothing, and shows what is true."""
        carried = fresh.cost.carried if fresh.cost else ""
        return not (self.files or "says" in self.data) and self.data.get("shown_price", "") == carried

    # What templates ask

    @property
    def token(self) -> str:
        """The token to render: the one that was posted, unless it was refused."""
        given = self.data.get("form_token", "") if self.is_bound else self.initial["form_token"]
        return given if given and is_token(given) else self.fresh_token

    @property
    def undo_url(self) -> str:
        return f"{reverse('generations:studio')}?{self.undo}" if self.undo else ""

    @property
    def option_fields(self) -> list[forms.BoundField]:
        return [self[name] for name, field in self.fields.items() if isinstance(field, OptionField)]

    @property
    def basic_fields(self) -> list[forms.BoundField]:
        return [field for field in self.option_fields if not field.field.option.advanced]

    @property
    def advanced_fields(self) -> list[forms.BoundField]:
        return [field for field in self.option_fields if field.field.option.advanced]

    @property
    def is_advanced_open(self) -> bool:
        """Whether something in the fold must be seen: what is wrong, and which video is to be changed."""
        return any(
            field.errors or (field.field.option.role in {"remix", "edit"} and field.value())
            for field in self.advanced_fields
        )

    @cached_property
    def choosable(self) -> list[VideoModel]:
        return self.choices.models(self.video_model)

    @property
    def is_model_choosable(self) -> bool:
        return self.video_model in self.choosable

    @property
    def is_stopped(self) -> bool:
        """Whether the model it stands at cannot be asked for: pressing the button could only be refused."""
        return self.video_model is not None and not self.is_model_choosable

    @property
    def models_by_maker(self) -> dict[str, list[VideoModel]]:
        """What can be chosen, grouped for the model's select."""
        makers: dict[str, list[VideoModel]] = {}
        for model in self.choosable:
            makers.setdefault(model.maker, []).append(model)
        return makers

    @property
    def copies_wanted(self) -> int:
        """How many videos are asked for; one where that cannot be read."""
        given = self.data.get("copies") if self.is_bound else self.initial["copies"]
        return copies_in(given) or 1

    @property
    def copy_choices(self) -> range:
        return range(1, MOST_COPIES + 1)

    @property
    def waiting_values(self) -> dict[str, list]:
        """What was chosen before any model was, each value in a list: it goes along until one is."""
        values = {} if self.video_model else self.given | self.upload_values()
        return {name: value if isinstance(value, list) else [value] for name, value in values.items()}

    # Judging one

    @cached_property
    def _standing(self) -> tuple[Team | None, bool]:
        """The team this person works in, and whether this form's token made a generation before: one statement."""
        token = self.data.get("form_token", "") if self.is_bound else ""
        found = STANDING.first(user=self.user.pk, token=token if is_token(token) else self.fresh_token)
        if found is None:
            return None, False
        *own, is_used = found
        return loaded(Team, TEAM_COLUMNS, own), bool(token and is_used)

    @property
    def team(self) -> Team | None:
        return self._standing[0]

    @property
    def was_used_before(self) -> bool:
        """Whether this form's token had made a generation before: a new one of it is worth a word."""
        return self._standing[1]

    def say(self, name: str, sentences: Iterable[str]) -> None:
        """Show sentences at a field of a form that is not judged, or above it when it has no such field."""
        said = self.errors.setdefault(name, self.error_class()) if name in self.fields else self.problems
        said.extend(sentence for sentence in sentences if sentence not in said)

    def clean_prompt(self) -> str:
        try:
            return read_prompt(self.cleaned_data["prompt"], self.video_model)
        except BadPrompt as error:
            raise forms.ValidationError(str(error)) from error

    def clean_form_token(self) -> str:
        token = self.cleaned_data["form_token"] or ""
        if token and not is_token(token):
            self.add_error(None, _("This form was damaged on its way, and nothing was sent. Send it again."))
        return token

    def clean_parent(self) -> Generation | None:
        given = self.cleaned_data["parent"]
        return visible_generation(self.user, given) if given else None

    def clean_copies(self) -> int:
        copies = copies_in(self.cleaned_data["copies"])
        if copies is None:
            raise forms.ValidationError(_("Copies can be 1 to {most_copies}.").format(most_copies=MOST_COPIES))
        return copies

    def clean_base(self) -> Prompt | None:
        given = self.cleaned_data["base"]
        return visible_prompt(self.user, given) if given else None

    def clean(self) -> dict:
        if self.team is None:
            self.add_error(None, _("You are not a member of a team yet. Ask an operator to add you to one."))
        self.accept_images()
        if self.video_model is None:
            self.add_error("model", self.model_error)
            return self.cleaned_data
        self.cleaned_data["options"] = self._clean_options()
        # Which gateway serves it is decided when it is begun; a form that comes back must show what can be chosen.
        why_not = self.choices.why_not(self.video_model)
        if why_not or (self.errors and not self.is_model_choosable):
            self.add_error("model", not_choosable(self.video_model, self.choosable, why_not))
        return self.cleaned_data

    def _clean_options(self) -> dict:
        for name, sentences in self._misplaced().items():
            self.add_error(name if name in self.fields else None, sentences)
        raw = {name: value for name, value in self.given.items() if name not in self.image_errors}
        raw |= {name: ids for name, ids in self.upload_values().items() if name not in self.image_errors}
        try:
            options = self.video_model.clean(raw)
        except OptionErrors as error:
            for name, sentences in error.errors.items():
                if name not in self.image_errors:  # of these more is said already
                    self.add_error(name if name in self.fields else None, sentences)
            return {}
        try:
            self.remixed = order_source(self.video_model, options, self.team)
        except LookupError as error:
            self.add_error(self.video_model.option_with_role("remix").name, str(error))
        return options

    def _misplaced(self) -> dict[str, list[str]]:
        """Return sentences about what came in a way that leaves open what was meant, by name."""
        found = dict(self.image_errors)
        for name in self.files:
            option = self.video_model.option(name)
            if option is None:
                found[name] = [
                    _("{label} takes no file as '{name}'.").format(label=self.video_model.label, name=name[:40])
                ]
            elif not isinstance(option, ImageFile):
                found[name] = [_("{label} is not a file.").format(label=option.label)]
        for option in self.video_model.options:
            values = {value for value in self.data.getlist(option.name) if not is_absent(value)}
            # A flag comes as false, and true when it is on; several images come as several.
            if len(values) > 1 and not isinstance(option, Flag | ImageFiles):
                found[option.name] = [
                    _("{label} came {count} times. Choose one.").format(label=option.label, count=len(values))
                ]
        return found

    # Carrying it out

    def save(self, *, origin: str = Generation.Origin.BROWSER) -> tuple[Generation, bool]:
        """Return the generation of this form and whether it is new. Raises NoGateway and Dearer."""
        try:
            return begin(self.order(origin=origin))
        except NoGateway as error:
            raise NoGateway(not_choosable(self.video_model, self.choosable, "")) from error

    def save_copies(self) -> tuple[Group, bool]:
        """Return the group of as many videos as were asked for, and whether it is new. Raises NoGateway, Dearer."""
        orders = [self.order()] * self.cleaned_data["copies"]
        try:
            return begin_group(orders, kind=Group.Kind.COPIES, form_token=self.cleaned_data["form_token"])
        except Dearer as error:
            raise error.times(len(orders)) from error
        except NoGateway as error:
            raise NoGateway(not_choosable(self.video_model, self.choosable, "")) from error

    def order(self, *, origin: str = Generation.Origin.BROWSER) -> Order:
        """Return what this form, which is valid, asks for."""
        source = self.cleaned_data["parent"]
        parent = self.remixed or source
        options = self.cleaned_data["options"]
        same = parent and (parent.model_key, parent.prompt.text, parent.options) == (
            self.video_model.key,
            self.cleaned_data["prompt"],
            options,
        )
        relation = "" if parent is None else Generation.Relation.RERUN if same else Generation.Relation.REMIX
        return Order(
            user=self.user,
            team=self.team,
            model=self.video_model,
            prompt=self.cleaned_data["prompt"],
            options=options,
            uploads=self.uploads,
            origin=origin,
            form_token=self.cleaned_data["form_token"],
            is_first=not self.was_used_before,
            parent=parent,
            relation=relation,
            agreed=self.agreed,
            gateways=self.choices.gateways,
            edited_from=self.cleaned_data["base"] or (source.prompt if source else None),
        )

    @property
    def agreed(self) -> Agreed | None:
        """What the page had said it costs, as the form carried it back; None when it carried nothing of the kind."""
        return Agreed.read(self.data.get("shown_price", "")) if self.is_bound else None


def teams_of(user: int, token: str) -> QuerySet:
    used = Generation.objects.filter(created_by=user, form_token=token)
    teams = Team.objects.filter(memberships__user=user).order_by("memberships__pk")
    return teams.annotate(is_token_used=Exists(used)).values_list(*TEAM_COLUMNS, "is_token_used")[:1]


TEAM_COLUMNS = tuple(field.attname for field in Team._meta.concrete_fields)
STANDING = Statement(teams_of, user=int, token=str)


def copies_in(given: object) -> int | None:
    """Return how many copies a form's words ask for: one when they say nothing, None when that cannot be."""
    if is_absent(given):
        return 1
    number = parse_integer(given)
    return number if number is not None and 1 <= number <= MOST_COPIES else None
