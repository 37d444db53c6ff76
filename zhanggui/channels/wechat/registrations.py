"""What this channel tells the registries: rights, audit texts, menu, how customers sign in."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.utils.translation import gettext_lazy as _

from zhanggui.accounts import audit, permissions
from zhanggui.accounts.models import Merchant
from zhanggui.channels.wechat import customers, oauth, records, services
from zhanggui.channels.wechat.client import http
from zhanggui.channels.wechat.models import ChannelAccount
from zhanggui.channels.wechat.permissions import MANAGE_ACCOUNT, VIEW_ACCOUNT
from zhanggui.contacts import holders, timeline
from zhanggui.contacts import hooks as contact_hooks
from zhanggui.core import tenancy
from zhanggui.ui import navigation

ACTIONS = {
    "wechat.account.connected": _("Official account connected"),
    "wechat.account.disconnected": _("Official account disconnected"),
    "wechat.account.authorised": _("Account authorised"),
    "wechat.account.revoked": _("Authorisation withdrawn"),
    "wechat.component.changed": _("Third-party platform set up"),
    "wechat.delivery.replayed": _("Callback worked on again"),
}


def register_all() -> None:
    """Fill all registries; once per process, from ``apps.py``."""
    http.watch(records.Records())
    permissions.register(VIEW_ACCOUNT, MANAGE_ACCOUNT)
    permissions.register_area("wechat", _("WeChat"), order=400)
    for action, text in ACTIONS.items():
        audit.register_action(action, text)
    audit.register_target("wechat_account", _("Official account"), _accounts)
    navigation.register(
        surface="merchant",
        entry=navigation.Entry(
            "wechat",
            _("Official account"),
            "brand-wechat",
            "wechat:account",
            VIEW_ACCOUNT.name,
            order=550,
            group=_("Shop"),
        ),
    )
    holders.register(customers.HOLDER)
    timeline.register(customers.TIMELINE)
    contact_hooks.register(
        contact_hooks.SignIn(
            account_id=_account_id,
            start_url=oauth.customer_start_url,
            is_inside=oauth.is_inside_wechat,
            account_name=oauth.account_name,
        )
    )


def _account_id(merchant: Merchant) -> int | None:
    account = services.effective_account(merchant)
    return account.pk if account else None


def _accounts(ids: Collection[int]) -> Mapping[int, str]:
    found = ChannelAccount.objects.filter(pk__in=ids, merchant_id=tenancy.current_merchant_id())
    return dict(found.values_list("pk", "name"))
