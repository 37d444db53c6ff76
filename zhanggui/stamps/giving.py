"""Rewards as coupons of ``zhanggui.coupons``."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils.translation import gettext as _

from zhanggui.coupons import services as coupons
from zhanggui.coupons.errors import CouponExpired, CouponUsed, CouponVoided
from zhanggui.coupons.models import Coupon, CouponTemplate, TemplateState, Way

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor


class CouponGiver:
    """Gives and withdraws coupons, in the transaction of the stamp (``rewards.Giver``)."""

    def templates(self, kept: Collection[int]) -> list[tuple[str, str]]:
        """Templates that can be promised, and those that were."""
        can_be = ~Q(state=TemplateState.STOPPED) | Q(pk__in=kept)
        found = CouponTemplate.objects.filter(can_be).order_by("name")
        return [(str(pk), name) for pk, name in found.values_list("pk", "name")]

    def value_fen(self, template_id: int) -> int:
        """What one coupon of a template is worth."""
        found = CouponTemplate.objects.filter(pk=template_id)
        return found.values_list("amount_fen", flat=True).first() or 0

    def issue(self, *, template_id: int, customer_id: int, cause: str, actor: Actor) -> int:
        """Give the customer a coupon; answers its id."""
        coupon = coupons.issue(
            template_id=template_id,
            customer_id=customer_id,
            way=Way.REWARD,
            cause=cause,
            actor=actor,
        )
        return coupon.pk

    def is_used(self, coupon_id: int) -> bool:
        """Whether any use of it was redeemed."""
        return Coupon.objects.filter(pk=coupon_id, redeemed__gt=0).exists()

    def void(self, coupon_id: int, *, actor: Actor) -> bool:
        """Take it back, also from the hold of a fraud desk; False when it was used meanwhile."""
        if self.is_used(coupon_id):
            return False
        coupons.unfreeze(coupon_id=coupon_id, actor=actor)
        try:
            coupons.void(
                coupon_id=coupon_id,
                reason=_("The stamp that won it was cancelled"),
                actor=actor,
                must_be_unused=True,
            )
        except CouponUsed:
            return False
        except (CouponExpired, CouponVoided):
            return True  # nothing is left of it
        return True
