"""System checks: a wrong catalogue, queue or setting is said plainly at start."""

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from generations import catalog
from generations.gateways import DIALECTS


@register()
def check_catalogue(app_configs, **kwargs) -> list[CheckMessage]:
    """Every model file loads, and every dialect it names exists."""
    try:
        models = catalog.catalog().models
    except catalog.CatalogError as error:
        return [Error(str(error), id="generations.E001")]
    return [
        Error(f"{model.key} speaks {model.dialect}, which is no dialect of ours.", id="generations.E002")
        for model in models
        if model.dialect not in DIALECTS
    ]


@register()
def check_switches(app_configs, **kwargs) -> list[CheckMessage]:
    if settings.STUDIO_SANDBOX not in {"auto", "on", "off"}:
        return [Error("STUDIO_SANDBOX takes auto, on or off.", id="generations.E003")]
    return []


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
