"""From what a program sent to an order: the same specs, rules and images as the composer's."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from django.db.models import QuerySet, Subquery

from generations.api.images import images_of
from generations.api.problems import Problem
from generations.api.reading import Given
from generations.catalog import AmbiguousModel, UnknownModel, catalog
from generations.forms.choosing import Choices, choosable_models, not_choosable_keys
from generations.forms.given import BadPrompt, read_prompt
from generations.lifecycle.begin import Order
from generations.lifecycle.remixing import order_source
from generations.models import Generation, ModelSwitch, Team, Upload, User
from generations.models.prepared import Statement, in_order, loaded
from generations.models.switches import is_in_use
from generations.models.tokens import Caller
from generations.specs import (
    Choice,
    ImageFile,
    OptionErrors,
    Size,
    VideoModel,
    is_absent,
    listed,
    nominal_frame,
    parse_frame,
    quoted,
)

IMAGE_ROLES = ("first_frame", "references")


@dataclass(frozen=True)
class Standing:
    """The team a caller works in, and how the switch of one model stands."""

    team: Team
    position: str | None


WHO = in_order(User, ("id", "username"))
TEAM_COLUMNS = in_order(Team, ("id", "name", "preferred_gateway_id"))


def teams_of(user: int, model: str) -> QuerySet:
    switch = ModelSwitch.objects.filter(model_key=model).values("position")
    teams = Team.objects.filter(memberships__user=user).order_by("memberships__pk")
    return teams.annotate(switched=Subquery(switch)).values_list(*TEAM_COLUMNS, "switched")[:1]


STANDING = Statement(teams_of, user=int, model=str)


def standing_of(caller: Caller, model: VideoModel) -> Standing:
    """One statement. Raises Problem for somebody without a team."""
    found = STANDING.first(user=caller.user_id, model=model.key)
    if found is None:
        raise Problem(403, "no_team", "You are not a member of a team yet. Ask an operator to add you to one.")
    *own, position = found
    return Standing(loaded(Team, TEAM_COLUMNS, own), position)


def compose(
    caller: Caller,
    given: Given,
    *,
    parent: Generation | None = None,
    uploads: Mapping[str, list[Upload]] | None = None,
) -> Order:
    """Return the order that a request means. Raises Problem, a sentence about the first thing that is wrong."""
    model = model_of(given.values.pop("model", None))
    prompt = prompt_of(given.values.pop("prompt", None), model)
    standing, person = standing_of(caller, model), loaded(User, WHO, (caller.user_id, caller.username))
    refuse_unless_choosable(model, standing)
    place_common_names(model, given)
    images = images_of(model, given, team=standing.team, person=person) | dict(uploads or {})
    ids = {name: [str(upload.uuid) for upload in found] for name, found in images.items()}
    named = {name: found if len(found) > 1 else found[0] for name, found in ids.items()}
    options = options_of(model, given.values | named)
    parent = remixed(model, options, standing.team) or parent
    return Order(
        user=person,
        team=standing.team,
        model=model,
        prompt=prompt,
        options=options,
        uploads=images,
        origin=Generation.Origin.API,
        api_token=caller.token_id,
        is_first=True,
        parent=parent,
        relation=Generation.Relation.REMIX if parent else "",
    )


def model_of(text: Any) -> VideoModel:
    if is_absent(text):
        raise Problem(422, "missing_model", f"No model was chosen. {choices_in_words()}", param="model")
    if not isinstance(text, str):
        raise Problem(422, "model_not_found", f"The model must be text, not {quoted(text)}.", param="model")
    try:
        return catalog().find(text.strip())
    except AmbiguousModel as error:
        raise Problem(422, "model_not_found", str(error), param="model") from error
    except UnknownModel as error:
        words = f"There is no model '{quoted(text)}'. {choices_in_words()}"
        raise Problem(422, "model_not_found", words, param="model") from error


def choices_in_words() -> str:
    keys = [model.key for model in choosable_models()]
    return f"Choose {listed(keys)}." if keys else "No gateway offers any at the moment."


def prompt_of(text: Any, model: VideoModel) -> str:
    if text is not None and not isinstance(text, str):
        raise Problem(422, "invalid_prompt", f"The prompt must be text, not {quoted(text)}.", param="prompt")
    try:
        return read_prompt(text or "", model)
    except BadPrompt as error:
        code = "invalid_prompt" if text else "missing_prompt"
        raise Problem(422, code, str(error), param="prompt") from error


def refuse_unless_choosable(model: VideoModel, standing: Standing) -> None:
    if not is_in_use(model, standing.position):
        raise unavailable(model)


def unavailable(model: VideoModel) -> Problem:
    """Return the refusal of a model that cannot be asked for now, with those that can."""
    choices = Choices()
    sentence = not_choosable_keys(model, choices.models(), choices.why_not(model))
    return Problem(422, "model_not_available", sentence, param="model")


def options_of(model: VideoModel, values: dict[str, Any]) -> dict:
    try:
        return model.clean(values)
    except OptionErrors as error:
        unknown = [name for name in error.errors if model.option(name) is None]
        words = str(error)
        if unknown:
            words += f" Its options are: {', '.join(option.name for option in model.options) or 'none'}."
        raise Problem(422, "invalid_option", words, param=next(iter(error.errors))) from error


def remixed(model: VideoModel, options: dict, team: Team) -> Generation | None:
    """Return the team's video that the options name to be remixed. Raises Problem for one that is not there."""
    try:
        return order_source(model, options, team)
    except LookupError as error:
        raise Problem(422, "invalid_option", str(error), param=model.option_with_role("remix").name) from error


