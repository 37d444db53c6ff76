"""Coupons for tills: looking up, redeeming by six digits, or by the coupon's own code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop, pgettext_lazy
from ninja import Path, Router
from pydantic import Field

from zhanggui.api import codes
from zhanggui.api.codes import Till, till_of
from zhanggui.api.frame import answer
from zhanggui.api.guards import Bearer, caller_of
from zhanggui.api.operations import Operation, Typed
from zhanggui.api.schemas import LAST_ID, Customer, Digits, Id, In, Line, Out
from zhanggui.api.scopes import Scope
from zhanggui.api.writing import KEYED, Booking
from zhanggui.codes.desk import Counter
from zhanggui.codes.models import OneTimeCode
from zhanggui.contacts import till as contacts
from zhanggui.contacts.errors import WhoIsMeant
from zhanggui.contacts.services import masked_name
from zhanggui.contacts.till import FindIn
from zhanggui.core import clock
from zhanggui.coupons import counter, rules, selectors, services
from zhanggui.coupons.errors import CouponNotFound, OrderMissing
from zhanggui.coupons.models import Coupon, CouponKind, CouponState, UseMethod, UseRecord
from zhanggui.coupons.operations import REDEEM, SUBJECT
from zhanggui.coupons.permissions import FEATURE
from zhanggui.coupons.services import Place

READ = Scope(
    "coupons.read",
    _("Look up coupons"),
    _("Finds a customer's coupons by member number, phone number or the coupon's own code."),
    feature=FEATURE,
    order=40,
)
USE = Scope(
    "coupons.redeem",
    _("Redeem coupons by six digits"),
    _(
        "Whoever has the token and a customer's code uses that coupon up, and may undo it for ten"
        " minutes."
    ),
    feature=FEATURE,
    is_writing=True,
    order=50,
)
SCAN = Scope(
    "coupons.scan",
    _("Redeem coupons by their own code"),
    _(
        "Reserves and uses coupons up by the 12 signs that stand on them, without a code of the"
        " customer: a photograph of the coupon is enough."
    ),
    feature=FEATURE,
    is_writing=True,
    order=60,
)
SCOPES = (READ, USE, SCAN)

router = Router(tags=["coupons"])
MOST_FEN = 2**31 - 1
LONGEST_BILL = 20

Bill = Annotated[
    str,
    Field(
        strict=True,
        min_length=1,
        max_length=LONGEST_BILL,
        pattern=r"^[!-~]+$",
        description=gettext_noop("What the till calls the bill."),
        examples=["0017"],
    ),
]
Code = Annotated[
    str,
    Path(
        min_length=12,
        max_length=20,
        pattern=r"^[0-9A-Za-z -]+$",
        description=gettext_noop("The coupon's own code: 12 letters and digits."),
        examples=["7K3M9Q2XVB4T"],
    ),
]
Fen = Annotated[
    int,
    Field(
        strict=True,
        ge=0,
        le=MOST_FEN,
        description=gettext_noop("What the bill comes to, for coupons with a smallest bill."),
    ),
]


class CouponOut(Out):
    """A coupon as a till sees it."""

    code: str = Field(examples=["7K3M9Q2XVB4T"])
    name: str = Field(examples=["招牌茶赠饮券"])
    kind: str = Field(description=gettext_noop("gift, cash or percent."), examples=["gift"])
    worth: str = Field(description=gettext_noop("In words, in the shop's language."))
    amount_fen: int = Field(description=gettext_noop("Off the bill, for cash."))
    percent_off: int
    min_spend_fen: int
    state: str = Field(
        description=gettext_noop("issued, usable, held, redeemed, expired, voided or frozen."),
        examples=["usable"],
    )
    usable: int = Field(description=gettext_noop("Uses that are left."))
    total: int
    starts_at: datetime
    ends_at: datetime
    held_until: datetime | None


class CouponsOut(Out):
    """Whose coupons, and which."""

    customer: Customer
    coupons: list[CouponOut]


class FindCouponIn(FindIn):
    """Which coupons; exactly one of the three."""

    code: Line | None = None


class RedeemIn(In):
    """Six digits that a customer shows."""

    digits: Digits
    store: Id | None = None
    order_fen: Fen | None = None


class HoldIn(In):
    """For which bill, and for how long."""

    bill: Bill
    minutes: int = Field(default=15, ge=1, le=60, strict=True)


class ReleaseIn(In):
    """The bill it was held for."""

    bill: Bill


class UseIn(In):
    """Where, and for which bill."""

    bill: Bill | None = None
    store: Id | None = None
    order_fen: Fen | None = None


class UndoIn(In):
    """In which store."""

    store: Id | None = None


class UseOut(Out):
    """A redemption, or its undoing."""

    record: int = Field(description=gettext_noop("The line of the ledger."), examples=[815])
    kind: str = Field(description=gettext_noop("redeem or undo."), examples=["redeem"])
    coupon: CouponOut
    customer_name: str = Field(examples=["王**"])
    store: int
    at: datetime


@router.post(
    "coupons/find",
    response=answer(CouponsOut),
    auth=Bearer(READ.name),
    summary=gettext_noop("A customer's coupons, or one coupon"),
    description=gettext_noop(
        "By “number” or “phone” all that are open, by “code” that one. A POST, so that phone"
        " numbers stand in no log."
    ),
)
def find_coupons(request: HttpRequest, body: FindCouponIn) -> CouponsOut:
    """Coupons that can be used, what ends first on top."""
    if sum(map(bool, (body.code, body.number, body.phone))) != 1:
        raise WhoIsMeant
    if body.code:
        coupon = _coupon(request, body.code)
        customer, found = coupon.customer, [coupon]
    else:
        customer = contacts.find(caller_of(request), body)
        found = [one.coupon for one in selectors.wallet(customer.pk)]
    return CouponsOut(
        customer=contacts.shown(customer), coupons=[_shown(coupon) for coupon in found]
    )


def _coupon(request: HttpRequest, typed: str) -> Coupon:
    rows = Coupon.objects.select_related("template", "customer")
    code = selectors.code_of(typed)
    found = contacts.looked_up(caller_of(request), lambda: rows.filter(code=code).first())
    if found is None:
        raise CouponNotFound
    return found


def _shown(coupon: Coupon) -> CouponOut:
    state = rules.state_now(coupon, clock.now())
    template = coupon.template
    return CouponOut(
        code=coupon.code,
        name=template.name,
        kind=template.kind,
        worth=rules.worth_text(template),
        amount_fen=template.amount_fen if template.kind == CouponKind.CASH else 0,
        percent_off=template.percent_off,
        min_spend_fen=template.min_spend_fen,
        state=state,
        usable=coupon.usable,
        total=coupon.total,
        starts_at=coupon.starts_at,
        ends_at=coupon.ends_at,
        held_until=coupon.held_until if state == CouponState.HELD else None,
    )


def _booked(
    booking: Booking, response: HttpResponse, write: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    answered = booking.once(write)
    booking.mark(response)
    return answered


def _place(at: Till, order_fen: int | None, code_id: int | None = None) -> Place:
    return Place(
        at.store.pk, 0, at.caller.token.name, UseMethod.TILL, code_id=code_id, order_fen=order_fen
    )


def _refuse_blind(coupon: Coupon, order_fen: int | None) -> None:
    """A manager sees the bill; a till has to say what it comes to."""
    if coupon.template.min_spend_fen and order_fen is None:
        raise OrderMissing


def _used(record: UseRecord) -> dict[str, Any]:
    out = UseOut(
        record=record.pk,
        kind=record.kind,
        coupon=_shown(record.coupon),
        customer_name=masked_name(record.customer_name),
        store=record.store_id or 0,
        at=record.at,
    )
    return out.model_dump(mode="json")


@router.post(
    "coupons/redeem",
    response=answer(UseOut),
    auth=Bearer(USE.name),
    openapi_extra=KEYED,
    summary=gettext_noop("Redeem a coupon by six digits"),
)
def redeem_by_digits(request: HttpRequest, body: RedeemIn, response: HttpResponse) -> UseOut:
    """Spend a code for redeeming, and the coupon with it."""
    booking = Booking.of(request, "redeem", {"order_fen": body.order_fen})
    at = till_of(request, body.store)

    def write(code: OneTimeCode, _typed: Typed) -> dict[str, Any]:
        rows = Coupon.objects.select_related("template")
        _refuse_blind(rows.get(pk=code.subject_id), body.order_fen)
        record = services.redeem(
            coupon_id=code.subject_id,
            holder=services.by_code(code.pk),
            place=_place(at, body.order_fen, code.pk),
            actor=at.caller.actor,
        )
        return _used(record)

    used = codes.spend(at, body.digits, OPERATION, booking, write)
    booking.mark(response)
    return UseOut(**used)


def _holder(request: HttpRequest, bill: str) -> str:
    """What a hold is kept under: no till frees or uses what another one holds."""
    return f"till:{caller_of(request).token.pk}:{bill}"


@router.post(
    "coupons/{code}/hold",
    response=answer(CouponOut),
    auth=Bearer(SCAN.name),
    openapi_extra=KEYED,
    summary=gettext_noop("Reserve one use for a bill"),
    description=gettext_noop("For 60 minutes at most; nobody else can use it meanwhile."),
)
def hold(request: HttpRequest, code: Code, body: HoldIn, response: HttpResponse) -> CouponOut:
    """Hold a coupon for a bill that is being made."""
    booking = Booking.of(request, "hold", {"code": selectors.code_of(code), **body.model_dump()})
    found = _coupon(request, code)

    def write() -> dict[str, Any]:
        held = services.hold_for_till(
            coupon_id=found.pk,
            holder=_holder(request, body.bill),
            minutes=body.minutes,
            actor=caller_of(request).actor,
        )
        return _shown(held).model_dump(mode="json")

    return CouponOut(**_booked(booking, response, write))


@router.post(
    "coupons/{code}/release",
    response=answer(CouponOut),
    auth=Bearer(SCAN.name),
    openapi_extra=KEYED,
    summary=gettext_noop("Give a reserved use back"),
    description=gettext_noop("What another bill holds stays held."),
)
def release(request: HttpRequest, code: Code, body: ReleaseIn, response: HttpResponse) -> CouponOut:
    """Free what a bill held."""
    booking = Booking.of(request, "release", {"code": selectors.code_of(code), **body.model_dump()})
    found = _coupon(request, code)

    def write() -> dict[str, Any]:
        freed = services.release_from_till(
            coupon_id=found.pk,
            holder=_holder(request, body.bill),
            actor=caller_of(request).actor,
        )
        return _shown(freed).model_dump(mode="json")

    return CouponOut(**_booked(booking, response, write))


@router.post(
    "coupons/{code}/redeem",
    response=answer(UseOut),
    auth=Bearer(SCAN.name),
    openapi_extra=KEYED,
    summary=gettext_noop("Redeem a coupon by its own code"),
    description=gettext_noop("With the bill it is held for, or without one when it is free."),
)
def redeem_by_code(request: HttpRequest, code: Code, body: UseIn, response: HttpResponse) -> UseOut:
    """Use a coupon once."""
    booking = Booking.of(request, "use", {"code": selectors.code_of(code), **body.model_dump()})
    at = till_of(request, body.store)
    found = _coupon(request, code)

    def write() -> dict[str, Any]:
        _refuse_blind(found, body.order_fen)
        record = services.redeem(
            coupon_id=found.pk,
            holder=_holder(request, body.bill) if body.bill else "",
            place=_place(at, body.order_fen),
            actor=at.caller.actor,
        )
        return _used(record)

    return UseOut(**_booked(booking, response, write))


@router.post(
    "redemptions/{record}/undo",
    response=answer(UseOut),
    auth=Bearer(USE.name),
    openapi_extra=KEYED,
    summary=gettext_noop("Take a redemption back"),
    description=gettext_noop("For ten minutes, in the same store."),
)
def undo(
    request: HttpRequest,
    record: Annotated[int, Path(ge=1, le=LAST_ID)],
    body: UndoIn,
    response: HttpResponse,
) -> UseOut:
    """Undo what was redeemed by mistake."""
    booking = Booking.of(request, "undo", {"record": record, **body.model_dump()})
    at = till_of(request, body.store)

    def write() -> dict[str, Any]:
        undone = services.undo_by_manager(
            record_id=record,
            store_id=at.store.pk,
            person_id=0,
            name=at.caller.token.name,
            actor=at.caller.actor,
        )
        return _used(undone)

    return UseOut(**_booked(booking, response, write))


def _look(code: OneTimeCode, place: Counter, _typed: Typed) -> Mapping[str, Any]:
    seen = counter.preview(code, place)
    coupon: Coupon = seen["coupon"]
    return {
        "customer": contacts.shown(coupon.customer).model_dump(),
        "coupon": _shown(coupon).model_dump(mode="json"),
        "left_after": seen["left_after"],
    }


OPERATION = Operation(
    REDEEM,
    "redeem",
    pgettext_lazy("purpose of a code", "redeeming a coupon"),
    SUBJECT,
    USE.name,
    _look,
)
