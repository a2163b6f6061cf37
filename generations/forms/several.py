"""The same prompt on several models: one composer's form for each, judged and sent together."""

import re
from collections.abc import Iterable
from functools import cached_property

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from generations.carry import Change, carry
from generations.forms.choosing import Choices
from generations.forms.composer import GenerationForm
from generations.forms.given import visible_generation, visible_prompt
from generations.forms.total import total_words
from generations.lifecycle.lookups import Lookups
from generations.lifecycle.together import NoGateway, begin_group
from generations.models import Group, Team, User
from generations.specs import VideoModel

MOST_MODELS = 8
PRICE_ROSE = gettext_lazy(
    "The price is now {now}; it was {before} when this was shown. Press again if that is all right."
)


class SeveralForm:
    """What the page of several models asks for. `members` are composer's forms, one a model that is ticked."""

    def __init__(self, data: QueryDict, files: MultiValueDict[str, UploadedFile] | None, *, user: User) -> None:
        self.user, self.data, self.files = user, data, files if files is not None else MultiValueDict()
        self.errors: list[str] = []
        self.offer = Choices()
        self.choosable = self.offer.models()
        self.source = visible_generation(user, data["from"]) if data.get("from") else None
        kept = visible_prompt(user, data["prompt_id"]) if data.get("prompt_id") else None
        self.base = data.get("base", "") or (str(kept.pk) if kept else "")
        begun = self.source.prompt.text if self.source else kept.text if kept else ""
        self.prompt = data.get("prompt", "") or begun
        self.lookups = Lookups()
        keys = dict.fromkeys(data.getlist("models") or ([self.source.model_key] if self.source else []))
        self.models = [model for model in self.choosable if model.key in keys]
        gone = [key for key in keys if key not in {model.key for model in self.models}]
        self.errors += [_("The model {key} cannot be chosen.").format(key=key[:60]) for key in gone]
        if len(self.models) > MOST_MODELS:
            self.errors.append(
                _("Choose at most {most_models} models; these are {count}.").format(
                    most_models=MOST_MODELS, count=len(self.models)
                )
            )
        self.members: list[GenerationForm] = []

    @property
    def token(self) -> str:
        return self.data.get("form_token", "") or (self.members[0].fresh_token if self.members else "")

    @property
    def team(self) -> Team | None:
        return self.members[0].team if self.members else None

    @property
    def choices(self) -> list[tuple[VideoModel, bool]]:
        """Every model that can be chosen, and whether it is ticked."""
        return [(model, model in self.models) for model in self.choosable]

    def show(self) -> None:
        """Fill in the members without judging: what was chosen for each, else what is nearest to the others'.

        Images that came are kept as the composer keeps them; one whose button "Remove" was pressed goes.
        """
        asked = [self.posted(model) for model in self.models[:MOST_MODELS]]
        for form in asked:
            form.accept_images()
        chosen = [form.kept_values(self.discarded(form.video_model)) for form in asked]
        was, values = self.pattern(asked, chosen)
        for posted, own in zip(asked, chosen, strict=True):
            model = posted.video_model
            before, given = (model, own) if own else (was, values)
            carried = carry(before, model, given)
            changes = carried.changes if before is not model else self.standing_changes(model, own, was, values)
            form = GenerationForm(
                user=self.user,
                video_model=model,
                values=carried.values,
                prompt=self.prompt,
                changes=changes,
                choices=self.offer,
            )
            form.say_of_images(posted)
            self.add(form, model)
            if was is None:
                was, values = model, carried.values

    def pattern(self, asked: list[GenerationForm], chosen: list[dict]) -> tuple[VideoModel | None, dict]:
        """Return the model and the values that a model ticked just now begins near to; (None, {}) when none has any.

        Those of the video it began from, as they were changed here since; else those of the model that was first.
        """
        own = {form.video_model: values for form, values in zip(asked, chosen, strict=True) if values}
        if self.source:
            model = self.source.video_model
            return model, own.get(model) or self.source.options
        return next(iter(own.items()), (None, {}))

    def standing_changes(self, model: VideoModel, own: dict, was: VideoModel | None, values: dict) -> Iterable[Change]:
        """Return what had to become another option than the pattern's, for as long as nobody chose otherwise."""
        if was is None or was is model:
            return ()
        nearest = carry(was, model, values)
        is_as_it_was = {name: str(value) for name, value in nearest.values.items()} == {
            name: str(value) for name, value in own.items()
        }
        return nearest.changes if is_as_it_was else ()

    def is_valid(self) -> bool:
        """Judge every member as the composer does; each shows what is wrong with it."""
        for model in self.models[:MOST_MODELS]:
            self.add(self.posted(model), model)
        if not self.models:
            self.errors.append(_("Choose at least one model."))
        are_valid = [form.is_valid() for form in self.members]
        sentences = (form.errors.get(name, []) for form in self.members for name in ("prompt", "__all__", "form_token"))
        self.errors += dict.fromkeys(sentence for found in sentences for sentence in found)
        return all(are_valid) and not self.errors

    def add(self, form: GenerationForm, model: VideoModel) -> None:
        form.prefix = prefix_of(model)  # only for what is drawn: its data go by their own names too
        self.members.append(form)

    def discarded(self, model: VideoModel) -> list[str]:
        """Return which images of one model are to go, as the composer names them."""
        begin = f"{prefix_of(model)}-"
        return [name.removeprefix(begin) for name in self.data.getlist("discard") if name.startswith(begin)]

    def posted(self, model: VideoModel) -> GenerationForm:
        """Return the composer's form of one model, as if it had been posted alone."""
        begin = f"{prefix_of(model)}-"
        data = QueryDict(mutable=True)
        data.update({"model": model.key, "prompt": self.prompt, "form_token": self.token, "base": self.base})
        if self.source:
            data["parent"] = str(self.source.uuid)
        for name in list(data):
            data[begin + name] = data[name]  # a field is read by the name it is drawn with
        files: MultiValueDict[str, UploadedFile] = MultiValueDict()
        for name in self.data:
            if name.startswith(begin):
                data.setlist(name.removeprefix(begin), self.data.getlist(name))
                data.setlist(name, self.data.getlist(name))
        for name in self.files:
            if name.startswith(begin):
                files.setlist(name.removeprefix(begin), self.files.getlist(name))
        return GenerationForm(data, files, user=self.user, video_model=model, choices=self.offer)

    @cached_property
    def price_words(self) -> str:
        if self.team is None:
            return ""
        # The options as far as they can be read: what is wrong with the rest is said where it is.
        asked = [(form.video_model, form.legible_values) for form in self.members]
        return total_words(asked, self.team, self.lookups)

    def save(self) -> tuple[Group, bool]:
        """Return the group and whether it is new. Raises NoGateway."""
        orders = [form.order() for form in self.members]
        return begin_group(orders, kind=Group.Kind.MODELS, form_token=self.token)


def prefix_of(model: VideoModel) -> str:
    """Return what the names of one model's controls begin with: its key, of letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", model.key.lower())


__all__ = ["MOST_MODELS", "PRICE_ROSE", "NoGateway", "SeveralForm"]
