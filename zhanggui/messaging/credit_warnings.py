"""Credit runs low: the owners are told once after each filling, at a fifth and at nothing."""

from __future__ import annotations

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from zhanggui.accounts import hooks
from zhanggui.accounts.models import Merchant
from zhanggui.core import clock
from zhanggui.messaging.models import Purse, Wallet
from zhanggui.ui.formats import count

PARTS = 5
"""A fifth, that is 20 percent. Source: dining specification 9."""


def is_low(filled: int, left: int) -> bool:
    """Whether a purse holds no more than a fifth of its last filling."""
    return filled > 0 and left * PARTS <= filled


def look(merchant: Merchant, purse: Purse, left: int) -> None:
    """Tell the owners when a purse has become low; inside the caller's transaction."""
    wallet = Wallet.objects.filter(purse=purse, warned_at=None).first()
    if wallet is None or not is_low(wallet.filled, left):
        return
    if Wallet.objects.filter(pk=wallet.pk, warned_at=None).update(warned_at=clock.now()):
        hooks.notify_owners(merchant, _text(merchant, purse, left))


def _text(merchant: Merchant, purse: Purse, left: int) -> str:
    with translation.override(settings.LANGUAGE_CODE):
        return _("%(shop)s: only %(left)s SMS segments are left for “%(purse)s”. Buy more.") % {
            "shop": merchant.name,
            "left": count(left),
            "purse": purse.label,
        }
