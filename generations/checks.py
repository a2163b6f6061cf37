"""System checks: a wrong catalogue, queue or setting is said plainly at start."""

from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from generations import catalog
from generations.gateways import DIALECTS
from generations.gateways.openai_videos import REMIX_OF, OpenAIVideos

# What the composer sends beside options, and what a form in a browser has of its own: a control of that name hides it.
OF_THE_COMPOSER = {"csrfmiddlewaretoken", "discard", "form_token", "options", "parent", "switch", "undo", "was"}
OF_A_FORM = {"action", "children", "elements", "id", "length", "method", "name", "remove", "reset", "submit", "target"}
SHORTEST_KEY = 16


@register()
def check_catalogue(app_configs, **kwargs) -> list[CheckMessage]:
    """Every dialect that a model file names exists; one that cannot be read never gets here."""
    return [
        Error(f"{model.key} speaks {model.dialect}, which is no dialect of ours.", id="generations.E002")
        for model in catalog.catalog().models
        if model.dialect not in DIALECTS
    ]


@register()
def check_option_names(app_configs, **kwargs) -> list[CheckMessage]:
    """No option is called like something that the composer's form has already."""
    return [
        Error(f"{model.key}: an option cannot be called {option.name}; the form has one.", id="generations.E005")
        for model in catalog.catalog().models
        for option in model.options
        if option.name in OF_THE_COMPOSER | OF_A_FORM
    ]


@register()
def check_remixes(app_configs, **kwargs) -> list[CheckMessage]:
    """A remix is asked for where its dialect knows how: elsewhere it would be sent, and paid, as a video of its own."""
    return [
        Error(
            f"{model.key}: {option.name} cannot ask for a remix; only {REMIX_OF} in {OpenAIVideos.name} does.",
            id="generations.E009",
        )
        for model in catalog.catalog().models
        for option in model.options
        if option.role == "remix" and (option.path, model.dialect) != (REMIX_OF, OpenAIVideos.name)
    ]


@register()
def check_switches(app_configs, **kwargs) -> list[CheckMessage]:
    """Values that each can be read, but mean nothing."""
    found: list[CheckMessage] = []
    for name, key in {
        "COMETAPI_KEY": settings.COMETAPI["key"],
        "COMPUTEVAULT_KEY": settings.COMPUTEVAULT["key"],
    }.items():
        if not key.isascii() or not key.isprintable() or " " in key:  # a header cannot carry it
            found.append(Error(f"{name} has characters that no key has.", id="generations.E006"))
    for place in settings.PRIVATE_HOSTS:
        if not is_host_and_port(place):
            text = f"STUDIO_PRIVATE_HOSTS takes host:port, separated by commas; {place} is none."
            found.append(Error(text, id="generations.E007"))
    if urlsplit(settings.STUDIO_URL).path:
        text = f"STUDIO_URL is {settings.STUDIO_URL}, but the studio answers at the root of a host only."
        found.append(Error(text, id="generations.E008"))
    return found


@register()
def check_field_key(app_configs, **kwargs) -> list[CheckMessage]:
    """Any text encrypts, but a short one can be tried out by whoever gets hold of a copy of the database."""
    if len(settings.FIELD_KEYS[0]) >= SHORTEST_KEY:
        return []
    text = f"The first key of STUDIO_FIELD_KEY has fewer than {SHORTEST_KEY} characters and could be guessed."
    hint = "Put a longer one in front of it, with a comma between: stored keys are still read with the old one."
    return [Warning(text, hint=hint, id="generations.W002")]


def is_host_and_port(text: str) -> bool:
    try:
        parts = urlsplit(f"//{text}")
        return bool(parts.hostname and parts.port and parts.netloc == text and "@" not in text)
    except ValueError:
        return False


@register()
def check_queue(app_configs, **kwargs) -> list[CheckMessage]:
    """A message must not be handed out again while its task may still run."""
    found: list[CheckMessage] = []
    base = settings.Q_CLUSTER
    for name, cluster in {base["cluster_name"]: {}, **base["ALT_CLUSTERS"]}.items():
        conf = base | cluster
        rounds = 1 + -(-(conf["queue_limit"] + conf["bulk"]) // conf["workers"])
        if conf["retry"] < conf["timeout"] * rounds + 30:
            text = f"Queue {name}: retry must be at least {conf['timeout'] * rounds + 30} s, or tasks run twice."
            found.append(Error(text, id="generations.E004"))
    return found


@register(deploy=True)
def check_sandbox_is_off(app_configs, **kwargs) -> list[CheckMessage]:
    if settings.STUDIO_SANDBOX == "on":
        return [Warning("STUDIO_SANDBOX is on: people may take sandbox clips for real ones.", id="generations.W001")]
    return []
