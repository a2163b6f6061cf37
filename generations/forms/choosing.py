"""Which video model is meant, and which can be chosen now."""

from generations.catalog import UnknownModel, catalog
from generations.models import Gateway, Generation, User
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


def choosable_models() -> list[VideoModel]:
    """Return the models that can be asked for now: in use, and offered by a gateway."""
    return Gateway.objects.all().offered(catalog().choosable())


def last_or_first(user: User, models: list[VideoModel]) -> VideoModel | None:
    """Return the one of `models` that this person used last, else the first."""
    last = Generation.objects.filter(created_by=user).newest().values_list("model_key", flat=True).first()
    return next((model for model in models if model.key == last), models[0] if models else None)


def find_model(text: str) -> tuple[VideoModel | None, str]:
    """Return the model a text names, or None and a sentence that names the choices."""
    try:
        return catalog().find(text.strip()), ""
    except UnknownModel as error:
        return None, str(error)


def not_choosable(model: VideoModel, choosable: list[VideoModel]) -> str:
    """Return why a known model cannot be chosen now, and what can."""
    keys = [choice.key for choice in choosable]
    choices = f" Choose one of: {', '.join(keys)}." if keys else " No gateway is set up; an operator can add one."
    if not model.is_choosable:
        return f"{model.label} is {model.status}.{choices}"
    return f"No gateway offers {model.label} at the moment.{choices}"
