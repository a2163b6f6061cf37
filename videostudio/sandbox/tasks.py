"""Sandbox tasks: everything known of one is in its signed id, so nothing is stored and any process can answer.

An id is "sbx_" and URL-safe base64 of: a fixed header, the model, the start of the prompt, and 12 bytes of HMAC.
"""

import struct
import unicodedata
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from enum import StrEnum
from secrets import compare_digest, token_bytes
from typing import Literal

from django.utils.crypto import salted_hmac

from videostudio.sandbox import behaviours

type DialectName = Literal["openai_videos", "newapi", "kling_text", "kling_image", "runway", "xai"]

PREFIX = "sbx_"
ID_LENGTH = 160
PROMPT_LENGTH = 40  # characters carried, at most
MODEL_BYTES = 64  # leaves at least 20 bytes for the prompt
QUEUED_SECONDS = 1.0
TOTAL_SECONDS = 5.5
SLOW_SECONDS = 60.0

_HEADER = struct.Struct(">BHHHB6s6sB")  # flags, behaviours, width, height, seconds, start, nonce, length of model
_MAC_BYTES = 12
_ROOM = (ID_LENGTH - len(PREFIX)) * 3 // 4 - _MAC_BYTES - _HEADER.size  # for model and prompt, bytes
_FLAG_HALVES = "".join(chr(code) for code in range(0x1F1E6, 0x1F200))  # two of them are drawn as one flag
_AUDIO, _EXTEND, _CUT, _UTF16 = (1 << bit for bit in range(1, 5))
# What of the flags says the dialect. Kling's tasks are known under the action that made them only.
_DIALECTS: dict[DialectName, int] = {
    "openai_videos": 0,
    "newapi": 0b1,
    "kling_text": 0b0010_0000,
    "kling_image": 0b0100_0000,
    "runway": 0b0110_0000,
    "xai": 0b1000_0000,
}
_DIALECT_BITS = 0b1110_0001
_DIALECT_OF = {bits: name for name, bits in _DIALECTS.items()}


class UnknownTask(Exception):
    """The id was not made here: forged, cut, of another site, or of the other dialect."""


class State(StrEnum):
    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True)
