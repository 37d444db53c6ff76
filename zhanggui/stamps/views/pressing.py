"""Stamps laid on phones: the customer's card, and the manager who enters by the store's stamp."""

from __future__ import annotations

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from zhanggui.channels.wechat.guards import StaffRequest, staff_view
from zhanggui.contacts.guards import CustomerRequest
from zhanggui.core import numbers
from zhanggui.core.errors import DomainError
from zhanggui.stamps import services, touches
from zhanggui.stamps.guards import card_view
from zhanggui.stamps.models import Kind
from zhanggui.stamps.views.mobile import card_page, own_card


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
    found = own_card(request, token)
    is_more = request.POST.get("more") == "1"
    agent = request.headers.get("User-Agent", "")
    try:
        confirmed = services.press(
            card=found,
            kind=_kind(request),
            nonce=request.POST.get("nonce", "")[:64],
            sent=touches.read(request.POST.get("press", ""), agent),
            actor=request.actor,
            zone=request.merchant.time_zone,
            key=request.POST.get("key", "") or request.headers.get("Idempotency-Key", ""),
        )
    except DomainError as refusal:
        page = {**card_page(found, None, is_more=is_more), "refusal": refusal}
        page["kind"] = _kind(request).value
        return render(request, "stamps/mobile/_not_pressed.html", page, status=refusal.status)
    found.refresh_from_db()
    page = card_page(found, None, is_more=is_more)
    page |= {"confirmed": confirmed, "fresh": max(0, confirmed.amount)}
    return render(request, "stamps/mobile/_pressed.html", page)


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
