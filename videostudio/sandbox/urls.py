"""The sandbox's routes, as each dialect's documents spell them; mounted at /sandbox/."""

from django.urls import path

from videostudio.sandbox import views

app_name = "sandbox"

urlpatterns = [
    path("v1/videos", views.create_video, name="videos"),
    path("v1/videos/<str:task_id>", views.retrieve_video, name="video"),
    path("v1/videos/<str:task_id>/content", views.video_content, name="content"),
    path("v1/videos/<str:task_id>/remix", views.remix_video, name="remix"),
    path("v1/video/generations", views.create_generation, name="generations"),
    path("v1/video/generations/<str:task_id>", views.retrieve_generation, name="generation"),
    path("kling/v1/videos/<str:action>", views.create_kling, name="kling-create"),
    path("kling/v1/videos/<str:action>/<str:task_id>", views.retrieve_kling, name="kling-task"),
    path("runwayml/v1/image_to_video", views.create_runway, name="runway-create"),
    path("runwayml/v1/tasks/<str:task_id>", views.retrieve_runway, name="runway-task"),
    path("grok/v1/videos/generations", views.create_xai, name="xai-create"),
    path("grok/v1/videos/edits", views.create_xai, name="xai-edit"),
    path("grok/v1/videos/<str:task_id>", views.retrieve_xai, name="xai-task"),
    path("files/<str:token>.mp4", views.file, name="file"),
]
