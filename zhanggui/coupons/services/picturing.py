"""The shop's own picture of a coupon."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from zhanggui.accounts import audit
from zhanggui.accounts.models import Merchant
from zhanggui.accounts.services import pictures
from zhanggui.coupons.models import CouponTemplate
from zhanggui.coupons.services.templates import locked

if TYPE_CHECKING:
    from zhanggui.accounts.actors import Actor


def set_picture(*, template_id: int, content: bytes | None, actor: Actor) -> CouponTemplate:
    """Put a picture on every coupon of a template; None takes it off.

    Raises:
        NotFound: no such template (404).
        PictureTooBig, PictureUnreadable: nothing was changed (422).
    """
    with transaction.atomic():
        template = locked(template_id)
        merchant = Merchant.objects.get(pk=template.merchant_id)
        if pictures.put_on(template, merchant=merchant, content=content):
            action = "unpictured" if content is None else "pictured"
            audit.record(actor, f"coupons.template.{action}", f"coupon_template:{template.pk}")
    return template
