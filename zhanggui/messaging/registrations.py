"""What this module tells the registries."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import audit, hooks
from zhanggui.accounts.actors import Actor
from zhanggui.accounts.models import Merchant

ACTIONS = {
    "messaging.credit.granted": _("SMS credit given"),
    "messaging.credit.taken_back": _("SMS credit taken back"),
    "messaging.credit.moved": _("SMS credit moved to the other purse"),
    "messaging.stock.filled": _("SMS stock of an operator filled"),
}
TRIAL_SEGMENTS = 50
"""Source: repairs specification U-40."""


def register_all() -> None:
    """Fill all registries; once per process, from ``apps.py``."""
    for action, text in ACTIONS.items():
        audit.register_action(action, text)
    audit.register_target("sms_grant", _("SMS credit"))
    hooks.on_merchant_created(_give_for_trying)


def _give_for_trying(merchant: Merchant, actor: Actor) -> None:
    from zhanggui.messaging import wallet  # noqa: PLC0415  loaded after the apps
    from zhanggui.messaging.models import GrantSource  # noqa: PLC0415  likewise

    wallet.grant(
        merchant=merchant,
        segments=TRIAL_SEGMENTS,
        cause="trial",
        actor=actor,
        source=GrantSource.TRIAL,
    )
