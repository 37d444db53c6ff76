"""The counter's screen: its page on the tablet, what a scan opens, the list in the back office."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from zhanggui.accounts import standing
from zhanggui.accounts.forms import put_refusal
from zhanggui.accounts.guards import MerchantRequest, merchant_view, public_view
from zhanggui.accounts.models import Merchant
from zhanggui.contacts.guards import CustomerRequest
from zhanggui.core import tenancy, tokens
from zhanggui.core.errors import DomainError, NotFound
from zhanggui.stamps import permissions, selectors, services
from zhanggui.stamps.forms.screens import ScreenForm
from zhanggui.stamps.guards import card_view
from zhanggui.stamps.models import Card, CounterScreen, Method
from zhanggui.stamps.selectors.screens import newest_first
from zhanggui.stamps.services.countering import SEEN_FOR, stamps_here
from zhanggui.stamps.views.mobile import card_page, offers_of, own_card, take_card
from zhanggui.ui import qr, shown_once

MOST_LISTED = 200
SEEN_COOKIE = "zhanggui_scan"


@dataclass(frozen=True, slots=True)
class Made:
    """A screen that was set up in this browser some minutes ago, with its address."""

    screen: CounterScreen
    url: str
    qr: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A card of the customer, and what the scanned code can do for it."""

    card: Card
    takes_counter: bool
    takes_press: bool
    """Whether the code makes a press surer, which only some rewards want."""


@never_cache
@merchant_view("stamps.view")
@require_safe
def screens(request: MerchantRequest) -> HttpResponse:
    """The shop's counter screens; whoever made one sees its address for some minutes."""
    rows = list(newest_first()[:MOST_LISTED])
    page = {
        "rows": rows,
        "made": _just_made(request, rows),
        "may_manage": permissions.MANAGE_SEALS.name in request.permissions,
    }
    return render(request, "stamps/backoffice/screens.html", page)


def _just_made(request: MerchantRequest, rows: Iterable[CounterScreen]) -> list[Made]:
    found = [(row, shown_once.kept(request, _kept_as(row))) for row in rows if not row.revoked_at]
    return [Made(row, url, qr.data_uri(url)) for row, url in found if url]


def _kept_as(made: CounterScreen) -> str:
    return f"screen.{made.merchant_id}.{made.pk}"


@never_cache
@merchant_view(permissions.MANAGE_SEALS.name)
@require_http_methods(["GET", "POST"])
def screen_new(request: MerchantRequest) -> HttpResponse:
    """Set a screen up; the list then shows its address, to this browser only."""
    form = ScreenForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            clean = form.cleaned_data
            try:
                made, token = services.make_screen(
                    name=clean["name"], store=clean["store"], actor=request.actor
                )
            except DomainError as refusal:
                status = put_refusal(form, refusal, "name")
            else:
                path = reverse("stamps:screen", args=[request.merchant.slug, token])
                url = request.build_absolute_uri(path)
                shown_once.keep(request, _kept_as(made), url)
                return redirect("stamps:screens", request.merchant.slug)
    return render(request, "stamps/backoffice/screen_new.html", {"form": form}, status=status)


@merchant_view(permissions.MANAGE_SEALS.name)
@require_POST
def screen_revoke(request: MerchantRequest, screen_id: int) -> HttpResponse:
    """Switch a screen off."""
    services.revoke_screen(screen_id=screen_id, actor=request.actor)
    messages.success(request, _("The screen is off. Its address opens nothing any more."))
    return redirect("stamps:screens", request.merchant.slug)


def _shop(slug: str) -> Merchant:
    shop = Merchant.objects.filter(slug=slug).first()
    if shop is None or not standing.of(shop).has(permissions.FEATURE.name):
        raise NotFound
    return shop


@never_cache
@require_safe
@public_view
def screen(request: HttpRequest, merchant: str, token: str) -> HttpResponse:
    """The page on the tablet, for whoever has its address."""
    shop = _shop(merchant)
    with tenancy.merchant_scope(shop.pk):
        found = services.screen_of(token)
        page = {"merchant": shop, "screen": found, "token": token}
        return render(request, "stamps/mobile/screen.html", page)


@never_cache
@require_POST
@public_view
def screen_code(request: HttpRequest, merchant: str, token: str) -> HttpResponse:
    """The next code; 204 while the one that is shown still stands."""
    shop = _shop(merchant)
    with tenancy.merchant_scope(shop.pk):
        found = services.screen_of(token)
        page: dict[str, Any] = {"merchant": shop, "screen": found, "token": token}
        if not standing.takes_business(shop, permissions.FEATURE.name):
            return render(request, "stamps/mobile/_screen_code.html", page)
        shown = services.next_code(screen=found, ref=request.POST.get("ref", "")[:20])
        if shown is None:
            return HttpResponse(status=204)
        path = reverse("stamps:counter", args=[shop.slug, shown.token])
        page |= {"shown": shown, "qr": qr.data_uri(request.build_absolute_uri(path))}
        return render(request, "stamps/mobile/_screen_code.html", page)


