"""The reference of the models as one Markdown page, made from the catalogue alone: docs/models.md."""

from collections.abc import Iterable, Iterator

from generations.specs import (
    Choice,
    Flag,
    ImageFile,
    ImageFiles,
    IntRange,
    Option,
    Size,
    Text,
    Url,
    VideoModel,
    listed,
)

HEAD = """\
# Models

Made from the catalogue (`generations/catalog/*.toml`) by `manage.py models_page`; change it there. Every option, limit
and default is what the source named under its model says; what is our own choice is marked so in its file.
"""
CAPABILITIES = {"first_frame": "first frame", "last_frame": "last frame", "references": "reference images"}
REWORKS = {"remix": "a video to remix by its id", "edit": "a video to edit by its link"}
CARRIED = {"file": "a file part", "data_uri": "a data URI", "base64": "bare base64"}


def models_page(models: Iterable[VideoModel]) -> str:
    """Return the page, ending in one newline."""
    models = list(models)
    rows = [
        (f"[{model.label}](#{anchor(model)})", model.maker, standing(model), capabilities(model)) for model in models
    ]
    parts = [HEAD, table(("Model", "Maker", "Status", "Takes"), rows), *(section(model) for model in models)]
    return "\n".join(parts).rstrip() + "\n"


def section(model: VideoModel) -> str:
    """Return one model: what it is, its options, what it was seen to deliver, where that is said."""
    lines = [f'<a id="{anchor(model)}"></a>\n\n## {model.label}\n', f"{model.description}\n"]
    lines.append(
        f"Key `{model.key}`, called `{model.upstream_id}` upstream, dialect `{model.dialect}`, {standing(model)}. "
        f"The prompt has at most {model.prompt_max} characters. "
        f"The file comes from {listed(places(model))}.\n"
    )
    if model.options:
        rows = [
            (option.label, f"`{option.name}`", values(option), default(option), sent(option), notes(model, option))
            for option in model.options
        ]
        lines.append(table(("Option", "Name", "Values", "Default", "Sent as", "Notes"), rows))
    for seen in model.observed:
        asked = ", ".join(f"{name} {value}" for name, value in seen.asked.items())
        lines.append(f"Seen to deliver {seen.frame} for {asked}.\n")
    lines += [f"Price: {price.case} ({price.as_of}: {price.source}).\n" for price in model.prices]
    lines.append(f"Source: {model.source}\n")
    return "\n".join(lines)


def anchor(model: VideoModel) -> str:
    return model.key.replace("/", "-").replace(".", "-")


def standing(model: VideoModel) -> str:
    if model.status != "retired":
        return model.status
    return f"retired {model.retired_on}" + (f", successor `{model.successor}`" if model.successor else "")


def capabilities(model: VideoModel) -> str:
    """Return what goes in beside the prompt, and whether it can go without."""
    images = [option for option in model.options if isinstance(option, ImageFile)]
    links = [option for option in model.options if isinstance(option, Url) and option.required]
    needed = [option.label.lower() for option in (*images, *links) if option.required]
    optional = [CAPABILITIES.get(option.role, option.label.lower()) for option in images if not option.required]
    others = [words for role, words in REWORKS.items() if model.option_with_role(role)]
    takes = [f"text and {', '.join(needed)}" if needed else "text", *optional, *others]
    return ", ".join(takes)


def places(model: VideoModel) -> Iterator[str]:
    words = {"video_url": "the link in the finished task", "content": "the content route"}
    return (words[source] for source in model.sources)


def values(option: Option) -> str:
    match option:
        case Size(tiers=tiers):
            return "<br>".join(f"{tier}: {', '.join(frames)}" for tier, frames in tiers.items())
        case Choice(values=found):
            return ", ".join(option.words(value) for value in found)
        case IntRange(low=low, high=high):
            return f"{low} to {option.words(high)}"
        case Flag():
            return "on, off"
        case ImageFile():
            return option.allowed
        case Url():
            return "a public https link"
        case Text(max_length=longest):
            return f"at most {longest} characters"
    raise TypeError(f"nobody wrote down what {option.kind} accepts")


def default(option: Option) -> str:
    if option.default is None:
        return "needed" if option.required else "none"
    return option.words(option.default)


def sent(option: Option) -> str:
    if isinstance(option, ImageFiles):
        return f"`{option.path}`, file parts in their order"
    if option.role == "remix":
        return "the path of the request, /v1/videos/{id}/remix"
    kind = CARRIED[option.encoding] if isinstance(option, ImageFile) else option.type
    return f"`{option.path}`, {kind}"


def notes(model: VideoModel, option: Option) -> str:
    """Return the rules and the help of an option, a sentence each."""
    found = ["The gateway may ignore this."] if option.preference else []
    found += model.rules_of(option)
    return " ".join([*found, option.help]).strip()


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '\\|') for cell in line)} |\n" for line in lines)
