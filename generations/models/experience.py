"""What was seen of each model: how long it takes, how often it fails, how often the file is what was asked for."""

import statistics
import time
from collections.abc import Iterable, Mapping
from math import ceil
from typing import NamedTuple, Self

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from generations.catalog import model_choices

NEWEST = 200  # generations of one case that its figures are made of
ENOUGH = 10  # delivered videos; with fewer nothing is said of how long it takes
FRESH = 60.0  # seconds for which a process goes on with what it read


class Case(NamedTuple):
    """What is asked for, as far as it makes a difference: pixels and seconds, 0 where they are left to the model."""

    model_key: str
    width: int
    height: int
    seconds: int
    is_sandbox: bool

    @classmethod
    def of(
        cls, model_key: str, width: int | None, height: int | None, seconds: int | None, *, is_sandbox: bool
    ) -> Self:
        return cls(model_key, width or 0, height or 0, seconds or 0, is_sandbox)

    @property
    def words(self) -> str:
        """What was asked for: "1280x720, 5 s", as far as anything was."""
        parts = [f"{self.width}x{self.height}"] if self.width and self.height else []
        return ", ".join(parts + ([f"{self.seconds} s"] if self.seconds else [])) or _("as the model decides")


class Observation(NamedTuple):
    """One generation that has ended: `wait` in seconds from the create to the stored file, None when it failed.

    Whether frame and length are as asked; None where nothing was asked or measured.
    """

    generation: int
    wait: float | None
    is_frame: bool | None
    is_length: bool | None


class Figures(NamedTuple):
    """The figures of one case, each beside the number it is of; `usual` and `slow` in seconds, None with too few."""

    ended: int
    failed: int
    usual: float | None
    slow: float | None
    framed: int
    frames_as_asked: int
    timed: int
    lengths_as_asked: int

    @property
    def delivered(self) -> int:
        return self.ended - self.failed

    @property
    def wait_words(self) -> str:
        """How long it takes: "40 to 95 s", from the median to what nine of ten keep; empty with too few."""
        if self.usual is None or self.slow is None:
            return ""
        usual, slow = span(self.usual), span(self.slow)
        if usual == slow:
            return _("about {usual}").format(usual=usual)
        return _("{usual} to {slow}").format(
            usual=usual.removesuffix(" s") if slow.endswith(" s") else usual, slow=slow
        )

    @property
    def sentences(self) -> list[str]:
        """Everything that is known of the case, with its numbers as they are."""
        found = []
        if self.wait_words:
            found.append(
                _("Usually {wait_words} (median and 90th percentile of {delivered} videos).").format(
                    wait_words=self.wait_words, delivered=self.delivered
                )
            )
        elif self.delivered:
            videos = ngettext("%(count)s video", "%(count)s videos", self.delivered) % {"count": self.delivered}
            found.append(_("{videos} so far, too few to say how long it takes.").format(videos=videos))
        if self.failed:
            found.append(_("{failed} of {ended} failed.").format(failed=self.failed, ended=self.ended))
        as_asked = [
            _("{name} as asked in {count} of {of}").format(name=name, count=count, of=of)
            for name, count, of in (
                (_("size"), self.frames_as_asked, self.framed),
                (_("length"), self.lengths_as_asked, self.timed),
            )
            if of
        ]
        return [*found, f"{', '.join(as_asked).capitalize()}."] if as_asked else found


def figures_of(observations: Iterable[Observation]) -> Figures:
    """Add up what was observed."""
    seen = list(observations)
    waits = sorted(one.wait for one in seen if one.wait is not None)
    frames = [one.is_frame for one in seen if one.is_frame is not None]
    lengths = [one.is_length for one in seen if one.is_length is not None]
    is_enough = len(waits) >= ENOUGH
    return Figures(
        ended=len(seen),
        failed=len(seen) - len(waits),
        usual=statistics.median(waits) if is_enough else None,
        slow=waits[ceil(0.9 * len(waits)) - 1] if is_enough else None,
        framed=len(frames),
        frames_as_asked=sum(frames),
        timed=len(lengths),
        lengths_as_asked=sum(lengths),
    )


def span(seconds: float) -> str:
    """Return "40 s", or "3 min" from two minutes on."""
    return f"{max(round(seconds), 1)} s" if seconds < 120 else _("{round} min").format(round=round(seconds / 60))


class ExperienceQuerySet(models.QuerySet):
    def figures(self) -> dict[Case, Figures]:
        """Return every case that was seen, with its figures. One statement."""
        rows = self.values_list(*Case._fields, *Figures._fields)
        cut = len(Case._fields)
        return {Case(*row[:cut]): Figures(*row[cut:]) for row in rows}


class Experience(models.Model):
    """One case: its newest observations, and the figures that they make. `lifecycle.experience` keeps it."""

    model_key = models.CharField("model", max_length=100, choices=model_choices)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    seconds = models.PositiveIntegerField()
    is_sandbox = models.BooleanField(default=False)
    ended = models.PositiveIntegerField()
    failed = models.PositiveIntegerField()
    usual = models.FloatField(null=True, help_text=gettext_lazy("Seconds: the median."))
    slow = models.FloatField(null=True, help_text=gettext_lazy("Seconds: the 90th percentile."))
    framed = models.PositiveIntegerField()
    frames_as_asked = models.PositiveIntegerField()
    timed = models.PositiveIntegerField()
    lengths_as_asked = models.PositiveIntegerField()
    observations = models.JSONField(default=list)

    objects = ExperienceQuerySet.as_manager()

    class Meta:
        ordering = ["model_key", "width", "height", "seconds"]
        verbose_name_plural = "experience"
        constraints = [models.UniqueConstraint(fields=Case._fields, name="one_experience_a_case")]

    def __str__(self) -> str:
        return f"{self.model_key} {self.width}x{self.height} {self.seconds} s"

    @property
    def case(self) -> Case:
        return Case(*(getattr(self, name) for name in Case._fields))

    def take_in(self, observations: Iterable[Observation]) -> None:
        """Add observations, in place of earlier ones of the same generation, and make the figures anew; not saved."""
        kept = {one.generation: one for one in (Observation(*known) for known in self.observations)}
        for one in observations:
            kept.pop(one.generation, None)
            kept[one.generation] = one
        newest = list(kept.values())[-NEWEST:]
        self.observations = [list(one) for one in newest]
        for name, value in figures_of(newest)._asdict().items():
            setattr(self, name, value)


class Bookmark(models.Model):
    """How far somebody who reads all events has come."""

    name = models.CharField(max_length=20, unique=True)
    event = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name}: {self.event}"


_read: tuple[float, Mapping[Case, Figures]] | None = None


def known_figures() -> Mapping[Case, Figures]:
    """Return all figures as this process read them at most a minute ago: then one statement, else none."""
    global _read
    if _read is None or time.monotonic() - _read[0] > FRESH:
        _read = (time.monotonic(), Experience.objects.all().figures())
    return _read[1]


def figures_of_model(model_key: str) -> list[tuple[Case, Figures]]:
    """Return the cases of one model, those with the most videos first; what the sandbox drew only when that is all."""
    found = [(case, figures) for case, figures in known_figures().items() if case.model_key == model_key]
    real = [(case, figures) for case, figures in found if not case.is_sandbox]
    return sorted(real or found, key=lambda pair: (-pair[1].ended, pair[0]))


def forget() -> None:
    """Let the figures be read again the next time somebody asks."""
    global _read
    _read = None
