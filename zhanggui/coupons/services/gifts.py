"""Handing a coupon on: a link that works once, for 24 hours, until the giver keeps it after all."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from zhanggui.accounts import audit
from zhanggui.contacts.services import hold
from zhanggui.core import clock, tokens
from zhanggui.core.errors import NotFound
from zhanggui.coupons import rules
from zhanggui.coupons.errors import CouponUsed, GiftOver, NotOwner, NotTransferable
from zhanggui.coupons.models import Coupon, CouponGift, CouponState, GiftState, new_code
from zhanggui.coupons.services import steps

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

LASTS = timedelta(hours=24)


def give(*, coupon_id: int, customer_id: int, actor: Actor) -> CouponGift:
    """Make the link by which somebody else takes the coupon; the one that is open stays the one.

    The coupon stays the giver's, who may still use it, until it is taken.

    Raises:
        NotOwner: another customer's coupon (E_COUPON_NOT_OWNER, 403).
        NotTransferable: the shop does not want it, or it was used in part (409).
        CouponExpired, CouponUsed, CouponHeld, CouponFrozen, CouponVoided: nothing to give.
    """
    with transaction.atomic():
        coupon = steps.locked(coupon_id)
        if coupon.customer_id != customer_id:
            raise NotOwner
        moment = clock.now()
        _refuse(coupon)
        known = CouponGift.objects.filter(coupon=coupon, state=GiftState.OPEN).first()
        if known is not None and known.expires_at > moment:
            return known
        if known is not None:
            _end(known, GiftState.BACK)
        gift = CouponGift(
            merchant_id=coupon.merchant_id,
            coupon=coupon,
            giver_id=customer_id,
            created_at=moment,
            expires_at=min(moment + LASTS, coupon.ends_at),
        )
        gift.save(force_insert=True)
        steps.keep(coupon)
        audit.record(actor, "coupons.gift.made", f"coupon:{coupon.pk}")
    return gift


def _refuse(coupon: Coupon) -> None:
    moment = clock.now()
    if not coupon.template.is_transferable:
        raise NotTransferable
    if rules.state_now(coupon, moment) != CouponState.ISSUED:
        refusal = rules.why_not(coupon, moment)
        if refusal is not None:
            raise refusal
    if coupon.redeemed:
        raise NotTransferable


def take_back(*, coupon_id: int, customer_id: int, actor: Actor) -> None:
    """Keep the coupon after all; the link is dead at once.

    Raises:
        NotOwner: somebody took it a moment ago, or it is another customer's (403).
    """
    with transaction.atomic():
        coupon = steps.locked(coupon_id)
        if coupon.customer_id != customer_id:
            raise NotOwner
        gift = CouponGift.objects.filter(coupon=coupon, state=GiftState.OPEN).first()
        if gift is None:
            return
        _end(gift, GiftState.BACK)
        steps.keep(coupon)
        audit.record(actor, "coupons.gift.kept", f"coupon:{coupon.pk}")


def take(*, gift_id: int, customer_id: int, actor: Actor) -> Coupon:
    """Take a coupon that somebody hands on; of all who tap at once one gets it.

    It gets a new code and address: the giver has seen the old ones.

    Raises:
        NotFound: no such gift (404).
        GiftOver: taken, kept, or 24 hours are over (E_COUPON_GIFT_OVER, 410).
        CouponHeld: the giver shows it at a counter just now (409).
        CouponUsed, CouponExpired, CouponFrozen, CouponVoided: there is nothing left to take.
    """
    with transaction.atomic():
        customer_id = hold(customer_id)
        seen = CouponGift.objects.filter(pk=gift_id).first()
        if seen is None:
            raise NotFound
        coupon = steps.locked(seen.coupon_id)
        gift = CouponGift.objects.select_for_update().get(pk=gift_id)
        if gift.taker_id == customer_id and coupon.customer_id == customer_id:
            return coupon
        moment = clock.now()
        if gift.state != GiftState.OPEN or gift.expires_at <= moment:
            raise GiftOver
        if coupon.customer_id == customer_id:
            return coupon
        _refuse(coupon)
        if coupon.redeemed:
            raise CouponUsed
        gift.taker_id = customer_id
        _end(gift, GiftState.TAKEN)
        coupon.customer_id, coupon.code, coupon.token = customer_id, new_code(), tokens.new_token()
        coupon.save(update_fields=["customer_id", "code", "token"])
        steps.settle(coupon, moment)
        steps.note_change(coupon, CouponState(coupon.state), by=actor.name, note="gift", at=moment)
        steps.keep(coupon)
        audit.record(actor, "coupons.gift.taken", f"coupon:{coupon.pk}")
    return coupon


def _end(gift: CouponGift, state: GiftState) -> None:
    gift.state, gift.ended_at = state, clock.now()
    gift.save(update_fields=["state", "ended_at", "taker"])
