"""The video models: data in TOML files, one file a family, checked whole when loaded.

Whether somebody speaks the dialect an entry names is a system check: generations/gateways is beyond this layer.

`catalog()` is what the rest of the site asks; `configure()` names folders beside the built-in one.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from django.utils.translation import gettext as _

from generations.catalog.reading import CatalogError, read_file
from generations.specs import STATUSES, VideoModel, listed, quoted

__all__ = [
    "BUILT_IN",
    "AmbiguousModel",
    "Catalog",
    "CatalogError",
    "UnknownModel",
    "catalog",
    "configure",
    "load",
    "model_choices",
]

BUILT_IN = Path(__file__).parent


class UnknownModel(LookupError):
    """No model goes by `text`; `choices` are the keys that could be chosen instead."""

    def __init__(self, text: str, choices: Iterable[str]) -> None:
        self.text, self.choices = text, tuple(choices)
        problem = (
            _("There is no model '{text}'.").format(text=quoted(text)) if text.strip() else _("No model was chosen.")
        )
        super().__init__(f"{problem} {self.advice}")

    @property
    def advice(self) -> str:
        return (
            _("Choose {choices}.").format(choices=listed(self.choices))
            if self.choices
            else _("There is none to choose from.")
        )

    @property
    def sentence(self) -> str:
        return str(self)


class AmbiguousModel(UnknownModel):
    """Several models go by `text`; `choices` are their keys."""

    def __init__(self, text: str, choices: Iterable[str]) -> None:
        super().__init__(text, choices)
        self.args = (_("Several models are called '{text}'. {advice}").format(text=quoted(text), advice=self.advice),)


class Catalog:
    """The models, those in use first, in the order of their files."""

    def __init__(self, models: Iterable[VideoModel]) -> None:
        self.models = tuple(sorted(models, key=lambda model: STATUSES.index(model.status)))
        self._by_key = {model.key: model for model in self.models}

    def get(self, key: str) -> VideoModel:
        """Return the model with this key. Raises KeyError."""
        return self._by_key[key]

    def choosable(self) -> tuple[VideoModel, ...]:
        return tuple(model for model in self.models if model.is_choosable)

    def find(self, text: str) -> VideoModel:
        """Return the model with this key, or with this upstream id when only one has it.

        A model that can be chosen goes before one that no longer can. Raises UnknownModel or AmbiguousModel.
        """
        if text in self._by_key:
            return self._by_key[text]
        named = [model for model in self.models if model.upstream_id == text]
        found = [model for model in named if model.is_choosable] or named
        if not found:
            raise UnknownModel(text, (model.key for model in self.choosable()))
        if len(found) > 1:
            raise AmbiguousModel(text, (model.key for model in found))
        return found[0]


def load(*directories: str | Path) -> Catalog:
    """Return every model of every `*.toml` in these folders. Raises CatalogError at the first fault."""
    models: list[VideoModel] = []
    for directory in map(Path, directories):
        if not directory.is_dir():
            raise CatalogError(str(directory), "", "is not a folder")
        for path in sorted(directory.glob("*.toml")):
            for model in read_file(path):
                refuse_double(path.name, model, models)
                models.append(model)
    for model in models:
        if model.successor and model.successor not in {other.key for other in models if other is not model}:
            raise CatalogError(
                f"{model.family}.toml", model.key, f"successor {model.successor} is not in the catalogue"
            )
    return Catalog(models)


def refuse_double(file: str, model: VideoModel, models: Iterable[VideoModel]) -> None:
    for other in models:
        if other.key == model.key:
            raise CatalogError(file, model.key, "key is given twice")
        if (other.dialect, other.upstream_id) == (model.dialect, model.upstream_id):
            raise CatalogError(file, model.key, f"upstream_id {model.upstream_id} is also that of {other.key}")
        if other.label == model.label:
            raise CatalogError(file, model.key, f"label {model.label} is also that of {other.key}: nobody could choose")


_directories: tuple[Path, ...] = (BUILT_IN,)


def configure(*extra_directories: str | Path) -> None:
    """Read these folders beside the built-in one from now on; empty names are none."""
    global _directories
    _directories = (BUILT_IN, *(Path(directory) for directory in extra_directories if str(directory)))
    catalog.cache_clear()


@cache
def catalog() -> Catalog:
    """Return the process-wide catalogue, read once. Raises CatalogError."""
    return load(*_directories)


def model_choices() -> list[tuple[str, str]]:
    """Return (key, label) of every model, retired ones too: history shows them."""
    return [(model.key, model.label) for model in catalog().models]
