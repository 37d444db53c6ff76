"""The night's work: write down what began and ended by the clock, remind of what ends soon."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import Q

from zhanggui.core import clock
from zhanggui.coupons import rules, told
from zhanggui.coupons.models import Coupon, CouponState, TemplateState
from zhanggui.coupons.services import steps

REMIND_BEFORE = timedelta(days=3)
AT_ONCE = 500


def tidy() -> int:
    """Write the states of the clock into the rows of the merchant in scope.

    Nothing depends on it: whoever looks at a coupon reads the clock. Each coupon is its own
    transaction, so that a kill in the middle loses nothing.

    Returns:
        How many coupons were changed.
    """
    moment = clock.now()
    has_ended = Q(state__in=rules.WAITING, ends_at__lte=moment)
    has_begun = Q(state=CouponState.ISSUED, starts_at__lte=moment)
    is_free = Q(state=CouponState.HELD, held_until__lte=moment)
    changed = 0
    while True:
        rows = Coupon.objects.filter(has_ended | has_begun | is_free)
        ids = list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
        for coupon_id in ids:
            with transaction.atomic():
                coupon = steps.locked(coupon_id)
                steps.settle(coupon, moment)
                steps.keep(coupon)
        changed += len(ids)
        if len(ids) < AT_ONCE:
            return changed


def remind() -> int:
    """Tell customers once whose coupons end within three days; answers how many were looked at."""
    moment = clock.now()
    rows = Coupon.objects.select_related("template", "customer").filter(
        state__in=[CouponState.USABLE, CouponState.HELD],
        starts_at__lte=moment,
        ends_at__gt=moment,
        ends_at__lte=moment + REMIND_BEFORE,
        issued_at__lt=moment - REMIND_BEFORE,
    )
    found = rows.exclude(template__state=TemplateState.PAUSED)
    many = 0
    for coupon in found.iterator(chunk_size=AT_ONCE):
        told.tell_ending(coupon)
        many += 1
    return many
