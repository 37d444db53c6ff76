"""The Chinese font of what is printed; its package comes with the browser's assets."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from zhanggui.ui.assets import NODE_MODULES

FOLDER = NODE_MODULES / "@expo-google-fonts" / "noto-sans-sc"


@cache
def font(*, is_bold: bool = False) -> Path:
    """The file of the font.

    Raises:
        FileNotFoundError: the package is not installed.
    """
    weight = "700Bold" if is_bold else "400Regular"
    found = sorted(FOLDER.rglob(f"NotoSansSC_{weight}.ttf"))
    if not found:
        message = f"the font of the sheets is missing: {FOLDER}; run npm ci"
        raise FileNotFoundError(message)
    return found[0]