def place_common_names(model: VideoModel, given: Given) -> None:
    """Give OpenAI's names to the options that mean them here: `seconds`, `size` and `input_reference`."""
    values = given.values
    if "seconds" in values and model.option("seconds") is None:
        _move(model, values, "seconds", model.option_with_role("seconds"))
    if "size" in values:
        _place_size(model, values)
    target = first_image(model)
    if target and target.name != "input_reference" and model.option("input_reference") is None:
        if "input_reference" in given.files:
            given.files.setdefault(target.name, []).extend(given.files.pop("input_reference"))
        if "input_reference" in values:
            _move(model, values, "input_reference", target)


def first_image(model: VideoModel) -> ImageFile | None:
    images = [option for option in model.options if isinstance(option, ImageFile)]
    return next((option for option in images if option.role in IMAGE_ROLES), images[0] if images else None)


def _move(model: VideoModel, values: dict[str, Any], name: str, target: Any) -> None:
    if target is None:
        return  # refused later, as an option it lacks
    if target.name in values:
        words = f"'{name}' and '{target.name}' mean the same for {model.label}. Send one of them."
        raise Problem(422, "invalid_option", words, param=name)
    values[target.name] = values.pop(name)


def _place_size(model: VideoModel, values: dict[str, Any]) -> None:
    """Read a frame as this model spells it: 1280x720 may be 1280*720, or a ratio and a tier."""
    frame = parse_frame(values["size"])
    option = model.option_with_role("size")
    if frame is None:
        return
    if isinstance(option, Size):
        spelled = next((value for value in option.values if parse_frame(value) == frame), values["size"])
        if option.name == "size":
            values["size"] = spelled
        else:
            _move(model, values, "size", option)
            values[option.name] = spelled
    elif model.option("size") is None and (chosen := _ratio_and_tier(model, frame)):
        for name, value in chosen.items():
            if str(values.get(name, value)) != str(value):
                words = f"'size' and '{name}' do not mean the same. Send one of them."
                raise Problem(422, "invalid_option", words, param="size")
        del values["size"]
        values |= chosen


def _ratio_and_tier(model: VideoModel, frame: tuple[int, int]) -> dict[str, Any]:
    ratio, tier = model.option_with_role("ratio"), model.option_with_role("tier")
    if isinstance(ratio, Choice) and isinstance(tier, Choice):
        for shape, short in product(ratio.values, tier.values):
            if nominal_frame(shape, short) == frame:
                return {ratio.name: shape, tier.name: short}
    return {}
