"""The picture of a coupon in the back office."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from zhanggui.accounts.guards import MerchantRequest, merchant_view
from zhanggui.accounts.services import pictures
from zhanggui.accounts.views.pictures import take
from zhanggui.core.uploads import takes_files
from zhanggui.coupons import services
from zhanggui.coupons.models import CouponTemplate
from zhanggui.coupons.permissions import MANAGE
from zhanggui.coupons.views.office import template_page


@takes_files(most_bytes=pictures.BYTES_AT_MOST)
@require_POST
@merchant_view(MANAGE.name)
def template_picture(request: MerchantRequest, *, coupon_template_id: int) -> HttpResponse:
    """Put a picture on the coupons, or take it off."""
    found = get_object_or_404(CouponTemplate.objects.all(), pk=coupon_template_id)
    refused = take(
        request,
        lambda content: services.set_picture(
            template_id=found.pk, content=content, actor=request.actor
        ),
    )
    if refused is None:
        return redirect("coupons:template", request.merchant.slug, found.pk)
    return template_page(request, found.pk, status=refused[1], picture_form=refused[0])
