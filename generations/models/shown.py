"""A generation in words: what cards, pages and the API say of it."""

from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from generations.models.experience import known_figures
from generations.models.money import FREE
from generations.models.statuses import Failure, Status
from generations.models.switches import successor_of
from generations.specs import ImageFile, Quote, VideoModel

NEXT_STEPS = {
    Failure.NOT_SENT: gettext_lazy("Nothing was created and nothing was billed. Check the gateway, then use it again."),
    Failure.REJECTED: gettext_lazy("Nothing was created. Change what the gateway complains about, then use it again."),
    Failure.MODERATED: gettext_lazy(
        "Reword the prompt so that it passes the provider's safety rules, then use it again."
    ),
    Failure.UPSTREAM_FAILED: gettext_lazy(
        "The gateway may or may not bill a failed task. Try again, or try another model."
    ),
    Failure.NO_RESULT: gettext_lazy(
        "The gateway reports success without a file. Ask upstream again; that costs nothing."
    ),
    Failure.EXPIRED: gettext_lazy(
        "The file was gone before it could be saved. Ask upstream again; that costs nothing."
    ),
    Failure.GAVE_UP: gettext_lazy("Ask upstream again if you think it finished after all; that costs nothing."),
}
NEVER_ACCEPTED = "confirmed with the gateway that this request was never accepted."  # what `decisions` write down
UNKNOWN_STEP = gettext_lazy(
    "It may have been accepted and billed, so it is never sent again by itself. An operator looks it up at the "
    "gateway, then attaches its id or confirms that it was not created."
)


class Shown:
    """Mixed into Generation: sentences and addresses derived from its columns."""

    @property
    def model_label(self) -> str:
        return self.video_model.label if self.video_model else self.upstream_model

    @property
    def successor(self) -> VideoModel | None:
        """The model that another video like this one is made on, when its own is retired."""
        model = self.video_model
        return successor_of(model) if model and model.status == "retired" else None

    @property
    def status_word(self) -> str:
        """One word for people."""
        return self.get_status_display()

    @property
    def is_unknown(self) -> bool:
        return self.status == Status.UNKNOWN

    @property
    def is_failed(self) -> bool:
        return self.status == Status.FAILED

    @property
    def is_ready(self) -> bool:
        return self.status == Status.COMPLETED and bool(self.file) and self.purged_at is None

    @property
    def is_sandbox(self) -> bool:
        return self.gateway.is_sandbox

    @property
    def is_overdue(self) -> bool:
        return self.overdue_at is not None and not self.is_finished

    @property
    def wait_words(self) -> str:
        """How long others like it took, while it is on its way: "usually 40 to 95 s"; empty when that is not known."""
        figures = known_figures().get(self.case) if self.is_active else None
        return _("usually {wait_words}").format(wait_words=figures.wait_words) if figures and figures.wait_words else ""

    @property
    def failure_words(self) -> str:
        if self.failure == Failure.NOT_SENT and self.detail.endswith(NEVER_ACCEPTED):
            return _("Confirmed not created")
        return self.get_failure_display() if self.failure else ""

    @property
    def next_step(self) -> str:
        """What a person can do about it now; empty when there is nothing to do."""
        if self.is_unknown:
            return str(UNKNOWN_STEP)
        return str(NEXT_STEPS.get(self.failure, "")) if self.is_failed else ""

    @property
    def asked_text(self) -> str:
        return facts_text(self.asked_width, self.asked_height, self.asked_seconds)

    @property
    def asked_words(self) -> str:
        """The same, or who decides it where nothing was asked for."""
        if self.asked_text:
            return self.asked_text
        return _("as the video it is made from") if self.reworks else _("as the model decides")

    @property
    def reworks(self) -> str:
        """Which way its gateway was given another video to change: "remix", by its id, or "edit", by a link; or ""."""
        options = [self.video_model.option_with_role(role) for role in ("remix", "edit")] if self.video_model else []
        return next((option.role for option in options if option and self.options.get(option.name)), "")

    @property
    def measured_text(self) -> str:
        return facts_text(self.measured_width, self.measured_height, self.measured_seconds)

    @property
    def is_unpriced(self) -> bool:
        """Whether nobody knew what it costs, which is not nothing."""
        return self.quote_amount is None and self.quote_source != FREE

    @property
    def price_words(self) -> str:
        """What it was said to cost before it was asked for: "about 0.40 USD", "free", or that nobody knew."""
        if self.quote_amount is not None:
            return Quote(amount=self.quote_amount, currency=self.quote_currency, source="").words
        return _("unknown") if self.is_unpriced else _("free")

    @property
    def chosen(self) -> list[tuple[str, str]]:
        """Every option that was chosen and goes on the wire, as (label, value) in words, in the model's order."""
        model = self.video_model
        if model is None:
            return [(name, str(value)) for name, value in self.options.items()]
        return [
            (_(option.label), option.words(self.options[option.name]))
            for option in model.options
            if option.name in self.options and not isinstance(option, ImageFile) and model.is_sent(option, self.options)
        ]

    @property
    def shape(self) -> tuple[int, int]:
        """Width and height for laying the card out before the file is there."""
        if self.measured_width and self.measured_height:
            return self.measured_width, self.measured_height
        return self.asked_width or 16, self.asked_height or 9

    @property
    def video_url(self) -> str:
        return reverse("generations:video", args=[self.uuid]) if self.is_ready else ""

    @property
    def poster_url(self) -> str:
        return reverse("generations:poster", args=[self.uuid]) if self.is_ready and self.poster else ""

    @property
    def preview_url(self) -> str:
        return reverse("generations:preview", args=[self.uuid]) if self.is_ready and self.preview else ""

    @property
    def download_name(self) -> str:
        """A file name that says what it is: day, first words of the prompt, model, and the beginning of the id."""
        day = f"{self.completed_at or self.created_at:%Y-%m-%d}"
        model = self.model_key.rpartition("/")[2]
        suffix = self.file.rpartition(".")[2] or "mp4"
        parts = (day, first_words(self.prompt.text), model, self.uuid.hex[:8])
        return "_".join(filter(None, parts)) + f".{suffix}"


LONGEST_WORDS = 40


def first_words(text: str) -> str:
    """Return the first whole words of a prompt as a part of a file name, in any script: "a-red-fox-in-the-snow"."""
    words = slugify(text[:200], allow_unicode=True)
    if len(words) <= LONGEST_WORDS:
        return words
    return words[: LONGEST_WORDS + 1].rpartition("-")[0] or words[:LONGEST_WORDS]


def facts_text(width: int | None, height: int | None, seconds: float | None) -> str:
    """Return "1280x720, 5 s", as far as it is known."""
    parts = []
    if width and height:
        parts.append(f"{width}x{height}")
    if seconds:
        parts.append(f"{seconds:.1f}".removesuffix(".0") + " s")
    return ", ".join(parts)
