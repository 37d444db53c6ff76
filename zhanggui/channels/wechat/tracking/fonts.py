"""The Chinese font of what is printed; its package comes with the browser's assets."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from zhanggui.ui.assets import NODE_MODULES

FOLDER = NODE_MODULES / "@expo-google-fonts" / "noto-sans-sc"


@cache
def font() -> Path:
    """The file of the font.

    Raises:
        FileNotFoundError: the package is not installed.
    """
    found = sorted(FOLDER.rglob("NotoSansSC_400Regular.ttf"))
    if not found:
        message = f"the font of the sheets is missing: {FOLDER}; run npm ci"
        raise FileNotFoundError(message)
    return found[0]
