"""What customers see in WeChat: their cards, and six digits to show at the counter."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from zhanggui.channels.wechat.jssdk import uses_phone
from zhanggui.codes.models import LIVE, CodeState, OneTimeCode
from zhanggui.contacts.guards import CustomerRequest
from zhanggui.core import clock, numbers
from zhanggui.core.errors import DomainError
from zhanggui.coupons import selectors as coupon_selectors
from zhanggui.stamps import places, selectors, services, ways
from zhanggui.stamps.guards import card_view
from zhanggui.stamps.models import Card, CardState, Kind, Method, Programme, ProgrammeState
from zhanggui.stamps.operations import SUBJECT
from zhanggui.stamps.results import CodeShown, CodeStatus
from zhanggui.ui import paging, qr

OFFER = "stamps.offer"
REF = "stamps.code"
NEWEST_RECORDS = 3
FRESH_AT_MOST = 10
PICTURED_AT_MOST = 3
"""So many cards are shown whole to somebody who has none yet; more are a list."""


@dataclass(frozen=True, slots=True)
class Layer:
    """What the code layer shows; ``ref`` names the code without telling its row id."""

    ref: str
    kind: Kind
    state: str
    digits: str = ""
    seconds_left: int = 0
    life_s: int = 1
    store_name: str = ""

    @property
    def picture(self) -> str:
        """The digits and a mark as a QR code, for the scanner on the manager's page."""
        return qr.data_uri(ways.picture(self.digits))

    @property
    def operation(self) -> str:
        """The name of the colour: 集章 cinnabar, 取消 plum."""
        return "cancel" if self.kind == Kind.CANCEL else "stamp"

    @property
    def is_live(self) -> bool:
        """Whether the code can still be typed in."""
        return self.state in LIVE

    @property
    def is_used(self) -> bool:
        """Whether a manager has confirmed it."""
        return self.state == CodeState.CONSUMED

    @property
    def told(self) -> str:
        """The state as the phone keeps it: being looked at by a manager makes no difference."""
        return "live" if self.is_live else self.state


@card_view
@uses_phone
@require_GET
def wallet(request: CustomerRequest) -> HttpResponse:
    """The customer's cards, and the programmes to join."""
    cards = selectors.cards_of(request.customer.pk)
    held = {card.programme_id for card in cards}
    offers = offers_of(request.merchant.time_zone, held)
    is_pictured = not cards and len(offers) <= PICTURED_AT_MOST
    page = {
        "cards": cards,
        "offers": [
            (programme, offer, services.terms_now(programme) if is_pictured else None)
            for programme, offer in offers
        ],
        "coupon_count": coupon_selectors.open_count(request.customer.pk),
    }
    return render(request, "stamps/mobile/wallet.html", page)


def offers_of(zone: str, held: Collection[int]) -> list[tuple[Programme, str]]:
    """Programmes to join, each with the sign that it was offered here."""
    return [
        (programme, signing.dumps(programme.pk, salt=OFFER))
        for programme in selectors.programmes_open(zone)
        if programme.pk not in held
    ]


@card_view
@require_POST
def join(request: CustomerRequest) -> HttpResponse:
    """Take a card; a second tap leads to the same card."""
    taken = take_card(request)
    if isinstance(taken, HttpResponse):
        return taken
    return redirect("stamps:card", request.merchant.slug, taken.token)


def take_card(request: CustomerRequest) -> Card | HttpResponse:
    """The card of the offer that was sent; a page that says why there is none any more."""
    try:
        programme_id = signing.loads(request.POST.get("offer", ""), salt=OFFER)
    except signing.BadSignature:
        raise Http404 from None
    programme = get_object_or_404(Programme.objects.all(), pk=programme_id)
    is_held = Card.objects.filter(programme=programme, customer=request.customer).exists()
    offered = selectors.programmes_open(request.merchant.time_zone)
    if not is_held and not offered.filter(pk=programme.pk).exists():
        messages.warning(request, _("This card is no longer given out."))
        return redirect("stamps:wallet", request.merchant.slug)
    return services.open_card(
        programme=programme, customer_id=request.customer.pk, actor=request.actor
    )


