"""Posters of the tea house, at the door and on tables, and what its rewards cost."""

from __future__ import annotations

from demo.base import owner_of
from demo.cast import MERCHANTS
from demo.made import find, id_of, store_key
from demo.models import Made
from zhanggui.accounts.models import Merchant
from zhanggui.core import tenancy
from zhanggui.stamps import services
from zhanggui.stamps.models import Look, Programme, ProgrammeState
from zhanggui.stamps.services import PosterInput


def make() -> None:
    """Make what is missing; each asks the sandbox for a permanent code."""
    tea = MERCHANTS[0]
    merchant = Merchant.objects.get(pk=id_of(f"merchant:{tea.slug}"))
    owner = owner_of(tea)
    with tenancy.merchant_scope(merchant.pk):
        programme = Programme.objects.filter(state=ProgrammeState.ACTIVE).order_by("pk").first()
        wanted = {
            "door": PosterInput(
                name="大门口",
                headline="盖章集好礼",
                text="每消费一次盖一枚，集满就送。",
                programme_id=programme.pk if programme else None,
            ),
            "table": PosterInput(
                name=f"{tea.stores[0].name}桌牌",
                headline="边喝茶边集章",
                text="微信扫一扫，领张集章卡。",
                programme_id=programme.pk if programme else None,
                store_id=id_of(store_key(tea, tea.stores[0])),
                look=Look.CELADON,
            ),
        }
        if programme and find("costs") is None:
            costs = {5: 600, programme.slots: 1_800}
            row = services.set_costs(
                programme_id=programme.pk, costs=costs, percent=None, actor=owner
            )
            Made.objects.create(key="costs", row_id=row.pk)
        for key, values in wanted.items():
            if find(f"poster:{key}") is None:  # asks the sandbox, so not inside a transaction
                made = services.make_poster(merchant=merchant, values=values, actor=owner)
                Made.objects.create(key=f"poster:{key}", row_id=made.pk)
