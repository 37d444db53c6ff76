"""The settings page of a merchant's official account."""

from __future__ import annotations

import secrets
import string

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from zhanggui.accounts.guards import MerchantRequest, merchant_view
from zhanggui.accounts.models import Merchant, Tier
from zhanggui.channels.wechat import deliveries, selectors, services
from zhanggui.channels.wechat.forms import ConnectForm
from zhanggui.channels.wechat.models import CallbackDelivery, ChannelAccount, Kind
from zhanggui.channels.wechat.permissions import MANAGE_ACCOUNT, VIEW_ACCOUNT
from zhanggui.core.errors import DomainError

SIGNS = string.ascii_letters + string.digits


@merchant_view(VIEW_ACCOUNT.name)
@require_safe
def account(request: MerchantRequest) -> HttpResponse:
    """Which official account this merchant's customers come through, and how it is doing."""
    found, is_own = selectors.effective(request.merchant)
    page = {
        "account": found,
        "is_own": is_own,
        "may_manage": MANAGE_ACCOUNT.name in request.permissions,
        "health": selectors.health(found) if found and is_own else None,
        "deliveries": selectors.recent_deliveries(found) if found and is_own else [],
        "callback_url": _callback_url(found.app_id) if found and is_own else "",
    }
    return render(request, "wechat/backoffice/account.html", page)


@merchant_view(MANAGE_ACCOUNT.name)
@require_http_methods(["GET", "POST"])
def connect(request: MerchantRequest) -> HttpResponse:
    """Connect an own official account, or change the secrets of the one that is connected."""
    own = _own(request.merchant)
    form = ConnectForm(request.POST or None, initial=_initial(own))
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.connect_account(
                    tier=Tier.MERCHANT,
                    merchant=request.merchant,
                    name=form.cleaned_data["name"],
                    credentials=form.credentials(),
                    actor=request.actor,
                )
            except DomainError as refusal:
                form.add_error(None, refusal.message)
                status = refusal.status
            else:
                messages.success(request, _("WeChat accepted app id and secret. Connected."))
                return redirect("wechat:account", request.merchant.slug)
    page = {"form": form, "own": own, "callback_url": _callback_url("APPID")}
    return render(request, "wechat/backoffice/connect.html", page, status=status)


def _initial(own: ChannelAccount | None) -> dict[str, str]:
    # secrets that are stored are never put on a page again: changing them means typing all anew
    fresh = {"callback_token": _made_up(32), "aes_key": _made_up(43)}
    return {**fresh, "name": own.name, "app_id": own.app_id} if own else fresh


def _made_up(length: int) -> str:
    return "".join(secrets.choice(SIGNS) for _sign in range(length))


@merchant_view(MANAGE_ACCOUNT.name)
@require_POST
def disconnect(request: MerchantRequest) -> HttpResponse:
    """Stop using the own account; customers then come through the operator's or platform's."""
    services.disconnect_account(account=_own_or_404(request.merchant), actor=request.actor)
    messages.success(request, _("Disconnected. Followers and customers stay known."))
    return redirect("wechat:account", request.merchant.slug)


@merchant_view(MANAGE_ACCOUNT.name)
@require_POST
def test(request: MerchantRequest) -> HttpResponse:
    """Ask WeChat for a token now."""
    try:
        services.test_account(account=_own_or_404(request.merchant))
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("WeChat answered: app id and secret are right."))
    return redirect("wechat:account", request.merchant.slug)


@merchant_view(MANAGE_ACCOUNT.name)
@require_POST
def replay(request: MerchantRequest, delivery_id: int) -> HttpResponse:
    """Work on a stored callback once more."""
    found = CallbackDelivery.objects.filter(
        pk=delivery_id, account=_own_or_404(request.merchant)
    ).first()
    if found is None:
        raise Http404
    deliveries.replay(delivery=found, actor=request.actor)
    messages.success(request, _("It is being worked on again."))
    return redirect("wechat:account", request.merchant.slug)


def _own(merchant: Merchant) -> ChannelAccount | None:
    return ChannelAccount.objects.filter(
        tier=Tier.MERCHANT, kind=Kind.OFFICIAL, merchant=merchant, is_connected=True
    ).first()


def _own_or_404(merchant: Merchant) -> ChannelAccount:
    found = _own(merchant)
    if found is None:
        raise Http404
    return found


def _callback_url(app_id: str) -> str:
    return f"{settings.BASE_URL}{reverse('wechat:callback', args=[app_id])}"
