"""A site with nothing but the sandbox: the URLs for tests, and a WSGI application for a real web server.

Served alone it is configured by SANDBOX_SITE_DIR (where clips go) and SANDBOX_SITE_PORT.
"""

import os
from functools import cache

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import include, path

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
]

if not settings.configured and "SANDBOX_SITE_DIR" in os.environ:
    settings.configure(
        SECRET_KEY="a key for tests only, long enough to be taken for one",
        ALLOWED_HOSTS=["127.0.0.1"],
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
        MIDDLEWARE=MIDDLEWARE,
        ROOT_URLCONF="tests.sandbox_site",
        SANDBOX_DIR=os.environ["SANDBOX_SITE_DIR"],
        SANDBOX_ORIGIN=f"http://127.0.0.1:{os.environ['SANDBOX_SITE_PORT']}",
    )

urlpatterns = [path("sandbox/", include("videostudio.sandbox.urls"))]

_application = cache(get_wsgi_application)


def application(environ, start_response):
    return _application()(environ, start_response)