class SandboxTask:
    """One accepted create. Sizes in pixels as asked, times in Unix seconds."""

    dialect: DialectName
    model: str
    prompt: str  # its start: at most PROMPT_LENGTH characters
    is_cut: bool  # whether the prompt went on
    width: int
    height: int
    seconds: int
    audio: bool
    prompt_extend: bool
    behaviours: frozenset[str]
    started_at: float
    nonce: bytes
    id: str

    @property
    def running_at(self) -> float:
        return self.started_at + QUEUED_SECONDS

    @property
    def finished_at(self) -> float:
        return self.started_at + (SLOW_SECONDS if "[slow]" in self.behaviours else TOTAL_SECONDS)

    @property
    def shown_prompt(self) -> str:
        return self.prompt + "…" * self.is_cut

    @property
    def has_file(self) -> bool:
        return "[no file]" not in self.behaviours

    @property
    def has_sound(self) -> bool:
        return self.audio and "[silent]" not in self.behaviours

    @property
    def delivered_size(self) -> tuple[int, int]:
        """Width and height of the clip, in pixels."""
        if "[other size]" not in self.behaviours:
            return self.width, self.height
        return (832, 480) if (self.width, self.height) != (832, 480) else (480, 832)

    @property
    def provider_id(self) -> str:
        """The id the provider behind a gateway would have given."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, self.id))

    def state(self, now: float) -> State:
        if now < self.running_at:
            return State.QUEUED
        if now < self.finished_at:
            return State.IN_PROGRESS
        return State.FAILED if self.behaviours & {"[fail]", "[moderated]"} else State.COMPLETED

    def progress(self, now: float) -> int:
        """0 while queued, rising to 99 while in progress, then 100."""
        done = (now - self.running_at) / (self.finished_at - self.running_at)
        return 100 if done >= 1 else int(99 * max(done, 0))


def accept(
    *,
    dialect: DialectName,
    model: str,
    prompt: str,
    width: int,
    height: int,
    seconds: int,
    audio: bool,
    prompt_extend: bool,
    now: float,
) -> SandboxTask:
    """Make a task that starts now. The model is at most MODEL_BYTES long; raises ValueError otherwise."""
    model_bytes = model.encode()
    if len(model_bytes) > MODEL_BYTES:
        raise ValueError(f"a model name of more than {MODEL_BYTES} bytes does not fit into a task id")
    start, encoding = _shorten(prompt, _ROOM - len(model_bytes))
    flags = (
        _DIALECTS[dialect]
        | _AUDIO * audio
        | _EXTEND * prompt_extend
        | _CUT * (start != prompt)
        | _UTF16 * (encoding == "utf-16-be")
    )
    words = behaviours.pack(behaviours.find_behaviours(prompt))
    moment = round(now * 1000).to_bytes(6)
    header = _HEADER.pack(flags, words, width, height, seconds, moment, token_bytes(6), len(model_bytes))
    payload = header + model_bytes + start.encode(encoding)
    return _unpack(payload, PREFIX + _text(payload + _sign(payload)))


def find(task_id: str, dialect: DialectName | None = None) -> SandboxTask:
    """The task of an id this site gave out (in this dialect); raises UnknownTask for every other text."""
    if not task_id.startswith(PREFIX) or len(task_id) > ID_LENGTH or not task_id.isascii():
        raise UnknownTask(task_id)
    text = task_id.removeprefix(PREFIX)
    try:
        signed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except Base64Error as error:
        raise UnknownTask(task_id) from error
    payload, mac = signed[:-_MAC_BYTES], signed[-_MAC_BYTES:]
    # Base64 has several spellings for the same bytes; only the one given out is the id.
    if _text(signed) != text or not compare_digest(mac, _sign(payload)):
        raise UnknownTask(task_id)
    task = _unpack(payload, task_id)
    if dialect and task.dialect != dialect:
        raise UnknownTask(task_id)
    return task


def _unpack(payload: bytes, task_id: str) -> SandboxTask:
    flags, words, width, height, seconds, moment, nonce, model_length = _HEADER.unpack_from(payload)
    rest = payload[_HEADER.size :]
    return SandboxTask(
        dialect=_DIALECT_OF[flags & _DIALECT_BITS],
        model=rest[:model_length].decode(),
        prompt=rest[model_length:].decode("utf-16-be" if flags & _UTF16 else "utf-8"),
        is_cut=bool(flags & _CUT),
        width=width,
        height=height,
        seconds=seconds,
        audio=bool(flags & _AUDIO),
        prompt_extend=bool(flags & _EXTEND),
        behaviours=behaviours.unpack(words),
        started_at=int.from_bytes(moment) / 1000,
        nonce=nonce,
        id=task_id,
    )


def _sign(payload: bytes) -> bytes:
    return salted_hmac("videostudio.sandbox.task", payload, algorithm="sha256").digest()[:_MAC_BYTES]


def _text(signed: bytes) -> str:
    return urlsafe_b64encode(signed).rstrip(b"=").decode()


def _shorten(prompt: str, room: int) -> tuple[str, str]:
    """The longest start of a prompt that fits into room bytes, and its encoding: UTF-16 is shorter for CJK."""
    fits = []
    for encoding in ("utf-8", "utf-16-be"):
        start = prompt[:PROMPT_LENGTH]
        while len(start.encode(encoding)) > room:
            start = start[:-1]
        fits.append((start, encoding))
    start, encoding = max(fits, key=lambda fit: len(fit[0]))
    return prompt[: _character_end(prompt, len(start))], encoding


def _character_end(text: str, end: int) -> int:
    """The last place at or before end that does not break what a reader sees as one character."""
    place = end
    while 0 < place < len(text) and _is_inside(text, place):
        place -= 1
    return place or end  # one endless character: better broken than gone


def _is_inside(text: str, place: int) -> bool:
    before, after = text[place - 1], text[place]
    if before == "\u200d" or after == "\u200d" or unicodedata.category(after).startswith("M"):
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f":
        return True  # skin tones and the tags of regional flags
    halves_before = place - len(text[:place].rstrip(_FLAG_HALVES))
    return after in _FLAG_HALVES and halves_before % 2 == 1
