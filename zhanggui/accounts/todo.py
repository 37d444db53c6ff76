"""What waits for somebody on an overview; modules register their lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Todo:
    """One thing that waits: what, why it matters, and where it is done."""

    title: Text
    reason: Text
    url: str
    icon: str = "checklist"
    tone: str = "waiting"
    order: int = 100


Source = Callable[[Any], Iterable[Todo]]
"""Gets the guarded request of its surface: ``MerchantRequest``, ``OperatorRequest``, ..."""
_sources: dict[str, list[Source]] = {}


def register(source: Source, *, surface: str = "merchant") -> None:
    """Add a list to the overview of a surface (``merchant``, ``operator``, ``platform``).

    The source looks at the person's rights itself; a merchant's runs in the merchant's scope.
    """
    known = _sources.setdefault(surface, [])
    if source not in known:
        known.append(source)


def waiting(request: Any, *, surface: str = "merchant") -> list[Todo]:
    """All that waits here for this person."""
    found = [todo for source in _sources.get(surface, ()) for todo in source(request)]
    return sorted(found, key=lambda todo: todo.order)
