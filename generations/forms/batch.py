"""A batch: rows of a table, or the product of a prompt's placeholders; every row is right, or none is sent."""

import csv
import io
import itertools
import math
from dataclasses import dataclass
from functools import cached_property

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

from generations.forms.choosing import Choices, find_model, last_or_first
from generations.forms.composer import GenerationForm
from generations.forms.total import total_words
from generations.lifecycle.lookups import Lookups
from generations.lifecycle.together import MOST_AT_ONCE, begin_group
from generations.models import Group, Team, User
from generations.models.preset import filled, placeholders

LONGEST_TABLE = 500_000  # characters
OWN_COLUMNS = ("prompt", "model")


@dataclass(frozen=True)
class Wrong:
    """What is wrong in one place of the table; `row` counts from 1 under the headings, 0 is the headings."""

    row: int
    column: str
    sentence: str


class BatchForm:
    """A model, and either a table with headings or a prompt with {placeholders} and a list for each."""

    def __init__(self, data: QueryDict, files: MultiValueDict[str, UploadedFile] | None, *, user: User) -> None:
        self.user, self.data = user, data
        self.offer = Choices()
        self.choosable = self.offer.models()
        self.model = None
        if data.get("model"):
            self.model = find_model(data["model"])[0]
        if self.model not in self.choosable:
            self.model = None if data.get("model") else last_or_first(user, self.choosable)
        self.template = data.get("template", "")
        self.names = placeholders(self.template)
        self.lists = {name: lines_of(data.get(f"list-{name}", "")) for name in self.names}
        self.table = data.get("table", "").replace("\0", "").removeprefix("\ufeff")
        self.wrong: list[Wrong] = []
        self.errors: list[str] = []
        file = files.get("file") if files else None
        if file:
            self.read_file(file)
        self.rows: list[dict[str, str]] = []
        self.members: list[GenerationForm] = []
        self.token = data.get("form_token", "")

    def read_file(self, file: UploadedFile) -> None:
        if file.size > LONGEST_TABLE:
            self.errors.append(_("The file is larger than {value} kB.").format(value=LONGEST_TABLE // 1000))
            return
        try:
            self.table = file.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            self.errors.append(_("The file is not text in UTF-8. Save it as CSV UTF-8 and try again."))

    @property
    def list_fields(self) -> list[tuple[str, str]]:
        return [(name, "\n".join(self.lists[name])) for name in self.names]

    @property
    def team(self) -> Team | None:
        return self.members[0].team if self.members else None

    def is_valid(self) -> bool:
        """Judge every row by the composer's own form; `wrong` names each bad place."""
        if self.model is None:
            self.errors.append(_("Choose a model: this one cannot be chosen."))
        if bool(self.table.strip()) == bool(self.template.strip()):
            self.errors.append(_("Give either a table or a prompt with placeholders, not both and not neither."))
        if self.errors:
            return False
        self.rows = self.table_rows() if self.table.strip() else self.product()
        unread = {wrong.row for wrong in self.wrong}  # a heading is row 0: then no row can be read as it was meant
        if not self.errors and 0 not in unread:
            for number, row in enumerate(self.rows, 1):
                if number not in unread:
                    self.judge(number, row)
            self.wrong.sort(key=lambda wrong: wrong.row)
        return not self.errors and not self.wrong

    def table_rows(self) -> list[dict[str, str]]:
        """Return the rows of the table by heading. It may be separated by commas, semicolons or tabs."""
        if len(self.table) > LONGEST_TABLE:
            self.errors.append(
                _("The table is longer than {longest_table} characters.").format(longest_table=f"{LONGEST_TABLE:,}")
            )
            return []
        head = self.table.lstrip().partition("\n")[0]
        separator = max(",;\t", key=head.count)
        try:
            lines = [line for line in csv.reader(io.StringIO(self.table.lstrip()), delimiter=separator, strict=True)]
        except csv.Error as error:
            self.errors.append(_("The table cannot be read: {error}.").format(error=error))
            return []
        headings = [name.strip().lower() for name in lines[0]]
        lines = [line for line in lines[1:] if any(cell.strip() for cell in line)]
        self.check_headings(headings, len(lines))
        for number, line in enumerate(lines, 1):
            if len(line) > len(headings):
                self.wrong.append(
                    Wrong(
                        number,
                        "",
                        _("{count} cells under {count_2} headings.").format(count=len(line), count_2=len(headings)),
                    )
                )
        return [dict(zip(headings, line, strict=False)) for line in lines]

    def check_headings(self, headings: list[str], count: int) -> None:
        if "prompt" not in headings:
            self.wrong.append(Wrong(0, "prompt", _("There is no column “prompt”.")))
        for name in {name for name in headings if headings.count(name) > 1}:
            self.wrong.append(Wrong(0, name, _("This column is there more than once.")))
        known = {option.name for model in self.choosable for option in model.options}
        for name in dict.fromkeys(headings):
            if name not in known and name not in OWN_COLUMNS:
                self.wrong.append(Wrong(0, name or _("(empty)"), _("No model has an option of this name.")))
        self.check_count(count)

    def check_count(self, count: int) -> None:
        if not count:
            self.errors.append(_("There is no row to make."))
        elif count > MOST_AT_ONCE:
            self.errors.append(
                _("These are {count} videos; at most {most_at_once} can be asked for at once.").format(
                    count=f"{count:,}", most_at_once=MOST_AT_ONCE
                )
            )

    def product(self) -> list[dict[str, str]]:
        """Return the prompt with every combination of the lists' lines."""
        if not self.names:
            self.errors.append(_("The prompt has no {placeholder}. Write one in braces, such as {place}."))
            return []
        for name in self.names:
            if not self.lists[name]:
                self.errors.append(_("Give at least one line for {{{name}}}.").format(name=name))
        self.check_count(math.prod(len(found) for found in self.lists.values()))
        if self.errors:
            return []
        found = itertools.product(*self.lists.values())
        return [{"prompt": filled(self.template, dict(zip(self.names, values, strict=True)))} for values in found]

    def judge(self, number: int, row: dict[str, str]) -> None:
        """Check one row as if it had been typed into the composer."""
        model = self.model
        if row.get("model", "").strip():
            model = find_model(row["model"].strip())[0]
            if model not in self.choosable:
                self.wrong.append(
                    Wrong(
                        number,
                        "model",
                        _("There is no model {value} that can be chosen.").format(value=row["model"][:60]),
                    )
                )
                return
        data = QueryDict(mutable=True)
        data.update({name: value.strip() for name, value in row.items() if name not in OWN_COLUMNS and value.strip()})
        data.update({"model": model.key, "prompt": row.get("prompt", "")})
        form = GenerationForm(data, MultiValueDict(), user=self.user, video_model=model, choices=self.offer)
        if self.members and self.members[0].video_model is model:
            form.__dict__["_standing"] = self.members[0]._standing  # one person, one model: asked once
        self.members.append(form)
        if form.is_valid():
            return
        for name, sentences in form.errors.items():
            column = "" if name == "__all__" else name
            self.wrong += [Wrong(number, column, sentence) for sentence in sentences]

    @cached_property
    def price_words(self) -> str:
        if self.team is None:
            return ""
        asked = [(form.video_model, form.cleaned_data["options"]) for form in self.members]
        return total_words(asked, self.team, Lookups())

    def save(self) -> tuple[Group, bool]:
        """Return the group of all rows and whether it is new. Raises NoGateway."""
        orders = [form.order() for form in self.members]
        return begin_group(orders, kind=Group.Kind.BATCH, form_token=self.token)


def lines_of(text: str) -> list[str]:
    """Return the lines of a text that say something, each once."""
    return list(dict.fromkeys(line.strip() for line in text.replace("\0", "").splitlines() if line.strip()))
