"""What customers see in WeChat: their coupons, six digits to redeem one, handing one on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.crypto import constant_time_compare, salted_hmac
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhanggui.channels.wechat.jssdk import uses_phone
from zhanggui.codes.models import LIVE, CodeState, OneTimeCode
from zhanggui.contacts.guards import CustomerRequest, customer_view, of_feature
from zhanggui.contacts.services import masked_name
from zhanggui.core import clock
from zhanggui.core.errors import DomainError
from zhanggui.coupons import pads, rules, selectors, services
from zhanggui.coupons.errors import HandedOn
from zhanggui.coupons.models import Coupon, CouponGift, CouponState, GiftState
from zhanggui.coupons.operations import CODE_LIFE_S, SUBJECT
from zhanggui.coupons.permissions import FEATURE
from zhanggui.ui import qr

REF = "coupons.code"
TABS = (selectors.OPEN, selectors.USED, selectors.OVER)


@dataclass(frozen=True, slots=True)
class Layer:
    """What the code layer shows; ``ref`` names the code without telling its row id."""

    ref: str
    state: str
    digits: str = ""
    seconds_left: int = 0
    life_s: int = CODE_LIFE_S

    @property
    def picture(self) -> str:
        """The digits as a QR code, for the scanner on the manager's page."""
        return qr.data_uri(self.digits)

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
        """The state as the phone keeps it."""
        return "live" if self.is_live else self.state


@customer_view
@of_feature(FEATURE)
@uses_phone
@require_GET
def wallet(request: CustomerRequest) -> HttpResponse:
    """The customer's coupons: usable, used, over."""
    tab = request.GET.get("tab", "")
    tab = tab if tab in TABS else selectors.OPEN
    found = selectors.wallet(request.customer.pk, tab, after=request.GET.get("after", ""))
    page = {"tab": tab, "rows": found.rows, "older": found.next, "newer": found.previous}
    return render(request, "coupons/mobile/wallet.html", page)


@customer_view
@of_feature(FEATURE)
@uses_phone
@never_cache
@require_GET
def coupon(request: CustomerRequest, token: str) -> HttpResponse:
    """One coupon (C5): what it is, its uses, and the small stamp that leads to a code."""
    found = _own(request, token)
    page = coupon_page(found, _newest_live(found))
    page["piece"] = _start_piece(page) if "redeem" in request.GET else ""
    return render(request, "coupons/mobile/coupon.html", page)


@customer_view
@of_feature(FEATURE)
@require_GET
def start(request: CustomerRequest, token: str) -> HttpResponse:
    """The layer behind the small stamp, with the button that fetches a code (R13)."""
    found = _own(request, token)
    page = coupon_page(found, None)
    return _answer(request, _start_piece(page), page)


@customer_view
@of_feature(FEATURE)
@require_POST
def request_code(request: CustomerRequest, token: str) -> HttpResponse:
    """Six digits that redeem the coupon; a second tap shows the same ones."""
    found = _own(request, token)
    try:
        code = services.request_code(
            coupon_id=found.pk, customer_id=request.customer.pk, actor=request.actor
        )
    except DomainError as refusal:
        page = coupon_page(found, None) | {"refusal": refusal}
        return _answer(request, "_no_code.html", page, status=refusal.status)
    found.refresh_from_db()
    layer = Layer(
        _ref(found, code.code_id), "active", code.digits, code.seconds_left, max(1, code.life_s)
    )
    return _answer(request, "_code_layer.html", coupon_page(found, layer) | {"layer": layer})


@customer_view
@of_feature(FEATURE)
@require_POST
def revoke_code(request: CustomerRequest, token: str) -> HttpResponse:
    """The customer withdraws the code (作废); the coupon is free again."""
    found = _own(request, token)
    code = _code_of(found, request.POST.get("ref", ""))
    services.revoke_code(coupon_id=found.pk, code_id=code.pk, actor=request.actor)
    found.refresh_from_db()
    layer = _layer_of(found, code.pk)
    return _answer(request, "_ended.html", coupon_page(found, None) | {"layer": layer})


@customer_view
@of_feature(FEATURE)
@never_cache
@require_GET
def live(request: CustomerRequest, token: str) -> HttpResponse:
    """Whether anything is new: 204, or the parts of the page that changed."""
    found = _own(request, token)
    ref = request.GET.get("ref", "")
    layer = _layer_of(found, _code_of(found, ref).pk) if ref else None
    if layer is not None and not layer.is_live:
        found = _own(request, token)  # read before the code, it may not know of its use yet
    is_same = request.GET.get("v") == str(found.version)
    if is_same and (layer is None or layer.told == request.GET.get("s")):
        return HttpResponse(status=204)
    page = coupon_page(found, layer) | {"layer": layer}
    return render(request, "coupons/mobile/_live.html", page)


@customer_view
@of_feature(FEATURE)
@require_POST
def give(request: CustomerRequest, token: str) -> HttpResponse:
    """Make the link by which somebody else takes the coupon."""
    found = _own(request, token)
    try:
        services.give(coupon_id=found.pk, customer_id=request.customer.pk, actor=request.actor)
    except DomainError as refusal:
        page = coupon_page(found, None) | {"refusal": refusal, "piece": "_no_code.html"}
        return render(request, "coupons/mobile/coupon.html", page, status=refusal.status)
    return redirect("coupons:coupon", request.merchant.slug, found.token)


