"""The installation's audit log: sign-ins, tiers, registration, people; never a merchant's rows."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from zhanggui.accounts import audit, platform_log, rights
from zhanggui.accounts.guards import PlatformRequest, platform_view
from zhanggui.ui.paging import keyset


@require_GET
@platform_view(rights.PLATFORM_AUDIT.name)
def log(request: PlatformRequest) -> HttpResponse:
    """Who did what, newest first, 50 a page; by action, person, target and days."""
    wanted = {
        name: request.GET.get(name, "").strip()[:80]
        for name in ("q", "action", "target", "since", "until")
    }
    page = keyset(
        platform_log.entries(**wanted), order=("-at", "-id"), after=request.GET.get("after", "")
    )
    context = wanted | {
        "page": page,
        "lines": platform_log.lines(page.rows),
        "actions": sorted(_actions(), key=lambda pair: pair[1]),
        "target_name": platform_log.target_name(wanted["target"]),
        "is_filtered": any(wanted.values()),
    }
    return render(request, "accounts/tiers/log.html", context)


def _actions() -> list[tuple[str, str]]:
    return [(action, str(text)) for action, text in audit.actions().items()]
