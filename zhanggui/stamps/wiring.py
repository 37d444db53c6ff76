"""What this module hears from WeChat and lets the ledger compare; set up once at start."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import audit
from zhanggui.channels.wechat import hooks
from zhanggui.codes.tries import ALERT
from zhanggui.ledger import caches
from zhanggui.stamps import scans
from zhanggui.stamps.services.managers import PURPOSE

CARD_BALANCE = caches.BalanceCache(
    name="stamps.card",
    sql="""
    SELECT 'card:' || c.id, c.balance, coalesce(e.total, 0)
    FROM stamps_card c
    LEFT JOIN (
      SELECT account_id, sum(amount) AS total FROM ledger_entry
      WHERE merchant_id = %(merchant)s GROUP BY account_id
    ) e ON e.account_id = c.account_id
    WHERE c.merchant_id = %(merchant)s AND c.balance <> coalesce(e.total, 0)
    """,
)


def connect() -> None:
    """Fill the registries of the modules below; called from ``apps.py``."""
    audit.register_action(ALERT, _("Many wrong codes at a store"))
    caches.register(CARD_BALANCE)
    hooks.on_scan(PURPOSE, scans.manager_invitation_scanned)
    hooks.on_follow(scans.followed)
