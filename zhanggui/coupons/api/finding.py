"""Looking coupons and redemptions up."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.translation import gettext_noop
from ninja import Router

from zhanggui.api import paging
from zhanggui.api.frame import answer
from zhanggui.api.guards import Bearer, caller_of
from zhanggui.api.paging import Cursor, Limit
from zhanggui.api.stores import StoreWanted, stores_of
from zhanggui.contacts import till as contacts
from zhanggui.contacts.errors import WhoIsMeant
from zhanggui.coupons import selectors
from zhanggui.coupons.api.schemas import (
    READ,
    CouponsOut,
    FindCouponIn,
    UsePage,
    named,
    shown,
    used,
)
from zhanggui.coupons.models import UseRecord

router = Router(tags=["coupons"])


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
        coupon = named(request, body.code)
        customer, found = coupon.customer, [coupon]
    else:
        customer = contacts.find(caller_of(request), body)
        found = [one.coupon for one in selectors.wallet(customer.pk)]
    return CouponsOut(
        customer=contacts.shown(customer), coupons=[shown(coupon) for coupon in found]
    )


@router.get(
    "redemptions",
    response=answer(UsePage),
    auth=Bearer(READ.name),
    summary=gettext_noop("The ledger of redemptions, newest first"),
    description=gettext_noop(
        "Redeemed and taken back in the token's stores, whoever did it; for reconciling."
    ),
)
def redemptions(
    request: HttpRequest,
    cursor: Cursor = "",
    limit: Limit = paging.SIZE,
    store: StoreWanted = None,
) -> UsePage:
    """What was redeemed and undone in the token's stores, newest first."""
    stores = stores_of(caller_of(request).token)
    rows = UseRecord.objects.select_related("coupon__template").filter(
        store_id__in=stores.filter(pk=store) if store is not None else stores
    )
    found = paging.page(rows, order=selectors.ORDER, cursor=cursor, limit=limit)
    return UsePage(items=[used(record) for record in found], next=found.next)
