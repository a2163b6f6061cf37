"""Prompts, kept once per team, and the images that go with them."""

import hashlib
import re
import unicodedata
import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy

from generations.models.people import Team
from generations.models.prepared import insert

LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# What comes along when text is copied out of a terminal or a file, and no model reads. Joiners of emoji and marks of
# direction are not among them; NUL is not either, because it is refused.
UNREADABLE = re.compile("[\x01-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ufff9-\ufffb\ufffe\uffff]")


def normalise(text: str) -> str:
    """Return a prompt as it is stored and sent: one kind of line end, no blank edges, no control characters."""
    if not text.isprintable():
        text = UNREADABLE.sub("", LINE_ENDS.sub("\n", text))
    return text.strip()


def words_of(text: str) -> list[str]:
    """Return the words of a text without case, signs and accents of width: what two prompts are compared by."""
    return re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())


def likeness(text: str) -> str:
    """Return the sha256 hex of a text's words: prompts that differ only in case, spaces and signs share it."""
    return hashlib.sha256(" ".join(words_of(text)).encode()).hexdigest()


def digest_of(text: str) -> str:
    """Return the sha256 hex by which a team has a text once."""
    return hashlib.sha256(text.encode()).hexdigest()


class PromptQuerySet(models.QuerySet):
    def visible_to(self, user) -> "PromptQuerySet":
        return self.filter(team__memberships__user=user)

    def keep(self, team: Team, text: str, edited_from: "Prompt | None" = None) -> "Prompt":
        """Return the team's one row for `text`, marked as used now.

        A new one is a version of `edited_from`, when that is the team's too; an old one stays what it was.
        """
        prompt = Prompt(team=team, text=text, digest=digest_of(text), likeness=likeness(text))
        if edited_from and edited_from.team_id == team.pk:
            prompt.edited_from, prompt.first_id = edited_from, edited_from.first_id or edited_from.pk
        return insert(prompt, unless="team_id, digest", update="used_at")


class Prompt(models.Model):
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="prompts", db_index=False)
    text = models.TextField()
    digest = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(default=timezone.now)
    likeness = models.CharField(max_length=64, editable=False, blank=True, default="", db_default="")
    # A version says what it was edited from, and the first of them all, so that a family is one look into an index.
    edited_from = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="edits", db_index=False
    )
    first = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="versions", db_index=False
    )

    objects = PromptQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "digest"], name="one_prompt_a_team")]
        indexes = [
            models.Index(fields=["team", "-id"], name="prompt_newest"),
            models.Index(fields=["team", "-used_at", "-id"], name="prompt_recent"),
            models.Index(fields=["team", "likeness"], name="prompt_likeness"),
            models.Index(fields=["edited_from"], condition=Q(edited_from__isnull=False), name="prompt_edited_from"),
            models.Index(fields=["first"], condition=Q(first__isnull=False), name="prompt_of_first"),
        ]

    def __str__(self) -> str:
        return self.text if len(self.text) <= 80 else f"{self.text[:79]}…"

    def get_absolute_url(self) -> str:
        return reverse("generations:prompt", args=[self.pk])


def upload_path(upload: "Upload", name: str) -> str:
    """Return the stored name of an upload: ours, never the visitor's."""
    return f"uploads/{upload.uuid.hex[:2]}/{upload.uuid.hex}{upload.EXTENSIONS[upload.kind]}"


class UploadQuerySet(models.QuerySet):
    def visible_to(self, user) -> "UploadQuerySet":
        return self.filter(team__memberships__user=user)

    def unused(self) -> "UploadQuerySet":
        return self.filter(~Q(pk__in=GenerationInput.objects.values("upload")))


class Upload(models.Model):
    """An accepted image: decoded, re-encoded without metadata, and kept while a generation uses it."""

    EXTENSIONS = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    file = models.FileField(upload_to=upload_path)
    sha256 = models.CharField(max_length=64)
    kind = models.CharField(max_length=20, choices=[(kind, kind) for kind in EXTENSIONS])
    size = models.PositiveIntegerField(help_text=gettext_lazy("Bytes."))
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="uploads")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="uploads")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UploadQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.width}x{self.height} {self.kind}"

    def get_absolute_url(self) -> str:
        return reverse("generations:upload", args=[self.uuid])


class GenerationInput(models.Model):
    """One image handed to one generation, in its place."""

    generation = models.ForeignKey("generations.Generation", on_delete=models.CASCADE, related_name="inputs")
    option = models.CharField(max_length=50)
    position = models.PositiveSmallIntegerField(default=0)
    upload = models.ForeignKey(Upload, on_delete=models.PROTECT, related_name="uses")

    class Meta:
        ordering = ["option", "position"]
        constraints = [
            models.UniqueConstraint(fields=["generation", "option", "position"], name="one_input_a_place"),
        ]

    def __str__(self) -> str:
        return f"{self.option} {self.position}"
