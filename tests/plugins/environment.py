"""Settings of a test run. Loaded before Django's settings are read (``-p`` in pyproject.toml)."""

from __future__ import annotations

import base64
import gc
import os
import sys

from launcher.environment import sandbox_settings
from launcher.paths import ROOT

SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "config.settings",
    "DATABASE_URL": "postgresql://zhanggui@/replaced_by_the_database_plugin",
    "PYPINYIN_NO_DICT_COPY": "true",  # half a second of each start
    "ZHANGGUI_MODE": "test",
    "ZHANGGUI_VAR": str(ROOT / "var" / "test"),
    "ZHANGGUI_SECRET_KEY": "only-for-tests-" + "x" * 40,
    "ZHANGGUI_KEY_RING": "1:" + base64.b64encode(b"only for tests, exactly 32 bytes").decode(),
    **sandbox_settings("http://127.0.0.1:8001"),
}


def _forget_the_callers_settings() -> None:
    for name in list(os.environ):
        if name.startswith("ZHANGGUI_") and not name.startswith("ZHANGGUI_TEST_"):
            del os.environ[name]


def _keep_bytecode() -> None:
    """A run starts some sixty processes; none of them should compile what another has."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


def _collect_no_garbage() -> None:
    """What is imported and collected stays; ``memory`` switches the collector on again."""
    gc.disable()


_forget_the_callers_settings()
_keep_bytecode()
_collect_no_garbage()
os.environ.update(SETTINGS)