@card_view
@uses_phone
@require_GET
def card(request: CustomerRequest, token: str) -> HttpResponse:
    """The card itself (C1)."""
    found = own_card(request, token)
    if found.token != token:  # it was joined to this one
        return redirect("stamps:card", request.merchant.slug, found.token)
    page = card_page(found, _newest_live(found))
    page["takes_press"] = selectors.takes_press(found.programme)
    page["asks_place"] = page["takes_stamps"] and places.asks(found.programme)
    if "counter" in request.GET:
        page["proof"] = services.proof_on(found)
    return render(request, "stamps/mobile/card.html", page)


@card_view
@require_POST
def begin(request: CustomerRequest, token: str) -> HttpResponse:
    """A new round on a card that has expired."""
    found = own_card(request, token)
    services.begin_again(card_id=found.pk, actor=request.actor)
    return redirect("stamps:card", request.merchant.slug, found.token)


@card_view
@require_GET
def more(request: CustomerRequest, token: str) -> HttpResponse:
    """Behind the three dots (C3): records, rules, and the way to cancel."""
    found = own_card(request, token)
    after = request.GET.get("after", "")
    page = card_page(found, _newest_live(found), is_more=True, after=after)
    page["wants_cancel"] = "cancel" in request.GET
    page["takes_press"] = selectors.takes_press(found.programme)
    return render(request, "stamps/mobile/more.html", page)


@card_view
@require_GET
def cancel_layer(request: CustomerRequest, token: str) -> HttpResponse:
    """The layer of 取消累计 (C4), before a code is taken."""
    found = own_card(request, token)
    page = card_page(found, None, is_more=True)
    page["takes_press"] = selectors.takes_press(found.programme)
    return render(request, "stamps/mobile/_cancel_layer.html", page)


@card_view
@require_POST
def request_code(request: CustomerRequest, token: str) -> HttpResponse:
    """Six digits for one operation; a second tap shows the same ones (D13)."""
    found = own_card(request, token)
    kind = Kind.CANCEL if request.POST.get("kind") == Kind.CANCEL else Kind.ACCUMULATE
    try:
        shown = services.request_code(card=found, kind=kind, actor=request.actor)
    except DomainError as refusal:
        page = card_page(found, None, is_more=_is_more(request)) | {"refusal": refusal}
        return _answer(request, "_no_code.html", page, status=refusal.status)
    layer = _layer_of(found, shown)
    page = {**card_page(found, layer, is_more=_is_more(request)), "layer": layer}
    return _answer(request, "_code_layer.html", page)


@card_view
@require_POST
def revoke_code(request: CustomerRequest, token: str) -> HttpResponse:
    """The customer withdraws the code (作废); one that was used stays used."""
    found = own_card(request, token)
    code = _code_of(found, request.POST.get("ref", ""))
    status = services.revoke_code(card=found, code_id=code.pk, actor=request.actor)
    found.refresh_from_db()
    page = card_page(found, None, is_more=_is_more(request))
    return _answer(request, "_ended.html", page | _ended(_layer_of(found, status)))


@card_view
@require_GET
def live(request: CustomerRequest, token: str) -> HttpResponse:
    """Whether anything is new: 204, or the parts of the page that changed.

    The phone sends what it shows: ``v`` the card's version, ``n`` its stamps, ``ref`` and ``s``
    the code and its state.
    """
    found = own_card(request, token)
    layer = _told_layer(found, request.GET.get("ref", ""))
    if layer is not None and not layer.is_live:
        found = own_card(request, token)  # read before the code, it may lack what the code booked
    is_same_card = request.GET.get("v") == str(found.version)
    if is_same_card and (layer is None or layer.told == request.GET.get("s")):
        return HttpResponse(status=204)
    page = card_page(found, layer, is_more="more" in request.GET)
    page["fresh"] = _fresh(found, request.GET.get("n", ""))
    page["is_new_card"] = not is_same_card
    if layer is not None and layer.is_used and layer.kind == Kind.CANCEL and page["rows"]:
        page["withdrawn"] = selectors.withdrawn_with(page["rows"][0].record)
    return render(request, "stamps/mobile/_live.html", page | _ended(layer))


def _ended(layer: Layer | None) -> dict[str, Any]:
    """The layer for its last sheet; with a cancel nothing is won."""
    if layer is not None and layer.kind == Kind.CANCEL:
        return {"layer": layer, "won": [], "is_filled": False}
    return {"layer": layer}


