"""The sandbox's routes, as the two documented dialects spell them; mounted at /sandbox/."""

from django.urls import path

from videostudio.sandbox import views

app_name = "sandbox"

urlpatterns = [
    path("v1/videos", views.create_video, name="videos"),
    path("v1/videos/<str:task_id>", views.retrieve_video, name="video"),
    path("v1/videos/<str:task_id>/content", views.video_content, name="content"),
    path("v1/video/generations", views.create_generation, name="generations"),
    path("v1/video/generations/<str:task_id>", views.retrieve_generation, name="generation"),
    path("files/<str:token>.mp4", views.file, name="file"),
]
