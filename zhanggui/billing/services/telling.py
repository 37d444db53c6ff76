"""What owners are told about their plan, in the language of the installation."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from zhanggui.accounts.models import Merchant
from zhanggui.billing.models import Order
from zhanggui.ui.formats import moment, money


def received(order: Order) -> str:
    """That a transfer has arrived."""
    with translation.override(settings.LANGUAGE_CODE):
        return _("Your transfer of %(amount)s for order %(number)s has arrived.") % {
            "amount": money(order.rest_fen),
            "number": order.number,
        }


def sent_back(order: Order, reason: str) -> str:
    """That a proof was sent back."""
    with translation.override(settings.LANGUAGE_CODE):
        return _(
            "The proof for order %(number)s was sent back: %(reason)s Hand in another one."
        ) % {"number": order.number, "reason": reason}


def ends_soon(merchant: Merchant, ends_at: datetime) -> str:
    """That the plan ends in a few days."""
    with translation.override(settings.LANGUAGE_CODE):
        return _("The plan of %(name)s ends on %(end)s. Renew it under My account.") % {
            "name": merchant.name,
            "end": moment(ends_at),
        }


def data_go(merchant: Merchant, at: datetime) -> str:
    """That the data of a shop that was put away are deleted soon."""
    with translation.override(settings.LANGUAGE_CODE):
        return _(
            "The customers' data of %(name)s are deleted on %(day)s. Renew the plan, or export "
            "what you need."
        ) % {"name": merchant.name, "day": moment(at)}
