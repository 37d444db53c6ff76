"""The trial payment: one fen by QR code, which shows that money really arrives and goes back."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Tier
from zhanggui.channels.pay import hooks
from zhanggui.channels.pay.errors import PayNotOffered
from zhanggui.channels.pay.models import PayAccount, Payment, Way
from zhanggui.channels.pay.services import payments
from zhanggui.core import clock, tenancy

PURPOSE = hooks.Purpose("pay.trial", gettext_lazy("Trial payment"))
AMOUNT_FEN = 1
LASTS = timedelta(minutes=10)


def begin(*, account: PayAccount, actor: Actor) -> Payment:
    """Begin a trial payment of one fen on a merchant's account, in the merchant's scope.

    Raises:
        PayNotOffered: QR codes are not switched on, or it is no merchant's account (409).
        PayRefusedHere, PayDown: WeChat Pay did not make the order.
    """
    if account.tier != Tier.MERCHANT or account.merchant_id != tenancy.current_merchant_id():
        raise PayNotOffered
    return payments.start(
        account=account,
        purpose=PURPOSE.name,
        subject_id=None,
        description=_("Trial payment"),
        amount_fen=AMOUNT_FEN,
        way=Way.NATIVE,
        expires_at=clock.now() + LASTS,
        actor=actor,
    )
