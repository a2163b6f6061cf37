"""manage.py generate: ask for a video from a terminal or a script, the way the form does. docs/command-line.md."""

import argparse
import json
import os
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management.base import BaseCommand, CommandError
from django.db import close_old_connections
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from generations.engine import is_at_work
from generations.forms import GenerationForm, NoGateway
from generations.forms.choosing import find_model
from generations.lifecycle.files import path_of, sha256_of
from generations.lifecycle.persistence import AWAY
from generations.models import Generation, Status, User
from generations.models.record import records
from generations.specs import ImageFile, VideoModel
from generations.terminal import Bar

FAILED, REFUSED, UNKNOWN, NOT_WRITTEN, INTERRUPTED = 1, 2, 3, 4, 130
LOOK_SECONDS = 0.5
SILENT_SECONDS = 5.0


class Refused(CommandError):
    """Nothing was made; the message says why."""

    def __init__(self, words: str) -> None:
        super().__init__(words, returncode=REFUSED)


class Command(BaseCommand):
    help = "Asks for one video as the form does. Exit codes: 0 done, 1 failed, 2 refused, 3 unknown, 4 not written."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("prompt")
        parser.add_argument("--model", required=True, help="a key of the catalogue, such as wan/wan2.6")
        parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="NAME=@FILE for images")
        parser.add_argument("--user", help="who asks for it; may be left out where there is one account")
        parser.add_argument("--wait", action="store_true", help="until it is ready or has failed")
        parser.add_argument("--out", type=Path, metavar="FILE", help="store the video there; waits for it")
        parser.add_argument("--json", action="store_true", help="print the whole record")

    def handle(self, *args, prompt: str, model: str, user: str | None, out: Path | None, **options) -> None:
        if out is not None:
            refuse_unless_writable(out)
        generation = self.ask(prompt, model, options["option"], find_person(user))
        address = f"{settings.STUDIO_URL}{generation.get_absolute_url()}"
        if options["wait"] or out is not None:
            try:
                generation = self.wait(generation)
            except KeyboardInterrupt:
                self.stderr.write(f"\nIt goes on without you: {address}")
                sys.exit(INTERRUPTED)
        if out is not None and generation.status == Status.COMPLETED:
            try:
                store(generation, out)
            except OSError as error:
                words = f"The video is ready, but could not be written to {out}: {error.strerror or error}. {address}"
                raise CommandError(words, returncode=NOT_WRITTEN) from error
        if options["json"]:
            record = next(records(Generation.objects.filter(pk=generation.pk)))
            self.stdout.write(json.dumps(record, ensure_ascii=False))
        else:
            self.stdout.write(address)
        finish(generation)

    def ask(self, prompt: str, key: str, given: list[str], user: User) -> Generation:
        """Return the new generation. Raises Refused with every reason."""
        model, problem = find_model(key)
        if model is None:
            raise Refused(problem)
        data, files = posted(prompt, model, given)
        form = GenerationForm(data, files, user=user, video_model=model)
        if not form.is_valid():
            sentences = [
                sentence if name in ("__all__", "model", "prompt") else f"{name}: {sentence}"
                for name, found in form.errors.items()
                for sentence in found
            ]
            raise Refused("\n".join(dict.fromkeys(sentences)))
        try:
            generation, _ = form.save(origin=Generation.Origin.COMMAND)
        except NoGateway as error:
            raise Refused(str(error)) from error
        return generation

    def wait(self, generation: Generation) -> Generation:
        """Return the generation when nothing moves on by itself any more, showing how far it is."""
        bar = Bar(self._tell, is_live=self.stderr.isatty(), since=generation.created_at)
        quiet_since = time.monotonic()
        try:
            while True:
                try:
                    generation.refresh_from_db()
                    if not generation.is_active:
                        return generation
                    bar.show(generation.progress, generation.status_word, generation.detail)
                    if is_at_work():
                        quiet_since = time.monotonic()
                    elif time.monotonic() - quiet_since > SILENT_SECONDS:
                        bar.say("The studio does not seem to run; it goes on when it does: make run")
                except AWAY:
                    bar.say("The database is away; trying again.")
                    close_old_connections()
                time.sleep(LOOK_SECONDS)
        finally:
            bar.end()

    def _tell(self, text: str) -> None:
        self.stderr.write(text, style_func=str, ending="")
        self.stderr.flush()


def find_person(name: str | None) -> User:
    """Return who asks. Raises Refused when nobody is meant, or who is meant may not sign in."""
    if name is not None:
        person = User.objects.filter(username=name).first()
        if person is None or not person.is_active:
            raise Refused(f"There is no active account {name}.")
        return person
    people = list(User.objects.filter(is_active=True)[:2])
    if len(people) != 1:
        raise Refused("Say who asks for it with --user NAME." if people else "There is no account yet: make run first.")
    return people[0]


def posted(prompt: str, model: VideoModel, given: list[str]) -> tuple[QueryDict, MultiValueDict]:
    """Return what a browser would post for this. Raises Refused for an option that cannot be read."""
    data = QueryDict(mutable=True)
    data.update({"model": model.key, "prompt": prompt, "form_token": secrets.token_urlsafe(16)})
    files = MultiValueDict()
    for text in given:
        name, is_given, value = text.partition("=")
        option = model.option(name)
        if not is_given or option is None:
            names = ", ".join(option.name for option in model.options)
            what = f"{model.label} has no option {name}." if is_given else f"Write --option NAME=VALUE, not {text}."
            raise Refused(f"{what} It has: {names}.")
        if value.startswith("@") and isinstance(option, ImageFile):
            files.appendlist(name, read_image(Path(value[1:])))
        else:
            data.appendlist(name, value)
    return data, files


def read_image(path: Path) -> SimpleUploadedFile:
    try:
        return SimpleUploadedFile(path.name, path.read_bytes())
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.") from error


def refuse_unless_writable(out: Path) -> None:
    """Look at the place for the file before anything is paid for. Raises Refused."""
    folder = out.parent
    if out.exists():
        raise Refused(f"{out} is there already; nothing is overwritten.")
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise Refused(f"Nothing can be written into {folder}.")


def store(generation: Generation, out: Path) -> None:
    """Copy the video, whole or not at all. Raises OSError."""
    handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
    os.close(handle)
    draft = Path(name)
    try:
        shutil.copyfile(path_of(generation.file), draft)
        if sha256_of(draft) != generation.sha256:
            raise OSError("the copy is not the same as what is stored")
        draft.chmod(0o644)
        os.link(draft, out)  # refused when somebody wrote a file of that name meanwhile
    finally:
        draft.unlink(missing_ok=True)


def finish(generation: Generation) -> None:
    """End with the exit code that says how it is. Raises CommandError for every one but 0."""
    if generation.status == Status.UNKNOWN:
        raise CommandError(f"Outcome unknown. {generation.detail} {generation.next_step}", returncode=UNKNOWN)
    if generation.status in (Status.FAILED, Status.CANCELLED):
        words = f"{generation.failure_words or generation.status_word}. {generation.detail} {generation.next_step}"
        raise CommandError(words.strip(), returncode=FAILED)
