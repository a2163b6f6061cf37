"""Forms: the composer, built from a video model's own options, and the library's filter."""

import secrets
import uuid
from collections.abc import Mapping
from urllib.parse import urlencode

from django import forms
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, QueryDict

from generations.carry import Change, carry
from generations.catalog import UnknownModel, catalog
from generations.lifecycle.begin import NoGateway, Order, begin
from generations.media import ImageRefused, accept_image
from generations.models import Gateway, Generation, Membership, Prompt, Status, Team, Upload, User
from generations.models.prompt import normalise
from generations.specs import ImageFile, Option, OptionErrors, VideoModel

TOKEN_LENGTH = 64


class OptionField(forms.Field):
    """One option as a form field: it only carries the value; the model's `clean` judges all of them together."""

    def __init__(self, option: Option) -> None:
        self.option = option
        super().__init__(label=option.label, help_text=option.help, initial=option.default, required=False)
        if isinstance(option, ImageFile):
            self.widget = forms.ClearableFileInput(attrs={"accept": ",".join(option.types)})

    def clean(self, value):
        return value


class GenerationForm(forms.Form):
    """What the composer asks for one video. `for_request` makes it from a GET or a POST."""

    model = forms.CharField(required=False)
    prompt = forms.CharField(required=False, strip=False, widget=forms.Textarea(attrs={"rows": 4}))
    form_token = forms.CharField(required=False, max_length=TOKEN_LENGTH, widget=forms.HiddenInput)
    parent = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(
        self,
        data: QueryDict | None = None,
        files: Mapping[str, UploadedFile] | None = None,
        *,
        user: User,
        video_model: VideoModel | None,
        model_error: str = "",
        values: Mapping[str, object] | None = None,
        prompt: str = "",
        parent: str = "",
        changes: tuple[Change, ...] = (),
        undo_url: str = "",
    ) -> None:
        super().__init__(data, files)
        self.user, self.team = user, user.team
        self.video_model, self.model_error = video_model, model_error
        self.changes, self.undo_url = changes, undo_url
        self.uploads: dict[str, Upload] = {}
        self.initial = {
            "model": video_model.key if video_model else "",
            "prompt": prompt,
            "form_token": secrets.token_urlsafe(16),
            "parent": parent,
        }
        for option in video_model.options if video_model else ():
            self.fields[option.name] = OptionField(option)
            if values and option.name in values:
                self.initial[option.name] = values[option.name]
        self._show_uploads({} if data is not None else self.initial)

    # Making one

    @classmethod
    def for_request(cls, request: HttpRequest) -> "GenerationForm":
        """Return the form a request asks for: bound to a POST, or prefilled by a GET's query."""
        if request.method != "POST":
            return cls.prefilled(request.GET, user=request.user)
        model, error = find_model(request.POST.get("model", ""))
        return cls(request.POST, request.FILES, user=request.user, video_model=model, model_error=error)

    @classmethod
    def switched(cls, request: HttpRequest) -> "GenerationForm":
        """Return the form of a POST that only changed the model, or its image: everything typed stays."""
        bound = cls.for_request(request)
        bound.accept_images()
        model = bound.video_model or default_model(request.user)
        values = {name: request.POST.get(name, "") for name in option_names() if name in request.POST}
        values |= {name: str(upload.uuid) for name, upload in bound.uploads.items()}
        for name in request.POST.getlist("remove"):
            values.pop(name, None)
        form = cls.carried(
            request.POST.get("was", ""),
            model,
            values,
            user=request.user,
            prompt=request.POST.get("prompt", ""),
            parent=request.POST.get("parent", ""),
        )
        for sentences in bound.image_errors.values():
            form.notice_errors = sentences
        return form

    @classmethod
    def prefilled(cls, query: QueryDict, *, user: User) -> "GenerationForm":
        """Return an unbound form: of the model the query names, with its values, or after another generation."""
        if "from" in query and (source := visible_generation(user, query["from"])):
            return cls.after(source, user=user)
        model, error = find_model(query.get("model", "")) if query.get("model") else (default_model(user), "")
        if model is None:
            return cls(user=user, video_model=default_model(user), model_error=error)
        prompt = query.get("prompt", "")
        if (number := query.get("prompt_id", "")).isdecimal() and len(number) < 19:
            kept = Prompt.objects.visible_to(user).filter(pk=int(number)).first()
            prompt = kept.text if kept else prompt
        values = {name: query[name] for name in option_names() if name in query}
        return cls.carried(query.get("was", ""), model, values, user=user, prompt=prompt)

    @classmethod
    def after(cls, source: Generation, *, user: User) -> "GenerationForm":
        """Return a form with everything another generation had, changed only where its model cannot be chosen."""
        model = source.video_model
        if model is None or model not in choosable_models():
            model = default_model(user)
        return cls.carried(
            source.model_key,
            model,
            source.options,
            user=user,
            prompt=source.prompt.text,
            parent=str(source.uuid),
            is_undoable=False,
        )

    @classmethod
    def carried(
        cls,
        was: str,
        model: VideoModel | None,
        values: Mapping[str, object],
        *,
        user: User,
        prompt: str = "",
        parent: str = "",
        is_undoable: bool = True,
    ) -> "GenerationForm":
        """Return a form of `model` with what it can take of values chosen for the model `was`."""
        if model is None:
            return cls(user=user, video_model=None, prompt=prompt, parent=parent)
        before, _ = find_model(was) if was else (None, "")
        carried = carry(before or model, model, values)
        undo_url = ""
        if before and before is not model and carried.changes and is_undoable:
            undo_url = "/?" + urlencode({"model": before.key, **{name: values[name] for name in values}})
        return cls(
            user=user,
            video_model=model,
            values=carried.values,
            prompt=prompt,
            parent=parent,
            changes=carried.changes,
            undo_url=undo_url,
        )

    def afresh(self) -> "GenerationForm":
        """Return the same form after its order went out: all that was chosen, with a token of its own."""
        return type(self)(
            user=self.user,
            video_model=self.video_model,
            values=self.cleaned_data["options"],
            prompt=self.cleaned_data["prompt"],
        )

    # What templates ask

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
    def has_advanced_errors(self) -> bool:
        return any(field.errors for field in self.advanced_fields)

    @property
    def models_by_maker(self) -> dict[str, list[VideoModel]]:
        """What can be chosen, grouped for the model's select."""
        makers: dict[str, list[VideoModel]] = {}
        for model in choosable_models():
            makers.setdefault(model.maker, []).append(model)
        return makers

    @property
    def upload(self) -> Upload | None:
        """The image that is chosen now."""
        return next(iter(self.uploads.values()), None)

    # Judging one

    image_errors: dict[str, list[str]] = {}
    notice_errors: list[str] = []

    def accept_images(self) -> None:
        """Turn each image that came into an Upload row at once, so that a refused form keeps it."""
        self.image_errors = {}
        for option in self.video_model.options if self.video_model else ():
            if not isinstance(option, ImageFile):
                continue
            try:
                if file := self.files.get(option.name):
                    self.uploads[option.name] = keep_image(file, option, team=self.team, person=self.user)
                elif given := self.data.get(option.name, ""):
                    self.uploads[option.name] = find_upload(given, self.user)
            except ImageRefused as error:
                self.image_errors[option.name] = [str(error)]
            except LookupError:
                self.image_errors[option.name] = ["The image is not stored any more. Choose it again."]

    def clean_prompt(self) -> str:
        prompt = normalise(self.cleaned_data["prompt"])
        if not prompt:
            raise forms.ValidationError("Write what the video should show.")
        if any("\ud800" <= letter <= "\udfff" for letter in prompt):
            raise forms.ValidationError("The prompt contains characters that cannot be sent.")
        longest = self.video_model.prompt_max if self.video_model else len(prompt)
        if len(prompt) > longest:
            raise forms.ValidationError(f"The prompt can have at most {longest} characters; this has {len(prompt)}.")
        return prompt

    def clean_parent(self) -> Generation | None:
        given = self.cleaned_data["parent"]
        return visible_generation(self.user, given) if given else None

    def clean(self) -> dict:
        if self.video_model is None:
            self.add_error("model", self.model_error)
            return self.cleaned_data
        if self.video_model not in choosable_models():
            self.add_error("model", not_choosable(self.video_model))
        if self.team is None:
            self.add_error(None, "You are not a member of a team yet. Ask an operator to add you to one.")
        self.accept_images()
        for name, sentences in self.image_errors.items():
            self.add_error(name, sentences)
        self.cleaned_data["options"] = self._clean_options()
        return self.cleaned_data

    def _clean_options(self) -> dict:
        names = option_names() - self.image_errors.keys()
        raw = {name: self.data.get(name) for name in names if self.data.get(name, "") != ""}
        raw = {name: value for name, value in raw.items() if name not in self.files}
        raw |= {name: str(upload.uuid) for name, upload in self.uploads.items()}
        try:
            return self.video_model.clean(raw)
        except OptionErrors as error:
            for name, sentences in error.errors.items():
                self.add_error(name if name in self.fields else None, sentences)
            return {}

    def _show_uploads(self, values: Mapping[str, object]) -> None:
        for option in self.video_model.options if self.video_model else ():
            if isinstance(option, ImageFile) and values.get(option.name):
                try:
                    self.uploads[option.name] = find_upload(str(values[option.name]), self.user)
                except LookupError:
                    self.initial.pop(option.name, None)

    # Carrying it out

    def save(self, *, origin: str = Generation.Origin.BROWSER) -> tuple[Generation, bool]:
        """Return the generation of this form and whether it is new. Raises NoGateway."""
        parent = self.cleaned_data["parent"]
        options = self.cleaned_data["options"]
        same = parent and (parent.model_key, parent.prompt.text, parent.options) == (
            self.video_model.key,
            self.cleaned_data["prompt"],
            options,
        )
        relation = "" if parent is None else Generation.Relation.RERUN if same else Generation.Relation.REMIX
        order = Order(
            user=self.user,
            team=self.team,
            model=self.video_model,
            prompt=self.cleaned_data["prompt"],
            options=options,
            uploads={name: [upload] for name, upload in self.uploads.items()},
            origin=origin,
            form_token=self.cleaned_data["form_token"],
            parent=parent,
            relation=relation,
        )
        return begin(order)

    def was_used_before(self, generation: Generation) -> bool:
        """Say whether this form's token made another generation earlier: the page then says that this is a new one."""
        token = self.cleaned_data["form_token"]
        others = Generation.objects.filter(created_by=self.user, form_token=token).exclude(pk=generation.pk)
        return bool(token) and others.exists()


