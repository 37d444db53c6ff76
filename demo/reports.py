"""Reports of customers at the tea house: one that waits, one that was settled."""

from __future__ import annotations

from demo.base import owner_of
from demo.cast import MERCHANTS
from demo.made import find, id_of, made
from zhanggui.accounts.actors import customer_actor
from zhanggui.core import clock, tenancy
from zhanggui.stamps import services
from zhanggui.stamps.models import Kind, StampRecord, Verdict

TEXTS = ("那天我不在店里，没有盖过章。", "收到取消的消息，我没有要求取消。")
NOTE = "问过当班店员：顾客的女儿拿妈妈的手机来盖的章，顾客已确认。"


def make() -> None:
    """Make what is missing."""
    tea = MERCHANTS[0]
    with tenancy.merchant_scope(id_of(f"merchant:{tea.slug}")):
        kinds = (Kind.ACCUMULATE, Kind.CANCEL)
        for place, (text, kind) in enumerate(zip(TEXTS, kinds, strict=True)):
            key = f"report:{place}"
            if find(key) is None:
                _report(key, text, kind, is_settled=place > 0)


def _report(key: str, text: str, kind: Kind, *, is_settled: bool) -> None:
    since = clock.now() - services.REPORT_WITHIN
    rows = StampRecord.objects.select_related("customer").filter(kind=kind, at__gte=since)
    record = rows.order_by("-at", "-pk").first()
    if record is None:
        return
    actor = customer_actor(record.customer_id, record.customer.name)
    case_id = made(key, lambda: services.report_not_me(record=record, text=text, actor=actor))
    if is_settled:
        services.settle_case(
            case_id=case_id,
            verdict=Verdict.UNFOUNDED,
            note=NOTE,
            actor=owner_of(MERCHANTS[0]),
        )
