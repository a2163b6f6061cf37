"""From a row to the request a dialect builds its message from."""

from base64 import b64encode

from generations.gateways import FilePart, Message, VideoRequest
from generations.lifecycle.endpoints import dialect_of
from generations.lifecycle.remixing import source_of
from generations.models import Generation, GenerationInput
from generations.specs import ImageFile, Wire


class CannotBuild(Exception):
    """The request cannot be made from what is stored; the message says why to a person."""


def create_message(generation: Generation) -> Message:
    """Return the message that asks for this video. Raises CannotBuild."""
    try:
        return dialect_of(generation).create(video_request(generation))
    except KeyError as error:
        raise CannotBuild(f"Nobody speaks the dialect {generation.dialect} any more.") from error
    except ValueError as error:
        raise CannotBuild(str(error)) from error


def video_request(generation: Generation) -> VideoRequest:
    """Return exactly what was chosen, and nothing else. Raises CannotBuild."""
    try:
        model = generation.require_model()
    except KeyError as error:
        raise CannotBuild(f"The model {generation.model_key} is no longer in the catalogue.") from error
    try:
        source = source_of(model, generation.options, generation.team)
    except LookupError as error:
        raise CannotBuild(str(error)) from error
    if source and source.gateway_id != generation.gateway_id:
        raise CannotBuild(
            f"{source.gateway.name} made the video to remix, and {generation.gateway.name} cannot see it."
        )
    fields: dict[str, Wire | list[str]] = {**model.sent(generation.options)}
    files: dict[str, tuple[FilePart, ...]] = {}
    for item in generation.inputs.select_related("upload"):
        option = model.option(item.option)
        if not isinstance(option, ImageFile):
            raise CannotBuild(f"{model.label} no longer takes an image as {item.option}.")
        if not model.is_sent(option, generation.options):
            continue
        part = _file_part(item)
        if option.encoding == "file":
            files[option.path] = (*files.get(option.path, ()), part)
        elif option.takes_several:
            before = fields.get(option.path)
            fields[option.path] = [*(before if isinstance(before, list) else ()), _as_text(part, option.encoding)]
        else:
            fields[option.path] = _as_text(part, option.encoding)
    return VideoRequest(
        model=generation.upstream_model,
        prompt=generation.prompt.text,
        fields=fields,
        files=files,
    )


def _as_text(part: FilePart, encoding: str) -> str:
    """Return an image as JSON carries it: bare base64, or a data URI."""
    text = b64encode(part.content).decode()
    return text if encoding == "base64" else f"data:{part.content_type};base64,{text}"


def _file_part(item: GenerationInput) -> FilePart:
    upload = item.upload
    try:
        with upload.file.open("rb") as file:
            content = file.read()
    except OSError as error:
        raise CannotBuild("The image that goes with this prompt is no longer stored. Upload it again.") from error
    return FilePart(name=f"{item.option}{upload.EXTENSIONS[upload.kind]}", content_type=upload.kind, content=content)
