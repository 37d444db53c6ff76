"""What customers are told about their coupons (D46), and the jobs' reminders."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from zhanggui.accounts.models import Merchant
from zhanggui.channels.wechat.notices import Field
from zhanggui.coupons.models import Coupon, UseRecord
from zhanggui.messaging import routing
from zhanggui.messaging import services as messages
from zhanggui.messaging.templates import MessageTemplate

PURPOSE = "coupons"
PAGE = "u"
"""The shop's page of one redemption; short, because an SMS pays for each letter."""
COUPON = Field("coupon", _("Coupon"), _("Free lemon tea"))
UNTIL = Field("until", _("Valid until"), "2026年3月31日", "time")
STORE = Field("store", _("Store"), _("Renmin Road"))
TIME = Field("time", _("Time"), "2026年3月1日 14:30", "time")
ISSUED = MessageTemplate(
    name="coupons.issued",
    label=_("Coupon received"),
    explanation=_("Goes to the customer who got a coupon, whoever gave it."),
    fields=(COUPON, UNTIL),
    words=_("{shop}: you have a coupon, “{coupon}”, valid until {until}. See it in WeChat."),
    keywords=("优惠券", "领取成功", "卡券到账"),
    is_on=False,
)
ENDING = MessageTemplate(
    name="coupons.ending",
    label=_("Coupon expires soon"),
    explanation=_("Goes out three days before a coupon ends, once, if it can still be used."),
    fields=(COUPON, UNTIL),
    words=_("{shop}: your coupon “{coupon}” expires on {until}. We look forward to seeing you."),
    keywords=("优惠券", "过期提醒", "卡券到期"),
    is_on=False,
)
REDEEMED = MessageTemplate(
    name="coupons.redeemed",
    label=_("Coupon redeemed"),
    explanation=_(
        "Goes to the customer as soon as a coupon was used, with a link for “that was not me”."
    ),
    fields=(COUPON, STORE, TIME),
    words=_("{shop}: “{coupon}” was redeemed at {store}. Not you? {link}"),
    keywords=("核销", "优惠券", "使用成功"),
    is_on=False,
    page=PAGE,
)
UNDONE = MessageTemplate(
    name="coupons.undone",
    label=_("Redemption undone"),
    explanation=_("Goes to the customer when a redemption is taken back."),
    fields=(COUPON, STORE, TIME),
    words=_("{shop}: the redemption of “{coupon}” was taken back. You can use it again."),
    keywords=("核销", "优惠券", "退回"),
    is_on=False,
)
ALL = (ISSUED, ENDING, REDEEMED, UNDONE)


def tell_issued(coupon: Coupon) -> None:
    """Tell the customer of a new coupon, if the shop wants that."""
    _tell_of_coupon(ISSUED, coupon)


def tell_ending(coupon: Coupon) -> None:
    """Remind the customer; a second call says nothing."""
    _tell_of_coupon(ENDING, coupon)


def _tell_of_coupon(template: MessageTemplate, coupon: Coupon) -> None:
    if not routing.is_switched_on(template):
        return
    merchant = Merchant.objects.get(pk=coupon.merchant_id)
    messages.send(
        merchant=merchant,
        to=coupon.customer,
        template=template.name,
        data={
            "coupon": coupon.template.name,
            "until": _day(coupon.last_at, merchant.time_zone),
        },
        purpose=PURPOSE,
        subject=f"coupon:{coupon.pk}",
        state=template.name,
        path=reverse("coupons:coupon", args=[merchant.slug, coupon.token]),
    )


def tell_redeemed(record: UseRecord) -> None:
    """Tell the customer of a use, if the shop wants that."""
    _tell_of_use(REDEEMED, record)


def tell_undone(record: UseRecord) -> None:
    """Tell the customer that a use was taken back, if the shop wants that."""
    _tell_of_use(UNDONE, record)


def _tell_of_use(template: MessageTemplate, record: UseRecord) -> None:
    if not routing.is_switched_on(template):
        return
    merchant = Merchant.objects.get(pk=record.merchant_id)
    messages.send(
        merchant=merchant,
        to=record.coupon.customer,
        template=template.name,
        data=use_values(
            record.template_name,
            record.store.name if record.store else merchant.name,
            record.at,
            merchant.time_zone,
        ),
        purpose=PURPOSE,
        subject=f"use:{record.pk}",
    )


def use_values(coupon: str, store: str, at: datetime, zone: str) -> dict[str, str]:
    """The fields of a use's message."""
    return {"coupon": coupon, "store": store, "time": _moment(at, zone)}


def _day(at: datetime, zone: str) -> str:
    local = at.astimezone(ZoneInfo(zone))
    return f"{local.year}年{local.month}月{local.day}日"


def _moment(at: datetime, zone: str) -> str:
    return f"{_day(at, zone)} {at.astimezone(ZoneInfo(zone)):%H:%M}"
