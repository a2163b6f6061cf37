"""The sandbox's routes, as each dialect's documents spell them; mounted at /sandbox/."""

from django.urls import URLPattern, path

from videostudio.sandbox import views
from videostudio.sandbox.forms import FORMS, Form

app_name = "sandbox"


def routes(form: Form) -> list[URLPattern]:
    """Return where tasks of one dialect are created and asked about."""
    name = form.dialect.replace("_", "-")
    creates = [path(route, views.create(form), name=f"{name}-create") for route in form.creates]
    return [*creates, path(f"{form.tasks}/<str:task_id>", views.retrieve(form), name=f"{name}-task")]


urlpatterns = [
    *(pattern for form in FORMS for pattern in routes(form)),
    path("v1/videos/<str:task_id>/content", views.video_content, name="content"),
    path("v1/videos/<str:task_id>/remix", views.remix_video, name="remix"),
    path("files/<str:token>.mp4", views.file, name="file"),
]
