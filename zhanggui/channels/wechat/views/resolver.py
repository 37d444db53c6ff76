"""What a printed code opens: the page it leads to, or the account to follow.

Opening it is counted. That is a figure about visits, as a web server's log is one: it changes no
business, is read by nobody but the shop's statistics, and a visit more or less decides nothing.
So it may happen on GET; what is no visit of a person is left out.
"""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from zhanggui.accounts import devices
from zhanggui.accounts.guards import public_view
from zhanggui.channels.wechat.tracking import resolver, scans
from zhanggui.core.errors import NotFound
from zhanggui.ui import qr

AHEAD = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
"""Headers of browsers that fetch a page before anybody wants to see it, or for its preview."""
NOBODY = re.compile(
    r"bot\b|bot/|spider|crawl|slurp|preview|monitor|headless|curl|wget|python|java/|okhttp|go-http",
    re.IGNORECASE,
)
"""Programs that open addresses and say so."""


@never_cache
@require_safe
@public_view
def resolve(request: HttpRequest, token: str) -> HttpResponse:
    """Go on to the page, or show whom to follow. Opening is counted, nothing else changes."""
    found = resolver.resolve(token)
    if found is None:
        raise NotFound
    if _is_visit(request):
        scans.note_opened(found.code, network=devices.network_of(devices.ip_of(request)))
    if found.page_url:
        return HttpResponseRedirect(found.page_url)
    picture = qr.data_uri(found.follow_url) if found.follow_url else ""
    page = {"found": found, "picture": picture}
    return render(request, "wechat/mobile/resolved.html", page)


def _is_visit(request: HttpRequest) -> bool:
    """Whether somebody opens the page now: not its head only, not ahead of time, no program."""
    if request.method != "GET" or any(request.headers.get(name) for name in AHEAD):
        return False
    agent = request.headers.get("User-Agent", "")
    return bool(agent) and NOBODY.search(agent) is None
