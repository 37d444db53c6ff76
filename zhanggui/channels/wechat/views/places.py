"""One set of pages for three tiers: a merchant, an operator and the platform each have an account.

A page is written once, takes any guarded request, and stands under three addresses with three
guards. ``url`` answers the address of a page at the place one is at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import URLPattern, path, reverse

from zhanggui.accounts.guards import PlaceRequest, merchant_view, operator_view, platform_view
from zhanggui.accounts.models import Merchant, Operator, Tier
from zhanggui.accounts.permissions import Permission, at, tier_of
from zhanggui.channels.wechat.models import ChannelAccount, Kind
from zhanggui.channels.wechat.permissions import OPERATOR_ACCOUNT, PLATFORM_ACCOUNT

PREFIXES = {
    Tier.MERCHANT: "m/<slug:merchant>/channels/wechat/",
    Tier.OPERATOR: "operator/<slug:operator>/channels/wechat/",
    Tier.PLATFORM: "platform/channels/wechat/",
}

type Page = Callable[..., HttpResponseBase]


def addresses(route: str, page: Page, name: str, right: Permission) -> list[URLPattern]:
    """The three addresses of a page.

    Args:
        route: behind the place's part.
        page: the view without a guard.
        name: of the merchant's address; the others are ``operator_<name>``, ``platform_<name>``.
        right: what a merchant's people need; above there is one right for all pages.
    """
    guarded = {
        Tier.MERCHANT: merchant_view(right.name)(page),
        Tier.OPERATOR: operator_view(OPERATOR_ACCOUNT.name)(page),
        Tier.PLATFORM: platform_view(PLATFORM_ACCOUNT.name)(page),
    }
    return [
        path(f"{PREFIXES[tier]}{route}", guarded[tier], name=name_at(tier, name))
        for tier in guarded
    ]


def addresses_above(route: str, page: Page, name: str) -> list[URLPattern]:
    """The two addresses of a page that merchants do not have."""
    guarded = {
        Tier.OPERATOR: operator_view(OPERATOR_ACCOUNT.name)(page),
        Tier.PLATFORM: platform_view(PLATFORM_ACCOUNT.name)(page),
    }
    return [
        path(f"{PREFIXES[tier]}{route}", guarded[tier], name=name_at(tier, name))
        for tier in guarded
    ]


def name_at(tier: Tier, name: str) -> str:
    """The name of a page's address at a tier."""
    return name if tier == Tier.MERCHANT else f"{tier.value}_{name}"


def place_of(request: HttpRequest) -> Merchant | Operator | None:
    """Where one is; None is the platform."""
    place: Merchant | Operator | None = getattr(request, "place", None)
    return place


def url(request: HttpRequest, name: str, *arguments: Any) -> str:
    """The address of a page at the place one is at."""
    place = place_of(request)
    own = [] if place is None else [place.slug]
    return reverse(f"wechat:{name_at(tier_of(place), name)}", args=[*own, *arguments])


OF_MINI = {
    "account": "mini",
    "connect": "mini_connect",
    "disconnect": "mini_disconnect",
    "test": "mini_test",
    "authorise": "mini_authorise",
}
"""Pages that an official account and a mini program both have, and what the latter's are called."""


def name_of(name: str, kind: str) -> str:
    """The name of a page for a kind of account."""
    return OF_MINI.get(name, name) if kind == Kind.MINI else name


class Here:
    """The addresses of pages at the place one is at, for templates: ``{{ here.menu }}``.

    On the pages of a mini program ``account``, ``connect``, ... are the mini program's.
    """

    def __init__(self, request: HttpRequest, kind: str) -> None:
        self._request = request
        self._kind = kind

    def __getitem__(self, name: str) -> str:
        """The address of a page that needs nothing but the place."""
        return url(self._request, name_of(name, self._kind))


def show(
    request: HttpRequest, template: str, page: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """Draw a page that knows where it is, and whether it is about a mini program (``kind``)."""
    here = Here(request, page.get("kind", Kind.OFFICIAL))
    return render(request, template, {**page, "here": here}, status=status)


def may(request: PlaceRequest, right: Permission) -> bool:
    """Whether one has a right of a merchant's people; above all pages share one right."""
    return tier_of(place_of(request)) != Tier.MERCHANT or right.name in request.permissions


def own_accounts(
    request: HttpRequest, *, kind: Kind | None = Kind.OFFICIAL
) -> QuerySet[ChannelAccount]:
    """The account of the place one is at as rows: one or none; of each kind with None."""
    rows = ChannelAccount.objects.select_related("merchant", "operator")
    mine = rows.filter(is_connected=True, **at(place_of(request)))
    return mine if kind is None else mine.filter(kind=kind)


def own_account(request: HttpRequest, *, kind: Kind = Kind.OFFICIAL) -> ChannelAccount | None:
    """The account of the place one is at, if it has one of its own."""
    return own_accounts(request, kind=kind).first()


def own_account_or_404(request: HttpRequest, *, kind: Kind = Kind.OFFICIAL) -> ChannelAccount:
    """The account of the place one is at.

    Raises:
        Http404: it has none of its own.
    """
    found = own_account(request, kind=kind)
    if found is None:
        raise Http404
    return found
