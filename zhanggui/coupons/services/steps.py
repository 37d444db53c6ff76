"""One step of a coupon's life: state, counts, history row; and what the clock has done meanwhile.

Everything runs in the caller's transaction with the coupon's row locked. Locks are taken in one
order: the one-time code, then the coupon, then accounts of the ledger.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import F

from zhanggui.accounts.models import Merchant
from zhanggui.core.errors import NotFound
from zhanggui.coupons import rules
from zhanggui.coupons.models import Coupon, CouponChange, CouponState
from zhanggui.ledger import services as ledger
from zhanggui.ledger.models import Transaction, Unit

COUNTS = ("usable", "held", "redeemed", "voided")
KEPT = ("state", *COUNTS, "use_no", "starts_at", "ends_at", "held_by", "held_until", "reason")
CLOCK = ""
"""Nobody's doing: the time came."""


class WrongStep(Exception):
    """A step that 5.4 does not know; a bug in the caller, nothing is written."""


def locked(coupon_id: int) -> Coupon:
    """The coupon with its template and customer, its row locked.

    Raises:
        NotFound: none of this merchant's (404).
    """
    # first alone: joined to a customer it had a moment ago, a coupon handed on would not be found
    alone = Coupon.objects.select_for_update().filter(pk=coupon_id).values_list("pk")
    if alone.first() is None:
        raise NotFound
    return Coupon.objects.select_related("template", "customer").get(pk=coupon_id)


def step(
    coupon: Coupon,
    after: CouponState,
    *,
    by: str,
    note: str = "",
    store_id: int | None = None,
    at: datetime,
) -> None:
    """Change the state and write the history row.

    Raises:
        WrongStep: the state machine has no such edge.
    """
    before = CouponState(coupon.state)
    if (before, after) not in rules.EDGES:
        message = f"{before} > {after}"
        raise WrongStep(message)
    coupon.state = after
    note_change(coupon, before, by=by, note=note, store_id=store_id, at=at)


def note_change(
    coupon: Coupon,
    before: CouponState | None,
    *,
    by: str,
    note: str = "",
    store_id: int | None = None,
    at: datetime,
) -> None:
    """Write a history row for the state that the coupon has now."""
    CouponChange(
        merchant_id=coupon.merchant_id,
        coupon=coupon,
        before=before or "",
        after=coupon.state,
        note=note[:200],
        by=by[:80],
        store_id=store_id,
        at=at,
    ).save(force_insert=True)


def keep(coupon: Coupon) -> None:
    """Save state and counts; phones that look at the coupon notice."""
    Coupon.objects.filter(pk=coupon.pk).update(
        **{field: getattr(coupon, field) for field in KEPT}, version=F("version") + 1
    )
    coupon.version += 1


def settle(coupon: Coupon, moment: datetime) -> None:
    """Write down what the clock has done: started, released, ended."""
    now = rules.state_now(coupon, moment)
    if coupon.state == CouponState.HELD and now != CouponState.HELD:
        unhold(coupon)
        step(coupon, CouponState.USABLE, by=CLOCK, at=coupon_hold_end(coupon, moment))
    if coupon.state == CouponState.ISSUED and now == CouponState.USABLE:
        step(coupon, CouponState.USABLE, by=CLOCK, at=min(coupon.starts_at, moment))
    if now == CouponState.EXPIRED and coupon.state != CouponState.EXPIRED:
        lapse(coupon, moment)
    if coupon.state != CouponState.HELD:
        coupon.held_by, coupon.held_until = "", None


def coupon_hold_end(coupon: Coupon, moment: datetime) -> datetime:
    """When the hold ended: by the clock, or because the coupon itself ended before."""
    return min(coupon.held_until or moment, coupon.ends_at, moment)


def held_since(coupon: Coupon) -> datetime:
    """When the present hold began, however often it was made longer."""
    steps = CouponChange.objects.filter(coupon=coupon, after=CouponState.HELD)
    return steps.exclude(before=CouponState.HELD).latest("pk").at


def lapse(coupon: Coupon, moment: datetime) -> None:
    """The end has come: what was left is gone, in the counts and in the ledger."""
    rest = coupon.usable
    step(coupon, CouponState.EXPIRED, by=CLOCK, at=min(coupon.ends_at, moment))
    if rest:
        coupon.usable, coupon.voided = 0, coupon.voided + rest
        move(coupon, -rest, "coupons.expired", "coupon-expired")


def unhold(coupon: Coupon) -> None:
    """Give what was held back to the uses that are left."""
    coupon.usable, coupon.held = coupon.usable + coupon.held, 0


def move(
    coupon: Coupon, amount: int, event: str, other: str, *, store_id: int | None = None
) -> Transaction:
    """Book uses onto the coupon's account or off it.

    Args:
        coupon: whose version makes the cause unique.
        amount: positive onto the coupon.
        event: for example ``coupons.redeemed``.
        other: the account on the other side, without the template's number.
        store_id: where it happened.
    """
    other_id = (
        coupon.template.issue_account_id
        if other == "coupon-issue"
        else ledger.open_account(
            unit=Unit.COUPON, code=f"{other}:{coupon.template_id}", is_cached=False
        ).pk
    )
    return ledger.book(
        unit=Unit.COUPON,
        event=event,
        cause=f"coupon:{coupon.pk}:{coupon.version}:{event}",
        amounts={coupon.account_id: amount, other_id: -amount},
        zone=zone_of(coupon),
        store_id=store_id,
    )


def zone_of(coupon: Coupon) -> str:
    """The shop's time zone."""
    return Merchant.objects.values_list("time_zone", flat=True).get(pk=coupon.merchant_id)
