"""A customer knows nothing of a redemption: a case of the fraud desk (D46)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zhanggui.accounts import audit
from zhanggui.core.constraints import insert
from zhanggui.stamps.models import Case, CaseKind

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor
    from zhanggui.coupons.models import UseRecord


class _Known(Exception):
    """There is a case already."""


def open_case(record: UseRecord, actor: Actor) -> None:
    """Open a case about a redemption, in the transaction that notes the report."""
    row = Case(
        kind=CaseKind.NOT_ME,
        subject=f"use:{record.pk}",
        store_id=record.store_id,
        manager_id=record.manager_id or None,
        manager_name=record.manager_name,
        text=record.reported_text,
    )
    try:
        insert(row, _Known)
    except _Known:
        return
    audit.record(
        actor,
        "stamps.case.opened",
        f"case:{row.pk}",
        store_id=record.store_id,
        details={"kind": row.kind, "use": record.pk},
    )
