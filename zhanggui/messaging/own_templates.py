"""The messages of this module itself: what a mailing can carry."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from zhanggui.channels.wechat.notices import Field
from zhanggui.messaging.models import Kind
from zhanggui.messaging.templates import MessageTemplate

ANNOUNCEMENT = MessageTemplate(
    name="messaging.announcement",
    label=_("Notice to customers"),
    explanation=_("A change that concerns your customers: hours, address, a card that ends."),
    fields=(
        Field("subject", _("What it is about"), _("Opening hours during the holidays")),
        Field("text", _("What changes"), _("Open from 10:00 to 18:00 until 7 October.")),
    ),
    words=_("{shop}: {subject}. {text}"),
    keywords=("门店通知", "服务变更", "营业时间"),
    by_sms=True,
    for_many=True,
    lasts=timedelta(days=2),
)
MARKETING = MessageTemplate(
    name="messaging.marketing",
    label=_("Marketing by SMS"),
    explanation=_("An offer. Goes by SMS only: WeChat forbids advertising in template messages."),
    fields=(
        Field("text", _("The offer"), _("New spring teas are here: show this message, get 10 %.")),
    ),
    words=_("{shop}: {text}"),
    kind=Kind.MARKETING,
    by_wechat=False,
    by_sms=True,
    has_rule=False,
    for_many=True,
    lasts=timedelta(days=2),
)