def _is_more(request: CustomerRequest) -> bool:
    return request.POST.get("more") == "1"


def own_card(request: CustomerRequest, token: str) -> Card:
    """The card of the address, if it is this customer's."""
    found = selectors.card_by_token(token, request.customer.pk)
    if found is None:
        raise Http404
    return found


def card_page(
    card: Card, layer: Layer | None, *, is_more: bool = False, after: str = ""
) -> dict[str, Any]:
    """What every page and piece about a card shows."""
    size = paging.SIZE if is_more else NEWEST_RECORDS
    records = selectors.records_of_card(card.pk, size=size, after=after)
    programme = card.programme
    is_on = programme.state == ProgrammeState.ACTIVE
    can_be_stamped = is_on and card.takes_stamps(clock.now())
    last = next((row for row in records if row.record.amount > 0 and not row.is_cancelled), None)
    rewards = selectors.rewards_of_card(card.pk)
    won = [one for one in rewards if last and one.reward.issued_at >= last.record.at]
    return {
        "card": card,
        "programme": programme,
        "rows": records.rows,
        "older": records.next,
        "newer": records.previous,
        "is_more": is_more,
        "live": layer if layer is not None and layer.is_live else None,
        "last": last,
        "is_full": card.state == CardState.REWARDED,
        "rewards": rewards,
        "won": won,
        "is_filled": any(one.reward.is_full_card for one in won),
        "can_begin": card.state == CardState.EXPIRED and selectors.can_begin(card),
        "is_paused": not is_on,
        "takes_stamps": can_be_stamped,
        "shows_corner": (layer is not None or can_be_stamped or card.state == CardState.REWARDED)
        and not {Method.CODE, Method.SCAN}.isdisjoint(programme.ways),
        "takes_digits": Method.CODE in programme.ways,
        "takes_scan": Method.SCAN in programme.ways,
    }


def _answer(
    request: CustomerRequest, piece: str, page: dict[str, Any], status: int = 200
) -> HttpResponse:
    # without a script the whole page comes, the layer already open in it
    if request.headers.get("HX-Request") == "true":
        return render(request, f"stamps/mobile/{piece}", page, status=status)
    whole = "more.html" if page["is_more"] else "card.html"
    return render(request, f"stamps/mobile/{whole}", {**page, "piece": piece}, status=status)


def _ref(card: Card, code_id: int) -> str:
    mark = salted_hmac(REF, f"{card.merchant_id}:{code_id}", algorithm="sha256")
    return mark.hexdigest()[:24]


def _newest_code(card: Card) -> OneTimeCode | None:
    return (
        OneTimeCode.objects.filter(subject_type=SUBJECT, subject_id=card.pk).order_by("-id").first()
    )


def _code_of(card: Card, ref: str) -> OneTimeCode:
    newest = OneTimeCode.objects.filter(subject_type=SUBJECT, subject_id=card.pk)
    for code in newest.order_by("-id")[:5]:
        if constant_time_compare(_ref(card, code.pk), ref):
            return code
    raise Http404


def _newest_live(card: Card) -> Layer | None:
    code = _newest_code(card)
    if code is None or code.state not in LIVE:
        return None
    layer = _layer_of(card, services.code_status(card=card, code_id=code.pk))
    return layer if layer.is_live else None


def _told_layer(card: Card, ref: str) -> Layer | None:
    if not ref:
        return None
    code = _code_of(card, ref)
    return _layer_of(card, services.code_status(card=card, code_id=code.pk))


def _layer_of(card: Card, found: CodeShown | CodeStatus) -> Layer:
    ref = _ref(card, found.code_id)
    if isinstance(found, CodeShown):
        return Layer(
            ref, found.kind, "active", found.digits, found.seconds_left, max(1, found.life_s)
        )
    life_s = card.programme.code_ttl_s
    return Layer(ref, found.kind, found.state, "", found.seconds_left, life_s, found.store_name)


def _fresh(card: Card, shown: str) -> int:
    before = numbers.whole(shown)
    return 0 if before is None else max(0, min(FRESH_AT_MOST, card.shown - before))
