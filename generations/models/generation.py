"""A generation: one request for one video, and its row."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from generations.catalog import catalog, model_choices
from generations.models.experience import Case
from generations.models.gateway import Gateway
from generations.models.library import RATING_VALIDATORS, Group, Project
from generations.models.money import FREE, Move, follow
from generations.models.people import Team
from generations.models.prompt import Prompt
from generations.models.shown import Shown
from generations.models.sorting import SECONDS_TOLERANCE, cost, frame, length, mismatch, tier
from generations.models.statuses import ACTIVE, REVIVABLE, TRANSITIONS, UNFINISHED, Failure, Status
from generations.models.trail import Event
from generations.specs import OptionErrors, VideoModel


class GenerationQuerySet(models.QuerySet):
    def visible_to(self, user) -> "GenerationQuerySet":
        """The one door: what this person's teams made and did not delete."""
        return self.of_teams(user).filter(deleted_at=None)

    def of_teams(self, user) -> "GenerationQuerySet":
        """What this person's teams made, deleted or not: for sums, as it was paid for, and for a place in a list."""
        return self.filter(team__memberships__user=user)

    def unfinished(self) -> "GenerationQuerySet":
        return self.filter(status__in=UNFINISHED)

    def active(self) -> "GenerationQuerySet":
        """What moves on by itself."""
        return self.filter(status__in=ACTIVE)

    def due(self, now: datetime | None = None) -> "GenerationQuerySet":
        return self.unfinished().filter(due_at__lte=now or timezone.now())

    def newest(self) -> "GenerationQuerySet":
        return self.order_by("-id")

    def for_cards(self) -> "GenerationQuerySet":
        """With what a card shows, in one statement."""
        return self.select_related("prompt", "created_by", "gateway", "group")

    def newer_than(self, seen: Iterable[str]) -> list["Generation"]:
        """Return the rows whose version passed the "<uuid>:<version>" a page has seen."""
        versions: dict[str, int] = {}
        for pair in seen:
            name, _, version = pair.partition(":")
            try:
                versions[str(uuid.UUID(name))] = int(version)
            except ValueError:
                continue
        if not versions:
            return []
        # Nearly always nothing is new: that is found out from three columns, the rest is read of what changed.
        asked = self.filter(uuid__in=versions).values_list("pk", "uuid", "version")
        changed = [pk for pk, name, version in asked if version > versions[str(name)]]
        return list(self.filter(pk__in=changed).for_cards()) if changed else []


