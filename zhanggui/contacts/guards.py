"""Who may see a customer's phone pages: ``@customer_view`` on addresses ``w/<slug:merchant>/...``.

A session belongs to one merchant and one identity link. It ends when the link's account is no
longer the one this merchant's customers come through; the next page then signs in again, which
is silent inside WeChat. A sign-in by phone number belongs to no account and holds outside WeChat.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, cast

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.response import SimpleTemplateResponse

from zhanggui.accounts import services as account_services
from zhanggui.accounts import standing
from zhanggui.accounts.actors import Actor, customer_actor
from zhanggui.accounts.guards import mark, wants_piece
from zhanggui.accounts.models import Merchant
from zhanggui.contacts import hooks
from zhanggui.contacts.errors import CustomerBlocked
from zhanggui.contacts.models import (
    Customer,
    CustomerSession,
    CustomerState,
    IdentityLink,
    LinkKind,
    LinkState,
)
from zhanggui.contacts.services.sessions import SESSION_DAYS
from zhanggui.core import clock, tenancy, tokens
from zhanggui.core.errors import SignedOut
from zhanggui.ui import qr

COOKIE = "zhanggui_customer"
LONGEST_PATH = 1000
"""More makes a QR code nobody's camera reads; beyond 2,331 bytes there is none at all."""


class CustomerRequest(HttpRequest):
    """A request of a signed-in customer, as ``@customer_view`` hands it on."""

    merchant: Merchant
    customer: Customer
    link: IdentityLink
    actor: Actor
    is_paused: bool
    """Whether the shop takes no new business; what the customer holds is shown all the same."""


type View[**P] = Callable[Concatenate[CustomerRequest, P], HttpResponse]


def customer_view[**P](view: View[P]) -> Callable[..., HttpResponse]:
    """Let signed-in customers of the merchant in the address through; sign others in.

    The merchant's scope stays open until the page is rendered. Unknown merchant: 404. Not signed
    in: inside WeChat to the sign-in and back, elsewhere a page that says to open it in WeChat;
    htmx and JSON get 401. Blocked customer: 403. Frozen merchant, or one whose plan is over:
    customers see what they hold, every write is refused (403). A page of a product that the plan
    has not (``of_feature``) is not there (404).
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, merchant: str, **kwargs: Any) -> HttpResponse:
        found = Merchant.objects.filter(slug=merchant).first()
        if found is None or not standing.of(found).has(getattr(view, "feature", "")):
            raise Http404
        with tenancy.merchant_scope(found.pk):
            session = _session_of(request, found)
            if session is None:
                return _sign_in(request, found)
            customer_request = cast("CustomerRequest", request)
            customer_request.merchant = found
            customer_request.link = session.link
            customer_request.customer = customer = session.link.customer
            customer_request.actor = customer_actor(customer.pk, customer.name, request)
            if customer.state == CustomerState.BLOCKED:
                raise CustomerBlocked
            customer_request.is_paused = not standing.takes_business(found)
            if request.method not in {"GET", "HEAD"}:
                account_services.refuse_frozen(found)
                standing.refuse_paused(found)
            response = cast("Callable[..., HttpResponse]", view)(customer_request, *args, **kwargs)
            if isinstance(response, SimpleTemplateResponse):
                response.render()
            return response

    return mark(guarded, "customer")


def of_feature[F: Callable[..., Any]](feature: str) -> Callable[[F], F]:
    """Say which product a phone page belongs to; stands below ``customer_view`` (P09)."""

    def decorate(view: F) -> F:
        view.feature = feature  # type: ignore[attr-defined]
        return view

    return decorate


def cookie_path(merchant: Merchant) -> str:
    """Where the browser sends the customer's cookie: to this merchant's phone pages only."""
    return f"/w/{merchant.slug}/"


def _session_of(request: HttpRequest, merchant: Merchant) -> CustomerSession | None:
    token = request.COOKIES.get(COOKIE, "")
    if not token:
        return None
    session = (
        CustomerSession.objects.select_related("link__customer")
        .filter(token_digest=tokens.digest(token), expires_at__gt=clock.now())
        .first()
    )
    if session is None or session.link.state != LinkState.ACTIVE:
        return None
    sign_in = hooks.sign_in()
    if session.link.kind == LinkKind.PHONE:
        # inside WeChat the account's own sign-in is silent and knows more: messages, payments
        is_inside = sign_in is not None and sign_in.is_inside(request.headers.get("User-Agent", ""))
        return None if is_inside else session
    if sign_in is None or session.link.account_id != sign_in.account_id(merchant):
        return None
    return session


def keep_signed_in(response: HttpResponse, merchant: Merchant, token: str) -> None:
    """Give a browser the cookie of a customer's session."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=SESSION_DAYS * 24 * 60 * 60,
        path=cookie_path(merchant),
        secure=settings.IS_HTTPS,
        httponly=True,
        samesite="Lax",
    )


def _sign_in(request: HttpRequest, merchant: Merchant) -> HttpResponse:
    if wants_piece(request) or request.method not in {"GET", "HEAD"}:
        raise SignedOut
    sign_in = hooks.sign_in()
    account_id = sign_in.account_id(merchant) if sign_in else None
    if sign_in is None or account_id is None:
        return render(
            request, "contacts/mobile/no_account.html", {"merchant": merchant}, status=409
        )
    if not sign_in.is_inside(request.headers.get("User-Agent", "")):
        return open_in_wechat(request, merchant=merchant)
    return HttpResponseRedirect(sign_in.start_url(merchant, request.get_full_path()))


def open_in_wechat(request: HttpRequest, *, merchant: Merchant | None = None) -> HttpResponse:
    """The page for other browsers: open this in WeChat, with a QR code of the address."""
    path = request.get_full_path()
    if len(path) > LONGEST_PATH:
        path = cookie_path(merchant) if merchant else "/"
    address = f"{settings.BASE_URL}{path}"
    page = {
        "merchant": merchant,
        "address": address,
        "picture": qr.data_uri(address),
        "phone_way": hooks.phone_way(merchant, path) if merchant else "",
        "sandbox_url": settings.SANDBOX_URL,  # never set in production
    }
    response = render(request, "contacts/mobile/open_in_wechat.html", page, status=401)
    response["Cache-Control"] = "no-store"
    return response
