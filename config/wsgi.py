"""The web door: hot doors first, Django behind them, granian in front."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django_application = get_wsgi_application()

from config.hot import HotDoors  # noqa: E402  the views can be imported only now

application = HotDoors(django_application)
