"""The studio's addresses."""

from django.urls import path

from generations.views import bulk, costs, desk, detail, gateways, library, live, marks, pages, projects, studio, theme
from generations.views import media as files
from generations.views import trash as bin

app_name = "generations"

urlpatterns = [
    path("", studio.studio, name="studio"),
    path("price/", studio.price, name="price"),
    path("live/", live.live, name="live"),
    path("theme/", theme.theme, name="theme"),
    path("generations/", library.library, name="library"),
    path("generations/bulk/", bulk.bulk, name="bulk"),
    path("generations/views/", library.save_view, name="save-view"),
    path("generations/views/<int:pk>/forget/", library.forget_view, name="forget-view"),
    path("generations/<uuid:uuid>.json", detail.record, name="record"),
    path("generations/<uuid:uuid>/", detail.detail, name="detail"),
    path("generations/<uuid:uuid>/cancel/", detail.cancel, name="cancel"),
    path("generations/<uuid:uuid>/ask/", detail.ask, name="ask"),
    path("generations/<uuid:uuid>/video/", files.video, name="video"),
    path("generations/<uuid:uuid>/poster/", files.poster, name="poster"),
    path("generations/<uuid:uuid>/preview/", files.preview, name="preview"),
    path("generations/<uuid:uuid>/star/", marks.star, name="star"),
    path("generations/<uuid:uuid>/rate/", marks.rate, name="rate"),
    path("generations/<uuid:uuid>/tags/", marks.tag, name="tag"),
    path("generations/<uuid:uuid>/project/", marks.move, name="move"),
    path("generations/<uuid:uuid>/pin/", marks.pin, name="pin"),
    path("generations/<uuid:uuid>/delete/", marks.delete, name="delete"),
    path("trash/", bin.trash, name="trash"),
    path("trash/restore/", bin.restore, name="restore"),
    path("trash/undo/", bin.undo, name="undo"),
    path("projects/", projects.projects, name="projects"),
    path("projects/<int:pk>/", projects.change_project, name="change-project"),
    path("tags/<int:pk>/", projects.change_tag, name="change-tag"),
    path("uploads/<uuid:uuid>/", files.upload, name="upload"),
    path("prompts/", pages.prompts, name="prompts"),
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