def option_names() -> set[str]:
    """Every name that is an option of some model: one that this model lacks is refused, not ignored."""
    return {option.name for model in catalog().models for option in model.options}


def choosable_models() -> list[VideoModel]:
    """Return the models that can be asked for now: in use, and offered by a gateway."""
    return Gateway.objects.all().offered(catalog().choosable())


def default_model(user: User) -> VideoModel | None:
    """Return the model this person used last, else the first that can be chosen."""
    models = choosable_models()
    last = Generation.objects.filter(created_by=user).newest().values_list("model_key", flat=True).first()
    return next((model for model in models if model.key == last), models[0] if models else None)


def find_model(text: str) -> tuple[VideoModel | None, str]:
    """Return the model a text names, or None and a sentence that names the choices."""
    try:
        return catalog().find(text.strip()), ""
    except UnknownModel as error:
        return None, str(error)


def not_choosable(model: VideoModel) -> str:
    """Return why a known model cannot be chosen now, and what can."""
    keys = [choice.key for choice in choosable_models()]
    choices = f" Choose one of: {', '.join(keys)}." if keys else " No gateway is set up; an operator can add one."
    if not model.is_choosable:
        return f"{model.label} is {model.status}.{choices}"
    return f"No gateway offers {model.label} at the moment.{choices}"


