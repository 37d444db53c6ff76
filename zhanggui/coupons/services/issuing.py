"""Giving coupons out: as a reward, by hand, by link; and taking them away again.

Other modules call :func:`issue` and :func:`void` inside their own transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import Max

from zhanggui.accounts import audit
from zhanggui.accounts.models import Merchant
from zhanggui.codes import services as codes
from zhanggui.contacts.services import hold
from zhanggui.core import clock, constraints, tenancy
from zhanggui.core.db import turns
from zhanggui.core.errors import NotFound
from zhanggui.coupons import rules, told
from zhanggui.coupons.errors import (
    CouponReasonMissing,
    CouponUsed,
    LimitPerson,
    LimitTotal,
    TemplateEnded,
    TemplatePaused,
    TemplateStopped,
)
from zhanggui.coupons.models import (
    Coupon,
    CouponState,
    CouponTemplate,
    TemplateState,
    Validity,
    Way,
)
from zhanggui.coupons.operations import SUBJECT
from zhanggui.coupons.services import steps
from zhanggui.coupons.services.templates import take_from_stock
from zhanggui.ledger import services as ledger
from zhanggui.ledger.models import Account, Unit

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor

LONGEST_REASON = 200
LONGEST_CAUSE = 80


def issue(
    *, template_id: int, customer_id: int, way: Way, cause: str, actor: Actor, is_told: bool = True
) -> Coupon:
    """Give a customer one coupon; the same cause twice is one coupon.

    Call it in the transaction of what earned it. A reward is a promise made before: it does not
    ask for the limits, the stock or whether the template still gives out, and takes from the
    stock what is there.

    Args:
        template_id: of the merchant in scope.
        customer_id: who gets it; somebody merged meanwhile gets it as who they are now.
        way: how it was earned.
        cause: why, at most 80 signs, such as ``card:17:reward:10``; answers the same coupon again.
        actor: who gives it.
        is_told: whether the customer gets a message.

    Raises:
        NotFound, CustomerGone: no such template or customer (404, 410).
        TemplateStopped, TemplatePaused, TemplateEnded: not given out now (409, 409, 410).
        LimitTotal: the stock is empty (E_COUPON_LIMIT_TOTAL, 409).
        LimitPerson: this person has as many as allowed (E_COUPON_LIMIT_PERSON, 409).
    """
    cause = cause[:LONGEST_CAUSE]
    with transaction.atomic():
        customer_id = hold(customer_id)
        merchant_id = tenancy.current_merchant_id()
        turns.take("coupons.issue", merchant_id, template_id, customer_id)
        turns.take("coupons.cause", merchant_id, cause)
        known = Coupon.objects.select_related("template", "customer").filter(cause=cause).first()
        if known is not None:
            return known
        template = CouponTemplate.objects.filter(pk=template_id).first()
        if template is None:
            raise NotFound
        moment = clock.now()
        is_promised = way == Way.REWARD
        number = None
        if not is_promised:
            _refuse_template(template)
            number = _number_of_person(template, customer_id)
        if not take_from_stock(template.pk) and not is_promised:
            raise LimitTotal
        try:
            with transaction.atomic():
                coupon = _insert(
                    Coupon(
                        merchant_id=template.merchant_id,
                        template=template,
                        customer_id=customer_id,
                        issued_to_id=customer_id,
                        person_no=number,
                        way=way,
                        cause=cause,
                        issued_by=actor.name[:80],
                    )
                )
        except IntegrityError as error:
            raise _refusal(error, template) from error
        steps.note_change(coupon, None, by=actor.name, note=str(way.label), at=moment)
        audit.record(
            actor,
            "coupons.coupon.issued",
            f"coupon:{coupon.pk}",
            details={"template": template.pk, "way": way.value},
        )
        if is_told:
            told.tell_issued(coupon)
    return coupon


def _refuse_template(template: CouponTemplate) -> None:
    if template.state == TemplateState.PAUSED:
        raise TemplatePaused
    if template.state == TemplateState.STOPPED:
        raise TemplateStopped
    if template.validity == Validity.FIXED and template.ends_at and template.ends_at <= clock.now():
        raise TemplateEnded


def _number_of_person(template: CouponTemplate, customer_id: int) -> int:
    """Which coupon of this person it is; the unique constraint is the last guard."""
    of_person = Coupon.objects.filter(template=template, issued_to_id=customer_id)
    counted = of_person.exclude(person_no=None)
    if template.per_person is not None and counted.count() >= template.per_person:
        raise LimitPerson(most=template.per_person)
    return (counted.aggregate(last=Max("person_no"))["last"] or 0) + 1


def _insert(coupon: Coupon) -> Coupon:
    """Give the coupon its days and its account with all its uses, and write it."""
    template, moment = coupon.template, clock.now()
    zone = Merchant.objects.values_list("time_zone", flat=True).get(pk=template.merchant_id)
    coupon.issued_at = moment
    is_promised = coupon.way == Way.REWARD
    coupon.starts_at, coupon.ends_at = rules.span(template, moment, zone, is_promised=is_promised)
    coupon.state = CouponState.ISSUED if coupon.starts_at > moment else CouponState.USABLE
    coupon.total = coupon.usable = template.uses
    coupon.account = ledger.open_account_of_new_row(unit=Unit.COUPON)
    coupon.save(force_insert=True)
    Account.objects.filter(pk=coupon.account_id).update(code=f"coupon:{coupon.pk}", is_cached=True)
    steps.move(coupon, coupon.total, "coupons.issued", "coupon-issue")
    return coupon


def _refusal(error: IntegrityError, template: CouponTemplate) -> Exception:
    if constraints.violated(error) == "coupons_of_a_person_numbered":
        return LimitPerson(most=template.per_person or 0)
    return error


def void(*, coupon_id: int, reason: str, actor: Actor, must_be_unused: bool = False) -> Coupon:
    """Take a coupon away for good; a code that is out dies with it.

    Args:
        coupon_id: of the merchant in scope.
        reason: kept with the coupon.
        actor: who does it.
        must_be_unused: refuse also when only a part of it was used.

    Raises:
        NotFound: none of this merchant's (404).
        CouponReasonMissing: no reason (E_COUPON_REASON, 422).
        CouponUsed: all of it was used: undo that first (E_COUPON_USED, 409).
        CouponExpired, CouponVoided: it is over already (410).
        CouponFrozen: unfreeze it first (E_COUPON_FROZEN, 409).
    """
    words = _reason(reason)
    with transaction.atomic():
        codes.revoke_live(subject_type=SUBJECT, subject_id=coupon_id)
        coupon = steps.locked(coupon_id)
        moment = clock.now()
        _refuse_over(coupon)
        if must_be_unused and coupon.redeemed:
            raise CouponUsed
        if coupon.state == CouponState.HELD:
            steps.unhold(coupon)
        rest = coupon.usable
        steps.step(coupon, CouponState.VOIDED, by=actor.name, note=words, at=moment)
        coupon.usable, coupon.voided, coupon.reason = 0, coupon.voided + rest, words
        steps.move(coupon, -rest, "coupons.voided", "coupon-voided")
        coupon.held_by, coupon.held_until = "", None
        steps.keep(coupon)
        audit.record(
            actor, "coupons.coupon.voided", f"coupon:{coupon.pk}", details={"reason": words}
        )
    return coupon


def _refuse_over(coupon: Coupon) -> None:
    """Let only coupons through that can still be taken away or frozen, settled by the clock."""
    moment = clock.now()
    steps.settle(coupon, moment)
    if coupon.state == CouponState.REDEEMED:
        raise CouponUsed
    if coupon.state in {CouponState.EXPIRED, CouponState.VOIDED, CouponState.FROZEN}:
        refusal = rules.why_not(coupon, moment)
        if refusal is not None:
            raise refusal


def freeze(*, coupon_id: int, reason: str, actor: Actor) -> Coupon:
    """Let nobody use a coupon until somebody has looked into it.

    Raises:
        NotFound, CouponReasonMissing, CouponUsed, CouponExpired, CouponVoided: as ``void``.
        NotStarted: it has not begun, so nothing is in danger (E_COUPON_NOT_STARTED, 409).
        CouponFrozen: it is frozen already (E_COUPON_FROZEN, 409).
    """
    words = _reason(reason)
    with transaction.atomic():
        codes.revoke_live(subject_type=SUBJECT, subject_id=coupon_id)
        coupon = steps.locked(coupon_id)
        moment = clock.now()
        _refuse_over(coupon)
        if coupon.state == CouponState.HELD:
            steps.unhold(coupon)
            steps.step(coupon, CouponState.USABLE, by=actor.name, at=moment)
            coupon.held_by, coupon.held_until = "", None
        refusal = rules.why_not(coupon, moment)
        if coupon.state == CouponState.ISSUED and refusal is not None:
            raise refusal
        steps.step(coupon, CouponState.FROZEN, by=actor.name, note=words, at=moment)
        coupon.reason = words
        steps.keep(coupon)
        audit.record(
            actor, "coupons.coupon.frozen", f"coupon:{coupon.pk}", details={"reason": words}
        )
    return coupon


def unfreeze(*, coupon_id: int, actor: Actor) -> Coupon:
    """Let a frozen coupon be used again; one whose time has passed meanwhile has expired."""
    with transaction.atomic():
        coupon = steps.locked(coupon_id)
        if coupon.state == CouponState.FROZEN:
            moment = clock.now()
            steps.step(coupon, CouponState.USABLE, by=actor.name, at=moment)
            coupon.reason = ""
            steps.settle(coupon, moment)
            steps.keep(coupon)
            audit.record(actor, "coupons.coupon.unfrozen", f"coupon:{coupon.pk}")
    return coupon


def _reason(reason: str) -> str:
    words = reason.strip()[:LONGEST_REASON]
    if not words:
        raise CouponReasonMissing
    return words
