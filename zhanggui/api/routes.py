"""What belongs to no product: the token itself, the stores, looking at a code."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_noop
from ninja import Router
from pydantic import Field

from zhanggui.accounts.models import Merchant, StoreState
from zhanggui.api import codes, paging, services
from zhanggui.api.codes import till_of
from zhanggui.api.frame import answer
from zhanggui.api.guards import caller_of
from zhanggui.api.paging import Cursor, Limit
from zhanggui.api.schemas import Digits, Id, In, Out, Page, StoreOut
from zhanggui.api.stores import stores_of
from zhanggui.core import clock

router = Router(tags=["token"])
BY_NAME = ("name", "id")


class TokenOut(Out):
    """What a token is and may do."""

    name: str = Field(examples=["一号收银机"])
    shop: str = Field(examples=["青岚茶铺"])
    scopes: list[str] = Field(examples=[["stamps.read", "stamps.give"]])
    stores: list[int] = Field(
        description=gettext_noop("Where it may be used; empty means in every store.")
    )
    expires_at: datetime | None
    bookings_left_today: int
    time: datetime = Field(description=gettext_noop("The server's clock."))


class StorePage(Page):
    """A page of stores."""

    items: list[StoreOut]


class LookIn(In):
    """Six digits that a customer shows."""

    digits: Digits
    store: Id | None = None


class CodeOut(Out):
    """What a code would do."""

    purpose: str = Field(description=gettext_noop("stamp, cancel or redeem."), examples=["stamp"])
    held_for: int = Field(
        description=gettext_noop("Seconds for which no other till can use the code.")
    )
    preview: dict[str, Any]


@router.get(
    "token",
    response=answer(TokenOut),
    summary=gettext_noop("Whether the token is good"),
    description=gettext_noop("Ask this when the till starts."),
)
def token(request: HttpRequest) -> TokenOut:
    """What the token is, may do, and where."""
    found = caller_of(request).token
    shop: Merchant = found.merchant
    return TokenOut(
        name=found.name,
        shop=shop.name,
        scopes=found.scopes,
        stores=found.store_ids,
        expires_at=found.expires_at,
        bookings_left_today=services.writes_left(found),
        time=clock.now(),
    )


@router.get(
    "stores", response=answer(StorePage), summary=gettext_noop("Stores of the token, by name")
)
def stores(request: HttpRequest, cursor: Cursor = "", limit: Limit = paging.SIZE) -> StorePage:
    """The stores where the token may be used."""
    found = paging.page(
        stores_of(caller_of(request).token), order=BY_NAME, cursor=cursor, limit=limit
    )
    rows = [
        StoreOut(
            id=store.pk,
            name=store.name,
            address=store.address,
            is_open=store.state == StoreState.OPEN,
        )
        for store in found
    ]
    return StorePage(items=rows, next=found.next)


@router.post(
    "codes/look",
    response=answer(CodeOut),
    tags=["codes"],
    summary=gettext_noop("What six digits would do"),
    description=gettext_noop(
        "Changes nothing but that no other till can use the code for a minute. A till shows the"
        " answer before it books."
    ),
)
def look(request: HttpRequest, body: LookIn) -> CodeOut:
    """Look at a code and hold it."""
    seen = codes.look(till_of(request, body.store), body.digits)
    return CodeOut(purpose=seen.operation.name, held_for=seen.seconds_left, preview=dict(seen.told))
