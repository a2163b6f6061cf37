"""Forms: the composer, built from a video model's own options, and the library's filter."""

from generations.forms.choosing import choosable_models
from generations.forms.composer import GenerationForm, NoGateway
from generations.forms.library import LibraryForm

__all__ = ["GenerationForm", "LibraryForm", "NoGateway", "choosable_models"]
