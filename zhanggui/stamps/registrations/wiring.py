"""What this module hears from WeChat and lets the ledger compare; set up once at start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.db.models import F
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from zhanggui.accounts import audit, standing, todo
from zhanggui.accounts import hooks as account_hooks
from zhanggui.channels.wechat import hooks
from zhanggui.channels.wechat.menus import builtin
from zhanggui.channels.wechat.menus.builtin import BuiltinPage
from zhanggui.codes import desk
from zhanggui.codes.tries import ALERT
from zhanggui.contacts import holders, timeline
from zhanggui.coupons import hooks as coupon_hooks
from zhanggui.coupons import pads
from zhanggui.coupons.models import Coupon
from zhanggui.ledger import caches
from zhanggui.stamps import permissions, rewards, rules, selectors
from zhanggui.stamps.giving import CouponGiver
from zhanggui.stamps.operations import SUBJECT
from zhanggui.stamps.registrations import customers, scans
from zhanggui.stamps.selectors import tally_statements
from zhanggui.stamps.services.coupon_cases import open_case
from zhanggui.stamps.services.managers import PURPOSE
from zhanggui.stamps.services.press_redeeming import takes_press
from zhanggui.stamps.services.store_closing import end_managers

if TYPE_CHECKING:
    from zhanggui.accounts.guards import MerchantRequest

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

TALLIES = (
    caches.BalanceCache(name="stamps.entries_by_day", sql=tally_statements.ODD_ENTRIES),
    caches.BalanceCache(name="stamps.visitors_by_day", sql=tally_statements.ODD_VISITORS),
)

PAGES = (
    BuiltinPage(
        "stamps.wallet",
        _("My stamp cards"),
        pgettext_lazy("button of a WeChat menu", "My cards"),
        lambda shop: reverse("stamps:wallet", args=[shop.slug]) if shop else "",
        feature=permissions.FEATURE.name,
        product=pgettext_lazy("button of a WeChat menu", "Stamps"),
        order=10,
    ),
    BuiltinPage(
        "stamps.desk",
        _("Store managers: type in codes"),
        pgettext_lazy("button of a WeChat menu", "Counter"),
        lambda _shop: reverse("stamps:desk"),
        is_of_shop=False,
        order=10,
    ),
)

HOLDER = holders.Holder(
    name="stamps",
    held=customers.held,
    merge=customers.merge,
    why_not_undo=customers.why_not_undo,
    undo=customers.undo,
    erase=customers.erase,
    sheets=customers.sheets,
    in_use=customers.in_use,
)


def connect() -> None:
    """Fill the registries of the modules below; called from ``apps.py``."""
    audit.register_action(ALERT, _("Many wrong codes at a store"))
    todo.register(many_wrong_codes)
    for cache in (CARD_BALANCE, *TALLIES):
        caches.register(cache)
    desk.register_gone(SUBJECT, rules.why_gone)
    holders.register(HOLDER)
    timeline.register(customers.TIMELINE)
    coupon_hooks.on_not_me(open_case)
    account_hooks.on_store_closed(end_managers)
    pads.register(_pad_of)
    hooks.on_scan(PURPOSE, scans.manager_invitation_scanned)
    hooks.on_follow(scans.followed)
    hooks.on_identity_use(selectors.manages_a_store)
    rewards.use(CouponGiver())
    for page in PAGES:
        builtin.register(page)


def _pad_of(coupon: Coupon) -> pads.Pad | None:
    """Where the store's stamp redeems this coupon; None where none can."""
    if not takes_press(coupon) or not standing.takes_business(
        coupon.merchant, permissions.FEATURE.name
    ):
        return None
    place = [coupon.merchant.slug, coupon.token]
    return pads.Pad(
        send=reverse("stamps:coupon_press", args=place),
        allow=reverse("stamps:coupon_press_allow", args=place),
        script="stamps/js/press.js",
        hints="stamps/mobile/_press_hints.html",
    )


def many_wrong_codes(request: MerchantRequest) -> Iterator[todo.Question]:
    """Stores where 40 or more wrong codes were typed within 24 hours (D23)."""
    if permissions.MANAGE_MANAGERS.name not in request.permissions:
        return
    slug = request.merchant.slug

    def alerts(found: todo.Found) -> Iterator[todo.Todo]:
        for store in sorted(found, key=lambda row: str(row["name"])):
            yield todo.Todo(
                _("Many wrong codes at %(store)s") % {"store": store["name"]},
                _("40 or more wrong codes were typed there within 24 hours. See who typed them."),
                reverse("accounts:audit", args=[slug]),
                "alert-triangle",
                tone="danger",
            )

    yield todo.Question(selectors.guessed_at(), alerts, {"name": F("name")})
