"""Which video model is meant, and which can be chosen now."""

from functools import cached_property

from django.db.models import Subquery
from django.utils.translation import gettext as _

from generations.catalog import UnknownModel, catalog
from generations.models import Gateway, Generation, ModelSwitch, Team, User
from generations.models.gateway import OFFERING
from generations.models.switches import successor_of, why_not
from generations.specs import ImageFile, VideoModel


def option_names() -> set[str]:
    """Every name that is an option of some model: one that this model lacks is refused, not ignored."""
    return {option.name for model in catalog().models for option in model.options}


def image_options(*models: VideoModel | None) -> dict[str, ImageFile]:
    """Return the options that take an image, by name: those of the models given, the first one first."""
    found: dict[str, ImageFile] = {}
    for model in models:
        for option in model.options if model else ():
            if isinstance(option, ImageFile):
                found.setdefault(option.name, option)
    return found


class Choices:
    """What there is to choose from, as it was when somebody first asked: a statement for each part, once."""

    @cached_property
    def switches(self) -> dict[str, ModelSwitch]:
        return ModelSwitch.objects.all().by_key()

    @cached_property
    def gateways(self) -> list[Gateway]:
        """The usable ones; their keys are not read."""
        return OFFERING.all()

    def models(self, named: VideoModel | None = None) -> list[VideoModel]:
        """Return the models that can be asked for now: in use, and offered by a gateway.

        One that an operator hid is not among them, unless it is the one `named`.
        """
        hidden = {key for key, switch in self.switches.items() if switch.is_hidden} - {named.key if named else ""}
        in_use = [model for model in catalog().models if not self.why_not(model)]
        return Gateway.objects.all().offered((model for model in in_use if model.key not in hidden), self.gateways)

    def why_not(self, model: VideoModel) -> str:
        """Return why this model cannot be asked for, "" when it can."""
        return why_not(model, self.switches.get(model.key))

    def serving(self, model: VideoModel, team: Team | None) -> Gateway | None:
        """Return the gateway that would render it for the team; None when nobody offers it."""
        return Gateway.objects.all().offering(model, team, self.gateways)


def choosable_models() -> list[VideoModel]:
    return Choices().models()


def last_or_first(user: User, models: list[VideoModel]) -> VideoModel | None:
    """Return the one of `models` that this person used last, else the team's default, else the usual one."""
    keys = {model.key: model for model in models}
    usual = next((model for model in models if model.is_usual), models[0] if models else None)
    last = Generation.objects.filter(created_by=user).newest().values("model_key")[:1]
    teams = Team.objects.filter(memberships__user=user).order_by("memberships__pk").annotate(last=Subquery(last))
    wanted = teams.values_list("last", "default_model").first() or ()
    return next((keys[key] for key in wanted if key in keys), usual)


def instead_of(model: VideoModel | None, user: User, models: list[VideoModel]) -> VideoModel | None:
    """Return the one of `models` that takes the place of one that is not among them: its successor, if it can."""
    successor = successor_of(model) if model else None
    return successor if successor in models else last_or_first(user, models)


def find_model(text: str) -> tuple[VideoModel | None, str]:
    """Return the model a text names, or None and a sentence that names the choices."""
    try:
        return catalog().find(text.strip()), ""
    except UnknownModel as error:
        return None, str(error)


def not_choosable(model: VideoModel, choosable: list[VideoModel], why: str) -> str:
    """Return why a known model cannot be chosen now, and what to do, to people: the list is before them."""
    step = _("Choose another model.") if choosable else _("No gateway is set up; an operator can add one.")
    return f"{reason_against(model, why)} {step}"


def not_choosable_keys(model: VideoModel, choosable: list[VideoModel], why: str) -> str:
    """The same to programs, which see no list: with the keys of those that can be chosen."""
    if not choosable:
        return not_choosable(model, choosable, why)
    keys = ", ".join(choice.key for choice in choosable)
    return f"{reason_against(model, why)} " + _("Choose one of: {join}.").format(join=keys)


def reason_against(model: VideoModel, why: str) -> str:
    """Return `why` a model cannot be chosen; that nobody offers it when there is no other reason."""
    return why or _("No gateway offers {label} at the moment.").format(label=model.label)
