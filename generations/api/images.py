"""The images of a create: files, links, data URIs and ids of uploads, each an Upload row in the end."""

import binascii
import io
import re
from base64 import b64decode
from typing import Any

from django.core.files.uploadedfile import UploadedFile

from generations.api.problems import Problem
from generations.api.reading import Given
from generations.forms.images import find_upload, keep_image
from generations.lifecycle.references import FetchingBusy, NotFetched, fetch_reference
from generations.media import ImageRefused
from generations.models import Team, Upload, User
from generations.specs import ImageFile, VideoModel, is_absent

DATA_URI = re.compile(r"data:(?P<kind>[\w/+.-]{0,100})(?:;[\w=.-]{1,100})*;base64,", re.ASCII)
WAYS = "a file, a public https link, a data URI with base64, or the id of an image you uploaded"


def images_of(model: VideoModel, given: Given, *, team: Team, person: User) -> dict[str, list[Upload]]:
    """Return the images of each option as rows. Raises Problem, with the option as its param."""
    found: dict[str, list[Upload]] = {}
    for option in model.options:
        if isinstance(option, ImageFile):
            sources = [*listed(given.values.pop(option.name, None)), *given.files.pop(option.name, ())]
            most = option.most if option.takes_several else 1
            if len(sources) > most:
                raise refused(option, f"{option.label} can be at most {most} of them, not {len(sources)}.")
            if sources:
                found[option.name] = [image_of(source, option, team=team, person=person) for source in sources]
    for name in given.files:
        raise Problem(422, "invalid_file", f"{model.label} takes no file as '{name[:40]}'.", param=name[:40])
    return found


def listed(value: Any) -> list[Any]:
    return [item for item in (value if isinstance(value, list) else [value]) if not is_absent(item)]


def refused(option: ImageFile, words: str) -> Problem:
    return Problem(422, "invalid_image", words, param=option.name)


def image_of(source: Any, option: ImageFile, *, team: Team, person: User) -> Upload:
    """Return the row of one image, however it was given."""
    text = source
    if isinstance(source, dict):  # {"image_url": ...} or {"file_id": ...}, as OpenAI's clients send it
        named = [source[name] for name in ("image_url", "file_id", "url") if not is_absent(source.get(name))]
        text = named[0] if len(named) == 1 else None
    if isinstance(text, dict):  # chat's {"image_url": {"url": ...}}
        text = text.get("url")
    if isinstance(text, str) and not text.lower().startswith(("data:", "http:", "https:")):
        return upload_of(text, option, person)
    file: Any = source if isinstance(source, UploadedFile) else None
    if isinstance(text, str):
        file = io.BytesIO(fetched(text, option))
    if file is None:
        raise refused(option, f"{option.label} can be {WAYS}.")
    try:
        return keep_image(file, option, team=team, person=person)
    except ImageRefused as error:
        raise refused(option, str(error)) from error


def upload_of(text: str, option: ImageFile, person: User) -> Upload:
    try:
        upload = find_upload(text.strip(), person)
    except LookupError:
        raise refused(option, f"{option.label} names no image of your team's. It can be {WAYS}.") from None
    if misfit := option.misfit(upload.kind, upload.size, upload.width, upload.height):
        raise refused(option, misfit)
    return upload


def fetched(text: str, option: ImageFile) -> bytes:
    """Return what a link or a data URI holds. Raises Problem."""
    if text[:5].lower() == "data:":
        return decoded(text, option)
    try:
        return fetch_reference(text, most_bytes=option.max_bytes)
    except NotFetched as error:
        raise refused(option, f"{option.label} could not be fetched. {error}") from error
    except FetchingBusy as error:
        words = "Too many links are being fetched at the moment. Send this again in a few seconds, or send a file."
        raise Problem(429, "too_many_fetches", words, param=option.name, headers={"Retry-After": "5"}) from error


def decoded(text: str, option: ImageFile) -> bytes:
    match = DATA_URI.match(text)
    try:
        if match is None:
            raise ValueError("no base64")
        return b64decode(text[match.end() :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise refused(option, f"{option.label} is no data URI such as data:image/png;base64,iVBO...") from error
