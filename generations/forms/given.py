"""What a request gives, read before it is judged: options, tokens, and what it begins from."""

import uuid

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from generations.catalog import catalog
from generations.forms.choosing import image_options, option_names
from generations.models import Generation, Prompt, User
from generations.models.prompt import normalise
from generations.specs import SEEN, VideoModel, is_absent

TOKEN_LENGTH = 64
CANNOT_BE_SENT = gettext_lazy("The prompt contains characters that cannot be sent.")


class BadPrompt(ValueError):
    """A prompt cannot be taken; the text is a sentence for its author."""


def read_prompt(text: str, model: VideoModel | None) -> str:
    """Return a prompt as it is stored and sent. Raises BadPrompt."""
    prompt = normalise(text)
    if not prompt:
        raise BadPrompt(_("Write what the video should show."))
    if "\0" in prompt or any("\ud800" <= letter <= "\udfff" for letter in prompt):
        raise BadPrompt(CANNOT_BE_SENT)
    if not SEEN.search(prompt):
        raise BadPrompt(_("Nothing of this prompt can be seen. Write what the video should show."))
    longest = model.prompt_max if model else len(prompt)
    if len(prompt) > longest:
        raise BadPrompt(
            _("The prompt can have at most {longest} characters; this has {count}.").format(
                longest=longest, count=len(prompt)
            )
        )
    return prompt


def given_options(data: QueryDict) -> dict[str, object]:
    """Return what a query or a form says of options, by name; of several values the last that says anything.

    Several images are a list.
    """
    found: dict[str, object] = {}
    images = image_options(*catalog().models)
    for name in option_names():
        values = [value for value in data.getlist(name) if not is_absent(value)]
        if values:
            found[name] = values if name in images and len(values) > 1 else values[-1]
    return found


def is_token(text: str) -> bool:
    """Say whether a text can stand for one form."""
    return len(text) <= TOKEN_LENGTH and text.isprintable()


def is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def visible_generation(user: User, text: str) -> Generation | None:
    if not is_uuid(text):
        return None
    return Generation.objects.visible_to(user).for_cards().filter(uuid=uuid.UUID(text)).first()


def visible_prompt(user: User, text: str) -> Prompt | None:
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        return None
    return Prompt.objects.visible_to(user).filter(pk=int(text)).first()
