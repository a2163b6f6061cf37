"""Images that people give: kept as a row at once, so that a refused form still has them."""

import uuid

from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone

from generations.media import ImageRefused, accept_image
from generations.models import Team, Upload, User
from generations.specs import ImageFile, is_absent


def find_upload(text: str, user: User) -> Upload:
    """Return an image of one of this person's teams. Raises LookupError."""
    try:
        wanted = uuid.UUID(text)
    except ValueError:
        raise LookupError(text) from None
    upload = Upload.objects.visible_to(user).filter(uuid=wanted).first()
    if upload is None:
        raise LookupError(text)
    return upload


def listed_ids(given: object, option: ImageFile) -> list[str]:
    """Return the ids that a form or a query gives for an option, in their order; the last where one is taken."""
    found = [str(item) for item in (given if isinstance(given, list) else [given]) if not is_absent(item)]
    return list(dict.fromkeys(found)) if option.takes_several else found[-1:]


def keep_image(file: UploadedFile, option: ImageFile, *, team: Team, person: User) -> Upload:
    """Return the row of an accepted image; the same image sent again is the same row. Raises ImageRefused."""
    image = accept_image(file, max_bytes=option.max_bytes, max_pixels=option.max_pixels)
    if misfit := option.misfit(image.content_type, len(image.content), image.width, image.height):
        raise ImageRefused(misfit)
    if kept := Upload.objects.filter(team=team, person=person, sha256=image.sha256).first():
        # It is used again: the sweep must not take it for yesterday's.
        Upload.objects.filter(pk=kept.pk).update(created_at=timezone.now())
        return kept
    upload = Upload(
        sha256=image.sha256,
        kind=image.content_type,
        size=len(image.content),
        width=image.width,
        height=image.height,
        team=team,
        person=person,
    )
    upload.file.save("", ContentFile(image.content), save=False)
    upload.save()
    return upload
