"""Holding, redeeming and taking back: by six digits, or by the coupon's own code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_noop, pgettext_lazy
from ninja import Path

from zhanggui.api import codes
from zhanggui.api.codes import Till, till_of
from zhanggui.api.frame import answer
from zhanggui.api.guards import Bearer, caller_of
from zhanggui.api.operations import Operation, Typed
from zhanggui.api.schemas import LAST_ID
from zhanggui.api.writing import KEYED, Booking
from zhanggui.codes.desk import Counter
from zhanggui.codes.models import OneTimeCode
from zhanggui.contacts import till as contacts
from zhanggui.coupons import counter, selectors, services
from zhanggui.coupons.api.finding import router
from zhanggui.coupons.api.schemas import (
    SCAN,
    USE,
    Code,
    CouponOut,
    HoldIn,
    RedeemIn,
    ReleaseIn,
    UndoIn,
    UseIn,
    UseOut,
    named,
    shown,
    used,
)
from zhanggui.coupons.errors import OrderMissing
from zhanggui.coupons.models import Coupon, UseMethod
from zhanggui.coupons.operations import REDEEM, SUBJECT
from zhanggui.coupons.services import Place


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
        return used(record).model_dump(mode="json")

    booked = codes.spend(at, body.digits, OPERATION, booking, write)
    booking.mark(response)
    return UseOut(**booked)


def _holder(request: HttpRequest, bill: str) -> str:
    """What a hold is kept under: no till frees or uses what another one holds."""
    return f"till:{caller_of(request).token.pk}:{bill}"


def _on_bill(
    request: HttpRequest,
    code: str,
    body: HoldIn | ReleaseIn,
    response: HttpResponse,
    *,
    door: str,
    step: Callable[..., Coupon],
) -> CouponOut:
    booking = Booking.of(request, door, {"code": selectors.code_of(code), **body.model_dump()})
    found = named(request, code)
    holder = _holder(request, body.bill)

    def write() -> dict[str, Any]:
        after = step(coupon_id=found.pk, holder=holder, actor=caller_of(request).actor)
        return shown(after).model_dump(mode="json")

    return CouponOut(**_booked(booking, response, write))


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
    step = partial(services.hold_for_till, minutes=body.minutes)
    return _on_bill(request, code, body, response, door="hold", step=step)


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
    step = services.release_from_till
    return _on_bill(request, code, body, response, door="release", step=step)


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
    found = named(request, code)

    def write() -> dict[str, Any]:
        _refuse_blind(found, body.order_fen)
        record = services.redeem(
            coupon_id=found.pk,
            holder=_holder(request, body.bill) if body.bill else "",
            place=_place(at, body.order_fen),
            actor=at.caller.actor,
        )
        return used(record).model_dump(mode="json")

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
        return used(undone).model_dump(mode="json")

    return UseOut(**_booked(booking, response, write))


def _look(code: OneTimeCode, place: Counter, _typed: Typed) -> Mapping[str, Any]:
    seen = counter.preview(code, place)
    coupon: Coupon = seen["coupon"]
    return {
        "customer": contacts.shown(coupon.customer).model_dump(),
        "coupon": shown(coupon).model_dump(mode="json"),
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
