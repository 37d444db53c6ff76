"""Stamps laid on phones: the customer's card, and the manager who enters by the store's stamp."""

from __future__ import annotations

from html import escape
from typing import Any

from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from zhanggui.channels.wechat.guards import StaffRequest, staff_view
from zhanggui.contacts.guards import CustomerRequest
from zhanggui.core import numbers
from zhanggui.core.errors import DomainError
from zhanggui.stamps import services, touches
from zhanggui.stamps.guards import card_view
from zhanggui.stamps.models import Card, Kind
from zhanggui.stamps.results import Confirmed
from zhanggui.stamps.selectors import card_by_token
from zhanggui.stamps.views.mobile import card_page, own_card
from zhanggui.ui.frames import Frames

PRESSED = Frames("stamps/mobile/_pressed.html", is_piece=True)


@card_view
@require_POST
def allow(request: CustomerRequest, token: str) -> HttpResponse:
    """The right to press once; asked for when the second finger is down."""
    found = own_card(request, token)
    nonce = services.allow_press(
        card=found,
        kind=_kind(request),
        actor=request.actor,
        is_again=request.POST.get("again") == "1",
    )
    return JsonResponse({"nonce": nonce.token, "life_s": nonce.life_s})


@card_view
@require_POST
def press(request: CustomerRequest, token: str) -> HttpResponse:
    """What the phone felt; the answer is the layer that says what came of it."""
    return press_card(request, own_card(request, token))


@require_POST
def press_card(request: CustomerRequest, found: Card) -> HttpResponse:
    """The same on a card that is this customer's.

    Reached by two chains with the same checks: the ordinary one and the hot door. That one knows
    the card's keys only, so a refusal, which shows more of it, reads it.
    """
    kind, is_more = _kind(request), request.POST.get("more") == "1"
    try:
        confirmed = services.press(
            card=found,
            kind=kind,
            nonce=request.POST.get("nonce", "")[:64],
            sent=touches.read(
                request.POST.get("press", ""), request.META.get("HTTP_USER_AGENT", "")
            ),
            actor=request.actor,
            zone=request.merchant.time_zone,
            key=request.POST.get("key", "") or request.META.get("HTTP_IDEMPOTENCY_KEY", ""),
        )
    except DomainError as refusal:
        known = card_by_token(found.token, found.customer_id)
        if known is None:  # it went to another customer meanwhile
            raise Http404 from None
        page = {**card_page(known, None, is_more=is_more), "refusal": refusal, "kind": kind.value}
        return render(request, "stamps/mobile/_not_pressed.html", page, status=refusal.status)
    told: dict[str, Any] = {"kind": kind.value}
    key: str | None = kind.value
    if confirmed.won and (known := card_by_token(found.token, found.customer_id)):
        shown = card_page(known, None)
        told |= {name: shown[name] for name in ("card", "won", "is_filled", "programme")}
        key = None  # somebody's own
    return PRESSED.answer(
        request,
        page=told,
        holes=_said(request.path.removesuffix("press"), confirmed, is_more=is_more),
        key=key,
    )


def _said(card_url: str, confirmed: Confirmed, *, is_more: bool) -> dict[str, str]:
    """What differs from press to press; the phone asks for the card by an unknown version."""
    more = "&more=1" if is_more else ""
    return {
        "store": escape(confirmed.store_name),
        "balance": str(confirmed.after),
        "slots": str(confirmed.slots),
        "card_url": card_url,
        "poll_url": escape(f"{card_url}live?v=&n={confirmed.before}{more}"),
    }


@card_view
@require_safe
def doctor(request: CustomerRequest) -> HttpResponse:
    """A ten-second test of what this phone feels."""
    return render(request, "stamps/mobile/doctor.html", {})


@card_view
@require_POST
def doctor_send(request: CustomerRequest) -> HttpResponse:
    """What the test found, in a sentence."""
    touched = numbers.whole(request.POST.get("touches", "")) or 0
    try:
        verdict = services.note_phone(
            user_agent=request.headers.get("User-Agent", ""),
            screen=touches.read_screen(request.POST.get("screen", "")),
            touches=touched,
            has_gesture=bool(request.POST.get("gesture")),
            actor=request.actor,
        )
    except DomainError as refusal:
        page: dict[str, object] = {"refusal": refusal}
        return render(request, "stamps/mobile/_press_said.html", page, status=refusal.status)
    page = {"verdict": verdict.value, "touches": touched}
    return render(request, "stamps/mobile/_doctor_said.html", page)


@staff_view
@require_safe
def desk_door(request: StaffRequest) -> HttpResponse:
    """Where a manager lays the store's stamp on the own phone to enter (R18)."""
    return render(request, "stamps/mobile/desk_press.html", {"person": request.person})


@staff_view
@require_POST
def desk_press(request: StaffRequest) -> HttpResponse:
    """Open the manager page for a bound manager who pressed the own store's stamp (R18)."""
    agent = request.headers.get("User-Agent", "")
    try:
        services.enter_by_press(
            person=request.person,
            sent=touches.read(request.POST.get("press", ""), agent),
            actor=request.actor,
        )
    except DomainError as refusal:
        page = {"refusal": refusal}
        return render(request, "stamps/mobile/_press_said.html", page, status=refusal.status)
    response = HttpResponse(status=204)
    response["HX-Redirect"] = reverse("stamps:desk")
    return response


def _kind(request: CustomerRequest) -> Kind:
    return Kind.CANCEL if request.POST.get("kind") == Kind.CANCEL else Kind.ACCUMULATE
