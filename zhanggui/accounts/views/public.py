"""The doors of the site: first page, sign-in, sign-out, the chooser of places."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhanggui.accounts import navigation, services
from zhanggui.accounts.forms import SignInForm, put_refusal
from zhanggui.accounts.guards import SignedInRequest, public_view, signed_in_view
from zhanggui.accounts.models import Person
from zhanggui.core.errors import DomainError


@require_GET
@public_view
def home(request: HttpRequest) -> HttpResponse:
    """The first page: what this is, and the way in; whoever is signed in goes to their place."""
    if isinstance(request.user, Person):
        return redirect("accounts:choose")
    return render(request, "accounts/home.html")


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
@public_view
def login(request: HttpRequest) -> HttpResponse:
    """Take phone and password; go on to where the person wanted to be."""
    wanted = local_path(request, request.POST.get("next") or request.GET.get("next", ""))
    form = SignInForm(request.POST or None)
    status = 200
    retry_after_s = None
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.sign_in(request=request, **form.cleaned_data)
            except DomainError as refusal:
                status = put_refusal(form, refusal)
                retry_after_s = refusal.retry_after_s
            else:
                return redirect(wanted or settings.LOGIN_REDIRECT_URL)
    elif isinstance(request.user, Person):
        return redirect(wanted or settings.LOGIN_REDIRECT_URL)
    page = {"form": form, "next": wanted, "retry_after_s": retry_after_s}
    response = render(request, "accounts/login.html", page, status=status)
    if retry_after_s:
        response["Retry-After"] = str(retry_after_s)
    return response


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
    return redirect("accounts:login")


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
    return render(request, "accounts/choose.html", {"cards": cards, "usable": usable})
