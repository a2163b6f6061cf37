"""The product's addresses, and the bench's one."""

from django.urls import path

from tests.bench.views import five_bytes
from videostudio.urls import handler500, urlpatterns

__all__ = ["handler500", "urlpatterns"]

urlpatterns = [path("bench/five-bytes", five_bytes), *urlpatterns]
