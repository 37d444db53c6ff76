"""What a mini program asks, in JSON: signing in, who one is, the phone number, scanned codes.

No cookies and no CSRF: whoever signed in sends ``Authorization: Bearer <token>``. Refusals are
``{"error": {"code", "message", "details"}}``. Described in ``docs/mini-programs.md``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext_noop
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from zhanggui.accounts import devices, standing
from zhanggui.accounts import services as account_services
from zhanggui.accounts.actors import Actor, customer_actor, system_actor
from zhanggui.accounts.guards import mark
from zhanggui.accounts.models import Merchant
from zhanggui.channels.wechat import minis
from zhanggui.channels.wechat.errors import ApiBody
from zhanggui.channels.wechat.minis import SignedIn
from zhanggui.contacts import services as contact_services
from zhanggui.contacts.errors import CustomerBlocked
from zhanggui.contacts.models import Customer, CustomerState, IdentityLink
from zhanggui.core import limits, tenancy
from zhanggui.core.errors import DomainError, NotFound, SignedOut
from zhanggui.core.limits import Limit

LONGEST_BODY = 4_000
LONGEST_TEXT = 200
SIGN_IN_LIMIT = Limit("mini-sign-in-ip", most=300, window_s=600, lock_s=60)
"""Each try asks WeChat; a busy mall behind one address stays below this."""
SCENE_LIMIT = Limit("mini-scene-ip", most=300, window_s=600, lock_s=60)


class MiniRequest(HttpRequest):
    """A request of a customer who signed in through a mini program; the scope is open."""

    merchant: Merchant
    link: IdentityLink
    customer: Customer
    actor: Actor


def mini_door(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Open the scope of the shop in the address and turn refusals into JSON; anybody may call."""

    @csrf_exempt
    @never_cache
    @wraps(view)
    def guarded(request: HttpRequest, *, merchant: str) -> HttpResponse:
        try:
            found = Merchant.objects.filter(slug=merchant).first()
            if found is None:
                raise NotFound
            request.merchant = found  # type: ignore[attr-defined]
            with tenancy.merchant_scope(found.pk):
                return view(request)
        except DomainError as refusal:
            response = JsonResponse({"error": refusal.as_json()}, status=refusal.status)
            if refusal.retry_after_s is not None:
                response["Retry-After"] = str(refusal.retry_after_s)
            return response

    return mark(guarded, "public")


def mini_view(view: Callable[[Any], HttpResponse]) -> Callable[..., HttpResponse]:
    """Let customers through who signed in through the shop's mini program.

    No or an ended session: 401. Blocked: 403. A shop that is frozen or paused: no writes (403).
    """

    def entered(request: MiniRequest) -> HttpResponse:
        word, _, token = request.headers.get("Authorization", "").partition(" ")
        link = minis.link_of(token, request.merchant) if word == "Bearer" and token else None
        if link is None:
            raise SignedOut
        if link.customer.state == CustomerState.BLOCKED:
            raise CustomerBlocked
        request.link, request.customer = link, link.customer
        request.actor = customer_actor(link.customer_id, link.customer.name, request)
        if request.method != "GET":
            account_services.refuse_frozen(request.merchant)
            standing.refuse_paused(request.merchant)
        return view(request)

    guarded = mini_door(wraps(view)(entered))
    return mark(guarded, "mini")


@mini_door
@require_POST
def sign_in(request: MiniRequest) -> HttpResponse:
    """``{"code"}`` of ``wx.login`` becomes a session."""
    code = _text(request, "code")
    _claim(SIGN_IN_LIMIT, request)
    account_services.refuse_frozen(request.merchant)
    found = minis.sign_in(
        merchant=request.merchant, code=code, actor=system_actor(gettext_noop("Mini program"))
    )
    return JsonResponse(_session(found), status=201)


@mini_view
@require_GET
def me(request: MiniRequest) -> HttpResponse:
    """Who is signed in."""
    return JsonResponse({"customer": _customer(request.customer)})


@mini_view
@require_POST
def phone(request: MiniRequest) -> HttpResponse:
    """``{"code"}`` of the phone button becomes the customer's proved number.

    The number may lead to a customer the shop knows already: then there is a new session.
    """
    found = minis.prove_phone(
        merchant=request.merchant,
        link=request.link,
        code=_text(request, "code"),
        actor=request.actor,
    )
    if found is not None:
        return JsonResponse(_session(found))
    request.customer.refresh_from_db()
    return JsonResponse({"customer": _customer(request.customer)})


@mini_view
@require_POST
def sign_out(request: MiniRequest) -> HttpResponse:
    """End the session."""
    token = request.headers["Authorization"].partition(" ")[2]
    contact_services.close_session(token=token)
    return HttpResponse(status=204)


@mini_door
@require_POST
def scene(request: MiniRequest) -> HttpResponse:
    """``{"scene"}`` of a scanned code, decoded once: what it leads to."""
    _claim(SCENE_LIMIT, request)
    found = minis.open_code(merchant=request.merchant, scene=_text(request, "scene"))
    return JsonResponse({"name": found.name, "url": found.url})


def _claim(limit: Limit, request: HttpRequest) -> None:
    limits.claim(limit, devices.ip_of(request) or "-")


def _text(request: HttpRequest, name: str) -> str:
    """A text of the body.

    Raises:
        ApiBody: no JSON object, or without this text (E_API_BODY, 422).
    """
    try:
        body = json.loads(request.body) if len(request.body) <= LONGEST_BODY else None
    except ValueError:
        body = None
    value = body.get(name) if isinstance(body, dict) else None
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TEXT or "\0" in value:
        raise ApiBody(field=name)
    return value


def _session(found: SignedIn) -> dict[str, Any]:
    return {
        "token": found.token,
        "expires_in": found.expires_in_s,
        "customer": _customer(found.link.customer),
    }


def _customer(customer: Customer) -> dict[str, Any]:
    return {
        "name": customer.name,
        "number": customer.number,
        "phone": contact_services.masked_phone(customer.phone),
        "phone_proved": customer.phone_verified_at is not None,
    }
