"""What this module does when somebody scans or follows; handlers run in a job."""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import override

from zhanggui.accounts import standing
from zhanggui.accounts.models import Merchant, TierState
from zhanggui.channels.wechat import messages
from zhanggui.channels.wechat import services as wechat
from zhanggui.channels.wechat.hooks import FollowEvent, ScanEvent
from zhanggui.channels.wechat.models import ChannelAccount
from zhanggui.core import tenancy
from zhanggui.core.errors import DomainError
from zhanggui.stamps import services
from zhanggui.stamps.models import Programme, ProgrammeState
from zhanggui.stamps.permissions import FEATURE

SHOPS_AT_MOST = 5


def manager_invitation_scanned(event: ScanEvent) -> None:
    """Bind who scanned a manager's QR code and answer in the chat what happened."""
    account = ChannelAccount.objects.get(pk=event.account_id)
    person = wechat.person_of_openid(account=account, openid=event.openid)
    if event.merchant_id is None or event.subject_id is None:
        return
    with override(settings.LANGUAGE_CODE), tenancy.merchant_scope(event.merchant_id):
        try:
            scanned = services.accept_scan(
                invitation_id=event.subject_id, person=person, scanned_at=event.scanned_at
            )
        except DomainError as refusal:
            text = refusal.message
        else:
            text = _text_of(scanned.merchant_name, scanned.store_name, is_new=scanned.is_new)
        desk = messages.link(_("Open the manager page"), "/staff/")
        messages.send_text(account_id=account.pk, openid=event.openid, text=f"{text}\n{desk}")


def _text_of(merchant_name: str, store_name: str, *, is_new: bool) -> str:
    if is_new:
        text = _("You are now a manager of %(merchant)s, %(store)s.")
    else:
        text = _("You already manage %(merchant)s, %(store)s.")
    names = {"merchant": merchant_name, "store": store_name}
    return text % {key: messages.plain(name) for key, name in names.items()}


def followed(event: FollowEvent) -> None:
    """Welcome a new follower with the way to the stamp card."""
    account = ChannelAccount.objects.get(pk=event.account_id)
    shops = [shop for shop in _shops_of(account) if _has_programme(shop)][:SHOPS_AT_MOST]
    if not shops:
        return
    with override(settings.LANGUAGE_CODE):
        if len(shops) == 1:
            name = messages.plain(shops[0].name)
            lines = [
                _("Welcome to %(shop)s!") % {"shop": name},
                messages.link(_("Open my stamp card"), f"/w/{shops[0].slug}/"),
            ]
        else:
            lines = [_("Welcome! Your stamp cards:")]
            lines += [messages.link(shop.name, f"/w/{shop.slug}/") for shop in shops]
        messages.send_text(account_id=account.pk, openid=event.openid, text="\n".join(lines))


def _shops_of(account: ChannelAccount) -> list[Merchant]:
    """Merchants whose customers come through this account; none for the platform's own.

    The platform's account is where staff sign in: who follows it is rarely a customer.
    """
    merchants = Merchant.objects.filter(state=TierState.ACTIVE).order_by("pk")
    if account.merchant_id is not None:
        found = list(merchants.filter(pk=account.merchant_id))
    elif account.operator_id is not None:
        served = merchants.filter(operator_id=account.operator_id)
        found = [shop for shop in served if wechat.effective_account(shop) == account]
    else:
        found = []
    return [shop for shop in found if standing.takes_business(shop, FEATURE.name)]


def _has_programme(merchant: Merchant) -> bool:
    with tenancy.merchant_scope(merchant.pk):
        return Programme.objects.filter(state=ProgrammeState.ACTIVE).exists()
