"""The web door: hot doors, static files, Django behind them; granian in front."""

import gc
import logging
import os
import sys

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Threads wait for the database several times a request and then for the interpreter: at Python's
# own 5 ms a waiting thread stands behind a computing one longer than all its work takes.
sys.setswitchinterval(0.0005)
# No line of ours names the place in the source (Python's logging, "Optimization").
logging._srcfile = None  # noqa: SLF001  the documented way
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
django_application = get_wsgi_application()

# The views can be imported only now.
from config.hot import HotDoors  # noqa: E402
from zhanggui.core.lanes import Lanes  # noqa: E402
from zhanggui.ui.staticfiles import with_static_files  # noqa: E402

# Two are enough to keep the interpreter busy, with three nobody waits for the slower of two.
application = HotDoors(with_static_files(django_application), lane=Lanes(3))

# What is loaded now stays until the end: the collector need not look at it again and again.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 50)
