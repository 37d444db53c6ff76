"""Writes ``docs/refusals.md``: each refusal's code, status and texts, read from the code.

python -m tools.refusals           write the page
python -m tools.refusals --check   fail when the page is out of date
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import django
from django.utils import translation

import tests.plugins.environment  # noqa: F401  settings for Django, nothing of this machine

if TYPE_CHECKING:
    from zhanggui.core.errors import DomainError

PAGE = Path(__file__).resolve().parent.parent / "docs" / "refusals.md"
HEAD = """# What the product refuses

Made by `python -m tools.refusals` from the `errors.py` of each module. Pages show the text, the API
answers `{"error": {"code", "message", "details"}}`; neither is a crash.

| code | status | 中文 | English |
| --- | --- | --- | --- |
"""


def main() -> int:
    """Write or check the page; answer the process status."""
    django.setup()
    text = HEAD + "".join(f"{line}\n" for line in rows())
    if "--check" in sys.argv:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
            print("docs/refusals.md is out of date: python -m tools.refusals")
            return 1
        return 0
    PAGE.write_text(text, encoding="utf-8")
    return 0


def rows() -> Iterator[str]:
    """One table row a refusal, sorted by code."""
    import zhanggui  # noqa: PLC0415
    from zhanggui.core.errors import DomainError  # noqa: PLC0415  needs Django's settings

    for module in pkgutil.walk_packages(zhanggui.__path__, "zhanggui."):
        if module.name.endswith(".errors"):
            importlib.import_module(module.name)
    found = {kind.code: kind for kind in _below(DomainError)}
    for code, kind in sorted(found.items()):
        with translation.override("zh-hans"):
            chinese = str(kind.text)
        with translation.override("en"):
            english = str(kind.text)
        yield f"| `{code}` | {kind.status} | {_cell(chinese)} | {_cell(english)} |"


def _below(kind: type[DomainError]) -> Iterator[type[DomainError]]:
    for child in kind.__subclasses__():
        if child.__module__.startswith("zhanggui.") and ".tests" not in child.__module__:
            yield child
        yield from _below(child)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    sys.exit(main())
