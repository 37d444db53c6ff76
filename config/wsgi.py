"""The web door: hot doors, static files, Django behind them; granian in front."""

import os
import sys

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Threads wait for the database several times a request and then for the interpreter: at Python's
# own 5 ms a waiting thread stands behind a computing one longer than all its work takes.
sys.setswitchinterval(0.0005)
django_application = get_wsgi_application()

# The views can be imported only now.
from config.hot import HotDoors  # noqa: E402
from zhanggui.ui.staticfiles import with_static_files  # noqa: E402

application = HotDoors(with_static_files(django_application))
