"""What one-time codes of this module let happen."""

from __future__ import annotations

SUBJECT = "coupons.coupon"
REDEEM = "coupons.redeem"
CODE_LIFE_S = 180
