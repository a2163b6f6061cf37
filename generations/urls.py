"""The studio's addresses."""

from django.urls import path

from generations.views import (
from generations.views import (
)
)
from generations.views import media as files
from generations.views import trash as bin
from generations.views import webhooks as hooks

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
    path("generations/export.csv", export.export_csv, name="export-csv"),
    path("generations/export.json", export.export_json, name="export-json"),
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
    path("generations/<uuid:uuid>/provenance/", provenance.sheet, name="provenance"),
    path("generations/<uuid:uuid>/provenance.json", provenance.record, name="provenance-record"),
    path("generations/<uuid:uuid>/comments/", comments.add, name="comment"),
    path("comments/<int:pk>/", comments.change, name="comment-change"),
    path("generations/<uuid:uuid>/share/", sharing.share, name="share"),
    path("share/<int:pk>/revoke/", sharing.revoke, name="share-revoke"),
    path("s/<str:token>/", sharing.shared, name="shared"),
    path("s/<str:token>/video/", sharing.shared_video, name="shared-video"),
    path("s/<str:token>/poster/", sharing.shared_poster, name="shared-poster"),
    path("compare/", compare.compare, name="compare"),
    path("compare/vote/", compare.vote, name="compare-vote"),
    path("comparisons/", compare.comparisons, name="comparisons"),
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
    path("account/tokens/", tokens.tokens, name="tokens"),
    path("account/tokens/<int:pk>/revoke/", tokens.revoke, name="revoke-token"),
    path("docs/api/", api_docs.api_docs, name="api-docs"),
    path("costs/", costs.costs, name="costs"),
    path("costs/export/", costs.export, name="costs-export"),
    path("team/webhooks/", hooks.webhooks, name="webhooks"),
    path("team/webhooks/<int:pk>/", hooks.webhook, name="webhook"),
    path("team/webhooks/<int:pk>/test/", hooks.test, name="webhook-test"),
    path("team/webhooks/<int:pk>/secret/", hooks.secret, name="webhook-secret"),
    path("team/webhooks/<int:pk>/rotate/", hooks.rotate, name="webhook-rotate"),
    path("team/webhooks/<int:pk>/enable/", hooks.enable, name="webhook-enable"),
    path("team/webhooks/<int:pk>/delete/", hooks.delete, name="webhook-delete"),
    path("team/webhooks/<int:pk>/deliveries/<uuid:uuid>/resend/", hooks.resend, name="webhook-resend"),
]
