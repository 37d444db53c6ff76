"""Search over pages and records, at the merchant, the operator and the platform."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from zhanggui.accounts import rights
from zhanggui.accounts.guards import (
    MerchantRequest,
    OperatorRequest,
    PlatformRequest,
    merchant_view,
    operator_view,
    platform_view,
    wants_piece,
)
from zhanggui.ui import search


@require_GET
@never_cache
@merchant_view("")
def find(request: MerchantRequest) -> HttpResponse:
    """What a merchant's person may find."""
    return _found(request)


@require_GET
@never_cache
@operator_view(rights.OPERATOR_VIEW.name)
def operator_find(request: OperatorRequest) -> HttpResponse:
    """What an operator's person may find."""
    return _found(request)


@require_GET
@never_cache
@platform_view(rights.PLATFORM_VIEW.name)
def platform_find(request: PlatformRequest) -> HttpResponse:
    """What the platform's person may find."""
    return _found(request)


def _found(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("q", "").strip()[: search.LONGEST]
    page = {"found": search.search(request, text), "text": text}
    template = "ui/search_found.html" if wants_piece(request) else "ui/search_page.html"
    return render(request, template, page)
