"""What tills send and are answered about coupons, and what a token may do with them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop
from ninja import Path
from pydantic import Field

from zhanggui.api.guards import caller_of
from zhanggui.api.schemas import Customer, Digits, Id, In, Line, Out, Page
from zhanggui.api.scopes import Scope
from zhanggui.contacts import till as contacts
from zhanggui.contacts.services import masked_name
from zhanggui.contacts.till import FindIn
from zhanggui.core import clock
from zhanggui.coupons import rules, selectors
from zhanggui.coupons.errors import CouponNotFound
from zhanggui.coupons.models import Coupon, CouponKind, CouponState, UseRecord
from zhanggui.coupons.permissions import FEATURE

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
    method: str = Field(description=gettext_noop("otp, till, office and others."))
    coupon: CouponOut
    customer_name: str = Field(examples=["王**"])
    store: int
    by: str = Field(description=gettext_noop("The manager or the token."))
    worth_fen: int = Field(description=gettext_noop("What it is worth, where that is known."))
    undoes: int | None = Field(description=gettext_noop("The line it takes back."))
    at: datetime


class UsePage(Page):
    """A page of the ledger of redemptions, newest first."""

    items: list[UseOut]


def named(request: HttpRequest, typed: str) -> Coupon:
    """The coupon of a code that was typed or scanned; misses are counted.

    Raises:
        CouponNotFound: the shop has none (E_COUPON_NOT_FOUND, 404).
    """
    rows = Coupon.objects.select_related("template", "customer")
    code = selectors.code_of(typed)
    found = contacts.looked_up(caller_of(request), lambda: rows.filter(code=code).first())
    if found is None:
        raise CouponNotFound
    return found


def shown(coupon: Coupon) -> CouponOut:
    """A coupon as it stands now."""
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


def used(record: UseRecord) -> UseOut:
    """A line of the ledger of redemptions."""
    return UseOut(
        record=record.pk,
        kind=record.kind,
        method=record.method,
        coupon=shown(record.coupon),
        customer_name=masked_name(record.customer_name),
        store=record.store_id or 0,
        by=record.manager_name,
        worth_fen=record.worth_fen,
        undoes=record.reverses_id,
        at=record.at,
    )
