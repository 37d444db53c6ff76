"""What customers and managers are told about stamps (D46).

What tells of a stamp leads to a page on which the customer says "that was not me" (``reports``).
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy as _

from zhanggui.channels.wechat.notices import Field
from zhanggui.messaging.templates import MessageTemplate

FIELDS = (
    Field("programme", _("Stamp programme"), _("Lemon tea card")),
    Field("amount", _("Stamps"), "1", "number"),
    Field("balance", _("Stamps on the card"), "4", "number"),
    Field("slots", _("Places on the card"), "10", "number"),
    Field("store", _("Store"), _("Renmin Road")),
    Field("time", _("Time"), "2026年3月1日 14:30", "time"),
)
FIELDS_TAKEN = tuple(
    Field("amount", _("Stamps taken back"), "1", "number") if field.name == "amount" else field
    for field in FIELDS
)
"""A number of WeChat's has no sign, so the name of the place says which way it goes."""
PAGE = "n"
"""The shop's page of one message; short, because an SMS pays for each letter."""
STAMPED = MessageTemplate(
    name="stamps.stamped",
    label=_("Stamp given"),
    explanation=_(
        "Goes to the customer as soon as a stamp is on the card, with a link for “that was not me”."
    ),
    fields=FIELDS,
    words=_(
        "{shop}: {amount} stamp at {store}. “{programme}” now has {balance} of {slots}. "
        "Not you? {link}"
    ),
    keywords=("集章", "积分变动", "消费成功"),
    is_on=False,
    page=PAGE,
)
CANCELLED = MessageTemplate(
    name="stamps.cancelled",
    label=_("Stamp cancelled"),
    explanation=_(
        "Goes to the customer when a stamp is taken back, with a link for “that was not me”."
    ),
    fields=FIELDS_TAKEN,
    words=_(
        "{shop}: {amount} stamp was taken back at {store}. “{programme}” now has {balance} of "
        "{slots}. Not you? {link}"
    ),
    keywords=("集章", "积分变动", "退款通知"),
    is_on=False,
    page=PAGE,
)
REWARDED = MessageTemplate(
    name="stamps.rewarded",
    label=_("Reward won"),
    explanation=_("Goes to the customer when a stamp wins a reward."),
    fields=(
        Field("programme", _("Stamp programme"), _("Lemon tea card")),
        Field("reward", _("Reward"), _("One lemon tea")),
        Field("store", _("Store"), _("Renmin Road")),
    ),
    words=_("{shop}: you won “{reward}” with “{programme}”. It is in your cards."),
    keywords=("奖励", "获得奖励", "中奖通知"),
    is_on=False,
)
EXPIRING = MessageTemplate(
    name="stamps.expiring",
    label=_("Stamp card expires soon"),
    explanation=_("Goes to the customer a week before the stamps on a card expire."),
    fields=(
        Field("programme", _("Stamp programme"), _("Lemon tea card")),
        Field("balance", _("Stamps on the card"), "4", "number"),
        Field("slots", _("Places on the card"), "10", "number"),
        Field("day", _("Valid until"), "2026年3月1日", "date"),
    ),
    words=_(
        "{shop}: your card “{programme}” has {balance} of {slots} stamps and is valid until {day}."
    ),
    keywords=("到期", "到期提醒", "会员到期"),
    is_on=False,
)
DECIDED = MessageTemplate(
    name="stamps.manager_decided",
    label=_("Answer to a store manager"),
    explanation=_("Goes to whoever asked to manage a store and had to wait."),
    fields=(Field("answer", _("Answer"), _("The shop approved you.")),),
    words="{answer}",
    has_rule=False,
)


def values(
    *, programme: str, amount: int, balance: int, slots: int, store: str, at: datetime, zone: str
) -> dict[str, str]:
    """The fields of a stamp's message."""
    local = at.astimezone(ZoneInfo(zone))
    moment = f"{local.year}年{local.month}月{local.day}日 {local:%H:%M}"
    return {
        "programme": programme,
        "amount": str(abs(amount)),
        "balance": str(balance),
        "slots": str(slots),
        "store": store,
        "time": moment,
    }
