"""The web door: hot doors, static files, Django behind them; granian in front."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django_application = get_wsgi_application()

# The views can be imported only now.
from config.hot import HotDoors  # noqa: E402
from zhanggui.ui.staticfiles import with_static_files  # noqa: E402

application = HotDoors(with_static_files(django_application))
