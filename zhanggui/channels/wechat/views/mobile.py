"""Signing in inside WeChat: the way to WeChat's page and the way back."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from zhanggui.accounts import devices
from zhanggui.accounts import services as account_services
from zhanggui.accounts.guards import public_view
from zhanggui.accounts.models import Merchant
from zhanggui.channels.wechat import oauth
from zhanggui.channels.wechat.errors import NoAccount
from zhanggui.channels.wechat.guards import ACCOUNT_KEY
from zhanggui.channels.wechat.models import OAuthState, Outcome, PersonIdentity
from zhanggui.channels.wechat.oauth import Audience, Scope
from zhanggui.contacts import guards as contact_guards
from zhanggui.contacts import services as contact_services
from zhanggui.contacts.models import IdentityLink
from zhanggui.core import limits, tenancy, tokens
from zhanggui.core.limits import Limit

Text = str | Promise
CODE_FORM = re.compile(r"[0-9A-Za-z_-]{0,512}")
START_LIMIT = Limit("wechat-sign-in-ip", most=600, window_s=600, lock_s=60)
"""Each start writes a row; a busy mall behind one address stays below this, a flood does not."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What the page says when a sign-in did not work out."""

    title: Text
    text: Text
    icon: str
    status: int
    button: Text = ""


FOREIGN = Trouble(
    _("This sign-in did not begin on this phone"),
    _("For your safety it was stopped. Open the page again from the shop's official account."),
    "shield-lock",
    403,
)
OVER = Trouble(
    _("This sign-in is over"),
    _("Each sign-in works once and for ten minutes. Begin again; nothing was lost."),
    "hourglass-empty",
    410,
    _("Begin again"),
)
TROUBLES = {
    Outcome.REFUSED: Trouble(
        _("You did not allow it"),
        _(
            "Without your nickname and picture the shop cannot know your card again. "
            "Nothing was saved."
        ),
        "hand-stop",
        403,
        _("Ask me again"),
    ),
    Outcome.SNAPSHOT: Trouble(
        _("This is only a preview of the page"),
        _("Tap “Use full service” at the bottom right, then open the page again."),
        "eye",
        403,
        _("Open again"),
    ),
    Outcome.FAILED: Trouble(
        _("WeChat did not answer properly"),
        _("You are not signed in yet and nothing was changed. Try again in a moment."),
        "cloud-off",
        503,
        _("Try again"),
    ),
}
SWITCHED_OFF = Trouble(
    _("This sign-in is switched off"),
    _("The shop's owner can switch it on again."),
    "user-off",
    403,
)


@public_view
@require_safe
def start(request: HttpRequest) -> HttpResponseBase:
    """Send this browser to WeChat's page and remember that it began here."""
    try:
        audience = Audience(request.GET.get("audience", ""))
    except ValueError:
        raise Http404 from None
    merchant = None
    if audience == Audience.CUSTOMER:
        merchant = Merchant.objects.filter(slug=request.GET.get("merchant", "")).first()
        if merchant is None:
            raise Http404
    if not oauth.is_inside_wechat(request.headers.get("User-Agent", "")):
        return contact_guards.open_in_wechat(request, merchant=merchant)
    _count_start(request)
    return _to_wechat(
        request,
        audience=audience,
        merchant=merchant,
        next_path=request.GET.get("next", ""),
        scope=Scope.BASE,
    )


def _count_start(request: HttpRequest) -> None:
    """Count a start of this address.

    Raises:
        TooMany: a flood; carries the seconds to wait (429).
    """
    ip = devices.ip_of(request)
    # an address of our own network is a proxy's: it says nothing about who comes through it
    if ip is None or not ipaddress.ip_address(ip).is_global:
        return
    limits.check((START_LIMIT, ip))
    limits.count(START_LIMIT, ip)


def _to_wechat(
    request: HttpRequest,
    *,
    audience: Audience,
    merchant: Merchant | None,
    next_path: str,
    scope: Scope,
) -> HttpResponse:
    account = oauth.account_for(audience, merchant)
    if account is None:
        raise NoAccount
    browser = _browser(request) or tokens.new_token()
    begun = oauth.begin(
        account=account,
        audience=audience,
        merchant=merchant,
        next_path=next_path,
        browser=browser,
        scope=scope,
    )
    response = HttpResponseRedirect(begun.url)
    response.set_cookie(
        oauth.COOKIE,
        browser,
        max_age=oauth.LIFETIME,
        path=oauth.COOKIE_PATH,
        secure=settings.IS_HTTPS,
        httponly=True,
        samesite="Lax",
    )
    return _private(response)


def _browser(request: HttpRequest) -> str:
    value = request.COOKIES.get(oauth.COOKIE, "")
    return value if oauth.COOKIE_FORM.fullmatch(value) else ""


def _private(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"  # the address carries code and state
    return response


@public_view
@require_safe
def come_back(request: HttpRequest, app_id: str) -> HttpResponse:
    """Take the code WeChat sends back: sign in, or say clearly why not."""
    code = request.GET.get("code", "")
    if not CODE_FORM.fullmatch(code):
        return _trouble(request, FOREIGN)
    try:
        state = oauth.finish(
            app_id=app_id,
            state=request.GET.get("state", ""),
            code=code,
            browser=_browser(request),
        )
    except oauth.Foreign:
        return _trouble(request, FOREIGN)
    except oauth.Over as over:
        return _trouble(request, OVER, over.state)
    return _after(request, state)


def _after(request: HttpRequest, state: OAuthState) -> HttpResponse:
    """What follows from how the sign-in ended."""
    if state.outcome == Outcome.NAMELESS:
        return _to_wechat(
            request,
            audience=Audience(state.audience),
            merchant=state.merchant,
            next_path=state.next_path,
            scope=Scope.USERINFO,
        )
    if state.outcome != Outcome.SIGNED_IN or state.identity_id is None:
        return _trouble(
            request, TROUBLES.get(Outcome(state.outcome), TROUBLES[Outcome.FAILED]), state
        )
    if state.merchant is not None:
        return _private(_customer_in(state, state.merchant, link_id=state.identity_id))
    return _staff_in(request, state, identity_id=state.identity_id)


def _customer_in(state: OAuthState, merchant: Merchant, *, link_id: int) -> HttpResponse:
    with tenancy.merchant_scope(merchant.pk):
        link = IdentityLink.objects.get(pk=link_id)
        token = contact_services.open_session(link=link)
    response = HttpResponseRedirect(state.next_path)
    contact_guards.keep_signed_in(response, merchant, token)
    return response


def _staff_in(request: HttpRequest, state: OAuthState, *, identity_id: int) -> HttpResponse:
    identity = PersonIdentity.objects.select_related("person").get(pk=identity_id)
    if not identity.person.is_active:
        return _trouble(request, SWITCHED_OFF)
    account_services.open_session(request=request, person=identity.person, way="wechat")
    request.session[ACCOUNT_KEY] = state.account_id
    return _private(HttpResponseRedirect(state.next_path))


def _trouble(
    request: HttpRequest, trouble: Trouble, state: OAuthState | None = None
) -> HttpResponse:
    page = {"trouble": trouble, "again": state.next_path if state else ""}
    return _private(render(request, "wechat/mobile/trouble.html", page, status=trouble.status))
