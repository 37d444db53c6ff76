"""What modules above hear from coupons; they fill this in their ``apps.py``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor
    from zhanggui.coupons.models import UseRecord

NotMe = Callable[["UseRecord", "Actor"], None]
_not_me: list[NotMe] = []


def on_not_me(handler: NotMe) -> None:
    """Hear, in the same transaction, that a customer knows nothing of a redemption (D46)."""
    if handler not in _not_me:
        _not_me.append(handler)


def tell_not_me(record: UseRecord, actor: Actor) -> None:
    """A customer said so."""
    for handler in _not_me:
        handler(record, actor)
