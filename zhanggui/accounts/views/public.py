"""The doors of the site: first page, sign-in, sign-out, the chooser of places."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from zhanggui.accounts import navigation, selectors, services
from zhanggui.accounts.guards import SignedInRequest, public_view, signed_in_view
from zhanggui.accounts.models import Person


@require_GET
@public_view
def home(request: HttpRequest) -> HttpResponse:
    """The first page: what this is, and the way in; whoever is signed in goes to their place."""
    if isinstance(request.user, Person):
        return redirect("accounts:choose")
    page = {
        "can_join": services.registration_of(None).is_open,
        "needs_owner": not selectors.has_platform_owner(),
    }
    return render(request, "accounts/home.html", page)


def local_path(request: HttpRequest, address: str) -> str:
    """The address when it leads to a page of this site, else nothing."""
    is_local = address.startswith("/") and url_has_allowed_host_and_scheme(
        address, allowed_hosts=None, require_https=request.is_secure()
    )
    return address if is_local else ""


@require_POST
@public_view
def logout(request: HttpRequest) -> HttpResponse:
    """End the session of this browser."""
    services.sign_out(request=request)
    return redirect(settings.LOGIN_URL)


@require_GET
@signed_in_view
def choose(request: SignedInRequest) -> HttpResponse:
    """Let a person with several memberships choose; lead one with a single one there."""
    cards = [
        {
            "name": navigation.name_of(membership),
            "tier": membership.tier,
            "kind": navigation.kind_of(membership),
            "url": navigation.address_of(membership),
            "is_frozen": services.is_frozen(membership),
        }
        for membership in navigation.memberships_of(request.person)
    ]
    usable = [card for card in cards if not card["is_frozen"]]
    if len(cards) == 1 and usable and "stay" not in request.GET:
        return redirect(str(usable[0]["url"]))
    page = {
        "cards": cards,
        "usable": usable,
        "can_join": services.registration_of(None).is_open,
        "applications": request.person.applications.exists(),
    }
    return render(request, "accounts/choose.html", page)
