"""Coupons for tills: looking up, redeeming by six digits, or by the coupon's own code."""

from zhanggui.coupons.api.finding import router
from zhanggui.coupons.api.redeeming import OPERATION
from zhanggui.coupons.api.schemas import SCOPES

__all__ = ["OPERATION", "SCOPES", "router"]
