"""Child processes: they end with us, in groups, and their output becomes one log."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1


def end_with_parent(order: signal.Signals) -> Callable[[], None] | None:
    """A step for the child before its program runs: Linux then ends it when its parent dies.

    Works even when the parent is killed; elsewhere the next start clears up what was left.
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def arm() -> None:
        prctl(PR_SET_PDEATHSIG, int(order), 0, 0, 0)
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return arm
