"""The studio's addresses."""

from django.urls import path

from generations.views import (
    costs,
    desk,
    detail,
    gateways,
    groups,
    library,
    live,
    pages,
    presets,
    prompts,
    several,
    studio,
    theme,
)
from generations.views import media as files

app_name = "generations"

urlpatterns = [
    path("", studio.studio, name="studio"),
    path("price/", studio.price, name="price"),
    path("live/", live.live, name="live"),
    path("theme/", theme.theme, name="theme"),
    path("generations/", library.library, name="library"),
    path("generations/<uuid:uuid>.json", detail.record, name="record"),
    path("generations/<uuid:uuid>/", detail.detail, name="detail"),
    path("generations/<uuid:uuid>/cancel/", detail.cancel, name="cancel"),
    path("generations/<uuid:uuid>/ask/", detail.ask, name="ask"),
    path("generations/<uuid:uuid>/video/", files.video, name="video"),
    path("generations/<uuid:uuid>/poster/", files.poster, name="poster"),
    path("uploads/<uuid:uuid>/", files.upload, name="upload"),
    path("several/", several.models, name="several"),
    path("several/batch/", several.batch, name="batch"),
    path("generations/<uuid:uuid>/retry/", several.retry, name="retry"),
    path("presets/", presets.presets, name="presets"),
    path("presets/<int:pk>/", presets.preset, name="preset"),
    path("presets/<int:pk>/delete/", presets.delete, name="delete-preset"),
    path("groups/<uuid:uuid>/", groups.group, name="group"),
    path("prompts/", prompts.prompts, name="prompts"),
    path("prompts/recall/", prompts.recall, name="recall"),
    path("prompts/similar/", prompts.similar, name="similar"),
    path("prompts/<int:pk>/", prompts.prompt, name="prompt"),
    path("queue/", pages.queue, name="queue"),
    path("queue/unknown/", desk.desk, name="desk"),
    path("queue/unknown/<uuid:uuid>/attach/", desk.attach, name="attach"),
    path("queue/unknown/<uuid:uuid>/not-created/", desk.not_created, name="not-created"),
    path("queue/unknown/<uuid:uuid>/send-again/", desk.send_again, name="send-again"),
    path("gateways/", gateways.gateways, name="gateways"),
    path("gateways/<int:pk>/list/", gateways.fetch_list, name="fetch-list"),
    path("gateways/<int:pk>/forget/", gateways.forget_drift, name="forget-drift"),
    path("gateways/notices/<int:pk>/dismiss/", gateways.dismiss, name="dismiss"),
    path("gateways/<int:pk>/resume/", gateways.resume, name="resume"),
    path("models/", pages.models, name="models"),
    path("costs/", costs.costs, name="costs"),
    path("costs/export/", costs.export, name="costs-export"),
]
