"""The WSGI callable the web server runs."""

import os

from django.core.wsgi import get_wsgi_application

from videostudio.bodies import whole_bodies

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "videostudio.settings")
application = whole_bodies(get_wsgi_application())
