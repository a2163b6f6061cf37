"""Forms: the composer, built from a video model's own options, and the filters of the library and the costs."""

from generations.forms.choosing import choosable_models
from generations.forms.composer import Dearer, GenerationForm, NoGateway
from generations.forms.costs import CostsForm
from generations.forms.library import LibraryForm

__all__ = ["CostsForm", "Dearer", "GenerationForm", "LibraryForm", "NoGateway", "choosable_models"]
