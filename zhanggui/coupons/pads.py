"""Where a customer's phone takes a stamp that redeems a coupon: a module above registers its pad.

Coupons lie below the module that knows stamps, so its addresses come here through this registry,
filled in ``apps.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from zhanggui.coupons.models import Coupon


@dataclass(frozen=True, slots=True)
class Pad:
    """What the page of a coupon needs to take a press."""

    send: str
    """Where the touches go."""
    allow: str
    """Where the right to press once comes from."""
    script: str
    """A static file that records the touches."""
    hints: str
    """A template with what the script may have to say."""


Offer = Callable[[Coupon], Pad | None]
"""The pad for a coupon; None where no stamp could redeem it now."""
_offers: list[Offer] = []


def register(offer: Offer) -> None:
    """Let a module take presses on coupons; once per process."""
    if offer not in _offers:
        _offers.append(offer)


def of(coupon: Coupon) -> Pad | None:
    """The pad for a coupon whose template allows it."""
    if not coupon.template.takes_press:
        return None
    pads = (offer(coupon) for offer in _offers)
    return next((pad for pad in pads if pad is not None), None)
