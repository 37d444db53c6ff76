"""From the site's first page to the authorisation of an official account (A1)."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from zhanggui.accounts import navigation, permissions
from zhanggui.accounts import services as account_services
from zhanggui.accounts.guards import SignedInRequest, signed_in_view
from zhanggui.accounts.models import Membership
from zhanggui.channels.wechat.permissions import MANAGE_ACCOUNT


@require_GET
@signed_in_view
def entry(request: SignedInRequest) -> HttpResponse:
    """Lead somebody to the official account of their shop; of several shops they choose one."""
    held = navigation.memberships_of(request.person)
    cards = [_card(one) for one in held if _may(one)]
    if len(cards) == 1:
        return redirect(cards[0]["url"])
    if not cards:
        return redirect("accounts:choose")
    page = {"cards": cards, "usable": cards, "can_join": False, "applications": False}
    return render(request, "accounts/choose.html", page)


def _may(membership: Membership) -> bool:
    is_open = membership.merchant is not None and not account_services.is_frozen(membership)
    return is_open and MANAGE_ACCOUNT.name in permissions.of_membership(membership)


def _card(membership: Membership) -> dict[str, Any]:
    assert membership.merchant is not None  # noqa: S101  _may leaves the others out
    return {
        "name": navigation.name_of(membership),
        "tier": membership.tier,
        "kind": navigation.kind_of(membership),
        "url": reverse("wechat:account", args=[membership.merchant.slug]),
        "is_frozen": False,
    }
