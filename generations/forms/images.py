"""Images that people give: kept as a row at once, so that a refused form still has them."""

import uuid
from collections.abc import Callable, Iterable

from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from generations.catalog import catalog
from generations.forms.choosing import image_options
from generations.forms.given import is_uuid
from generations.media import ImageRefused, accept_image
from generations.models import Team, Upload, User
from generations.specs import ImageFile, VideoModel, is_absent

GONE_IMAGE = gettext_lazy("The image is not stored any more. Choose it again.")


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
    image = accept_image(file, max_bytes=option.max_bytes, max_pixels=option.max_pixels, types=option.types)
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


class Images:
    """Mixed into the composer, which has what was `given`, the `files` that came, and a place to `say` things."""

    user: User
    team: Team | None
    video_model: VideoModel | None
    files: MultiValueDict[str, UploadedFile]
    given: dict[str, object]
    initial: dict[str, object]
    uploads: dict[str, list[Upload]]
    image_errors: dict[str, list[str]]
    say: Callable[[str, Iterable[str]], None]

    def say_of_images(self, bound: "Images") -> None:
        """Show what is wrong with the images that a form which is not judged took in before this one."""
        for name, sentences in bound.image_errors.items():
            self.say(name, sentences)

    def accept_images(self, *others: VideoModel | None) -> None:
        """Turn each image that came into an Upload row at once, so that a refused form keeps it.

        Images are those of the form's model, of `others`, and without any model whatever is an image somewhere.
        """
        models = [self.video_model, *others]
        for name, option in image_options(*(models if any(models) else catalog().models)).items():
            if self.team is None or (not self.files.getlist(name) and name not in self.given):
                continue
            uploads, sentences = self._accept(name, option)
            if uploads:
                self.uploads[name] = uploads
            if sentences:
                self.image_errors[name] = sentences

    def _accept(self, name: str, option: ImageFile) -> tuple[list[Upload], list[str]]:
        """Return the images of one option in their order, and a sentence about each that cannot be taken.

        Those chosen before come first. Where only one is taken, a new one takes the place of the one before it.
        """
        fresh: list[Upload] = []
        sentences: list[str] = []
        files = self.files.getlist(name)
        if len(files) > 1 and not option.takes_several:
            sentences.append(_("{label} can be one image, not {count}.").format(label=option.label, count=len(files)))
            files = []
        for file in files:
            try:
                fresh.append(keep_image(file, option, team=self.team, person=self.user))
            except ImageRefused as error:
                sentences.append(str(error))
        before = [] if fresh and not option.takes_several else self._kept_before(name, option, sentences)
        return [*before, *fresh], list(dict.fromkeys(sentences))

    def _kept_before(self, name: str, option: ImageFile, sentences: list[str]) -> list[Upload]:
        """Return the images that the form names by id; add a sentence about each that is gone or does not fit."""
        kept: list[Upload] = []
        has_errors = bool(sentences)
        for given in listed_ids(self.given.get(name), option):
            try:
                upload = find_upload(given, self.user)
            except LookupError:
                if not has_errors:  # of a file that was refused more is said already
                    sentences.append(GONE_IMAGE)
                continue
            kept.append(upload)
            if misfit := option.misfit(upload.kind, upload.size, upload.width, upload.height):
                sentences.append(misfit)
        return kept

    def upload_values(self, discarded: Iterable[str] = ()) -> dict[str, object]:
        """Return the ids of the images, by option: a list of several, or the one. `discarded` are "name:id"."""
        values: dict[str, object] = {}
        for name, uploads in self.uploads.items():
            ids = [str(upload.uuid) for upload in uploads if f"{name}:{upload.uuid}" not in discarded]
            if ids:
                values[name] = ids if len(ids) > 1 else ids[0]
        return values

    def kept_values(self, discarded: Iterable[str] = ()) -> dict[str, object]:
        """Return what was chosen, its images by their ids, without what is `discarded`: "name" or "name:id"."""
        values = {name: value for name, value in self.given.items() if name not in self.uploads}
        values |= self.upload_values(discarded)
        return {name: value for name, value in values.items() if name not in discarded}

    def _show_uploads(self) -> None:
        """Find the images that an unbound form's values name; one that was stored and is gone is said.

        What is no id stands for a file that the browser still holds.
        """
        models = [self.video_model] if self.video_model else catalog().models
        for name, option in image_options(*models).items():
            if name not in self.given:
                continue
            given = listed_ids(self.given.pop(name), option)
            self.initial.pop(name, None)
            uploads = []
            for text in given:
                try:
                    uploads.append(upload := find_upload(text, self.user))
                except LookupError:
                    if is_uuid(text):
                        self.say(name, [GONE_IMAGE])
                else:
                    if misfit := option.misfit(upload.kind, upload.size, upload.width, upload.height):
                        self.say(name, [misfit])
            if uploads:
                self.uploads[name] = uploads
                self.given[name] = self.initial[name] = self.upload_values()[name]
