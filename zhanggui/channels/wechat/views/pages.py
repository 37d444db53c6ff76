"""What open phone pages ask for: their signature for WeChat's script (JS-SDK)."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from zhanggui.channels.wechat import jssdk, services
from zhanggui.channels.wechat.guards import StaffRequest, staff_view
from zhanggui.channels.wechat.models import ChannelAccount
from zhanggui.contacts.guards import CustomerRequest, customer_view


@customer_view
@never_cache
@require_safe
def customer_page(request: CustomerRequest) -> JsonResponse:
    """Sign a customer's page for the account that serves the shop."""
    return _signed(request, services.effective_account(request.merchant))


@staff_view
@never_cache
@require_safe
def staff_page(request: StaffRequest) -> JsonResponse:
    """Sign a page of the staff for the platform's account."""
    return _signed(request, services.platform_account())


def _signed(request: HttpRequest, account: ChannelAccount | None) -> JsonResponse:
    path = request.GET.get("path", "")
    config = jssdk.config_for(account=account, url=f"{settings.BASE_URL}{path}")
    return JsonResponse(
        {
            "appId": config.app_id,
            "timestamp": config.timestamp,
            "nonceStr": config.nonce,
            "signature": config.signature,
        }
    )