def remembers_scan(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let a browser that must sign in first keep that it scanned the code in time."""

    @wraps(view)
    def remembered(request: HttpRequest, *, merchant: str, token: str) -> HttpResponse:
        response = view(request, merchant=merchant, token=token)
        if response.status_code not in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FOUND}:
            return response
        with tenancy.merchant_scope(_shop(merchant).pk):
            seen = services.scanned_in_time(token)
        if seen:
            response.set_cookie(
                SEEN_COOKIE,
                seen,
                max_age=SEEN_FOR,
                path=reverse("stamps:counter", args=[merchant, token]),
                secure=settings.IS_HTTPS,
                httponly=True,
                samesite="Lax",
            )
        return response

    return remembered


@never_cache
@remembers_scan
@card_view
@require_safe
def counter(request: CustomerRequest, token: str) -> HttpResponse:
    """What a scan of the screen opens: the customer's cards that it can stamp, and new ones."""
    try:
        scanned = services.scan(
            token=token, actor=request.actor, seen=request.COOKIES.get(SEEN_COOKIE, "")
        )
    except DomainError as refusal:
        return _over(request, refusal)
    store_id = scanned.ticket.store_id
    cards = selectors.cards_of(request.customer.pk)
    choices = [
        Choice(card, Method.COUNTER in card.programme.ways, _wants_press(card))
        for card in cards
        if stamps_here(card.programme_id, store_id)
    ]
    held = {card.programme_id for card in cards}
    offers = [
        (programme, offer, services.terms_now(programme))
        for programme, offer in offers_of(request.merchant.time_zone, held)
        if Method.COUNTER in programme.ways and stamps_here(programme.pk, store_id)
    ]
    page = {
        "scanned": scanned,
        "choices": [one for one in choices if one.takes_counter or one.takes_press],
        "offers": offers,
        "key": tokens.new_token(),
    }
    return render(request, "stamps/mobile/counter.html", page)


@card_view
@require_POST
def counter_join(request: CustomerRequest) -> HttpResponse:
    """Take a card and its first stamp by the scanned code."""
    taken = take_card(request)
    if isinstance(taken, HttpResponse):
        return taken
    return _stamp(request, own_card(request, taken.token))


def _wants_press(card: Card) -> bool:
    programme = card.programme
    is_surer = programme.strong_from_fen is not None and (
        Method.PRESS_COUNTER in programme.strong_ways
    )
    return is_surer and selectors.takes_press(programme)


def _over(request: CustomerRequest, refusal: DomainError) -> HttpResponse:
    page = {"refusal": refusal}
    return render(request, "stamps/mobile/counter.html", page, status=refusal.status)


@card_view
@require_POST
def counter_stamp(request: CustomerRequest, token: str) -> HttpResponse:
    """One stamp by the scanned code."""
    return _stamp(request, own_card(request, token))


def _stamp(request: CustomerRequest, found: Card) -> HttpResponse:
    sent = request.POST
    try:
        confirmed = services.stamp_by_counter(
            card=found,
            proof=sent.get("proof", "")[:400],
            actor=request.actor,
            zone=request.merchant.time_zone,
            key=sent.get("key", "") or request.headers.get("Idempotency-Key", ""),
            is_again=sent.get("again") == "1",
        )
    except DomainError as refusal:
        again = {"card": found, "proof": sent.get("proof", "")[:400], "key": tokens.new_token()}
        page = {"refusal": refusal, "again": again if refusal.code == "E_AGAIN" else None}
        return render(request, "stamps/mobile/counter.html", page, status=refusal.status)
    found.refresh_from_db()
    page = card_page(found, None) | {"confirmed": confirmed, "fresh": confirmed.amount}
    return render(request, "stamps/mobile/counter_done.html", page)


@card_view
@require_POST
def counter_take(request: CustomerRequest, token: str) -> HttpResponse:
    """Keep the scanned code for a press on this card."""
    found = own_card(request, token)
    try:
        services.take_for_press(
            card=found, proof=request.POST.get("proof", "")[:400], actor=request.actor
        )
    except DomainError as refusal:
        return _over(request, refusal)
    url = reverse("stamps:card", args=[request.merchant.slug, found.token])
    return redirect(f"{url}?counter=1")
