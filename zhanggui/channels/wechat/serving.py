"""Which account serves a merchant's customers, since when and why (P23).

Which one it is follows from what is connected; here it is written down when it changes. Sessions
of customers end by themselves: each belongs to the account it began with.
"""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_noop

from zhanggui.accounts import audit
from zhanggui.accounts.actors import Actor, system_actor
from zhanggui.accounts.models import Merchant, Tier, TierState
from zhanggui.channels.wechat import services
from zhanggui.channels.wechat.models import ChannelAccount, ServingPeriod, ServingReason
from zhanggui.core import clock, tenancy


def note(*, merchant: Merchant, actor: Actor) -> bool:
    """Write down which account serves a merchant now; answers whether that is news.

    Two who note the same news at one moment write it once.
    """
    account = services.effective_account(merchant)
    with tenancy.merchant_scope(merchant.pk):
        try:
            with transaction.atomic():
                return _note(account, actor)
        except IntegrityError as error:
            if "one_account_serves_now" not in str(error):
                raise
            return False


def _note(account: ChannelAccount | None, actor: Actor) -> bool:
    held = ServingPeriod.objects.select_for_update().filter(until__isnull=True).first()
    account_id = account.pk if account else None
    if held is not None and held.account_id == account_id:
        return False
    if held is None and account is None:
        return False
    now = clock.now()
    before = _account(held)
    if held is not None:
        held.until = now
        held.save(update_fields=["until"])
    ServingPeriod(account=account, reason=_reason(held, before, account), since=now).save(
        force_insert=True
    )
    audit.record(
        actor,
        "wechat.serving.changed",
        f"wechat_account:{account_id or 0}",
        before={"wechat.serving": before.name if before else ""},
        after={"wechat.serving": account.name if account else ""},
    )
    return True


def _account(period: ServingPeriod | None) -> ChannelAccount | None:
    if period is None or period.account_id is None:
        return None
    return ChannelAccount.objects.filter(pk=period.account_id).first()


def _reason(
    held: ServingPeriod | None, before: ChannelAccount | None, account: ChannelAccount | None
) -> ServingReason:
    if account is not None and account.tier == Tier.MERCHANT:
        return ServingReason.CONNECTED
    if held is None:
        return ServingReason.BEGUN
    if before is not None and before.tier == Tier.MERCHANT:
        return ServingReason.DISCONNECTED
    return ServingReason.LENDER


def note_everywhere(*, actor: Actor) -> int:
    """Look after all merchants: after a lender's change, every hour. Answers how many changed."""
    merchants = Merchant.objects.select_related("operator").exclude(state=TierState.ARCHIVED)
    return sum(note(merchant=one, actor=actor) for one in merchants.order_by("pk").iterator())


def note_change(*, merchant_id: int | None) -> None:
    """The job's way: one merchant, or all of them."""
    actor = system_actor(gettext_noop("Serving account"))
    if merchant_id is None:
        note_everywhere(actor=actor)
        return
    merchant = Merchant.objects.filter(pk=merchant_id).first()
    if merchant is not None:
        note(merchant=merchant, actor=actor)


def history() -> QuerySet[ServingPeriod]:
    """The periods of the merchant in scope, newest first."""
    return ServingPeriod.objects.order_by("-since", "-pk")


def current(merchant: Merchant) -> ServingPeriod | None:
    """The period that is open now, when it tells of the account that serves now."""
    account = services.effective_account(merchant)
    held = ServingPeriod.objects.filter(until__isnull=True).first()
    if held is None or held.account_id != (account.pk if account else None):
        return None
    return held
