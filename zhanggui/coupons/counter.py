"""The operation "redeem" at a manager's counter (R13): what a code would do, and doing it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zhanggui.codes import desk
from zhanggui.codes.models import OneTimeCode
from zhanggui.contacts.services import masked_name
from zhanggui.core import clock
from zhanggui.core.errors import DomainError
from zhanggui.coupons import hot, rules, selectors
from zhanggui.coupons.errors import CouponNotFound, CouponWrongStore
from zhanggui.coupons.models import Coupon, CouponState
from zhanggui.coupons.operations import SUBJECT
from zhanggui.coupons.services import Place, by_code, redeem
from zhanggui.coupons.services.using import why_not_at

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor
    from zhanggui.codes.desk import Counter


def preview(code: OneTimeCode, counter: Counter) -> Mapping[str, Any]:
    """Customer, coupon, what it is worth and until when; refuses what redeeming would refuse."""
    rows = Coupon.objects.select_related("template", "customer")
    coupon = rows.filter(pk=code.subject_id).first()
    if coupon is None:
        raise CouponNotFound
    moment = clock.now()
    place = Place(counter.store_id, counter.person_id, counter.person_name, code_id=code.pk)
    refusal = why_not_at(coupon, holder=by_code(code.pk), place=place, moment=moment)
    if refusal is not None:
        raise refusal
    return {
        "shown": selectors.shown(coupon, moment),
        "coupon": coupon,
        "customer_name": masked_name(coupon.customer.name),
        "customer_number": coupon.customer.number,
        "left_after": coupon.usable,
    }


def why_gone(coupon_id: int) -> DomainError | None:
    """Why a coupon took its code with it; None when it can still be used, or was used."""
    rows = Coupon.objects.select_related("template", "customer")
    coupon = rows.filter(pk=coupon_id, state__in=[CouponState.FROZEN, CouponState.VOIDED]).first()
    return rules.why_not(coupon, clock.now()) if coupon is not None else None


def confirm(code: OneTimeCode, counter: Counter, actor: Actor) -> dict[str, Any]:
    """Redeem the coupon once, in the transaction that spends the code."""
    place = Place(counter.store_id, counter.person_id, counter.person_name, code_id=code.pk)
    record = redeem(coupon_id=code.subject_id, holder=by_code(code.pk), place=place, actor=actor)
    coupon = record.coupon
    return {
        "record_id": record.pk,
        "kind": "redeem",
        "coupon": record.template_name,
        "worth": rules.worth_text(coupon.template),
        "customer_name": masked_name(record.customer_name),
        "store_name": counter.store_name,
        "left": coupon.usable,
    }


OPERATION = desk.Operation(
    subject_type=SUBJECT,
    preview=preview,
    preview_template="coupons/staff/_preview.html",
    confirm=confirm,
    done_template="coupons/staff/_done.html",
    wrong_store=CouponWrongStore,
    at_once=hot.AT_ONCE,
)