class Generation(Shown, models.Model):
    class Origin(models.TextChoices):
        BROWSER = "browser", gettext_lazy("Browser")
        API = "api", "API"
        COMMAND = "command", gettext_lazy("Command line")
        ADMIN = "admin", gettext_lazy("Admin")

    class Relation(models.TextChoices):
        RERUN = "rerun", gettext_lazy("Rerun")
        REMIX = "remix", gettext_lazy("Remix")
        COPY = "copy", gettext_lazy("Copy")

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)

    # What was asked, by whom
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="generations", db_index=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="generations")
    prompt = models.ForeignKey(Prompt, on_delete=models.PROTECT, related_name="generations")
    origin = models.CharField(max_length=20, choices=Origin, default=Origin.BROWSER)
    api_token = models.ForeignKey(
        "generations.ApiToken",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="generations",
        db_index=False,
    )
    form_token = models.CharField(max_length=64, blank=True)
    form_digest = models.CharField(max_length=64, blank=True)
    parent = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="children", db_index=False)
    relation = models.CharField(max_length=20, choices=Relation, blank=True)
    group = models.ForeignKey(
        Group, null=True, blank=True, on_delete=models.SET_NULL, related_name="generations", db_index=False
    )
    options = models.JSONField(default=dict)
    asked_width = models.PositiveIntegerField(null=True)
    asked_height = models.PositiveIntegerField(null=True)
    asked_seconds = models.PositiveIntegerField(null=True)

    # Who renders it, as it was at submit: later edits never change a row in flight
    gateway = models.ForeignKey(Gateway, on_delete=models.PROTECT, related_name="generations", db_index=False)
    model_key = models.CharField("model", max_length=100, choices=model_choices)
    dialect = models.CharField(max_length=40)
    upstream_model = models.CharField(max_length=100)

    # How far it is
    status = models.CharField(max_length=20, choices=Status, default=Status.QUEUED)
    failure = models.CharField(max_length=20, choices=Failure, blank=True)
    detail = models.TextField(blank=True, help_text=gettext_lazy("Why it waits or failed, in words."))
    progress = models.PositiveSmallIntegerField(default=0)
    upstream_status = models.CharField(max_length=100, blank=True)
    upstream_id = models.CharField(max_length=512, blank=True)
    upstream_state = models.JSONField(default=dict, blank=True)
    last_answer = models.JSONField(default=dict, blank=True)
    rewritten_prompt = models.TextField(
        blank=True, default="", db_default="", help_text=gettext_lazy("What the gateway says it made of the prompt.")
    )

    # The engine's own
    version = models.PositiveIntegerField(default=1)
    claim = models.CharField(max_length=40, blank=True)
    due_at = models.DateTimeField(null=True, default=timezone.now)
    overdue_at = models.DateTimeField(null=True)
    tries = models.PositiveIntegerField(default=0)

    # When
    created_at = models.DateTimeField(default=timezone.now)
    submitted_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)

    # Money, as it was known at submit; the ledger says what came of it
    quote_amount = models.DecimalField(max_digits=12, decimal_places=6, null=True)
    quote_currency = models.CharField(max_length=3, blank=True)
    quote_source = models.CharField(max_length=200, blank=True)

    # The file, as measured
    measured_width = models.PositiveIntegerField(null=True)
    measured_height = models.PositiveIntegerField(null=True)
    measured_seconds = models.FloatField(null=True)
    measured_fps = models.FloatField(null=True)
    measured_has_audio = models.BooleanField(null=True)
    file = models.CharField(max_length=200, blank=True, help_text=gettext_lazy("Path below the media folder."))
    sha256 = models.CharField(max_length=64, blank=True)
    bytes = models.BigIntegerField(null=True)
    poster = models.CharField(max_length=200, blank=True)
    preview = models.CharField(max_length=200, blank=True)
    deleted_at = models.DateTimeField(null=True)
    deleted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    purged_at = models.DateTimeField(null=True)

    # How the team keeps it
    project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.SET_NULL, related_name="generations", db_index=False
    )
    rating = models.PositiveSmallIntegerField(null=True, blank=True, validators=RATING_VALIDATORS)
    pinned_at = models.DateTimeField(null=True, blank=True, help_text=gettext_lazy("A pinned video is never purged."))

    # What the library filters by; the database works them out
    frame = frame()
    tier = tier()
    length = length()
    cost = cost(FREE)
    mismatch = mismatch()

    objects = GenerationQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        permissions = [
            ("settle_unknown", gettext_lazy("Can decide about unknown outcomes")),
            ("send_again", gettext_lazy("Can send again what may already have been billed")),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(progress__lte=100), name="progress_is_a_percentage"),
            models.CheckConstraint(
                condition=Q(progress__lt=100) | Q(status=Status.COMPLETED), name="only_completed_is_100_percent"
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.COMPLETED) | ~Q(file="") | Q(purged_at__isnull=False),
                name="completed_has_a_file",
            ),
            models.CheckConstraint(
                condition=Q(rating=None) | Q(rating__gte=1, rating__lte=5), name="rating_is_one_to_five"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=sorted(UNFINISHED)) | Q(due_at__isnull=False),
                name="unfinished_is_due_some_time",
            ),
            models.UniqueConstraint(
                fields=["gateway", "upstream_id"], condition=~Q(upstream_id=""), name="one_row_an_upstream_task"
            ),
            models.UniqueConstraint(
                fields=["created_by", "form_token", "form_digest"],
                condition=~Q(form_token=""),
                name="one_row_a_form_token",
            ),
        ]
        indexes = [
            # Whatever has ended is never due. SQLite proves this condition from `due_at <= ...`, and no other.
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="generation_due"),
            models.Index(fields=["team", "status", "-id"], name="generation_status"),
            models.Index(fields=["team", "model_key", "-id"], name="generation_model"),
            models.Index(fields=["team", "created_by", "-id"], name="generation_person"),
            models.Index(fields=["gateway", "status"], name="generation_load"),
            models.Index(fields=["team", "created_at"], name="generation_costs"),
            # Keys that most rows lack: no row without one is in its index, so making a video writes none of them.
            models.Index(fields=["project", "-id"], condition=Q(project__isnull=False), name="generation_of_project"),
            models.Index(fields=["group"], condition=Q(group__isnull=False), name="generation_of_group"),
            models.Index(fields=["parent"], condition=Q(parent__isnull=False), name="generation_of_parent"),
            models.Index(fields=["deleted_by"], condition=Q(deleted_by__isnull=False), name="generation_thrown_by"),
            models.Index(fields=["deleted_at"], condition=Q(deleted_at__isnull=False), name="generation_trash"),
            models.Index(fields=["team", "frame", "-id"], name="generation_frame"),
            models.Index(fields=["team", "tier", "-id"], name="generation_tier"),
            models.Index(fields=["team", "length", "-id"], name="generation_length"),
            models.Index(fields=["team", "cost", "-id"], condition=Q(cost__isnull=False), name="generation_priced"),
            models.Index(
                fields=["team", "mismatch", "-id"], condition=Q(mismatch__isnull=False), name="generation_mismatch"
            ),
            models.Index(fields=["team", "rating", "-id"], condition=Q(rating__isnull=False), name="generation_rating"),
            models.Index(fields=["team", "-id"], condition=Q(deleted_at=None), name="generation_kept"),
            # What a program has on its way: few rows, however many it ever asked for.
            models.Index(
                fields=["created_by", "api_token"],
                condition=Q(api_token__isnull=False, due_at__isnull=False),
                name="generation_of_programs",
            ),
            models.Index(fields=["team", "-id"], condition=Q(deleted_at__isnull=False), name="generation_thrown"),
            models.Index(
                fields=["team", "deleted_at", "pinned_at", "bytes"],
                condition=Q(purged_at=None, bytes__isnull=False),
                name="generation_stored",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model_key} {self.uuid}"

    def get_absolute_url(self) -> str:
        return reverse("generations:detail", args=[self.uuid])

    # Rules

    def clean(self) -> None:
        """Check the options by the model's own rules, the same that the form and the API use."""
        try:
            self.options = self.require_model().clean(self.options)
        except KeyError as error:
            raise ValidationError({"model_key": f"There is no model {self.model_key}."}) from error
        except OptionErrors as error:
            sentences = [sentence for found in error.errors.values() for sentence in found]
            raise ValidationError({"options": sentences}) from error

    def require_model(self) -> VideoModel:
        """Return the catalogue entry. Raises KeyError when it is gone."""
        return catalog().get(self.model_key)

    @property
    def video_model(self) -> VideoModel | None:
        try:
            return self.require_model()
        except KeyError:
            return None  # an entry that left the catalogue stays readable in history

    # What it is

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE

    @property
    def is_finished(self) -> bool:
        return self.status not in UNFINISHED

    @property
    def is_revivable(self) -> bool:
        return self.status == Status.FAILED and self.failure in REVIVABLE

    @property
    def is_cancellable(self) -> bool:
        return self.status == Status.QUEUED

    @property
    def differs(self) -> list[str]:
        """How the delivered file is not what was asked, a sentence each; frames exactly, length by tolerance."""
        found = []
        if self.is_frame_as_asked is False:
            got = f"{self.measured_width}x{self.measured_height}"
            found.append(
                _("asked {asked_width}x{asked_height}, got {got}").format(
                    asked_width=self.asked_width, asked_height=self.asked_height, got=got
                )
            )
        if self.is_length_as_asked is False:
            found.append(
                _("asked {asked_seconds} s, got {measured_seconds} s").format(
                    asked_seconds=self.asked_seconds, measured_seconds=f"{self.measured_seconds:.1f}"
                )
            )
        return found

    @property
    def is_frame_as_asked(self) -> bool | None:
        """Whether the file has exactly the pixels asked for; None where nothing was asked or measured."""
        asked, got = (self.asked_width, self.asked_height), (self.measured_width, self.measured_height)
        return None if None in asked or None in got else asked == got

    @property
    def is_length_as_asked(self) -> bool | None:
        """Whether the file is as long as asked for, by tolerance; None where nothing was asked or measured."""
        asked, got = self.asked_seconds, self.measured_seconds
        return None if asked is None or got is None else abs(asked - got) <= SECONDS_TOLERANCE

    @property
    def case(self) -> Case:
        """What experience with others like it counts for it too. Needs the gateway."""
        asked = (self.asked_width, self.asked_height, self.asked_seconds)
        return Case.of(self.model_key, *asked, is_sandbox=self.gateway.is_sandbox)

    # What happens to it

    def mine(self) -> GenerationQuerySet:
        """This row, while nobody else has moved or claimed it since this instance was loaded: every write's fence."""
        same = {"status": self.status, "failure": self.failure, "claim": self.claim}
        return Generation.objects.filter(pk=self.pk, **same)

    def move_to(
        self,
        status: Status,
        *,
        actor: str,
        reason: str,
        actor_kind: str = Event.ActorKind.ENGINE,
        evidence: dict | None = None,
        cost: Decimal | None = None,
        **changes,
    ) -> bool:
        """Move this row along one allowed edge, with its event and its entry in the ledger, unless somebody did.

        `cost` is what the gateway says it took, in USD, when it says so.
        Returns False, changing nothing, when the row is no longer as this instance knows it (`mine`).
        Raises ValueError for an edge TRANSITIONS lacks.
        """
        if status not in TRANSITIONS[self.status]:
            raise ValueError(f"no transition from {self.status} to {status}")
        if self.status == Status.FAILED and self.failure not in REVIVABLE:
            raise ValueError(f"a generation that failed as {self.failure} stays failed")
        changes.setdefault("due_at", timezone.now() if status in UNFINISHED else None)
        with transaction.atomic():
            if not self.mine().update(status=status, version=F("version") + 1, **changes):
                return False
            moved = Event(
                generation=self,
                before=self.status,
                after=status,
                actor=actor,
                actor_kind=actor_kind,
                reason=reason,
                evidence=evidence or {},
            )
            Event.objects.write([moved])
            follow([self.money_move(status, changes.get("failure", ""), actor=actor, cost=cost)])
        self.refresh_from_db()
        return True

    def money_move(self, after: Status, failure: str, *, actor: str, cost: Decimal | None) -> Move:
        """Return what a change of this row's status is for the ledger."""
        return Move(
            generation=self.pk,
            before=self.status,
            after=after,
            failure=failure,
            quote=self.quote_amount,
            currency=self.quote_currency,
            policy=self.gateway.failure_policy if after == Status.FAILED and self.quote_amount is not None else "",
            actor=actor,
            cost=cost,
        )

    def note(self, reason: str, *, actor: str, actor_kind: str = Event.ActorKind.ENGINE, **evidence) -> None:
        """Record something worth knowing that changed no status."""
        Event.objects.create(
            generation=self,
            before=self.status,
            after=self.status,
            actor=actor,
            actor_kind=actor_kind,
            reason=reason,
            evidence=evidence,
        )

    def postpone(self, delay: timedelta, *, detail: str = "", **changes: Any) -> bool:
        """Let this row wait for `delay` and say why; False when it is no longer ours."""
        changes["due_at"] = timezone.now() + delay
        if detail != self.detail:
            changes |= {"detail": detail, "version": F("version") + 1}
        if not self.mine().update(**changes):
            return False
        self.refresh_from_db()
        return True
