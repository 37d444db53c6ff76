"""What no line of the product may do, found by reading the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = [
    file
    for home in ("zhanggui", "demo", "config")
    for file in sorted((ROOT / home).rglob("*.py"))
    if not {"tests", "migrations", "node_modules"} & set(file.relative_to(ROOT).parts)
]
ALLOWED = {
    "zhanggui/core/clock.py": "it is the clock",
    "zhanggui/stamps/desks.py": "a session ends by the time Django's own store asks for",
    "demo/progress.py": "is the other process alive? the moved clock cannot tell",
}
NOW = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("timezone", "now"),
    ("time", "time"),
}
"""``time.perf_counter`` and ``time.monotonic`` measure, they do not tell the time."""


def calls(file: Path) -> Iterator[tuple[str, str, int]]:
    """Calls ``owner.name()`` of a file with their lines."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            yield name, node.func.attr, node.lineno


def relative(file: Path) -> str:
    return str(file.relative_to(ROOT))


def test_asks_only_the_clock_for_the_time() -> None:
    found = [
        f"{owner}.{name}() in {relative(file)}, line {line}"
        for file in PRODUCT
        if relative(file) not in ALLOWED
        for owner, name, line in calls(file)
        if (owner, name) in NOW
    ]
    assert found == [], "ask zhanggui.core.clock"


def test_no_file_is_called_utils() -> None:
    names = {"utils", "misc", "helpers", "common"}
    assert [relative(file) for file in PRODUCT if file.stem in names] == []


def test_there_are_files_to_look_at() -> None:
    assert len(PRODUCT) > 100
