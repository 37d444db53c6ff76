"""The manager's side: look at a code, confirm it; the office's side: cancel a stamp."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zhanggui.stamps.models import StampRecord
from zhanggui.stamps.results import Confirmed, Desk, Preview

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor


def preview(*, desk: Desk, digits: str, actor: Actor) -> Preview:
    """Show what confirming a code would do, and hold it for this manager for 60 s."""
    raise NotImplementedError


def confirm(
    *,
    desk: Desk,
    digits: str,
    actor: Actor,
    amount: int = 1,
    reason: str = "",
    record_id: int | None = None,
    key: str = "",
) -> Confirmed:
    """Spend a code and book what it stands for."""
    raise NotImplementedError


def cancel_record(*, record_id: int, reason: str, actor: Actor) -> StampRecord:
    """The office takes back a stamp of any store within 15 days; answers the new record."""
    raise NotImplementedError
