"""What the product's source says, read once for all questions to it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = [
    file
    for home in ("zhanggui", "demo", "config")
    for file in sorted((ROOT / home).rglob("*.py"))
    if not {"tests", "migrations", "node_modules"} & set(file.relative_to(ROOT).parts)
]


ACTS = ("audit.record", ".system_actor")


@dataclass(frozen=True)
class Source:
    """What is asked of a file; its tree is not kept, thousands of them would fill the memory."""

    file: Path
    texts: set[str] = field(default_factory=set)
    """All literal texts, documentation too."""
    calls: list[tuple[str, str, int]] = field(default_factory=list)
    """Calls ``owner.name()`` with their lines; ``a.b.name()`` has the owner ``b``."""
    acts: list[ast.Call] = field(default_factory=list)
    """Calls that say who acts or what was done."""

    @property
    def place(self) -> str:
        """The file's name as people write it."""
        return str(self.file.relative_to(ROOT))


@cache
def sources() -> Sequence[Source]:
    """All files of the product."""
    return [_read(file) for file in PRODUCT]


def _read(file: Path) -> Source:
    found = Source(file)
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.texts.add(node.value)
        elif isinstance(node, ast.Call):
            _note(found, node)
    return found


def _note(found: Source, call: ast.Call) -> None:
    owner, name = "", getattr(call.func, "id", "")
    if isinstance(call.func, ast.Attribute):
        of, name = call.func.value, call.func.attr
        owner = of.attr if isinstance(of, ast.Attribute) else getattr(of, "id", "")
        found.calls.append((owner, name, call.lineno))
    if f"{owner}.{name}".startswith(ACTS):
        found.acts.append(call)
