"""What a printed code opens: the page it leads to, or the account to follow."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from zhanggui.accounts import devices
from zhanggui.accounts.guards import public_view
from zhanggui.channels.wechat.tracking import resolver, scans
from zhanggui.core import limits
from zhanggui.core.errors import NotFound, TooMany
from zhanggui.core.limits import Limit
from zhanggui.ui import qr

OPENED = Limit("wechat-code-opened", most=30, window_s=600, lock_s=600)
"""How often one network counts for one code; the page opens all the same."""


@never_cache
@require_safe
@public_view
def resolve(request: HttpRequest, token: str) -> HttpResponse:
    """Go on to the page, or show whom to follow. Opening is counted, nothing else changes."""
    found = resolver.resolve(token)
    if found is None:
        raise NotFound
    if request.method == "GET" and _counts(request, token):
        scans.note_opened(found.code)
    if found.page_url:
        return HttpResponseRedirect(found.page_url)
    picture = qr.data_uri(found.follow_url) if found.follow_url else ""
    page = {"found": found, "picture": picture}
    return render(request, "wechat/mobile/resolved.html", page)


def _counts(request: HttpRequest, token: str) -> bool:
    network = devices.network_of(devices.ip_of(request))
    try:
        limits.claim(OPENED, f"{token}:{network}")
    except TooMany:
        return False
    return True
