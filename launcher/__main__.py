"""``python -m launcher`` is the ``zhanggui`` command."""

import sys

from launcher.cli import main

sys.exit(main())
