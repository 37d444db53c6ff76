"""What waits for somebody on a merchant's overview; modules register their lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.functional import Promise

if TYPE_CHECKING:
    from zhanggui.accounts.guards import MerchantRequest

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


Source = Callable[["MerchantRequest"], Iterable[Todo]]
_sources: list[Source] = []


def register(source: Source) -> None:
    """Add a list; it runs in the merchant's scope and looks at the person's rights itself."""
    if source not in _sources:
        _sources.append(source)


def waiting(request: MerchantRequest) -> list[Todo]:
    """All that waits at this merchant for this person."""
    found = [todo for source in _sources for todo in source(request)]
    return sorted(found, key=lambda todo: todo.order)