@customer_view
@of_feature(FEATURE)
@require_POST
def keep(request: CustomerRequest, token: str) -> HttpResponse:
    """Keep the coupon after all; the link is dead at once."""
    found = _own(request, token)
    services.take_back(coupon_id=found.pk, customer_id=request.customer.pk, actor=request.actor)
    return redirect("coupons:coupon", request.merchant.slug, found.token)


@customer_view
@of_feature(FEATURE)
@uses_phone
@never_cache
@require_http_methods(["GET", "POST"])
def gift(request: CustomerRequest, token: str) -> HttpResponse:
    """A coupon that somebody hands on: look at it, take it."""
    found = selectors.gift_by_token(token)
    if found is None:
        raise Http404
    refusal: DomainError | None = None
    if request.method == "POST":
        try:
            mine = services.take(
                gift_id=found.pk, customer_id=request.customer.pk, actor=request.actor
            )
        except DomainError as error:
            refusal = error
        else:
            return redirect("coupons:coupon", request.merchant.slug, mine.token)
    is_mine = found.coupon.customer_id == request.customer.pk
    page = {
        "gift": found,
        "shown": selectors.shown(found.coupon, clock.now()),
        "giver": masked_name(found.giver.name),
        "is_mine": is_mine,
        "is_open": found.state == GiftState.OPEN and found.expires_at > clock.now(),
        "refusal": refusal,
    }
    return render(
        request, "coupons/mobile/gift.html", page, status=refusal.status if refusal else 200
    )


@customer_view
@of_feature(FEATURE)
@uses_phone
@never_cache
@require_http_methods(["GET", "POST"])
def take(request: CustomerRequest, token: str) -> HttpResponse:
    """A link or QR code of the shop: look at the coupon, take it."""
    link = selectors.link_by_token(token)
    if link is None:
        raise Http404
    refusal: DomainError | None = None
    if request.method == "POST":
        try:
            mine = services.take_by_link(
                link_id=link.pk, customer_id=request.customer.pk, actor=request.actor
            )
        except DomainError as error:
            refusal = error
        else:
            return redirect("coupons:coupon", request.merchant.slug, mine.token)
    own = Coupon.objects.filter(cause=f"link:{link.pk}:{request.customer.pk}").first()
    is_handed_on = own is not None and own.customer_id != request.customer.pk
    page = {
        "link": link,
        "template": link.template,
        "worth": rules.worth_text(link.template),
        "conditions": rules.conditions(link.template),
        "own": None if is_handed_on else own,
        "is_handed_on": is_handed_on,
        "is_over": link.is_over(clock.now()),
        "refusal": HandedOn() if is_handed_on else refusal,
    }
    return render(
        request, "coupons/mobile/take.html", page, status=refusal.status if refusal else 200
    )


def _own(request: CustomerRequest, token: str) -> Coupon:
    found = selectors.by_token(token, request.customer.pk)
    if found is None:
        raise Http404
    return found


def coupon_page(found: Coupon, layer: Layer | None) -> dict[str, Any]:
    """What every page and piece about a coupon shows."""
    gift_: CouponGift | None = selectors.open_gift(found)
    shown = selectors.shown(found, clock.now())
    return {
        "shown": shown,
        "coupon": found,
        "template": found.template,
        "uses": selectors.uses_of(found),
        "gift": gift_,
        "gift_url": selectors.gift_url(found.merchant, gift_) if gift_ else "",
        "live": layer if layer is not None and layer.is_live else None,
        "pad": pads.of(found) if shown.is_open else None,
        "may_give": found.template.is_transferable
        and not found.redeemed
        and shown.state in {CouponState.ISSUED, CouponState.USABLE},
    }


def _start_piece(page: dict[str, Any]) -> str:
    """Behind the small stamp: the way to a code, or that the coupon was used meanwhile."""
    return "_start.html" if page["shown"].is_open else "_over_sheet.html"


def _answer(
    request: CustomerRequest, piece: str, page: dict[str, Any], status: int = 200
) -> HttpResponse:
    # without a script the whole page comes, the layer already open in it
    if request.headers.get("HX-Request") == "true":
        return render(request, f"coupons/mobile/{piece}", page, status=status)
    return render(request, "coupons/mobile/coupon.html", {**page, "piece": piece}, status=status)


def _ref(found: Coupon, code_id: int) -> str:
    mark = salted_hmac(REF, f"{found.merchant_id}:{code_id}", algorithm="sha256")
    return mark.hexdigest()[:24]


def _codes(found: Coupon) -> list[OneTimeCode]:
    rows = OneTimeCode.objects.filter(subject_type=SUBJECT, subject_id=found.pk)
    return list(rows.order_by("-id")[:5])


def _code_of(found: Coupon, ref: str) -> OneTimeCode:
    for code in _codes(found):
        if constant_time_compare(_ref(found, code.pk), ref):
            return code
    raise Http404


def _newest_live(found: Coupon) -> Layer | None:
    newest = _codes(found)[:1]
    layer = _layer_of(found, newest[0].pk) if newest else None
    return layer if layer is not None and layer.is_live else None


def _layer_of(found: Coupon, code_id: int) -> Layer:
    state, seconds_left = services.code_status(coupon_id=found.pk, code_id=code_id)
    return Layer(_ref(found, code_id), state, "", seconds_left)
