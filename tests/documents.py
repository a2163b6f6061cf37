"""What the providers' documents allow, model by model, and what of it a create breaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.native_upstream import EDITS, GENERATIONS, IMAGE2VIDEO, KLING, RUNWAY, TEXT2VIDEO, XAI, bare_base64, data_uri

FORM, ENVELOPE, FORM_JSON = "openai_videos", "newapi", "openai_json"

Check = Callable[[Any], bool]


@dataclass(frozen=True)
class SentFile:
    name: str
    content_type: str
    content: bytes


@dataclass
class Create:
    """One create as it arrived; `fields` is without model and prompt, JSON flattened to dotted paths."""

    dialect: str
    model: str
    prompt: str
    fields: dict[str, Any]
    files: dict[str, list[SentFile]]
    headers: dict[str, str]
    at: float
    upstream_id: str = ""
    path: str = ""


@dataclass(frozen=True)
class Rules:
    """What the document of one model allows: its dialect, its fields, its files and how many of each.

    `needs` are fields it cannot do without; `paths` what each path of its dialect forbids and needs besides.
    """

    dialect: str
    fields: Mapping[str, Check]
    files: Mapping[str, int] = field(default_factory=dict)
    needs: frozenset[str] = frozenset()
    paths: Mapping[str, tuple[frozenset[str], frozenset[str]]] = field(default_factory=dict)


def one_of(*values: Any) -> Check:
    return lambda value: any(value == allowed and type(value) is type(allowed) for allowed in values)


def words(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != ""


def flag(value: Any) -> bool:
    return isinstance(value, bool)


def integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def link(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://"))


SIZES_720P = ("1280*720", "720*1280", "960*960", "1088*832", "832*1088")
SIZES_1080P = ("1920*1080", "1080*1920", "1440*1440", "1632*1248", "1248*1632")
SIZES_480P = ("832*480", "480*832", "624*624")
VEO = Rules(
    FORM,
    {"seconds": one_of("4", "6", "8"), "size": one_of("1280x720", "720x1280", "1920x1080", "3840x2160")},
    {"input_reference": 1},
)

SORA = Rules(
    FORM,
    {"seconds": one_of("4", "8", "12"), "size": one_of("720x1280", "1280x720", "1024x1792", "1792x1024")},
    {"input_reference": 1},
)


def whole_numbers(low: int, high: int) -> Check:
    return lambda value: integer(value) and low <= value <= high


def texts_of_numbers(low: int, high: int) -> Check:
    return one_of(*(str(number) for number in range(low, high + 1)))


def flat(low: int, high: int, sizes: str, files: Mapping[str, int] | None = None) -> Rules:
    """Rules of a model on the form dialect: any whole number of seconds, some sizes."""
    return Rules(FORM, {"seconds": texts_of_numbers(low, high), "size": one_of(*sizes.split())}, files or {})


SEEDANCE_720P = "864x496 752x560 640x640 560x752 496x864 992x432 1280x720 1112x834 960x960 834x1112 720x1280 1470x630"
SEEDANCE = f"{SEEDANCE_720P} 1920x1080 1664x1248 1440x1440 1248x1664 1080x1920"
SEEDANCE_10 = (
    "864x480 736x544 640x640 544x736 480x864 960x416 1248x704 1120x832 960x960 832x1120 704x1248 1504x640 "
    "1920x1088 1664x1248 1440x1440 1248x1664 1088x1920"
)
RUNWAY_RATIOS = ("1280:720", "720:1280", "1104:832", "832:1104", "960:960", "1584:672", "1280:768", "768:1280")
GROK = {
    "duration": whole_numbers(1, 15),
    "aspect_ratio": one_of("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3"),
    "image.url": lambda value: data_uri(value) or link(value),
}


def wan_envelope(sizes: tuple[str, ...], durations: tuple[int, ...], **more: Check) -> Rules:
    parameters = {
        "prompt_extend": flag,
        "watermark": flag,
        "seed": integer,
        "size": one_of(*sizes),
        "duration": one_of(*durations),
        "audio": flag,
        **more,
    }
    return Rules(
        ENVELOPE,
        {"metadata.input.negative_prompt": words, "metadata.input.audio_url": link}
        | {f"metadata.parameters.{name}": check for name, check in parameters.items()},
    )


# Retyped from the providers' pages, not from our catalogue: the two are to disagree when one of them is wrong.
STRICT: dict[str, Rules] = {
    "wan2.6": Rules(
        FORM,
        {
            "seconds": one_of("5", "10", "15"),
            "size": one_of(
                *("1280x720", "720x1280", "1088x832", "832x1088", "1920x1080"),
                *("1080x1920", "1440x1440", "1632x1248", "1248x1632"),
            ),
        },
    ),
    "wan2.7": Rules(
        FORM,
        {
            "seconds": one_of(*(str(seconds) for seconds in range(2, 16))),
            "size": one_of("1280x720", "720x1280", "1920x1080", "1080x1920", "1440x1440"),
        },
    ),
    "omni-fast": Rules(
        FORM,
        {
            "seconds": one_of("4"),
            "aspect_ratio": one_of("16:9", "9:16", "1:1"),
            "resolution": one_of("720p", "1080p"),
        },
    ),
    "happyhorse-1.0": flat(3, 15, "1280x720 720x1280 1920x1080 1080x1920 1440x1440"),
    "wan2.2-t2v": Rules(FORM_JSON, {"seconds": whole_numbers(1, 60), "size": one_of("1280x720", "720x1280")}),
    "viduq3": flat(1, 16, "640x352 960x528 1280x720 1920x1080"),
    "viduq3-turbo": flat(1, 16, "640x352 960x528 1280x720 1920x1080"),
    "doubao-seedance-2-0": flat(4, 15, SEEDANCE, {"input_reference": 9}),
    "doubao-seedance-2-0-fast": flat(4, 15, SEEDANCE_720P, {"input_reference": 9}),
    "doubao-seedance-1-5-pro": flat(4, 12, SEEDANCE),
    "doubao-seedance-1-0-pro": flat(2, 10, SEEDANCE_10),
    "kling-v2-master": Rules(
        KLING,
        {
            "duration": one_of("5", "10"),
            "mode": one_of("std", "pro"),
            "aspect_ratio": one_of("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3"),
            "negative_prompt": words,
            "cfg_scale": lambda value: isinstance(value, float) and 0 <= value <= 1,
            "image": lambda value: bare_base64("image/png", "image/jpeg")(value) or link(value),
            "image_tail": bare_base64("image/png", "image/jpeg"),
        },
        paths={
            TEXT2VIDEO: (frozenset({"image", "image_tail"}), frozenset()),
            IMAGE2VIDEO: (frozenset({"aspect_ratio"}), frozenset({"image"})),
        },
    ),
    "gen3a_turbo": Rules(
        RUNWAY,
        {
            "promptImage": link,
            "duration": one_of(5, 10),
            "ratio": one_of(
                *["1280:720", "720:1280", "1104:832", "832:1104", "960:960", "1584:672", "1280:768", "768:1280"]
            ),
            "seed": whole_numbers(0, 999999999),
            "watermark": flag,
        },
        needs=frozenset({"promptImage"}),
    ),
    "grok-imagine-video": Rules(
        XAI,
        GROK | {"resolution": one_of("480p", "720p"), "video.url": link},
        paths={
            GENERATIONS: (frozenset({"video.url"}), frozenset()),
            EDITS: (frozenset({*GROK, "resolution"}), frozenset({"video.url"})),
        },
    ),
    "grok-imagine-video-1.5": Rules(
        XAI, GROK | {"resolution": one_of("480p", "720p", "1080p")}, needs=frozenset({"image.url"})
    ),
    "sora-2": SORA,
    "sora-2-pro": SORA,
    "veo3.1-fast": VEO,
    "veo3.1": VEO,
    "wan2.5-t2v-preview": wan_envelope(SIZES_480P + SIZES_720P + SIZES_1080P, (5, 10)),
    "wan2.6-t2v": wan_envelope(SIZES_720P + SIZES_1080P, (5, 10, 15), shot_type=one_of("single", "multi")),
}


def violations_of(create: Create, rules: Mapping[str, Rules]) -> list[str]:
    """Return what the documents do not allow in this create, one sentence each."""
    model = rules.get(create.model)
    if model is None or model.dialect != create.dialect:
        return [f"model {create.model!r} is not offered on {create.dialect}"]
    found = [f"{name}: not in the document" for name in create.fields if name not in model.fields]
    found += [
        f"{name}: {create.fields[name]!r} is not allowed"
        for name, check in model.fields.items()
        if name in create.fields and not check(create.fields[name])
    ]
    found += [f"{name}: takes no file" for name in create.files if name not in model.files]
    for name, files in create.files.items():
        is_right = len(files) <= model.files.get(name, 0) and all(map(_is_image, files))
        found += [] if is_right else [f"{name}: at most {model.files.get(name, 0)} images with names are allowed"]
    forbidden, needed = model.paths.get(create.path, (frozenset(), frozenset()))
    found += [f"{name}: does not belong to {create.path}" for name in forbidden if name in create.fields]
    found += [f"{name}: missing" for name in model.needs | needed if name not in create.fields]
    if not words(create.prompt):
        found.append("prompt: missing")
    parameters = "metadata.parameters."
    if parameters + "shot_type" in create.fields and create.fields.get(parameters + "prompt_extend") is not True:
        found.append("shot_type: has no effect without prompt_extend")
    if "metadata.input.audio_url" in create.fields and parameters + "audio" in create.fields:
        found.append("audio: is ignored beside audio_url")
    return found


def _is_image(file: SentFile) -> bool:
    return bool(file.name and file.content) and file.content_type in ("image/jpeg", "image/png", "image/webp")
