"""The files of npm packages that pages may load; nothing else of a package is served.

Settings import ``STATICFILES_FINDERS``; this module therefore reads no setting when imported.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.core.checks import CheckMessage, Error
from django.core.files.storage import FileSystemStorage

NODE_MODULES = Path(__file__).resolve().parents[2] / "node_modules"

# address under /static/ -> file inside node_modules. The maps are listed because the manifest
# storage follows the sourceMappingURL comment of the files that name one.
VENDOR_FILES: dict[str, str] = {
    "vendor/tabler/tabler.min.css": "@tabler/core/dist/css/tabler.min.css",
    "vendor/tabler/tabler.min.css.map": "@tabler/core/dist/css/tabler.min.css.map",
    # Of WeUI pages use the buttons; all of it would be twice as heavy as the rest of a phone page.
    "vendor/weui/weui-button.min.css": "weui/dist/style/widget/weui-button/weui-button.min.css",
    "vendor/htmx/htmx.min.js": "htmx.org/dist/htmx.min.js",
    "vendor/echarts/echarts.min.js": "echarts/dist/echarts.common.min.js",
}

STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "zhanggui.ui.assets.VendorFinder",
]


class VendorFinder(BaseFinder):
    """Finds exactly the files listed in ``VENDOR_FILES``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.storage = VendorStorage(location=NODE_MODULES)

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        """Report packages that were not installed: pages would come without style."""
        missing = [path for path in VENDOR_FILES.values() if not (NODE_MODULES / path).is_file()]
        if not missing:
            return []
        hint = "Run npm ci in the project's folder."
        return [Error(f"Browser assets are missing: {missing[0]}", hint=hint, id="ui.E001")]

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        """The file behind an address, or nothing."""
        inside = VENDOR_FILES.get(path.replace("\\", "/"))
        found = str(NODE_MODULES / inside) if inside else None
        if find_all:
            return [found] if found else []
        return found

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterable[Any]:
        """Every address with the storage that opens it."""
        return [(path, self.storage) for path in VENDOR_FILES]


class VendorStorage(FileSystemStorage):
    """Opens the files under the addresses the finder gives them."""

    prefix: str | None = None

    def path(self, name: str) -> str:
        """Where the file of that address lies."""
        return str(NODE_MODULES / VENDOR_FILES[name.replace("\\", "/")])