def visible_generation(user: User, text: str) -> Generation | None:
    try:
        wanted = uuid.UUID(text)
    except ValueError:
        return None
    return Generation.objects.visible_to(user).for_cards().filter(uuid=wanted).first()


def find_upload(text: str, user: User) -> Upload:
    """Return an image of one of this person's teams. Raises LookupError."""
    try:
        wanted = uuid.UUID(text)
    except ValueError:
        raise LookupError(text) from None
    upload = Upload.objects.visible_to(user).filter(uuid=wanted).first()
    if upload is None:
        raise LookupError(text)
    return upload


def keep_image(file: UploadedFile, option: ImageFile, *, team: Team, person: User) -> Upload:
    """Return the row of an accepted image; the same image sent again is the same row. Raises ImageRefused."""
    image = accept_image(file, max_bytes=option.max_bytes, max_pixels=option.max_pixels)
    if kept := Upload.objects.filter(team=team, person=person, sha256=image.sha256).first():
        return kept
    upload = Upload(
        sha256=image.sha256,
        kind=image.content_type,
        size=len(image.content),
        width=image.width,
        height=image.height,
        team=team,
        person=person,
    )
    upload.file.save("", ContentFile(image.content), save=False)
    upload.save()
    return upload


class LibraryForm(forms.Form):
    """The library's filter. It never refuses: what makes no sense filters nothing, and says so by being empty."""

    q = forms.CharField(required=False, max_length=500, label="Search")
    status = forms.ChoiceField(required=False, choices=[("", "Any status"), *Status.choices])
    model = forms.ChoiceField(required=False)
    person = forms.ChoiceField(required=False)

    def __init__(self, data: QueryDict, *, user: User) -> None:
        super().__init__(data)
        self.fields["model"].choices = [("", "Any model")] + [(model.key, model.label) for model in catalog().models]
        teams = Membership.objects.filter(user=user).values("team")
        people = User.objects.filter(memberships__team__in=teams).distinct().order_by("username")
        self.fields["person"].choices = [("", "Anyone")] + [
            (name, name) for name in people.values_list("username", flat=True)
        ]

    @property
    def chosen(self) -> dict[str, str]:
        """The filters that are set, by name."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}

    def apply(self, generations):
        """Return the generations that pass."""
        columns = {
            "q": "prompt__text__icontains",
            "status": "status",
            "model": "model_key",
            "person": "created_by__username",
        }
        return generations.filter(**{columns[name]: value for name, value in self.chosen.items()})


__all__ = ["GenerationForm", "LibraryForm", "NoGateway"]
