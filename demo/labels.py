"""The tea house's regulars have a menu of their own, by a label of followers at WeChat."""

from __future__ import annotations

from demo.base import owner_of
from demo.cast import MERCHANTS
from demo.made import find, id_of, made
from zhanggui.channels.wechat.menus import conditional, labelling
from zhanggui.channels.wechat.menus.conditional import Audience
from zhanggui.channels.wechat.menus.rules import Button, Kind
from zhanggui.channels.wechat.models import ChannelAccount
from zhanggui.contacts.models import Tag
from zhanggui.core import tenancy

NAME = "老顾客"
MENU = (
    Button("cards", "我的卡", Kind.BUILTIN, "stamps.wallet"),
    Button("book", "留位", Kind.REPLY, "老顾客留位：请回复人数和到店时间，店员马上确认。"),
    Button("hours", "营业时间", Kind.REPLY, "每天 9:30–21:30\n法定节假日照常营业"),
)


def make() -> None:
    """Make label and menu once; the label is put on customers by a job."""
    plan = MERCHANTS[0]
    if plan.account is None:
        return
    key = f"conditional:{plan.account.app_id}"
    if find(key) is not None:
        return
    account = ChannelAccount.objects.select_related("merchant").get(app_id=plan.account.app_id)
    with tenancy.merchant_scope(account.merchant_id or 0):
        actor = owner_of(plan)
        tag = Tag.objects.get(pk=id_of(f"tag:{plan.slug}/regular"))
        label = labelling.add(account=account, name=NAME, tag=tag, actor=actor)
        menu = conditional.add(
            account=account,
            audience=Audience("老顾客的菜单", label.id, label.name),
            drawn=MENU,
            actor=actor,
        )
        conditional.publish(menu=menu, actor=actor)
        made(key, lambda: menu)
